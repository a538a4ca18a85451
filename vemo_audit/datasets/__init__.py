"""Datasets behind one seam: one file for each published dataset, and a plain folder."""
