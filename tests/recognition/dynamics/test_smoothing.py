"""Smoothing: less flicker, no delay offline, and time instead of counting."""

import numpy as np
import pytest

from vemo_audit.recognition.dynamics.smoothing import causal, switches_per_minute, zero_phase


def noisy_sequence() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three planted stretches of 20 s of one class each, noisy scores at 2 Hz."""
    rng = np.random.default_rng(3)
    time_s = np.arange(0, 60, 0.5)
    truth = np.repeat([0, 1, 2], 40)
    scores = rng.normal(0, 1.2, (120, 3))
    scores[np.arange(120), truth] += 1.5
    share = np.exp(scores)
    return share / share.sum(axis=1, keepdims=True), time_s, truth


def test_no_time_constant_changes_nothing() -> None:
    probability, time_s, _ = noisy_sequence()
    np.testing.assert_array_equal(causal(probability, time_s, tau_s=0), probability)


def test_rows_still_sum_to_one() -> None:
    probability, time_s, _ = noisy_sequence()
    for smooth in (causal, zero_phase):
        np.testing.assert_allclose(smooth(probability, time_s, tau_s=1.0).sum(axis=1), 1)


def test_planted_stretches_come_back_with_far_fewer_switches() -> None:
    probability, time_s, truth = noisy_sequence()
    smooth = zero_phase(probability, time_s, tau_s=2.0).argmax(axis=1)
    raw = probability.argmax(axis=1)
    assert np.mean(smooth == truth) > np.mean(raw == truth)
    assert switches_per_minute(smooth, time_s) <= 0.25 * switches_per_minute(raw, time_s)


def test_the_offline_filter_has_no_delay_where_the_causal_one_has() -> None:
    time_s = np.arange(0, 20, 0.1)
    step = np.where(time_s[:, None] < 10, [[0.9, 0.1]], [[0.1, 0.9]])
    late = time_s[causal(step, time_s, tau_s=1.0)[:, 1] > 0.5][0]
    on_time = time_s[zero_phase(step, time_s, tau_s=1.0)[:, 1] > 0.5][0]
    assert late - 10 > 0.5 and abs(on_time - 10) <= 0.1


def test_a_step_response_by_hand() -> None:
    # log-odds go from 0 to log 4 with one time constant: 1 - 1/e of the way
    smooth = causal(np.array([[0.5, 0.5], [0.8, 0.2]]), np.array([0.0, 1.0]), tau_s=1.0)
    assert np.log(smooth[1, 0] / smooth[1, 1]) == pytest.approx((1 - np.exp(-1)) * np.log(4))


def test_a_gap_stays_a_gap() -> None:
    probability, time_s, _ = noisy_sequence()
    probability[50:60] = np.nan
    smooth = zero_phase(probability, time_s, tau_s=1.0)
    assert np.isnan(smooth[50:60]).all() and np.isfinite(smooth[:50]).all() and np.isfinite(smooth[60:]).all()


def test_nothing_at_all_stays_nothing() -> None:
    assert np.isnan(zero_phase(np.full((4, 3), np.nan), np.arange(4.0), tau_s=1.0)).all()


def test_switches_by_hand() -> None:
    assert switches_per_minute(np.array([0, 1, 1, 0]), np.array([0.0, 10, 20, 30])) == pytest.approx(4.0)
    assert np.isnan(switches_per_minute(np.array([0]), np.array([0.0])))
