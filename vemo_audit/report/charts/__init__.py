"""Static charts: each draws only what already stands in its table."""
