"""What is seen of each person in an admitted clip, frame by frame, and what is heard: never a picture is kept."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vemo_audit.media import decode
from vemo_audit.recognition.perception import align
from vemo_audit.recognition.perception.ahead import ahead
from vemo_audit.recognition.perception.align import Quality
from vemo_audit.recognition.perception.body import BodyReader, BodySample
from vemo_audit.recognition.perception.tracks import BRIDGED_BELOW
from vemo_audit.recognition.perception.voice import VoiceContours, VoiceReader
from vemo_audit.records.clip import AdmittedClip, FoundFace, GuardedFrame
from vemo_audit.records.event import Event
from vemo_audit.records.units import UNITS

STILL_S = 0.04
"""How long a single frame is taken to last."""
TIE_S = 1e-6
"""Rounding of times: a frame this little before a slot of the grid lies in it."""


UNREAD = Quality(*(math.nan for _ in fields(Quality)))
"""The quality of a face that may not be read: the permit names the body alone."""
NO_UNITS = np.full(len(UNITS), np.nan, np.float32)
AS_IT_IS, MIRRORED = 1, -1
"""Steps along the columns of a crop."""


class Encoder(Protocol):
    """Turns crops into tokens and action units."""

    size_px: int

    def encode(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Grey crops `[N, 1, S, S]` to tokens `[N, D]` and units `[N, 20]`, each of the picture as it is given."""
        ...


@dataclass(frozen=True, slots=True)
class SightSettings:
    """How often faces are read. Both rates are grids anchored at time 0; a slower video is read in every frame.

    Left and right shall count the same: in every second slot of the token grid a face is read as its mirror image, and
    when a person is first read, both ways, so that a still is, too. Over a window that is the mean of both, at half the
    price.
    """

    token_rate_hz: float = 12.5  # frames that count for the window
    unit_rate_hz: float = 25.0  # frames whose action units are followed for events
    least_quality: float = 0.0  # of a face, 0-1; below it, nothing is read from it
    batch: int = 16  # faces that are encoded together: no longer than the frames that wait meanwhile


