"""The tables by which anybody's recognizer is audited: predictions, labels, subjects and their traits."""
