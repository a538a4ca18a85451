"""From published media files to aligned face crops, kept on disk so that an interrupted preparation goes on."""

import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.training import crops, landing
from vemo_audit.records.digest import sha256_hex

STILLS = (".jpg", ".jpeg", ".png")
BORDER_SHARE = 0.125
SMALL_PX = 240
"""A picture with a shorter side is enlarged before faces are looked for: tight crops of 100 px are published."""
VERSION = "1"
"""Of this file's arithmetic: part of every key in the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipCrops:
    """What the front end saw of one file: T frames asked for, at even distances; the largest face of each."""

    crops: NDArray[np.uint8]  # [T, S, S] luma; zeros where no face was found
    mask: NDArray[np.bool_]  # [T]
    time_s: NDArray[np.float64]  # [T] grows


def crops_of(
    paths: Iterable[Path], detector: FaceDetector, cache: Path, *, size_px: int, frames: int,
    listener: Callable[[int], None] = lambda done: None,
) -> list[ClipCrops]:  # fmt: skip
    """The crops of each file, from the cache where its digest and the settings are known there.

    A file that is damaged in the cache is made again. Raises BadInput for a media file that cannot be read.
    """
    found = []
    for done, path in enumerate(paths, start=1):
        key = sha256_hex(f"{VERSION} {size_px} {frames} {sha256_hex(path.read_bytes())}".encode())
        kept = cache / key[:2] / f"{key}.npz"
        clip = _kept(kept)
        if clip is None:
            clip = _cut(path, detector, size_px=size_px, frames=frames)
            _keep(kept, clip)
        found.append(clip)
        listener(done)
    return found


def pictures_of(path: Path, frames: int) -> tuple[list[NDArray[np.uint8]], NDArray[np.float64]]:
    """RGB pictures at even distances over a clip, at most `frames`, with their times in seconds; a still gives one."""
    if path.suffix.lower() in STILLS:
        picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise BadInput("a picture that cannot be read", where=str(path), expected="a JPEG or PNG file")
        return [cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)], np.zeros(1)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BadInput("no picture in it", where=str(path), expected="a video", advice="Is it a sound file?")
            count = sum(packet.pts is not None for packet in container.demux(video=0))
        wanted = {int((k + 0.5) * count / frames) for k in range(frames)} if count > frames else set(range(count))
        pictures, times = [], []
        with av.open(str(path)) as container:
            for k, frame in enumerate(container.decode(video=0)):
                if k in wanted:
                    pictures.append(frame.to_ndarray(format="rgb24"))
                    times.append(float(frame.time or 0.0))
    except (av.error.FFmpegError, OSError) as error:
        raise BadInput(f"a video that cannot be read: {error}", where=str(path), expected="a whole video") from error
    if not pictures:
        raise BadInput("a video without a frame", where=str(path), expected="at least one frame")
    return pictures, np.array(times) - times[0]


def _cut(path: Path, detector: FaceDetector, *, size_px: int, frames: int) -> ClipCrops:
    pictures, time_s = pictures_of(path, frames)
    zoom = max(1, -(-SMALL_PX // min(pictures[0].shape[:2])))
    points = crops.points_in(pictures, detector, border_share=BORDER_SHARE, zoom=zoom)
    cut = [crops.aligned(picture, five, size_px=size_px) for picture, five in zip(pictures, points, strict=True)]
    nothing = np.zeros((size_px, size_px), np.uint8)
    mask = np.array([crop is not None for crop in cut])
    return ClipCrops(np.stack([nothing if crop is None else crop for crop in cut]), mask, time_s)


def _kept(path: Path) -> ClipCrops | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return ClipCrops(arrays["crops"], arrays["mask"], arrays["time_s"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _keep(path: Path, clip: ClipCrops) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, crops=clip.crops, mask=clip.mask, time_s=clip.time_s)
    landing.land(path, buffer.getvalue())
