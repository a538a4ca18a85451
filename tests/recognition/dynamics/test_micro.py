"""No micro-expression below 100 frames/s, whatever the file says; above, brief movements and nothing more."""

import io
import itertools
import math

import av
import cv2
import numpy as np
import pytest

from vemo_audit.recognition.dynamics import micro
from vemo_audit.recognition.dynamics.micro import brief_movements, effective_rate_hz
from vemo_audit.records.event import Event

EVENTS = (
    Event("au12", 1.0, 1.1, 1.3, peak=0.4), Event("au4", 2.0, 2.4, 2.5, peak=0.4),
    Event("au9", 3.0, 3.1, math.nan, peak=0.4),
)  # fmt: skip


def refused_below_its_rate():
    """The question at 30 frames/s, at 25 stored as 100, and at 99.9: refused each time."""
    stored = np.arange(0, 4, 0.01)
    asked = (
        brief_movements(EVENTS, np.arange(0, 4, 1 / 30)), brief_movements(EVENTS, np.arange(0, 4, 1 / 99.9)),
        brief_movements(EVENTS, stored, frame_digest=np.arange(len(stored)) // 4),
    )  # fmt: skip
    return all(answer.refusal and not answer.brief for answer in asked)


def test_below_a_hundred_frames_a_second_the_answer_is_a_refusal_with_its_numbers():
    assert refused_below_its_rate()
    assert brief_movements(EVENTS, np.arange(0, 4, 1 / 30)).refusal == "30.0 frames/s; 1/25 s is 1.2 frames"


def test_twin_a_guard_that_trusts_the_file_is_seen(monkeypatch):
    monkeypatch.setattr(micro, "effective_rate_hz", lambda time_s, _: 1 / np.median(np.diff(time_s)))
    assert not refused_below_its_rate()


def test_twin_a_guard_with_a_lower_limit_is_seen(monkeypatch):
    monkeypatch.setattr(micro, "LEAST_HZ", 25.0)
    assert not refused_below_its_rate()


def test_above_it_brief_movements_are_listed_as_they_are():
    answer = brief_movements(EVENTS, np.arange(0, 4, 0.01))
    assert answer.refusal == "" and answer.brief == EVENTS[:1] and answer.rate_hz == pytest.approx(100)


def test_the_rate_is_that_of_different_frames():
    time_s = np.arange(8) / 100
    assert effective_rate_hz(time_s) == pytest.approx(100)
    assert effective_rate_hz(time_s, "aabbccdd") == pytest.approx(50)
    assert effective_rate_hz(np.repeat(time_s[:4], 2)) == pytest.approx(100)  # the same time twice


def test_too_little_to_tell_is_a_refusal_too():
    for time_s in (np.zeros(0), np.zeros(1)):
        assert math.isnan(effective_rate_hz(time_s)) and brief_movements(EVENTS, time_s).refusal


def changes_after_a_codec(repeats: int, codec: str, options: dict[str, str]) -> np.ndarray:
    """A drifting picture with grain, each frame shown `repeats` times, stored lossily at 100/s and read back."""
    rng = np.random.default_rng(4)
    wall = cv2.GaussianBlur(rng.integers(0, 256, (144, 400), np.uint8), (0, 0), 3)
    wall = cv2.normalize(wall, None, 0, 255, cv2.NORM_MINMAX)
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as made:
        stream = made.add_stream(codec, rate=100, options=options)
        stream.width, stream.height, stream.pix_fmt = 176, 144, "yuv420p"
        for k in range(160):
            shown = k // repeats
            grain = np.random.default_rng(shown).normal(0, 2, (144, 176))
            grey = np.clip(wall[:, shown : shown + 176] + grain, 0, 255).astype(np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, 2), format="rgb24")):
                made.mux(packet)
        for packet in stream.encode():
            made.mux(packet)
    file.seek(0)
    with av.open(file) as stored:
        grey = [frame.to_ndarray(format="gray").astype(np.int16) for frame in stored.decode(video=0)]
    return np.array([math.inf, *(np.abs(b - a).mean() for a, b in itertools.pairwise(grey))])


CODECS = [("libx264", {"crf": "23"}), ("libx264", {"crf": "32", "bf": "3"}), ("mpeg4", {"qscale": "6"})]


def rate_hz(change: np.ndarray, told=micro.shows_new) -> float:
    return effective_rate_hz((np.arange(len(change)) / 100)[told(change)])


@pytest.mark.parametrize(("codec", "options"), CODECS)
@pytest.mark.parametrize("repeats", [2, 4])
def test_repeated_frames_are_told_after_a_lossy_codec(codec, options, repeats):
    change = changes_after_a_codec(repeats, codec, options)
    assert rate_hz(change) == pytest.approx(100 / repeats, rel=0.02)
    exact = rate_hz(change, lambda change: change > 0)  # the twin: only frames that are the same to the bit
    assert exact > 1.5 * 100 / repeats


@pytest.mark.parametrize(("codec", "options"), CODECS)
def test_frames_that_are_all_new_keep_their_rate_after_a_lossy_codec(codec, options):
    assert rate_hz(changes_after_a_codec(1, codec, options)) == pytest.approx(100, rel=0.02)


def test_what_shows_nothing_new_is_not_counted():
    assert not micro.shows_new(np.zeros(4)).any()
    assert micro.shows_new(np.array([math.inf, 0.0, 0.0])).tolist() == [True, False, False]
    assert micro.shows_new(np.array([])).tolist() == []
