"""Planted movements come back: when they began, peaked and ended, at every frame rate and however the frames come."""

import math

import numpy as np
import pytest
from oracles.planted_units import Movement, apex_errors_s, curve, interval_f1, matched, performance

from vemo_audit.recognition.dynamics.apex import fitted_top, minimum_jerk, parabola_top, profile
from vemo_audit.recognition.dynamics.curves import CurveSettings
from vemo_audit.recognition.dynamics.events import EventSettings, EventStream, _Track, events, together
from vemo_audit.records.event import Event


def seen(planted, *, rate_hz, seed=1, noise=0.05, settings=None):
    rng = np.random.default_rng(seed)
    time_s = np.arange(0, planted[-1].offset_s + 3, 1 / rate_hz)
    return events(time_s, curve(planted, time_s, rng=rng, noise=noise)[:, None], kinds=("au12",), settings=settings)


def holds(rate_hz, settings=None):
    """The bar: interval F1 at IoU .5 of .95, and half of the apexes within one frame of the planted top."""
    planted = performance(np.random.default_rng(5), count=30)
    found = seen(planted, rate_hz=rate_hz, settings=settings)
    near = [np.median(apex_errors_s(planted, found, held=held)) * rate_hz <= 1 for held in (False, True)]
    return interval_f1(planted, found) >= 0.95 and all(near)


@pytest.mark.parametrize("rate_hz", [12.5, 25, 50, 100])
def test_planted_movements_come_back_with_noise_of_a_twentieth(rate_hz):
    assert holds(rate_hz)


@pytest.mark.parametrize(
    "broken",
    [
        EventSettings(split_share=0.0, ended_share=0.0, rest_share=-9.0),
        EventSettings(least_height=0.6),
        EventSettings(least_peak=0.6),
    ],
    ids=["never splits", "opens late", "misses the small"],
)
def test_twin_settings_that_break_the_bar_are_seen(broken):
    assert not holds(25, broken)


def test_twin_without_the_fit_the_apex_misses_its_bar_at_100_frames(monkeypatch):
    monkeypatch.setattr("vemo_audit.recognition.dynamics.events.fitted_top", lambda *_, **__: (math.nan, math.nan))
    assert not holds(100)


def test_a_curve_that_hardly_moves_is_read_against_its_own_small_noise():
    planted = performance(np.random.default_rng(7), count=20)
    time_s = np.arange(0, planted[-1].offset_s + 3, 1 / 25)
    weak = 0.25 * curve(planted, time_s, rng=np.random.default_rng(2), noise=0.02, drift=0.03)[:, None]
    coarse = EventSettings(least_height=0.1, least_peak=0.15)  # the twin: heights that the noise has no say in
    assert interval_f1(planted, events(time_s, weak, kinds=("au9",))) >= 0.95
    assert interval_f1(planted, events(time_s, weak, kinds=("au9",), settings=coarse)) < 0.85


def wandering(seed, *, seconds=120, rate_hz=25, sd=0.03, memory_s=0.25):
    """A resting curve whose noise outlasts frames: an autoregression of the first order, times `[T]` and `[T, 1]`."""
    keep = math.exp(-1 / (rate_hz * memory_s))
    draws = np.random.default_rng(seed).normal(0, sd * math.sqrt(1 - keep**2), seconds * rate_hz)
    value = np.zeros(len(draws))
    for k in range(1, len(draws)):
        value[k] = keep * value[k - 1] + draws[k]
    return np.arange(len(draws)) / rate_hz, 0.2 + value[:, None]


def test_noise_that_outlasts_frames_is_no_movement_and_the_twin_that_takes_it_for_white_tells_some():
    white = EventSettings(curve=CurveSettings(calm_step=math.inf))
    told = [len(events(*wandering(seed), kinds=("au25",))) for seed in range(4)]
    wrong = [len(events(*wandering(seed), kinds=("au25",), settings=white)) for seed in range(4)]
    assert sum(told) <= 1 and sum(wrong) >= 8, (told, wrong)  # in eight minutes


def test_the_same_clip_at_half_the_rate_gives_the_same_events_within_a_frame():
    planted = performance(np.random.default_rng(6), count=20)
    time_s = np.arange(0, planted[-1].offset_s + 3, 1 / 50)
    values = curve(planted, time_s, rng=np.random.default_rng(1), noise=0.02)[:, None]
    fine, coarse = events(time_s, values, kinds=("au12",)), events(time_s[::2], values[::2], kinds=("au12",))
    assert len(fine) == len(coarse) == 20
    for name in ("onset_s", "apex_s", "offset_s"):
        apart = [abs(getattr(a, name) - getattr(b, name)) for a, b in zip(fine, coarse, strict=True)]
        assert np.median(apart) <= 1 / 25, name


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunks_change_nothing(chunk):
    planted = performance(np.random.default_rng(2), count=8)
    time_s = np.arange(0, planted[-1].offset_s + 3, 1 / 25)
    values = np.stack([curve(planted, time_s, rng=np.random.default_rng(k)) for k in range(2)], axis=1)
    values[400:420] = np.nan
    stream, found = EventStream(("au6", "au12")), []
    for k in range(0, len(time_s), chunk):
        found += stream.push(time_s[k : k + chunk], values[k : k + chunk])
    found += stream.finish()
    assert repr(found) == repr(list(events(time_s, values, kinds=("au6", "au12")))) and len(found) > 10