@dataclass(frozen=True, slots=True, eq=False)
class FaceRow:
    """One person in one frame."""

    time_s: float
    quality: Quality
    token: NDArray[np.float32] | None  # [D]; None: this frame does not count for the window
    units: NDArray[np.float32]  # [20], NaN where the encoder has none
    body: BodySample | None


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Rows of several frames, by person and in order of time, and up to when everything has been told."""

    until_s: float
    rows: tuple[tuple[str, FaceRow], ...]
    frames: int  # so far
    events: tuple[tuple[str, Event], ...] = ()  # of bodies, under way when the clip ended
    strangers_s: tuple[float, ...] = ()  # times of frames in which somebody was covered
    poor: int = 0  # faces so far that lay below `least_quality`


@dataclass(slots=True, eq=False)
class _Waiting:
    """Faces that wait for the encoder, and rows without a face that wait with them."""

    people: list[str] = field(default_factory=list)
    rows: list[tuple[float, Quality, BodySample | None]] = field(default_factory=list)
    crops: list[NDArray[np.uint8] | None] = field(default_factory=list)
    counts: list[bool] = field(default_factory=list)  # for the window
    ways: list[tuple[int, ...]] = field(default_factory=list)  # AS_IT_IS, MIRRORED, or both
    poor: int = 0  # faces so far that are too poor to wait

    def add(
        self, person: str, row: tuple[float, Quality, BodySample | None], *, crop: NDArray[np.uint8] | None = None,
        counts: bool = False, ways: tuple[int, ...] = (AS_IT_IS,),
    ) -> None:  # fmt: skip
        """One more row; without a crop no face is read."""
        self.people.append(person)
        self.rows.append(row)
        self.crops.append(crop)
        self.counts.append(counts)
        self.ways.append(ways)


def watch(clip: AdmittedClip, encoder: Encoder, settings: SightSettings = SightSettings()) -> Iterator[Moment]:
    """Everything that the permit lets be seen, as it goes by; nothing when it names neither face nor body.

    Faces and bodies are read only when the permit names them. The rows do not depend on how the clip is cut into
    chunks. Frames are decoded, guarded and searched by a thread of their own while those before them are read.
    """
    if not clip.permit.modalities & {"face", "body"}:
        return
    bodies = _Bodies(BodyReader()) if "body" in clip.permit.modalities else None
    reads = encoder if "face" in clip.permit.modalities else None
    slots = _Slots(settings)
    waiting, count, last_s, step_s = _Waiting(), 0, 0.0, STILL_S
    strangers_s: list[float] = []
    with half_of_the_cores() as half:
        for frame in ahead(decode.frames(clip), begin=lambda: torch.set_num_threads(half)):
            step_s = frame.time_s - last_s if count else step_s
            count, last_s = count + 1, frame.time_s
            if bodies:
                bodies.step(frame)
            strangers_s += [frame.time_s] if frame.covered else []
            for face in frame.faces:
                _look(frame, face, waiting, slots=slots, bodies=bodies, encoder=reads, settings=settings)
            if len(waiting.rows) >= settings.batch:
                seen_s, strangers_s = tuple(strangers_s), []
                until_s = math.nextafter(frame.time_s, math.inf)
                yield Moment(until_s, _encoded(waiting, encoder), count, strangers_s=seen_s, poor=waiting.poor)
    events = bodies.finish() if bodies else []
    until_s = last_s + step_s if count else 0.0
    yield Moment(until_s, _encoded(waiting, encoder), count, tuple(events), tuple(strangers_s), waiting.poor)


@contextmanager
def half_of_the_cores() -> Iterator[int]:
    """Half of the threads that torch may use, for two threads of ours that share the cores; all of them afterwards."""
    whole = torch.get_num_threads()
    half = max(1, whole // 2)
    torch.set_num_threads(half)
    try:
        yield half
    finally:
        torch.set_num_threads(whole)


def _look(
    frame: GuardedFrame, face: FoundFace, waiting: _Waiting, *, slots: "_Slots", bodies: "_Bodies | None",
    encoder: Encoder | None, settings: SightSettings,
) -> None:  # fmt: skip
    """Cuts one face out, measures its quality and puts it before the encoder; without one, only a body is read."""
    if face.track < 0 or face.score < BRIDGED_BELOW:  # not confirmed, or led by motion: nothing to read
        return
    person = str(face.track)
    counts, followed = slots.due(person, frame.time_s)
    if not (counts or followed):
        return
    if encoder is None:
        slots.take(person, frame.time_s)
        waiting.add(person, (frame.time_s, UNREAD, bodies.take(person) if bodies else None))
        return
    crop = align.align(frame.image, face.points, size_px=encoder.size_px)
    quality = align.quality(crop, face.points, face.box, confidence=face.score)
    if quality.score < settings.least_quality:
        waiting.poor += 1
        return
    ways = slots.ways(person, frame.time_s) if counts else (AS_IT_IS,)
    slots.take(person, frame.time_s)
    row = (frame.time_s, quality, bodies.take(person) if bodies else None)
    waiting.add(person, row, crop=align.to_grey(crop)[None], counts=counts, ways=ways)


class _Bodies:
    """Bodies are followed in every frame, rows are fewer: what became known in between is told with the next row."""

    def __init__(self, reader: BodyReader) -> None:
        self._reader = reader
        self._waiting: dict[str, BodySample] = {}

    def step(self, frame: GuardedFrame) -> None:
        """Reads the bodies of a frame."""
        for person, sample in self._reader.step(frame).items():
            before = self._waiting.get(person)
            self._waiting[person] = sample if before is None else _joined(before, sample)

    def take(self, person: str) -> BodySample | None:
        """The person's sample, once."""
        return self._waiting.pop(person, None)

    def finish(self) -> list[tuple[str, Event]]:
        """What was under way when the clip ended, and what no row came for."""
        found = [
            (person, gesture.event)
            for person, sample in self._waiting.items()
            for gesture in (*sample.head_gestures, *sample.body_gestures)
        ]
        return found + [(person, event) for person, events in self._reader.finish().items() for event in events]


