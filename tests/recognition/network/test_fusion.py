"""Decision-level fusion: any subset of modalities, absent equals masked, contributions add up."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.fusion import Opinion, contributions, fill_silence, log_odds, pool

UNIFORM = np.full(3, 1 / 3)
ALL = np.ones(3, bool)


def opinion(*probability: float, reliability: float = 1.0, support: tuple[bool, ...] = (True, True, True)) -> Opinion:
    return Opinion(np.array(probability), np.array(support), reliability)


def test_one_expert_left_is_the_answer() -> None:
    only = pool({"face": opinion(0.7, 0.2, 0.1, reliability=0.3)}, UNIFORM)
    np.testing.assert_allclose(only, [0.7, 0.2, 0.1], atol=1e-12)


def test_two_equal_experts_agree_with_each_other() -> None:
    both = pool({"face": opinion(0.7, 0.2, 0.1), "voice": opinion(0.7, 0.2, 0.1)}, UNIFORM)
    np.testing.assert_allclose(both, [0.7, 0.2, 0.1], atol=1e-12)


def test_a_pool_worked_by_hand() -> None:
    # weights 3/4 and 1/4 on log .8/.1/.1 and log .2/.2/.6
    raw = [0.8**0.75 * 0.2**0.25, 0.1**0.75 * 0.2**0.25, 0.1**0.75 * 0.6**0.25]
    expected = np.array(raw) / sum(raw)
    found = pool({"a": opinion(0.8, 0.1, 0.1, reliability=3), "b": opinion(0.2, 0.2, 0.6, reliability=1)}, UNIFORM)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_nobody_has_no_opinion() -> None:
    assert pool({}, UNIFORM) is None
    assert pool({"face": opinion(0.7, 0.2, 0.1, reliability=0)}, UNIFORM) is None


def test_an_expert_is_silent_on_a_class_that_it_cannot_name() -> None:
    voice = opinion(0.75, 0.25, 0.0, support=(True, True, False))
    np.testing.assert_allclose(fill_silence(voice, UNIFORM), [0.5, 1 / 6, 1 / 3], atol=1e-12)
    with_face = pool({"face": opinion(0.1, 0.1, 0.8), "voice": voice}, UNIFORM)
    assert with_face is not None and with_face.argmax() == 2


def test_an_opinion_over_other_classes_is_refused() -> None:
    with pytest.raises(BadInput, match="3 classes"):
        pool({"face": Opinion(np.array([0.5, 0.5]), np.ones(2, bool), 1.0)}, UNIFORM)


shares = st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3).map(lambda row: np.array(row) / sum(row))


@given(st.lists(st.tuples(shares, st.floats(0.1, 3)), min_size=1, max_size=4), st.integers(0, 2))
def test_contributions_sum_to_what_the_pool_gained(experts: list[tuple[np.ndarray, float]], label: int) -> None:
    opinions = {f"m{k}": Opinion(p, ALL, w) for k, (p, w) in enumerate(experts)}
    gained = log_odds(pool(opinions, UNIFORM), UNIFORM, label) - log_odds(None, UNIFORM, label)
    assert math.isclose(sum(contributions(opinions, UNIFORM, label).values()), gained, abs_tol=1e-9)


@given(shares, shares)
def test_an_absent_modality_equals_a_masked_one(face: np.ndarray, voice: np.ndarray) -> None:
    absent = pool({"face": Opinion(face, ALL, 0.7)}, UNIFORM)
    masked = pool({"face": Opinion(face, ALL, 0.7), "voice": Opinion(voice, ALL, 0.0)}, UNIFORM)
    assert absent is not None and masked is not None
    assert absent.tobytes() == masked.tobytes()


def test_a_modality_that_speaks_against_the_label_has_a_negative_share() -> None:
    found = contributions({"face": opinion(0.8, 0.1, 0.1), "voice": opinion(0.05, 0.9, 0.05)}, UNIFORM, 0)
    assert found["face"] > 0 > found["voice"]
