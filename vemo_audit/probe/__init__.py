"""Synthetic people, rendered on demand: a dataset with no human being in it, where cause and effect are known."""
