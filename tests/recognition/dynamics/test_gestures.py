"""Nods, shakes and tilts: planted curves, an independent filter, any cutting into calls, and copies that must fail."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.planted_gestures import matches, plant
from scipy import signal

from vemo_audit.errors import BadInput
from vemo_audit.recognition.dynamics.gestures import (
    GestureSettings,
    HeadGestures,
    band_pass,
    head_gestures,
)

CONDITIONS = {
    "25 Hz": {"rate_hz": 25.0},
    "50 Hz": {"rate_hz": 50.0},
    "12.5 Hz": {"rate_hz": 12.5},
    "25 Hz, variable, gaps": {"rate_hz": 25.0, "variable": True, "gaps": 3},
    "12.5 Hz, variable, gaps": {"rate_hz": 12.5, "variable": True, "gaps": 3},
    "25 Hz, noise of 2 degrees": {"rate_hz": 25.0, "noise_deg": 2.0},
}


def spans(gestures):
    return [(g.event.kind, g.event.onset_s, g.event.offset_s) for g in gestures]


def wave(hz, cycles, *, degrees=8.0, column=1, rate_hz=25.0, start_s=2.0, duration_s=8.0):
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    angle = np.zeros((len(time_s), 3))
    inside = (time_s >= start_s) & (time_s <= start_s + cycles / hz)
    angle[inside, column] = degrees * np.sin(2 * np.pi * hz * (time_s[inside] - start_s))
    return time_s, angle


def score(condition, seeds, found=head_gestures):
    """Precision and recall over minutes of planted curves."""
    hits = told = planted = 0
    for seed in seeds:
        curves = plant(np.random.default_rng(seed), **condition)
        gestures = spans(found(curves.time_s, curves.head_deg))
        hits, told = hits + matches(gestures, curves.gestures), told + len(gestures)
        planted += len(curves.gestures)
    return hits / max(told, 1), hits / planted, planted


@pytest.mark.parametrize("name", CONDITIONS)
def test_planted_gestures_are_found_at_any_frame_rate(name: str) -> None:
    precision, recall, _ = score(CONDITIONS[name], range(2))
    assert precision >= 0.95 and recall >= 0.95


@pytest.mark.long
def test_recognition_of_head_gestures_over_many_minutes() -> None:
    for name, condition in {**CONDITIONS, "25 Hz, noise of 3 degrees": {"rate_hz": 25.0, "noise_deg": 3.0}}.items():
        precision, recall, planted = score(condition, range(20))
        for what, value in (("precision", precision), ("recall", recall)):
            print(json.dumps({"name": f"head gestures, {what}, {name}", "value": round(value, 4), "n": planted}))
        if "3 degrees" not in name:
            assert precision >= 0.95 and recall >= 0.95


def test_a_head_that_looks_about_and_drifts_makes_no_gesture() -> None:
    for seed in range(4):
        curves = plant(np.random.default_rng(seed), rate_hz=25.0, gestures=False)
        assert head_gestures(curves.time_s, curves.head_deg) == ()


@pytest.mark.parametrize(("column", "kind"), [(0, "shake"), (1, "nod"), (2, "tilt")])
def test_a_gesture_has_its_kind_times_height_and_frequency(column: int, kind: str) -> None:
    time_s, angle = wave(2.0, 3, column=column)
    (one,) = head_gestures(time_s, angle)
    assert one.event.kind == kind and one.half_waves == 6
    assert one.event.onset_s == pytest.approx(2.0, abs=0.08) and one.event.offset_s == pytest.approx(3.5, abs=0.08)
    assert one.frequency_hz == pytest.approx(2.0, rel=0.05)
    assert one.event.peak == pytest.approx(8.0, rel=0.2)
    assert one.event.area == pytest.approx(8 * 2 / math.pi * 1.5, rel=0.15)  # the mean of |sin| is 2 / pi


def test_two_half_waves_or_too_small_or_too_slow_ones_are_none() -> None:
    assert head_gestures(*wave(2.0, 3, degrees=2.0)) == ()
    assert head_gestures(*wave(0.3, 2, degrees=8.0, duration_s=12.0)) == ()
    strict = GestureSettings(least_waves=7)
    assert head_gestures(*wave(2.0, 3), strict) == ()


def test_the_seeded_fault_of_counting_one_change_of_sign_calls_a_look_a_gesture() -> None:
    loose = GestureSettings(least_waves=2, least_share=0.0)
    curves = [plant(np.random.default_rng(seed), rate_hz=25.0, gestures=False) for seed in range(4)]
    assert any(head_gestures(c.time_s, c.head_deg, loose) for c in curves)


def test_a_shake_that_tilts_the_head_a_little_is_a_shake() -> None:
    time_s, angle = wave(2.0, 3, column=0, degrees=12.0)
    angle[:, 2] = 0.4 * angle[:, 0]  # 4.8 degrees of roll: over the floor, but led by the yaw
    assert [g.event.kind for g in head_gestures(time_s, angle)] == ["shake"]
    assert {g.event.kind for g in head_gestures(time_s, angle, GestureSettings(least_lead=0.0))} == {"shake", "tilt"}


def test_the_filter_agrees_with_an_independent_one() -> None:
    rules = GestureSettings()
    taps = band_pass(rules)
    assert taps.sum() == pytest.approx(0, abs=1e-12) and np.allclose(taps, taps[::-1])
    hz, gain = signal.freqz(taps, worN=4096, fs=rules.grid_hz)
    gain = np.abs(gain)
    assert gain[(hz > 1.6) & (hz < 4.0)] == pytest.approx(1.0, abs=0.03)
    assert gain[hz < 0.15].max() < 0.04 and gain[hz > 6.2].max() < 0.02
    # The stream's answer in the middle of a long stretch is the plain convolution.
    rng = np.random.default_rng(0)
    angle = rng.normal(size=(400, 3))
    stream = HeadGestures(rules)
    seen = []
    keep = stream._axes["nod"].step
    stream._axes["nod"].step = lambda index, values: seen.append((index, values)) or keep(index, values)
    for t in range(400):
        stream.step(t / rules.grid_hz, angle[t])
    stream.finish()
    got = np.stack([values for _, values in seen])
    assert [index for index, _ in seen] == list(range(400))
    want = np.stack([np.convolve(angle[:, c], taps, mode="same") for c in range(3)], axis=1)
    assert got[50:-50] == pytest.approx(want[50:-50], abs=1e-12)
    ends = np.stack([signal.filtfilt(taps, [1.0], angle[:, c], padlen=0) for c in range(3)], axis=1)
    assert ends.shape == got.shape and np.isfinite(got).all()


def test_a_lost_face_is_bridged_for_a_moment_and_ends_what_was_followed_after_that() -> None:
    time_s, angle = wave(2.0, 6, start_s=2.0)
    short, long = angle.copy(), angle.copy()
    short[(time_s > 3.2) & (time_s < 3.3)] = np.nan
    long[(time_s > 3.0) & (time_s < 4.0)] = np.nan
    assert len(head_gestures(time_s, short)) == 1
    for one in head_gestures(time_s, long):
        assert one.event.offset_s <= 3.05 or one.event.onset_s >= 3.95
    assert head_gestures(time_s, np.full_like(angle, np.nan)) == ()
    assert head_gestures(np.zeros(0), np.zeros((0, 3))) == ()


def test_a_gesture_is_told_within_the_stated_delay_and_a_long_one_in_parts() -> None:
    rules = GestureSettings()
    time_s, angle = wave(2.0, 60, duration_s=40.0)
    stream = HeadGestures(rules)
    told = [(float(t), g) for t, row in zip(time_s, angle, strict=True) for g in stream.step(float(t), row)]
    assert len(told) >= 3 and all(g.event.offset_s - g.event.onset_s <= rules.longest_s + 0.5 for _, g in told)
    assert all(now_s - g.event.offset_s <= rules.reach_s + 0.5 / rules.low_hz + 0.05 for now_s, g in told)
    assert stream._filter._held.shape == (8 * rules.reach_s * rules.grid_hz, 3) and len(stream._axes["nod"]._waves) < 50


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([12.5, 25.0, 30.0, 50.0]))
def test_a_constant_or_mirrored_head_changes_nothing(seed: int, rate_hz: float) -> None:
    curves = plant(np.random.default_rng(seed), rate_hz=rate_hz, duration_s=15.0)
    here = head_gestures(curves.time_s, curves.head_deg)
    there = head_gestures(curves.time_s, -curves.head_deg + np.array([20.0, -10.0, 5.0]))
    assert len(here) == len(there)
    for a, b in zip(here, there, strict=True):
        assert a.event.kind == b.event.kind and a.event.peak == pytest.approx(b.event.peak, abs=1e-6)
        assert a.event.onset_s == pytest.approx(b.event.onset_s, abs=1e-6)


def test_time_that_runs_backwards_and_impossible_settings_are_refused() -> None:
    stream = HeadGestures()
    stream.step(1.0, np.zeros(3))
    with pytest.raises(BadInput, match="in order of time"):
        stream.step(0.5, np.zeros(3))
    with pytest.raises(BadInput, match="half the grid"):
        GestureSettings(high_hz=30.0)
    with pytest.raises(BadInput, match="two half waves"):
        GestureSettings(least_waves=1)
