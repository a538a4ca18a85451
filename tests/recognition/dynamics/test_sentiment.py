"""Sentiment is a projection of valence: by hand, by an independent rule, and silent where there is no valence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.errors import BadInput
from vemo_audit.recognition.dynamics.affect import PROJECTION
from vemo_audit.recognition.dynamics.sentiment import CARD, POLAR_FROM, SENTIMENT, sentiment


def test_by_hand() -> None:
    values = np.array([-1, -0.2, -0.19, 0, 0.19, 0.2, 1, np.nan])
    assert sentiment(values).tolist() == ["negative"] * 2 + ["neutral"] * 3 + ["positive"] * 2 + [""]
    assert sentiment(np.zeros(0)).tolist() == []


@given(st.lists(st.floats(-1, 1), max_size=20))
def test_against_a_slow_rule(values: list[float]) -> None:
    slow = [SENTIMENT.names[1 + (value >= POLAR_FROM) - (value <= -POLAR_FROM)] for value in values]
    assert sentiment(np.array(values)).tolist() == slow


def test_a_threshold_must_part_something_and_the_card_names_it() -> None:
    with pytest.raises(BadInput):
        sentiment(np.zeros(1), polar_from=0)
    assert str(POLAR_FROM) in CARD and PROJECTION["happiness"][0] / 4 == POLAR_FROM
