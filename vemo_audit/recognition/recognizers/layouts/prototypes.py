"""A stated rule from action units to classes, for tools that read units only; it must be chosen, never assumed."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.labels import EKMAN

PROTOTYPES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "anger": ("au4", "au5", "au7", "au23"),
    "disgust": ("au9", "au10"),
    "fear": ("au1", "au2", "au4", "au5", "au20"),
    "happiness": ("au6", "au12"),
    "sadness": ("au1", "au4", "au15"),
    "surprise": ("au1", "au2", "au5", "au26"),
})  # fmt: skip
"""Class -> its units. Source: after the prototypes of Friesen and Ekman 1983, EMFACS-7 (unpublished), reduced to units
that OpenFace rates; a convention, not a truth."""
SHARPNESS = 10.0
"""Of the softmax: a class whose units are all at .5 beats one at .25 by about 12 to 1."""
NEUTRAL = 0.25
"""The level that a prototype must exceed to be likelier than neutral. Chosen, not fitted: about B of FACS (1 of 5)."""
LIMIT = (
    "Classes come from a stated rule on action units in the manner of EMFACS; its probabilities are not calibrated, and"
    " an error may be the rule's, not the tool's."
)


def emfacs(units: Mapping[str, NDArray[np.float64]], count: int) -> NDArray[np.float64]:
    """Shares of the classes of EKMAN [N, 7] from units [N] of 0 to 1; NaN rows where a unit that is needed is NaN.

    The score of a class is the mean of its units, that of neutral is `NEUTRAL`; shares are a softmax of SHARPNESS
    times the scores. Raises BadInput when a unit of a prototype is not read at all.
    """
    needed = sorted({name for names in PROTOTYPES.values() for name in names})
    missing = [name for name in needed if name not in units]
    if missing:
        raise BadInput(
            f"no unit {', '.join(missing)}", where="classes = 'emfacs'", expected=f"all of {', '.join(needed)}"
        )
    scores = np.full((count, len(EKMAN)), NEUTRAL)
    for name, members in PROTOTYPES.items():
        scores[:, EKMAN.index(name)] = np.mean([units[member] for member in members], axis=0)
    weights = np.exp(SHARPNESS * (scores - scores.max(axis=1, keepdims=True)))
    return weights / weights.sum(axis=1, keepdims=True)
