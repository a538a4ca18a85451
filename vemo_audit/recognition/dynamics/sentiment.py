"""Multimodal sentiment: fused valence as negative, neutral or positive, by thresholds that stand on the card."""

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.labels import LabelSet

SENTIMENT = LabelSet(("negative", "neutral", "positive"))
POLAR_FROM = 0.2
"""Valence in [-1, 1] from which a window is called negative or positive: a quarter of the valence that a certain smile
has in our projection of classes (`affect.PROJECTION`). Source: our convention, not validated against ratings."""
CARD = (
    f"Sentiment is a declared projection of fused valence: negative from {-POLAR_FROM} down, positive from "
    f"{POLAR_FROM} up, neutral between; no valence, no sentiment."
)
"""The sentence for the recognizer's card."""


def sentiment(valence: NDArray[np.floating], *, polar_from: float = POLAR_FROM) -> NDArray[np.object_]:
    """Names of SENTIMENT for valence `[N]` in [-1, 1]; '' where it is NaN. Raises BadInput for a threshold <= 0."""
    if not 0 < polar_from <= 1:
        raise BadInput(f"a threshold of {polar_from}", expected="more than 0, at most 1")
    value = np.asarray(valence, dtype=np.float64)
    names = np.full(value.shape, "neutral", dtype=object)
    names[value <= -polar_from] = "negative"
    names[value >= polar_from] = "positive"
    names[np.isnan(value)] = ""
    return names
