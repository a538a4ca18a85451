"""A curve is smoothed at its own times, against the person's own quantile, and what was not seen stays NaN."""

import math

import numpy as np
import pytest

from vemo_audit.recognition.dynamics.curves import CurveSettings, CurveStream
from vemo_audit.recognition.dynamics.events import EventSettings, events


def samples(time_s, values, settings=None):
    stream = CurveStream(values.shape[1], settings)
    return [*stream.push(time_s, values), *stream.finish()]


def test_a_parabola_at_uneven_times_passes_unchanged():
    time_s = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.05, 60))
    values = (2 + 3 * time_s - 4 * time_s**2)[:, None]
    found = samples(time_s, values)[12:-12]
    np.testing.assert_allclose([one.smooth[0] for one in found], values[12:-12, 0], atol=1e-4)


def test_baseline_and_noise_by_hand():
    time_s = np.arange(0, 3, 0.05)
    values = np.where(np.arange(60) % 2 == 0, 0.3, 0.5)[:, None]  # bins of four: each has a mean of 0.4
    last = samples(time_s, values)[-1]
    assert last.baseline[0] == pytest.approx(0.4) and last.noise[0] == pytest.approx(0.2 * math.sqrt(math.pi) / 2)
    assert math.isnan(samples(time_s[:10], values[:10])[-1].baseline[0])  # half a second is no habit


def test_what_was_not_seen_stays_unseen_and_other_curves_do_not_care():
    time_s = np.arange(0, 3, 0.05)
    values = np.random.default_rng(1).normal(size=(60, 2))
    holed = values.copy()
    holed[20:30, 0] = np.nan
    one, two = samples(time_s, values), samples(time_s, holed)
    assert all(math.isnan(s.smooth[0]) for s in two[20:30])
    np.testing.assert_allclose([s.smooth[1] for s in one], [s.smooth[1] for s in two], atol=1e-12)


def test_a_sample_comes_one_look_ahead_late():
    stream, told = CurveStream(1, CurveSettings(half_width_s=0.2)), []
    for t in np.arange(0, 2, 0.05):
        told += [t - one.time_s for one in stream.push(np.array([t]), np.zeros((1, 1)))]
    assert max(told) == pytest.approx(0.2)


def test_a_movement_that_does_not_end_is_told_without_an_offset():
    time_s = np.arange(0, 40, 0.04)
    values = np.where(time_s < 5, 0.1, 0.8)[:, None] + np.random.default_rng(0).normal(0, 0.01, (len(time_s), 1))
    first = events(time_s, values, kinds=("au12",), settings=EventSettings(longest_s=10.0))[0]
    assert first.onset_s == pytest.approx(5, abs=0.3) and math.isnan(first.offset_s)
