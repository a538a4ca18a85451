"""Tests of packed rows and of the windows kept in them: what is put in comes out, and an hour of it stays small."""

import math
import tracemalloc

import numpy as np
import pytest

from vemo_audit.recognition.network.fusion import Opinion
from vemo_audit.recognition.perception import body
from vemo_audit.recognition.perception.voice_summary import NAMES
from vemo_audit.recognition.recognizers.declared import Spoken
from vemo_audit.recognition.recognizers.opinions import Heard, Own, Voices
from vemo_audit.recognition.recognizers.packed import BLOCK, PackedRows
from vemo_audit.recognition.recognizers.timeline import PARTS, Seen, SeenWindows
from vemo_audit.records.units import UNITS

SUPPORT = np.array([True] * 6 + [False])
WINDOWS_OF_AN_HOUR = 4 * 3600
BYTES_PER_WINDOW = {"seen": 400, "heard": 850}
"""What may be kept of one person in one window, and of one voice."""


def _seen(k, *, bodied=True, parted=True, token=None):
    rng = np.random.default_rng(k)
    return Seen(
        rng.dirichlet(np.ones(7)), float(rng.uniform()), {name: float(rng.uniform()) for name in PARTS if parted},
        float(rng.uniform()), rng.uniform(size=len(UNITS)).astype(np.float32),
        rng.normal(size=len(body.NAMES)).astype(np.float32) if bodied else None, token,
    )  # fmt: skip


def _voice(k):
    rng = np.random.default_rng(k)
    spoken = Spoken(float(rng.normal()), math.nan, float(rng.uniform()))
    return np.append(rng.dirichlet(np.ones(6)), 0.0), spoken, rng.normal(size=len(NAMES)).astype(np.float32)


def test_rows_come_out_as_they_went_in_over_several_blocks():
    rows, given = PackedRows(3), np.random.default_rng(0).normal(size=(2 * BLOCK + 5, 3)).astype(np.float32)
    assert [rows.append(row) for row in given] == list(range(len(given)))
    assert len(rows) == len(given) and all(np.array_equal(rows[k], row) for k, row in enumerate(given))


def test_a_row_is_the_callers_own():
    rows = PackedRows(2)
    rows.append([1, 2])
    rows[0][:] = 9
    assert rows[0].tolist() == [1, 2]


@pytest.mark.parametrize("place", [-1, 1, BLOCK])
def test_a_place_without_a_row_is_an_error(place):
    rows = PackedRows(2)
    rows.append([1, 2])
    with pytest.raises(IndexError):
        rows[place]


@pytest.mark.parametrize("parted", [True, False])
@pytest.mark.parametrize("bodied", [True, False])
def test_a_window_that_was_seen_comes_out_as_it_went_in(bodied, parted):
    windows = SeenWindows()
    for k in (2, 3, 7):
        token = np.full(5, k, np.float16) if bodied else None
        windows[k] = _seen(k, bodied=bodied, parted=parted, token=token)
    assert list(windows) == [2, 3, 7] and len(windows) == 3 and 4 not in windows and windows.get(8) is None
    for k, seen in windows.items():
        want = _seen(k, bodied=bodied, parted=parted)
        assert (seen.quality, seen.parts, seen.share) == (want.quality, want.parts, want.share)
        assert np.array_equal(seen.probability, want.probability) and np.array_equal(seen.units, want.units)
        assert (seen.body is None) == (not bodied) and (not bodied or np.array_equal(seen.body, want.body))
        assert (seen.token is None) == (not bodied) and (not bodied or seen.token.tolist() == [k] * 5)


@pytest.mark.parametrize("number", [2, 1])
def test_windows_are_set_in_rising_order(number):
    windows = SeenWindows()
    windows[2] = _seen(2)
    with pytest.raises(ValueError, match=f"window {number} after window 2"):
        windows[number] = _seen(number)


def test_a_voice_comes_out_as_it_went_in():
    voices = Voices(SUPPORT, reliability=0.4)
    for k in range(6):
        voices.add(*(_voice(k) if k % 2 else ()))
    assert [one is None for one in voices] == [True, False] * 3
    for k in (1, 3, 5):
        probability, spoken, summary = _voice(k)
        found = voices[k]
        assert isinstance(found, Heard) and isinstance(found.opinion, Opinion) and found.opinion.reliability == 0.4
        assert np.array_equal(found.opinion.probability, probability) and found.opinion.support is SUPPORT
        assert (found.spoken.loudness_db, found.spoken.speech) == (spoken.loudness_db, spoken.speech)
        assert math.isnan(found.spoken.pitch_range_st) and np.array_equal(found.summary, summary)


@pytest.mark.parametrize("count", [0, 2, 4, 9])
def test_after_the_end_of_the_sound_nobody_is_heard(count):
    voices = Voices(SUPPORT, reliability=0.4)
    for k in range(4):
        voices.add(*_voice(k))
    found = list(voices.cut(count))
    assert [one is not None for one in found] == ([True] * 4 + [False] * 5)[:count]


def test_each_says_only_what_is_theirs():
    voices = Voices(SUPPORT, reliability=0.4)
    for k in range(3):
        voices.add(*_voice(k))
    words = [None, Opinion(np.full(7, 1 / 7), np.ones(7, bool), 0.2), words_only := Opinion(np.eye(7)[0], SUPPORT, 0.1)]
    voices.cut(2).cut(3)
    mine = Own(voices, words, [True, False, True])
    assert set(mine.said(0)) == {"voice"} and mine.said(1) == {} and mine.said(2) == {"words": words_only}
    assert mine.voice(0) is not None and mine.voice(1) is None and mine.voice(2) is None


def _kept(fill) -> float:
    """Bytes per window of what `fill` returns for an hour."""
    tracemalloc.start()
    try:
        held = fill()
        return tracemalloc.get_traced_memory()[0] / WINDOWS_OF_AN_HOUR if held is not None else math.nan
    finally:
        tracemalloc.stop()


def _seen_hour(kept):
    one = _seen(0)
    for k in range(WINDOWS_OF_AN_HOUR):
        kept[k] = Seen(one.probability.copy(), k * 1.0, dict(one.parts), k * 1.0, one.units.copy(), one.body.copy())
    return kept


def test_an_hour_of_what_was_seen_stays_small():
    assert _kept(lambda: _seen_hour(SeenWindows())) <= BYTES_PER_WINDOW["seen"]


def test_twin_an_object_for_each_window_is_not_small():
    assert _kept(lambda: _seen_hour({})) > BYTES_PER_WINDOW["seen"]


def _heard_hour():
    voices, voice = Voices(SUPPORT, reliability=0.4), _voice(0)
    for _ in range(WINDOWS_OF_AN_HOUR):
        voices.add(*voice)
    return voices


def test_an_hour_of_what_was_heard_stays_small():
    assert _kept(_heard_hour) <= BYTES_PER_WINDOW["heard"]


def test_twin_an_object_for_each_voice_is_not_small():
    voices = _heard_hour()
    assert _kept(lambda: list(voices)) > BYTES_PER_WINDOW["heard"]
