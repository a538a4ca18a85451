"""Stretches of movement, stillness and fidgeting: worked by hand, against slow copies, and with nothing to see."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vemo_audit.errors import BadInput
from vemo_audit.recognition.dynamics.movement import BodyGestures, MovementSettings, band_power, movement

STEP_S = 0.08


def run(energy, stream=None):
    stream = stream or BodyGestures()
    told = [g for k, e in enumerate(energy) for g in stream.step(k * STEP_S, (k + 1) * STEP_S, float(e))]
    return told + stream.finish()


def test_a_stretch_of_movement_is_one_gesture_with_its_stroke() -> None:
    energy = np.full(100, 0.05)
    energy[40:50] = [0.6, 1.0, 1.5, 2.05, 1.5, 1.2, 0.8, 0.6, 0.4, 0.3]
    (one,) = run(energy)
    assert one.event.kind == "gesture"
    assert one.event.onset_s == pytest.approx(40 * STEP_S) and one.event.offset_s == pytest.approx(50 * STEP_S)
    assert one.event.peak == pytest.approx(2.0) and one.event.apex_s == pytest.approx(43.5 * STEP_S)
    assert one.stroke_s == pytest.approx(4 * STEP_S)  # 1.45, 2.0, 1.45 and 1.15 over the baseline are at least 1
    assert one.event.area == pytest.approx(STEP_S * (energy[40:50].sum() - 10 * 0.05))


def test_a_short_dip_is_bridged_and_a_long_one_parts() -> None:
    energy = np.full(120, 0.05)
    energy[40:46] = energy[48:54] = 1.0
    assert len(run(energy)) == 1
    energy[46:60] = 0.05
    energy[60:66] = 1.0
    assert len(run(energy)) == 2


def test_somebody_who_always_moves_makes_no_gesture_by_that() -> None:
    rng = np.random.default_rng(0)
    assert run(1.0 + 0.05 * rng.normal(size=400)) == []
    # The twin: the same movement after a rest is a gesture, so the baseline is what decided.
    assert len(run(np.r_[np.full(50, 0.05), 1.0 + 0.05 * rng.normal(size=400)])) >= 1


def test_what_is_not_seen_ends_a_gesture_and_starts_none() -> None:
    energy = np.full(100, 0.05)
    energy[40:70] = 1.0
    energy[50:] = np.nan
    (one,) = run(energy)
    assert one.event.offset_s == pytest.approx(50 * STEP_S)
    assert run(np.full(50, np.nan)) == [] and run([]) == []


def test_memory_is_bounded_and_time_only_grows() -> None:
    stream = BodyGestures()
    run(np.abs(np.random.default_rng(1).normal(size=5000)), stream)
    assert len(stream._past) <= 30 / STEP_S + 2
    with pytest.raises(BadInput, match="in order of time"):
        stream.step(1.0, 1.0, 0.1)
    with pytest.raises(BadInput, match="leave_above"):
        MovementSettings(leave_above=1.0)
    with pytest.raises(BadInput, match="half the rate"):
        MovementSettings(high_hz=9.0)


def test_power_of_a_planted_to_and_fro() -> None:
    n = np.arange(100)
    values = np.stack([0.6 * np.sin(2 * np.pi * 1.5 * n / 12.5), np.zeros(100)], axis=1)
    inside = band_power(values, rate_hz=12.5, low_hz=0.5, high_hz=3.0)
    assert inside == pytest.approx(0.6**2 / 2, rel=0.02)
    outside = band_power(values, rate_hz=12.5, low_hz=3.5, high_hz=6.0)
    assert outside < 1e-3 * inside
    assert math.isnan(band_power(values[:7], rate_hz=12.5, low_hz=0.5, high_hz=3.0))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(8, 80))
def test_power_agrees_with_a_slow_sum_over_frequencies(seed: int, count: int) -> None:
    values = np.random.default_rng(seed).normal(size=(count, 1))
    n = np.arange(count)
    flat = values[:, 0] - np.polyval(np.polyfit(n, values[:, 0], 1), n)
    window = [0.5 - 0.5 * math.cos(2 * math.pi * (k + 0.5) / count) for k in range(count)]
    slow = 0.0
    for k in range(count):  # both halves of the spectrum, one by one
        hz = min(k, count - k) * 12.5 / count
        if 0.5 <= hz <= 3.0:
            part = sum(flat[j] * window[j] * np.exp(-2j * math.pi * k * j / count) for j in range(count))
            slow += abs(part) ** 2 / (count * sum(w * w for w in window))
    assert band_power(values, rate_hz=12.5, low_hz=0.5, high_hz=3.0) == pytest.approx(slow, rel=1e-9, abs=1e-12)


def test_a_window_by_hand() -> None:
    begin = np.arange(50) * STEP_S
    span_s = np.stack([begin, begin + STEP_S], axis=1)
    speed = np.zeros((50, 4))
    speed[:, 2], speed[:, 3] = 0.5, np.where(np.arange(50) < 10, 1.0, 0.05)
    of = movement(span_s, speed, start_s=0.0, end_s=4.0)
    assert of.energy == pytest.approx(0.2 * 1.0 + 0.8 * 0.05) and of.still_share == pytest.approx(0.8)
    assert of.hands == pytest.approx(0.5) and of.fidgeting == pytest.approx(0.0) and of.seen_share == pytest.approx(1)
    speed[20:] = np.nan
    of = movement(span_s, speed, start_s=0.0, end_s=4.0)
    assert of.still_share == pytest.approx(0.5) and math.isnan(of.fidgeting) and of.seen_share == pytest.approx(0.4)
    none = movement(np.zeros((0, 2)), np.zeros((0, 4)), start_s=0.0, end_s=4.0)
    assert math.isnan(none.energy) and math.isnan(none.still_share) and none.seen_share == 0
