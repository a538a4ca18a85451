"""From a recipe and data to weights, a card and a table of held-out predictions."""
