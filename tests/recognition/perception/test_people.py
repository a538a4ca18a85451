"""Which way round a face is read: over time, left and right count the same, and each frame costs one look."""

import numpy as np
import open_door
import pytest

from vemo_audit.recognition.dynamics.gestures import HeadGesture
from vemo_audit.recognition.perception import people
from vemo_audit.recognition.perception.body import BodySample
from vemo_audit.recognition.perception.people import SightSettings
from vemo_audit.records.event import Event


class LeftSided:
    """An encoder that looks at the left half alone; counts what it is given."""

    size_px = 8

    def __init__(self) -> None:
        self.looks = 0

    def encode(self, crops):
        self.looks += len(crops)
        left = crops[:, 0, :, :4].mean(axis=(1, 2))[:, None].astype(np.float32)
        return left, np.repeat(left, 20, axis=1)


def read(frames: int, *, rate_hz: float = 25.0, person: str = "0"):
    """A face, black on the left and white on the right, in so many frames: its rows and how often was looked."""
    slots, waiting, encoder = people._Slots(SightSettings()), people._Waiting(), LeftSided()
    crop = np.zeros((1, 8, 8), np.uint8)
    crop[..., 4:] = 255
    for k in range(frames):
        time_s = k / rate_hz
        counts, followed = slots.due(person, time_s)
        if counts or followed:
            ways = slots.ways(person, time_s) if counts else (people.AS_IT_IS,)
            slots.take(person, time_s)
            waiting.add(person, (time_s, people.UNREAD, None), crop=crop, counts=counts, ways=ways)
    return [row for _, row in people._encoded(waiting, encoder)], encoder.looks


def test_over_a_window_left_and_right_count_the_same() -> None:
    rows, looks = read(26)
    tokens = [float(row.token[0]) for row in rows if row.token is not None]
    assert looks == 27, "one look for each frame, and one more for the first"
    assert tokens[:4] == [127.5, 255.0, 0.0, 255.0] and np.mean(tokens) == pytest.approx(127.5)
    assert [row.token is not None for row in rows] == [k % 2 == 0 for k in range(26)]


def test_a_still_is_read_both_ways() -> None:
    rows, looks = read(1)
    assert looks == 2 and rows[0].token is not None and rows[0].token[0] == 127.5 and rows[0].units[0] == 127.5


def test_read_one_way_alone_a_lopsided_encoder_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeded fault: no mirror image is read."""
    monkeypatch.setattr(people._Slots, "ways", lambda *_: (people.AS_IT_IS,))
    rows, _ = read(26)
    assert np.mean([row.token[0] for row in rows if row.token is not None]) == 0.0


def test_frames_that_do_not_count_give_units_alone() -> None:
    rows, _ = read(4)
    assert rows[1].token is None and np.isfinite(rows[1].units).all()


class Nodding:
    """A reader of bodies that tells one nod, in the frame with this number."""

    frame = 3

    def __init__(self) -> None:
        self.count = 0

    def step(self, frame):
        told = (NOD,) if self.count == self.frame else ()
        self.count += 1
        return {"1": BodySample(frame.time_s, np.zeros(3), 0.0, None, told)}

    def finish(self):
        return {}


NOD = HeadGesture(Event("nod", 0.05, 0.1, 0.2, 5.0, 0.5), 2.0, 3)


def nods(clip) -> list[float]:
    """When each nod began that was told of a clip, by a row or at the end; every second frame is read."""
    moments = list(people.watch(clip, LeftSided(), SightSettings(token_rate_hz=5.0, unit_rate_hz=5.0)))
    rows = [row for moment in moments for _, row in moment.rows]
    assert len(rows) == 5
    with_rows = [g.event for row in rows for g in row.body.head_gestures]
    return [event.onset_s for event in (*with_rows, *(event for moment in moments for _, event in moment.events))]


@pytest.mark.parametrize("frame", [2, 3, 9])
def test_a_gesture_that_becomes_known_in_a_frame_that_is_not_read_is_told(tmp_path, monkeypatch, frame) -> None:
    """Frames 3 and 9 are not read; no row comes after the last."""
    monkeypatch.setattr(people, "BodyReader", Nodding)
    monkeypatch.setattr(Nodding, "frame", frame)
    film = open_door.film(tmp_path / "film.mp4", frames=10)
    assert nods(open_door.admit(film, "face", "body")) == [0.05]
    assert nods(open_door.admit(film, "body")) == [0.05]


def test_with_samples_that_do_not_wait_the_gesture_is_lost(tmp_path, monkeypatch) -> None:
    """Seeded fault: what a frame tells goes with that frame."""
    monkeypatch.setattr(people, "BodyReader", Nodding)
    monkeypatch.setattr(people, "_joined", lambda before, now: now)
    film = open_door.film(tmp_path / "film.mp4", frames=10)
    assert nods(open_door.admit(film, "face", "body")) == []
