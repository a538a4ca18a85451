"""The currency between the wings: frozen records, checked when made, without input or output."""
