"""From an admitted clip to guarded frames and samples. Nothing here opens a file that the gate has not let in."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import MediaError, Refused
from vemo_audit.media import jail
from vemo_audit.media.source import Source
from vemo_audit.media.wire import DONE, FACTS, FRAME, PLANES, SOUND, TIME_BYTES
from vemo_audit.records.clip import AdmittedClip, Clip, FrameGuard, GuardedFrame

PICTURE = frozenset({"face", "body"})
VOICE = frozenset({"voice"})
RATE_HZ = 16_000
CHUNK_BYTES = 1 << 28
"""A chunk holds fewer frames than asked rather than more than this."""
CPU_BASE_S, CPU_PER_S = 60, 8
"""Processor time that decoding may take: a base, and so much for each second of the clip."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Sound of a clip. `start_s` is the time of the first sample from the start of the picture."""

    rate_hz: int
    mono: NDArray[np.float32]  # [M], full scale is 1; read-only
    start_s: float


def frames(admitted: AdmittedClip, *, chunk_frames: int = 16) -> Iterator[GuardedFrame]:
    """The frames of the clip in order of presentation, each as its guard released it; none when there is no picture.

    Times are timestamps from the start of the picture, never counted. One guard sees the whole clip, in chunks of at
    most `chunk_frames`. Raises Refused before any file is opened when the permit names neither face nor body;
    EvidenceBroken when the file is not the admitted one; MediaError when it is damaged, cut short or outgrows its jail.
    """
    _demand(admitted, PICTURE)
    if admitted.clip.video is None:
        return iter(())
    guard = admitted.open_guard()
    _demand_guard(admitted, guard, PICTURE)
    return _released(admitted.clip, guard, max(1, chunk_frames))


def samples(admitted: AdmittedClip) -> Samples | None:
    """The sound of the clip at 16 kHz, mono; None when it has none.

    Raises Refused before any file is opened when the permit or the guard does not grant the voice; else as `frames`.
    """
    parts = list(sound_blocks(admitted))
    if admitted.clip.audio is None:
        return None
    mono = np.concatenate([part.mono for part in parts]) if parts else np.empty(0, np.float32)
    mono.setflags(write=False)
    return Samples(RATE_HZ, mono, parts[0].start_s if parts else 0.0)


def sound_blocks(admitted: AdmittedClip, *, block_s: float = 1.0) -> Iterator[Samples]:
    """The sound of the clip in blocks of `block_s`, the last one shorter, each with its own start; none without sound.

    Blocks follow each other without a gap and nothing is held but one block. Raises as `samples`, the refusal at once.
    """
    _demand(admitted, VOICE)
    if admitted.clip.audio is None:
        return iter(())
    guard = admitted.open_guard()
    _demand_guard(admitted, guard, VOICE)
    guard.release_audio()
    return _heard(admitted.clip, max(1, round(block_s * RATE_HZ)))


def _heard(clip: Clip, size: int) -> Iterator[Samples]:
    with Source(clip.path) as source:
        source.demand(clip.sha256)
        job = {"do": "sound", "container": clip.container, "rate_hz": RATE_HZ}
        with jail.start(job, source.descriptor, where=str(clip.path), limits=_limits(clip)) as cell:
            start_s, given, waiting, parts = 0.0, 0, 0, []
            for told_s, part in _sound(cell):
                start_s = told_s
                parts.append(part)
                waiting += len(part)
                if waiting < size:
                    continue
                whole = np.concatenate(parts)
                while waiting >= size:
                    yield _block(whole[:size], start_s + given / RATE_HZ)
                    whole, waiting, given = whole[size:], waiting - size, given + size
                parts = [whole]
        source.demand_unchanged()
        if waiting:
            yield _block(np.concatenate(parts), start_s + given / RATE_HZ)


def _block(mono: NDArray[np.float32], start_s: float) -> Samples:
    own = mono.copy()  # a view would keep the rest alive
    own.setflags(write=False)
    return Samples(RATE_HZ, own, start_s)


