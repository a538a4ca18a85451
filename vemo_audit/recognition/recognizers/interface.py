"""The seam: what anybody's recognizer must offer to be audited here.

A plug-in is a class that is called as `Name(**options)`, with the `options` that a plan gives it; an unknown option
raises TypeError or BadInput. It is found by entry point (`vemo_audit.recognizers`) or as `module:Name`. It need not
import this file: the records are enough. `tests/contracts/test_recognizer.py` says what is expected of it, and runs on
any class. A class may name in `PATHS` those of its options that are paths: a plan gives them relative to itself.
"""

from collections.abc import Iterable
from typing import Protocol

from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.prediction import Prediction, RecognizerCard


class Recognizer(Protocol):
    """Answers for every person and window of an admitted clip; where it has no answer, it says why."""

    card: RecognizerCard
    """`card.labels` never changes: it is the order of every probability. `card.modalities` is what it asks for."""

    def recognize(self, clip: AdmittedClip) -> Iterable[Prediction]:
        """Predictions in order of person and time. A window without an answer is a Prediction with a reason."""
        ...
