"""Labels that stick: far fewer switches than per-frame argmax at no loss of F1, on time, however the frames come."""

from itertools import permutations, product

import numpy as np
import pytest
from oracles.planted_labels import delay_s, live, macro_f1, planted

from vemo_audit.recognition.dynamics.decisions import (
    NOBODY,
    Decider,
    DecisionSettings,
    decide,
    decide_recording,
    decide_windows,
)
from vemo_audit.recognition.dynamics.smoothing import switches_per_minute

LIVE = DecisionSettings()


def holds(settings: DecisionSettings, *, rate_hz: float, colour_s: float, seed: int = 11) -> bool:
    """The bar: at most a tenth of the switches, macro-F1 no lower than 1 point, 300 ms at most."""
    rng = np.random.default_rng(seed)
    time_s, truth, rows = planted(rng, minutes=2, rate_hz=rate_hz, noise=1.5, colour_s=colour_s)
    raw = rows.argmax(axis=1)
    said, _, told_s = live(Decider(7, settings), time_s, rows)
    fewer = switches_per_minute(said, time_s) <= switches_per_minute(raw, time_s) / 10
    right = macro_f1(truth, said) >= macro_f1(truth, raw) - 0.01
    return bool(fewer and right and delay_s(time_s, truth, said, told_s) - delay_s(time_s, truth, raw, time_s) <= 0.3)


@pytest.mark.parametrize(("rate_hz", "colour_s"), [(12.5, 0.0), (12.5, 0.08), (25.0, 0.0), (25.0, 0.08), (50.0, 0.08)])
def test_planted_sequences_come_back_with_a_tenth_of_the_switches(rate_hz, colour_s):
    assert holds(LIVE, rate_hz=rate_hz, colour_s=colour_s)


@pytest.mark.parametrize(
    "broken",
    [
        DecisionSettings(stay_s=1e-3, enter=0.0, dwell_s=0.0, look_ahead_s=0.0),  # follows every frame
        DecisionSettings(stay_s=1e9, look_ahead_s=0.0, dwell_s=6.0),  # lets nothing change
        DecisionSettings(look_ahead_s=0.5),  # waits too long
    ],
    ids=["nervous", "stubborn", "late"],
)
def test_twin_settings_that_break_the_bar_are_seen(broken):
    assert not holds(broken, rate_hz=25.0, colour_s=0.0)


@pytest.mark.parametrize("chunk", [1, 7, 64, 10_000])
def test_chunks_change_nothing(chunk):
    time_s, _, rows = planted(np.random.default_rng(2), minutes=0.5)
    rows[100:110] = np.nan
    whole, smooth = decide(rows, time_s)
    said, streamed, _ = live(Decider(7), time_s, rows, chunk=chunk)
    np.testing.assert_array_equal(said, whole)
    np.testing.assert_allclose(streamed, smooth, atol=1e-12)


def test_no_row_waits_longer_than_the_look_ahead_and_one_frame_and_memory_is_bounded():
    time_s, _, rows = planted(np.random.default_rng(2), minutes=0.5)
    decider = Decider(7)
    _, _, told_s = live(decider, time_s, rows)
    assert np.max(told_s[:-10] - time_s[:-10]) <= LIVE.look_ahead_s + 1 / 25
    decider.push(time_s + 1000, rows)
    assert len(decider._rows) <= LIVE.look_ahead_s * 25 + 2


def brute_force(rows, time_s, settings, at):
    """P(label at `at` | rows up to the look-ahead), summed over every sequence of labels."""
    last = max(k for k in range(len(time_s)) if time_s[k] - time_s[at] <= settings.look_ahead_s)
    classes, total = rows.shape[1], np.zeros(rows.shape[1])
    for path in product(range(classes), repeat=last + 1):
        weight = rows[0, path[0]] / classes
        for t in range(1, last + 1):
            step = time_s[t] - time_s[t - 1]
            keep = np.exp(-step / settings.stay_s)
            moves = keep * (path[t] == path[t - 1]) + (1 - keep) / classes
            weight *= moves * rows[t, path[t]] ** min(1, step / settings.independent_s)
        total[path[at]] += weight
    return total / total.sum()


