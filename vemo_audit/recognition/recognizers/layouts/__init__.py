"""Tables in the column layouts of other tools, each recognized by its exact header."""
