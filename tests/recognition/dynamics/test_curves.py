"""A curve is smoothed at its own times, against the person's own quantile, and what was not seen stays NaN."""

import math

import numpy as np
import pytest

from vemo_audit.recognition.dynamics.curves import CurveSettings, CurveStream, quantile
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


def holed(seed, *, frames=80, units=6):
    rng = np.random.default_rng(seed)
    time_s = np.cumsum(rng.uniform(0.02, 0.06, frames))
    values = rng.uniform(size=(frames, units))
    values[rng.uniform(size=values.shape) < 0.2] = np.nan
    values[30:38] = np.nan
    return time_s, values


def fitted_alone(time_s, values, at, *, half_width_s=0.16):
    """One curve by itself, by a general fit of weighted squares: the quadratic's height at the time of frame `at`."""
    u = (time_s - time_s[at]) / half_width_s
    near = (np.abs(u) <= 1 + 1e-6) & np.isfinite(values)
    root = np.sqrt(1 - np.minimum(u[near] ** 2, 1) + 1e-6)
    degree = 2 if (u[near] < -0.4).any() and (u[near] > 0.4).any() and near.sum() >= 4 else 0
    powers = u[near, None] ** np.arange(degree + 1)
    return np.linalg.lstsq(powers * root[:, None], values[near] * root, rcond=None)[0][0]


def test_all_curves_at_once_are_what_each_is_alone():
    time_s, values = holed(3)
    for at, one in enumerate(samples(time_s, values)):
        for unit in range(values.shape[1]):
            wanted = fitted_alone(time_s, values[:, unit], at) if np.isfinite(values[at, unit]) else math.nan
            assert one.smooth[unit] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_a_quantile_leaves_out_what_was_not_seen(share):
    values = np.random.default_rng(4).normal(size=(31, 9))
    values[np.random.default_rng(5).uniform(size=values.shape) < 0.4] = np.nan
    values[1:, 7] = np.nan
    values[0, 7] = 1.5
    wanted = [np.quantile(column[np.isfinite(column)], share) for column in values.T]
    np.testing.assert_allclose(quantile(values, share), wanted, atol=1e-12)
    assert np.isnan(quantile(np.full((4, 2), np.nan), share)).all()