def test_smoothed_rows_are_those_of_a_sum_over_all_sequences():
    time_s = np.array([0.0, 0.05, 0.2, 0.25, 0.4, 0.41])
    rows = np.random.default_rng(0).dirichlet(np.ones(3), 6)
    _, smooth = decide(rows, time_s)
    for at in range(6):
        np.testing.assert_allclose(smooth[at], brute_force(rows, time_s, LIVE, at), atol=1e-9)


def test_a_recording_is_decided_as_the_best_of_all_sequences():
    time_s, settings = np.array([0.0, 0.1, 0.2, 0.4, 0.5, 0.6]), DecisionSettings(stay_s=0.5)
    for seed in range(5):
        rows = np.random.default_rng(seed).dirichlet(np.ones(3), 6)

        def score(path, rows=rows):
            total = np.log(rows[0, path[0]])
            for t in range(1, 6):
                keep = np.exp(-(time_s[t] - time_s[t - 1]) / settings.stay_s)
                total += np.log(keep * (path[t] == path[t - 1]) + (1 - keep) / 3) + np.log(rows[t, path[t]])
            return total

        best = max(product(range(3), repeat=6), key=score)
        assert tuple(decide_recording(rows, time_s, settings=settings)) == best


def test_what_was_not_observed_has_no_label_and_a_long_gap_starts_afresh():
    time_s = np.arange(0, 6, 0.04)
    rows = np.tile([0.8, 0.1, 0.1], (150, 1))
    rows[40:80] = np.nan  # 1.6 s
    rows[80:] = [0.1, 0.8, 0.1]
    said, smooth = decide(rows, time_s)
    assert (said[:40] == 0).all() and (said[40:80] == NOBODY).all() and (said[80:] == 1).all()
    assert np.isnan(smooth[40:80]).all() and np.isfinite(smooth[:40]).all()
    assert (decide_recording(rows, time_s)[40:80] == NOBODY).all()


def test_a_short_gap_forgets_nothing():
    time_s = np.arange(0, 4, 0.04)
    rows = np.tile([0.8, 0.1, 0.1], (100, 1))
    rows[50:55] = np.nan
    said, _ = decide(rows, time_s)
    assert set(said[:50]) == set(said[55:]) == {0}


def test_a_label_holds_for_its_dwell_time():
    time_s, _, rows = planted(np.random.default_rng(8), minutes=1, noise=3.0)
    said, _ = decide(rows, time_s)
    changes = time_s[np.flatnonzero(np.diff(said)) + 1]
    assert len(changes) > 5 and np.diff(changes).min() >= LIVE.dwell_s - 1e-9


def test_classes_have_no_order():
    time_s, _, rows = planted(np.random.default_rng(4), minutes=0.2)
    whole, _ = decide(rows[:, :3] / rows[:, :3].sum(axis=1, keepdims=True), time_s)
    for order in permutations(range(3)):
        mixed = rows[:, list(order)] / rows[:, :3].sum(axis=1, keepdims=True)
        np.testing.assert_array_equal(np.array(order)[decide(mixed, time_s)[0]], whole)


def test_nothing_gives_nothing():
    none = np.zeros((0, 3))
    assert len(decide(none, np.zeros(0))[0]) == 0 and len(decide_recording(none, np.zeros(0))) == 0
    assert (decide(np.full((4, 3), np.nan), np.arange(4.0))[0] == NOBODY).all()


def test_a_lasting_change_is_followed_and_a_weak_flicker_is_not() -> None:
    middle_s = np.arange(40) * 0.25
    rows = np.tile([0.8, 0.1, 0.1], (40, 1))
    rows[20:] = [0.1, 0.8, 0.1]
    rows[10] = rows[30] = [0.4, 0.45, 0.15]
    assert decide_windows(rows, middle_s, window_s=1.0).tolist() == [0] * 20 + [1] * 20


def test_windows_that_overlap_more_are_worth_no_more():
    """Each window twice is no second witness."""
    middle_s = np.arange(40) * 0.25
    rows = np.random.default_rng(5).dirichlet(np.ones(3) * 2, 40)
    once = decide_windows(rows, middle_s, window_s=1.0)
    twice = decide_windows(rows.repeat(2, 0), np.repeat(middle_s, 2) + np.tile([0, 1e-9], 40), window_s=1.0)
    assert once.tolist() == twice[::2].tolist() and len(set(once.tolist())) > 1