def test_memory_stays_bounded_and_an_event_is_told_soon_after_its_end():
    stream, smile = EventStream(("au12",)), Movement(4.0, 0.5, 0.5, 0.5, 0.8)
    time_s = np.arange(0, 200, 1 / 25)
    values = curve([smile], time_s, rng=np.random.default_rng(0))
    told_s = [t for t, v in zip(time_s, values, strict=True) if stream.push(np.array([t]), np.array([[v]]))]
    assert len(told_s) == 1 and told_s[0] - smile.offset_s < 0.8
    assert (
        len(stream._tracks[0].rows) <= 7 * 25 and len(stream._curves._bins) < 160 and len(stream._curves._window) < 12
    )


def test_uneven_frames_and_a_late_start_shift_nothing():
    rng = np.random.default_rng(3)
    planted = performance(rng, count=12)
    time_s = np.cumsum(rng.uniform(0.01, 0.06, 3000))
    time_s = time_s[time_s < planted[-1].offset_s + 3]
    values = curve(planted, time_s, rng=rng, noise=0.03, drift=0.0)[:, None]
    found = events(time_s, values, kinds=("au12",))
    assert interval_f1(planted, found) >= 0.95
    later = events(time_s + 100, values, kinds=("au12",))
    assert len(later) == len(found)
    for a, b in zip(found, later, strict=True):
        assert b.apex_s - 100 == pytest.approx(a.apex_s, abs=0.02)


SMILE = Movement(5.0, 0.4, 1.0, 0.6, 0.8)


def cut_at(start_s, end_s, planted=(SMILE,), *, noise=0.01):
    time_s = np.arange(0, 12, 1 / 25)
    values = curve(planted, time_s, rng=np.random.default_rng(0), noise=noise, drift=0.0)
    values[(time_s >= start_s) & (time_s < end_s)] = np.nan
    return events(time_s, values[:, None], kinds=("au12",))


def test_a_gap_invents_no_offset_and_no_onset():
    (lost,) = cut_at(5.3, 9.0)  # lost while it rose: how high it went nobody knows
    assert lost.onset_s == pytest.approx(5.0, abs=0.2)
    assert math.isnan(lost.apex_s) and math.isnan(lost.peak) and math.isnan(lost.offset_s) and math.isnan(lost.area)
    before, after = cut_at(5.8, 6.2)  # lost at the top
    assert before.onset_s == pytest.approx(5.0, abs=0.2) and math.isnan(before.offset_s)
    assert after.offset_s == pytest.approx(7.0, abs=0.25) and math.isnan(after.onset_s)
    assert math.isnan(before.area) and math.isnan(after.rise_per_s)
    (whole,) = cut_at(5.8, 5.9)  # two frames lost cut nothing
    assert whole.offset_s == pytest.approx(7.0, abs=0.25) and whole.peak == pytest.approx(0.8, abs=0.05)


SLOW = Movement(5.0, 0.4, 1.0, 3.0, 0.8)  # ends at 9.4


def sinking(lost_s):
    """The one movement of a curve that sinks slowly to its rest and is lost at `lost_s`."""
    (one,) = cut_at(lost_s, 99.0, (SLOW,), noise=0.0)
    return one


def test_a_movement_that_still_sinks_when_the_face_is_lost_has_no_offset():
    for lost_s in (7.5, 8.5, 9.04, 9.12, 9.2):  # the last three below half of the opening height, and still sinking
        one = sinking(lost_s)
        assert math.isnan(one.offset_s) and math.isnan(one.area) and math.isnan(one.fall_per_s)
        assert one.onset_s == pytest.approx(5.0, abs=0.2) and one.peak == pytest.approx(0.8, abs=0.05)
    assert sinking(9.44).offset_s == pytest.approx(9.4, abs=0.1)  # its rest was reached
    assert sinking(11.0).offset_s == pytest.approx(9.4, abs=0.1)


def test_twin_the_last_frame_that_was_seen_taken_for_the_end_would_be_seen(monkeypatch):
    def hasty(self):
        done = self._event(len(self.rows) - 1, ended=self.leaving) if self.start >= 0 else []
        self.rows, self.start, self.whole, self.leaving = [], -1, False, False
        return done

    monkeypatch.setattr(_Track, "cut", hasty)
    assert sinking(9.12).offset_s < 9.12 < SLOW.offset_s


