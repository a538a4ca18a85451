"""Valence and arousal as a declared projection of the classes: a convention, not a measurement."""

import numpy as np
from numpy.typing import NDArray

from vemo_audit.records.labels import EKMAN

PROJECTION = {
    "anger": (-0.5, 0.8),
    "disgust": (-0.6, 0.4),
    "fear": (-0.6, 0.8),
    "happiness": (0.8, 0.5),
    "sadness": (-0.7, -0.4),
    "surprise": (0.2, 0.8),
    "neutral": (0.0, 0.0),
}
"""Class -> (valence, arousal) in [-1, 1]: rounded places on the circumplex. Source: after Russell 1980, fig. 2-4
(doi:10.1037/h0077714); the numbers are our convention and stand on the recognizer's card."""

TABLE = np.array([PROJECTION[name] for name in EKMAN.names])


def project(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Class probabilities `[..., 7]` in the order of EKMAN to valence and arousal `[..., 2]` in [-1, 1]."""
    return np.asarray(probability, dtype=np.float64) @ TABLE
