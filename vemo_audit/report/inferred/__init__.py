"""What a page of one inference tells beside the expression: movements, how it was read, declared states."""
