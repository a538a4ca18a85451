"""No micro-expression below 100 frames/s, whatever the file says; above, brief movements and nothing more."""

import math

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
