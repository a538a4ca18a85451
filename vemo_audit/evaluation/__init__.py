"""How well, and for whom: statistics whose unit of evidence is the subject."""

from vemo_audit.evaluation.displays import confusion, reliability

__all__ = ["confusion", "reliability"]
