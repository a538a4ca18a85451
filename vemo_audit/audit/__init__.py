"""The audit: from a plan to a run with its verdicts, and from the run to files."""