def _joined(before: BodySample, now: BodySample) -> BodySample:
    """The later of two samples of a person, with what was told by either."""
    return replace(
        now, motion=now.motion or before.motion, head_gestures=before.head_gestures + now.head_gestures,
        body_gestures=before.body_gestures + now.body_gestures,
    )  # fmt: skip


class _Slots:
    """Which frame of a person is the first in its slot of the token grid, and of the unit grid."""

    def __init__(self, settings: SightSettings) -> None:
        self.rates = (settings.token_rate_hz, settings.unit_rate_hz)
        self.taken: dict[str, tuple[int, int]] = {}

    def due(self, person: str, time_s: float) -> tuple[bool, bool]:
        """Whether the frame counts for the window, and whether its units are followed."""
        before, now = self.taken.get(person, (-1, -1)), self._slot(time_s)
        return now[0] != before[0], now[1] != before[1]

    def ways(self, person: str, time_s: float) -> tuple[int, ...]:
        """How a face that counts is read in this frame."""
        if person not in self.taken:
            return (AS_IT_IS, MIRRORED)
        return (MIRRORED,) if self._slot(time_s)[0] % 2 else (AS_IT_IS,)

    def take(self, person: str, time_s: float) -> None:
        """The frame was read."""
        self.taken[person] = self._slot(time_s)

    def _slot(self, time_s: float) -> tuple[int, int]:
        token, unit = (math.floor((time_s + TIE_S) * rate_hz) for rate_hz in self.rates)
        return token, unit


def _encoded(waiting: _Waiting, encoder: Encoder) -> tuple[tuple[str, FaceRow], ...]:
    """Encodes what waits, all in one batch, and empties the queue."""
    tokens: dict[int, NDArray[np.float32]] = {}
    units: dict[int, NDArray[np.float32]] = {}
    read = [(k, crop, way) for k, crop in enumerate(waiting.crops) if crop is not None for way in waiting.ways[k]]
    if read:
        found = encoder.encode(np.stack([crop[..., ::way] for _, crop, way in read]))
        for (k, _, _), token, unit in zip(read, *found, strict=True):
            tokens[k] = token if k not in tokens else (tokens[k] + token) / 2
            units[k] = unit if k not in units else (units[k] + unit) / 2
    counting = {k: token for k, token in tokens.items() if waiting.counts[k]}
    rows = tuple(
        (person, FaceRow(time_s, quality, counting.get(k), units.get(k, NO_UNITS), body))
        for k, (person, (time_s, quality, body)) in enumerate(zip(waiting.people, waiting.rows, strict=True))
    )
    waiting.people, waiting.rows, waiting.crops, waiting.counts, waiting.ways = [], [], [], [], []
    return rows


class Listening:
    """The contours of the clip's voice, on the clip's clock, in parts as they are read; none without sound or permit.

    `end_s` is known when all parts were taken; `frames` counts their steps of 10 ms.
    """

    def __init__(self, clip: AdmittedClip) -> None:
        self._clip = clip
        self.end_s, self.frames = 0.0, 0

    def __iter__(self) -> Iterator[VoiceContours]:
        if "voice" not in self._clip.permit.modalities:
            return
        reader, start_s = VoiceReader(), None
        for block in decode.sound_blocks(self._clip):
            start_s = block.start_s if start_s is None else start_s
            self.end_s = block.start_s + len(block.mono) / block.rate_hz
            yield self._placed(reader.feed(block.mono), start_s)
        if start_s is not None:
            yield self._placed(reader.close(), start_s)

    def _placed(self, part: VoiceContours, start_s: float) -> VoiceContours:
        self.frames += len(part)
        part.time_s[:] += start_s
        return part
