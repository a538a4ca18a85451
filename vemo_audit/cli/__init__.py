"""The command line: one app, and one file for each noun."""