def test_the_end_of_the_clip_cuts_as_a_gap_does():
    (one,) = cut_at(6.0, 99.0)
    assert one.onset_s == pytest.approx(5.0, abs=0.2) and math.isnan(one.offset_s)


def test_overlapping_smiles_part_at_a_valley_deeper_than_half_the_lower_peak():
    first = Movement(5.0, 0.5, 0.0, 0.6, 0.8)
    apart, merged = Movement(6.0, 0.5, 0.0, 0.6, 0.6), Movement(5.4, 0.5, 0.0, 0.6, 0.6)
    two, one = cut_at(99, 99, (first, apart)), cut_at(99, 99, (first, merged))
    assert len(two) == 2 and two[0].offset_s <= two[1].onset_s + 1e-9
    assert len(one) == 1 and one[0].peak == pytest.approx(0.8, abs=0.05)


def test_speeds_and_area_follow_from_what_was_planted():
    (one,) = cut_at(99, 99)
    assert one.peak == pytest.approx(0.8, abs=0.03)
    assert one.area == pytest.approx(0.8 * (1.0 + 0.5), abs=0.06)  # a minimum-jerk flank covers half of its box
    assert one.rise_per_s == pytest.approx(one.peak / (one.apex_s - one.onset_s))
    assert one.fall_per_s == pytest.approx(one.peak / (one.offset_s - one.apex_s))


def test_asymmetry_is_that_of_the_apex_and_nan_without_sides():
    time_s = np.arange(0, 12, 1 / 25)
    values = curve([SMILE], time_s, rng=np.random.default_rng(0), noise=0.01, drift=0.0)[:, None]
    sides = np.where((time_s > 5.3) & (time_s < 6.5), 0.25, -1.0)[:, None]
    (one,) = events(time_s, values, kinds=("au12",), asymmetry=sides)
    assert one.asymmetry == 0.25 and math.isnan(events(time_s, values, kinds=("au12",))[0].asymmetry)


def test_a_face_at_rest_and_a_face_never_seen_have_no_events():
    time_s = np.arange(0, 120, 1 / 25)
    noise = np.random.default_rng(0).normal(0.2, 0.05, (len(time_s), 1))
    assert events(time_s, noise, kinds=("au12",)) == ()
    assert events(time_s, np.full_like(noise, np.nan), kinds=("au12",)) == ()
    assert events(np.zeros(0), np.zeros((0, 1)), kinds=("au12",)) == ()


def test_co_occurrence_is_the_overlap_and_says_nothing_of_what_is_meant():
    cheek, lips = Event("au6", 1.2, 1.5, 2.5, peak=0.4), Event("au12", 1.0, 1.4, 2.0, peak=0.7)
    (one,) = together([cheek, lips, Event("au12", 5.0, 6.0, 7.0, peak=1), Event("au6", math.nan, 6.0, 7.0, peak=1)])
    assert (one.kind, one.onset_s, one.apex_s, one.offset_s, one.peak) == ("au6+au12", 1.2, 1.4, 2.0, 0.4)
    assert together([cheek]) == () and "genuine" not in one.kind


def test_minimum_jerk_and_parabola_by_hand():
    assert minimum_jerk(np.array([-1, 0, 0.25, 0.5, 1, 2])) == pytest.approx([0, 0, 106 / 1024, 0.5, 1, 1])
    time_s = np.array([0.0, 1.0, 3.0])
    at_s, top = parabola_top(time_s, 5 - (time_s - 1.25) ** 2, 1)  # uneven steps, top between the samples
    assert (at_s, top) == (pytest.approx(1.25), pytest.approx(5.0))
    assert parabola_top(time_s, time_s, 2) == (3.0, 3.0)


def test_the_fit_finds_what_it_was_made_from_and_declines_another_shape():
    time_s = np.arange(0, 2, 0.02)
    true = np.array([0.8, math.log(0.4), 0.2, math.log(0.6), 0.7, 0.05])
    start = np.array([0.7, math.log(0.5), 0.1, math.log(0.5), 0.6, 0.0])
    at_s, height = fitted_top(time_s, profile(time_s, true), start=start, noise=0.01)
    assert at_s == pytest.approx(0.9, abs=0.01) and height == pytest.approx(0.75, abs=0.01)
    saw = np.abs((time_s * 2) % 1 - 0.5)
    assert math.isnan(fitted_top(time_s, saw, start=start, noise=0.01)[0])


def test_matching_by_hand():
    one = Movement(0.0, 1.0, 0.0, 1.0, 1.0)
    half, less = Event("au12", 0.0, 0.5, 1.0, peak=1), Event("au12", 0.0, 0.5, 0.9, peak=1)
    assert len(matched([one], [half])) == 1 and matched([one], [less]) == [] and interval_f1([one], [half]) == 1
