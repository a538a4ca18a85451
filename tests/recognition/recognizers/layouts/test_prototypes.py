"""The rule from units to classes, worked by hand; it answers for the strongest prototype or for neutral."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.layouts.prototypes import NEUTRAL, PROTOTYPES, SHARPNESS, emfacs
from vemo_audit.records.labels import EKMAN

NEEDED = sorted({name for names in PROTOTYPES.values() for name in names})


def faces(**units: float) -> dict[str, np.ndarray]:
    return {name: np.array([units.get(name, 0.0)]) for name in NEEDED}


def test_a_smile_by_hand() -> None:
    found = emfacs(faces(au6=0.6, au12=0.8), 1)[0]
    scores = [0.0] * 5 + [0.7, NEUTRAL]  # happiness is (.6 + .8) / 2, the five others are 0
    total = sum(math.exp(SHARPNESS * score) for score in scores)
    assert found[EKMAN.index("happiness")] == pytest.approx(math.exp(SHARPNESS * 0.7) / total)
    assert found[EKMAN.index("neutral")] == pytest.approx(math.exp(SHARPNESS * NEUTRAL) / total)


@pytest.mark.parametrize("name", PROTOTYPES)
def test_each_prototype_at_full_strength_wins(name: str) -> None:
    found = emfacs(faces(**dict.fromkeys(PROTOTYPES[name], 1.0)), 1)[0]
    assert EKMAN.names[int(found.argmax())] == name


def test_a_still_face_is_neutral_a_missing_value_is_no_answer_and_a_missing_unit_is_refused() -> None:
    assert EKMAN.names[int(emfacs(faces(), 1)[0].argmax())] == "neutral"
    assert np.isnan(emfacs(faces(au4=math.nan), 1)).any()
    with pytest.raises(BadInput, match="au23"):
        emfacs({name: values for name, values in faces().items() if name != "au23"}, 1)


@given(st.lists(st.floats(0, 1), min_size=len(NEEDED), max_size=len(NEEDED)))
def test_shares_sum_to_one(values: list[float]) -> None:
    found = emfacs({name: np.array([value]) for name, value in zip(NEEDED, values, strict=True)}, 1)
    assert found.min() >= 0 and found.sum() == pytest.approx(1)
