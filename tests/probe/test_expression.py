"""Performances: shape in time, sides, digests, and the estimates of action units."""

from dataclasses import replace

import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.probe import expression
from vemo_audit.probe.expression import AUS, TABLE, Performance, au_estimates, minimum_jerk, perform, sided
from vemo_audit.probe.rig import load
from vemo_audit.records.labels import EKMAN

NAMES = load().unit_names
SMILE = Performance("happiness", 0.8, 2.0, 0.2, 0.4, 0.5, 0.4, 0.0, (), 3)


def test_minimum_jerk_is_that_worked_by_hand():
    """At a quarter: 10/64 - 15/256 + 6/1024 = 106/1024."""
    assert minimum_jerk(np.array([-1, 0, 0.25, 0.5, 1, 2])) == pytest.approx([0, 0, 106 / 1024, 0.5, 1, 1])


def test_level_rises_at_onset_holds_and_is_gone_at_offset():
    t = np.array([0.0, 0.2, 0.4, 0.6, 0.9, 1.1, 1.3, 1.5, 2.0])
    assert SMILE.level(t) == pytest.approx([0, 0, 0.5, 1, 1, 1, 0.5, 0, 0], abs=1e-9)
    assert (SMILE.apex_s, SMILE.offset_s) == pytest.approx((0.6, 1.5))


def test_any_rate_samples_the_same_movement():
    slow, fast = np.arange(0, 2, 0.1), np.arange(0, 2, 0.01)
    assert np.allclose(SMILE.weights(slow, NAMES), SMILE.weights(fast, NAMES)[::10], atol=1e-12)
    assert np.allclose(SMILE.head_deg(slow), SMILE.head_deg(fast)[::10])


def test_weights_at_the_apex_are_the_table_times_intensity():
    weights = SMILE.weights(np.array([0.7]), NAMES)[0]
    for name, weight in TABLE["happiness"].items():
        for column, _ in sided(name, NAMES):
            assert weights[column] == pytest.approx(0.8 * weight, abs=5 * expression.JITTER_SD)


def test_asymmetry_strengthens_the_left():
    weights = replace(SMILE, asymmetry=0.1).weights(np.array([0.7]), NAMES)[0]
    left, right = (weights[NAMES.index(f"cheekSquint{side}")] for side in ("Left", "Right"))
    assert left / right == pytest.approx(1.1 / 0.9)


def test_a_blink_closes_both_eyes_for_its_time_only():
    blinking = replace(SMILE, label="neutral", intensity=0.0, blinks_s=(1.0,))
    t = np.array([0.9, 1.0 + expression.BLINK_S / 2, 1.0 + expression.BLINK_S])
    columns = [c for c, _ in sided("eyeBlink", NAMES)]
    assert blinking.weights(t, NAMES)[:, columns] == pytest.approx(np.array([[0, 0], [1, 1], [0, 0]]), abs=1e-9)


def test_jitter_has_the_stated_spread():
    t = np.arange(0, 400, 0.05)
    values = expression.pink(t, np.random.default_rng(0))
    assert values.mean() == pytest.approx(0, abs=0.05) and values.std() == pytest.approx(1, abs=0.05)


def test_every_unit_of_table_and_action_units_exists():
    for units in [*TABLE.values(), *({name: 1} for names in AUS.values() for name in names)]:
        assert all(sided(name, NAMES) for name in units)
    assert set(TABLE) == set(EKMAN.names) and len(AUS) == 20


def test_action_units_are_means_of_sides_and_the_largest_of_sources():
    weights = np.zeros((1, 52))
    weights[0, NAMES.index("mouthSmileLeft")] = 0.6
    weights[0, NAMES.index("jawOpen")] = 0.7
    estimates = dict(zip(AUS, au_estimates(weights, NAMES)[0], strict=True))
    assert (estimates[12], estimates[26], estimates[25], estimates[4]) == pytest.approx((0.3, 0.7, 0.7, 0))


def test_equal_seeds_equal_digests():
    drawn = [perform("fear", duration_s=1.2, intensity=0.9, rng=np.random.default_rng(s)) for s in (1, 1, 2)]
    assert drawn[0].digest == drawn[1].digest != drawn[2].digest
    assert drawn[0].apex_s <= 0.4 * 1.2 + 1e-9


def test_impossible_performances_are_refused():
    with pytest.raises(BadInput, match=r"0\.2 to 1"):
        replace(SMILE, intensity=0.1)
    with pytest.raises(BadInput, match="contempt"):
        replace(SMILE, label="contempt")