def _demand(admitted: AdmittedClip, wanted: frozenset[str]) -> None:
    if not admitted.permit.modalities & wanted:
        raise _refusal(admitted, wanted)


def _demand_guard(admitted: AdmittedClip, guard: FrameGuard, wanted: frozenset[str]) -> None:
    if not guard.modalities & wanted:
        raise _refusal(admitted, wanted)


def _refusal(admitted: AdmittedClip, wanted: frozenset[str]) -> Refused:
    names = " or ".join(sorted(wanted))
    return Refused(
        f"a permit without {names}", rule_id="c.modality", ref="what the permit does not name is not decoded",
        where=admitted.clip.name, advice=f"Ask for consent to the {names}.",
    )  # fmt: skip


def _limits(clip: Clip) -> jail.Limits:
    return jail.Limits(cpu_s=int(CPU_BASE_S + CPU_PER_S * clip.duration_s))


def _released(clip: Clip, guard: FrameGuard, chunk_frames: int) -> Iterator[GuardedFrame]:
    video = clip.video
    assert video is not None  # noqa: S101 - for the type checker; `frames` has looked
    job = {
        "do": "frames", "container": clip.container, "still": clip.is_still, "duration_s": clip.duration_s,
        "width": video.width, "height": video.height, "rotation_deg": video.rotation_deg,
    }  # fmt: skip
    shape = (video.height, video.width, 3)
    room = max(1, min(chunk_frames, CHUNK_BYTES // (video.height * video.width * 3)))
    first_index = 0
    with Source(clip.path) as source:
        source.demand(clip.sha256)
        with jail.start(
            job, source.descriptor, where=str(clip.path), limits=_limits(clip),
            picture_bytes=0 if clip.is_still else video.height * video.width * 3,
        ) as cell:  # fmt: skip
            while True:
                images, time_s = _chunk(cell, shape, room, where=str(clip.path))
                source.demand_unchanged()
                if len(time_s):
                    yield from guard.release(images, time_s, first_index)
                first_index += len(time_s)
                if len(time_s) < room:
                    return


def _chunk(
    cell: jail.Jail, shape: tuple[int, int, int], room: int, *, where: str
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The next frames and their times; fewer than `room` only at the end of the stream."""
    images = np.empty((room, *shape), np.uint8)
    time_s = np.empty(room, np.float64)
    even = shape[0] % 2 == 0 and shape[1] % 2 == 0
    planes = np.empty((shape[0] * 3 // 2 if even else 0, shape[1]), np.uint8)
    for k in range(room):
        kind, length = cell.receive()
        if kind == DONE:
            return images[:k], time_s[:k]
        target = planes if kind == PLANES else images[k]
        if kind not in (FRAME, PLANES) or length not in (TIME_BYTES, TIME_BYTES + target.nbytes) or not target.nbytes:
            raise MediaError("a decoder that sends other frames than it announced", where=where)
        cell.read_into(memoryview(time_s[k : k + 1]).cast("B"))
        if length == TIME_BYTES:
            found = cell.take(target.nbytes).reshape(target.shape)
        else:
            cell.read_into(memoryview(target).cast("B"))
            found = target
        if kind == PLANES:
            cv2.cvtColor(found, cv2.COLOR_YUV2RGB_I420, dst=images[k])
        elif found is not target:
            np.copyto(target, found)
        cell.hand_back()
    return images, time_s


def _sound(cell: jail.Jail) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """The parts of the sound as the decoder sends them, each with the start of the whole."""
    start_s = 0.0
    while True:
        kind, length = cell.receive()
        if kind == DONE:
            return
        if kind == FACTS:
            start_s = float(cell.read_json(length)["start_s"])
        elif kind == SOUND:
            part = np.empty(length // 4, np.float32)
            cell.read_into(memoryview(part).cast("B"))
            yield start_s, part
