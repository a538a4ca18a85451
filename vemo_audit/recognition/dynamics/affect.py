"""Valence, arousal and dominance as a declared projection of the classes: a convention, not a measurement."""

import numpy as np
from numpy.typing import NDArray

from vemo_audit.records.labels import EKMAN

PROJECTION = {
    "anger": (-0.5, 0.8, 0.3),
    "disgust": (-0.6, 0.4, 0.1),
    "fear": (-0.6, 0.8, -0.4),
    "happiness": (0.8, 0.5, 0.4),
    "sadness": (-0.7, -0.4, -0.3),
    "surprise": (0.2, 0.8, -0.1),
    "neutral": (0.0, 0.0, 0.0),
}
"""Class -> (valence, arousal, dominance) in [-1, 1]: rounded places. Source: valence and arousal after Russell 1980,
fig. 2-4 (doi:10.1037/h0077714), dominance by sign and rough size after Russell and Mehrabian 1977
(doi:10.1016/0092-6566(77)90037-X); the numbers are our convention and stand on the recognizer's card."""

TABLE = np.array([PROJECTION[name] for name in EKMAN.names])


def project(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Class probabilities `[..., 7]` in the order of EKMAN to valence, arousal and dominance `[..., 3]`."""
    return np.asarray(probability, dtype=np.float64) @ TABLE
