"""Gated inference: what `vemo-audit infer` and the server share, from a file to everything that may leave."""
