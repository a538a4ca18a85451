"""Recognizers behind one seam: ours, and everybody else's."""
