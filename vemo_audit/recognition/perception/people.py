"""Everything that is seen and heard of each person in an admitted clip, on the clip's own clock."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vemo_audit.media import decode
from vemo_audit.recognition.perception import align
from vemo_audit.recognition.perception.tracks import BRIDGED_BELOW
from vemo_audit.recognition.perception.voice import VoiceContours, analyse
from vemo_audit.records.clip import AdmittedClip, GuardedFrame

BATCH = 64
"""Face crops that are encoded together."""
STILL_S = 0.04
"""How long a single frame is taken to last."""

Encode = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Grey crops `[N, 1, S, S]` to tokens `[N, D]`."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceTrack:
    """One person's face over time, by frame."""

    time_s: NDArray[np.float64]  # [T]
    tokens: NDArray[np.float32]  # [T, D]
    quality: NDArray[np.float32]  # [T], 0-1


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Who was admitted in a clip. `voice` is None when there is no sound, or none was permitted."""

    faces: dict[str, FaceTrack]  # by person
    voice: VoiceContours | None
    voice_start_s: float
    frames: int
    end_s: float


def perceive(clip: AdmittedClip, encode: Encode, *, size_px: int, least_quality: float = 0.0) -> People:
    """Reads the guarded frames and samples that the permit allows; holds tokens, never pictures.

    Faces below `least_quality` are left out of the tokens of their track.
    """
    pending: list[tuple[str, float, float, NDArray[np.uint8]]] = []
    done: dict[str, list[tuple[float, float, NDArray[np.float32]]]] = {}
    count, last_s, step_s = 0, 0.0, STILL_S
    if clip.permit.modalities & {"face", "body"}:
        for frame in decode.frames(clip):
            step_s = frame.time_s - last_s if count else step_s
            count, last_s = count + 1, frame.time_s
            pending += crops_of(frame, size_px=size_px, least_quality=least_quality)
            if len(pending) >= BATCH:
                flush(pending, done, encode)
    flush(pending, done, encode)
    voice, voice_start_s, heard_s = None, 0.0, 0.0
    if "voice" in clip.permit.modalities:
        samples = decode.samples(clip)
        if samples is not None:
            voice, voice_start_s = analyse(samples.mono), samples.start_s
            heard_s = samples.start_s + len(samples.mono) / samples.rate_hz
    faces = {
        person: FaceTrack(
            np.array([time_s for time_s, _, _ in rows]),
            np.stack([token for _, _, token in rows]),
            np.array([quality for _, quality, _ in rows], np.float32),
        )
        for person, rows in done.items()
    }
    return People(faces, voice, voice_start_s, count, max(last_s + step_s if count else 0.0, heard_s, STILL_S))


def crops_of(
    frame: GuardedFrame, *, size_px: int, least_quality: float
) -> list[tuple[str, float, float, NDArray[np.uint8]]]:
    """Person, time, quality and aligned grey crop `[1, S, S]` of each admitted face of a frame."""
    rows = []
    for face in frame.faces:
        if face.track < 0 or face.score < BRIDGED_BELOW:  # not confirmed, or led by motion: nothing to read
            continue
        crop = align.align(frame.image, face.points, size_px=size_px)
        quality = align.quality(crop, face.points, face.box).score
        if quality >= least_quality:
            rows.append((str(face.track), frame.time_s, quality, align.to_grey(crop)[None]))
    return rows


def flush(
    pending: list[tuple[str, float, float, NDArray[np.uint8]]],
    done: dict[str, list[tuple[float, float, NDArray[np.float32]]]],
    encode: Encode,
) -> None:
    """Encodes what waits, and empties the queue."""
    if pending:
        tokens = encode(np.stack([crop for _, _, _, crop in pending]))
        for (person, time_s, quality, _), token in zip(pending, tokens, strict=True):
            done.setdefault(person, []).append((time_s, quality, token))
        pending.clear()
