"""Contours of a voice against planted truth; the same however the sound is cut, and silence is absent."""

import tracemalloc
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest

from tests.oracles import planted_voice
from vemo_audit.recognition.perception.voice import VoiceContours, VoiceReader, analyse, joined
from vemo_audit.recognition.perception.voice_settings import RATE_HZ
from vemo_audit.recognition.perception.voice_summary import LEAST_VOICED, MEANS, NAMES, summaries, summarise


def tone(pitch_hz: np.ndarray, *, level: float = 0.1) -> np.ndarray:
    """Eleven harmonics on a planted pitch contour."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    return (level * sum(np.sin(k * phase) / k for k in range(1, 12))).astype(np.float32)


def fed(samples: np.ndarray, cut: int) -> VoiceContours:
    """The contours of samples that come in pieces."""
    reader = VoiceReader()
    parts = [reader.feed(samples[start : start + cut]) for start in range(0, len(samples), cut)]
    return joined([*parts, reader.close()])


def same(a: VoiceContours, b: VoiceContours) -> bool:
    return all(np.array_equal(getattr(a, one.name), getattr(b, one.name), equal_nan=True) for one in fields(a))


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return planted_voice.spoken("glide", 4, length_s=9.0).samples.astype(np.float32)


@pytest.mark.parametrize("cut_s", [0.013, 1.0, 7.0])
def test_contours_are_the_same_however_the_sound_is_cut(speech: np.ndarray, cut_s: float) -> None:
    whole = analyse(speech)
    assert np.isfinite(whole.pitch_hz).mean() > 0.4
    assert same(fed(speech, round(cut_s * RATE_HZ)), whole)


def test_twin_a_reader_that_starts_anew_with_each_piece_is_seen(speech: np.ndarray) -> None:
    pieces = joined([analyse(speech[start : start + RATE_HZ]) for start in range(0, len(speech), RATE_HZ)])
    assert not same(pieces, analyse(speech)) if len(pieces) == len(analyse(speech)) else True


def test_what_was_said_stays_said_when_something_loud_follows(speech: np.ndarray) -> None:
    loud = np.concatenate((speech[: 6 * RATE_HZ], speech[: 3 * RATE_HZ] * 8))
    soft = np.concatenate((speech[: 6 * RATE_HZ], speech[: 3 * RATE_HZ]))
    before = slice(0, 500)  # 5 s: nothing looks further ahead than a second
    assert same(analyse(loud).where(before), analyse(soft).where(before))


def test_the_reader_holds_seconds_not_the_whole(speech: np.ndarray) -> None:
    def held(times: int) -> int:
        reader, peak = VoiceReader(), 0
        for _ in range(times):
            reader.feed(speech)
            kept = sum(rows.nbytes for rows in reader._pitch._kept.values()) + reader._pitch._samples.nbytes
            peak = max(peak, kept)
        return peak

    assert held(12) <= 1.1 * held(3)


def test_intensity_of_a_full_scale_square_is_zero_decibel() -> None:
    square = np.sign(np.sin(2 * np.pi * 200 * np.arange(4800) / RATE_HZ) + 1e-9).astype(np.float32)
    np.testing.assert_allclose(analyse(square).intensity_db, 0, atol=0.01)


def test_ten_times_louder_is_twenty_decibel_more_and_nothing_else(speech: np.ndarray) -> None:
    quiet, loud = analyse(speech * 0.1), analyse(speech)
    heard = np.isfinite(loud.intensity_db) & (loud.intensity_db > -60)
    np.testing.assert_allclose((loud.intensity_db - quiet.intensity_db)[heard], 20, atol=1e-2)
    both = np.isfinite(quiet.pitch_hz) & np.isfinite(loud.pitch_hz)
    np.testing.assert_allclose(quiet.pitch_hz[both], loud.pitch_hz[both], rtol=1e-3)


def test_digital_silence_is_absent_not_calm() -> None:
    silent = analyse(np.zeros(RATE_HZ, np.float32))
    for name in ("intensity_db", "pitch_hz", "harmonics_db", "jitter", "alpha_db", "hammarberg_db"):
        assert np.isnan(getattr(silent, name)).all(), name
    assert not silent.speech.any() and summarise(silent, 0, 1) is None


@pytest.mark.parametrize("length", [0, 100, 799])
def test_less_than_a_window_gives_nothing(length: int) -> None:
    assert len(analyse(np.zeros(length, np.float32))) == 0


def test_the_grid_starts_at_half_a_window_and_steps_ten_milliseconds() -> None:
    found = analyse(np.zeros(800 + 160 * 3, np.float32))
    np.testing.assert_allclose(found.time_s, [0.025, 0.035, 0.045, 0.055])


def test_a_summary_has_one_number_for_each_name() -> None:
    row = summarise(analyse(tone(np.full(RATE_HZ, 200.0))), 0, 1)
    assert row is not None and row.shape == (len(NAMES),) and len(set(NAMES)) == len(NAMES)
    assert row[NAMES.index("pitch_mean")] == pytest.approx(12 * np.log2(200 / 27.5), abs=0.05)
    assert row[NAMES.index("pitch_sd")] < 0.1 and set(MEANS) < set(NAMES)


def test_a_summary_does_not_know_how_loud_it_was(speech: np.ndarray) -> None:
    loud, quiet = summarise(analyse(speech), 0, 9), summarise(analyse(speech * 0.25), 0, 9)
    np.testing.assert_allclose(loud[:9], quiet[:9], atol=0.05)


def test_too_few_voiced_frames_are_no_voice() -> None:
    found = analyse(tone(np.full(RATE_HZ, 200.0)))
    hushed = VoiceContours(*(getattr(found, one.name) for one in fields(found)))
    hushed.pitch_hz[LEAST_VOICED - 1 :] = np.nan
    assert summarise(hushed, 0, 1) is None


def test_summaries_of_a_stream_are_those_of_the_whole(speech: np.ndarray) -> None:
    windows = [(k * 0.5 - 1.0, k * 0.5 + 1.0) for k in range(22)]
    whole = analyse(speech)
    reader = VoiceReader()

    def stream():
        for start in range(0, len(speech), 5000):
            yield reader.feed(speech[start : start + 5000])
        yield reader.close()

    for window, row in zip(windows, summaries(stream(), windows), strict=True):
        expected = summarise(whole, *window)
        assert (row is None) == (expected is None)
        if row is not None:
            np.testing.assert_array_equal(row, expected)


def _peak(speech: np.ndarray, length_s: int, keep: Callable[[object], object]) -> int:
    """Bytes at most while so much voice is read second by second, as it is decoded; `keep` gets all contours."""
    parts = np.resize(speech, (len(speech) // RATE_HZ) * RATE_HZ).reshape(-1, RATE_HZ)
    tracemalloc.start()
    try:
        reader = VoiceReader()

        def stream():
            for k in range(length_s):
                contours = reader.feed(parts[k % len(parts)])
                keep(contours)
                yield contours
            yield reader.close()

        for _ in summaries(stream(), ((k * 1.0, k + 2.0) for k in range(length_s))):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.long
def test_recognition_an_hour_of_voice_needs_no_more_memory_than_a_minute(speech: np.ndarray) -> None:
    """Blocks and seconds meet anew every 64 s, so that a minute has seen nearly every way in which they lie."""
    # The interpreter keeps up to 2,000 tuples of each length that were let go: full after some minutes, once for all.
    _peak(speech, 400, lambda contours: None)
    minute, ten = (_peak(speech, length_s, lambda contours: None) for length_s in (60, 600))
    print({"name": "voice reader, peak memory, 10 min over 1 min", "value": round(ten / minute, 3), "bar": 1.1})
    assert ten <= 1.1 * minute


@pytest.mark.long
def test_recognition_twin_that_keeps_the_contours_of_a_voice_grows(speech: np.ndarray) -> None:
    kept: list[object] = []
    minute = _peak(speech, 60, lambda contours: None)
    assert _peak(speech, 600, kept.append) > 1.1 * minute
