"""The seam: what anybody's recognizer must offer to be audited here."""

from collections.abc import Iterable
from typing import Protocol

from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.prediction import Prediction, RecognizerCard


class Recognizer(Protocol):
    """Answers for every person and window of an admitted clip; where it has no answer, it says why."""

    card: RecognizerCard

    def recognize(self, clip: AdmittedClip) -> Iterable[Prediction]:
        """Predictions in order of person and time. A window without an answer is a Prediction with a reason."""
        ...
