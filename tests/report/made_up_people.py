"""Made-up answers for two people, one of whom smiles twice: what a page of an inference may have to show."""

import math

import numpy as np

from vemo_audit.records.event import Event
from vemo_audit.records.units import UNITS
from vemo_audit.report.inferred.shown import (
    BriefMovements,
    DeclaredState,
    ModalityShare,
    PersonShown,
    QualityPart,
    Wanted,
)

ALL = Wanted(("action_units", "expression_label", "sustained_states", "valence_arousal"))
STATE = DeclaredState(
    "attention drop", "head turned away from where it mostly points, or eyes closed",
    (("head turned away", 0.6), ("eyes closed", 0.4)), 2.0, 5.0, 0.5, 0.35, 2.0,
    ("An index declared here, not validated against any outside measure.", "People look away to think."),
)  # fmt: skip
SLOW = BriefMovements(25.0, "25.0 frames/s; 1/25 s is 1.0 frames", 0, 25.0)


def smiles(name: str = "Person 1", moments: int = 40) -> PersonShown:
    """Two smiles; AU6 rises with the first of them only, and AU43 was never estimated in two windows."""
    time_s = np.arange(moments) * 0.5 + 0.25
    first, second = (np.exp(-(((time_s - at) / 1.5) ** 2)) for at in (5.0, 14.0))
    units = {unit: np.full(moments, 0.02) for unit in UNITS}
    units |= {"au12": 0.05 + 0.7 * first + 0.5 * second, "au6": 0.03 + 0.5 * first, "au43": np.full(moments, 0.1)}
    units["au43"][5:7], units["au43"][20] = math.nan, 0.9
    affect = {axis: np.linspace(-0.5, 0.5, moments) * sign for axis, sign in AXES}
    level = np.clip(np.linspace(-0.2, 0.8, moments), 0, 1)
    level[10:12] = math.nan
    return PersonShown(
        name, time_s, units, affect, {"attention drop": level},
        (
            Event("au12", 2.96, 5.01, 7.44, 0.7), Event("au6", 3.4, 5.0, 6.8, 0.5),
            Event("au6+au12", 3.4, 5.0, 6.8, 0.5), Event("nod", 8.0, 8.2, 8.5, 11.25),
            Event("au12", 12.0, 14.02, math.nan, 0.5), Event("attention drop", 15.0, 19.75, math.nan, 0.8),
        ),
        (QualityPart("score", 0.81, 0.4, 1.0), QualityPart("yaw_deg", 12.0, -3.0, 52.0, 7)),
        (ModalityShare("face", moments, 0.96, 1.62, 0), ModalityShare("voice", moments - 4, 1.0, -0.31, 22)),
        {"negative": 10, "neutral": 20, "positive": 10},
    )  # fmt: skip


AXES = (("valence", 1.0), ("arousal", 0.5), ("dominance", -0.5))
