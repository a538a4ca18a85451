"""From a path to a Clip: what the container's header says, with limits, and not one pixel decoded."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vemo_audit.errors import MediaError
from vemo_audit.media import headers, jail
from vemo_audit.media.source import Source
from vemo_audit.media.wire import FACTS
from vemo_audit.records.clip import AudioFacts, Clip, VideoFacts


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """What a clip may be at most, judged by its header alone."""

    side_px: int = 8192
    area_px: int = 33_554_432  # 8K, with its encoder's padding
    rate_hz: float = 120.0
    duration_s: float = 4 * 3600.0


LIMITS = ClipLimits()


def probe(path: Path, *, name: str | None = None) -> Clip:
    """The clip at `path`, called `name` or as its file is.

    A still picture is a clip of one frame and 0 s. A file with sound only has `video` None, one with picture only has
    `audio` None; a cover picture in a sound file is not a video. Links are followed once, here.

    Raises MediaError when there is no such file, when it is of another format, empty, damaged in its header, without
    any frame, or beyond the limits.
    """
    path = _real(path)
    with Source(path) as source:
        container = _container(source)
        job = {"do": "facts", "container": container, "bytes": source.bytes}
        with jail.start(job, source.descriptor, where=str(path), limits=jail.Limits()) as cell:
            kind, length = cell.receive()
            if kind != FACTS:
                raise MediaError("a file that says nothing of itself", where=str(path))
            told = cell.read_json(length)
        clip = Clip(
            name=name or os.fsencode(path.name).decode(errors="replace"),  # a name need not be text
            path=path, sha256=source.sha256(), bytes=source.bytes, container=container,
            duration_s=float(told["duration_s"]), video=_video(told["video"]), audio=_audio(told["audio"]),
        )  # fmt: skip
    return _within(clip, LIMITS)


def _real(path: Path) -> Path:
    try:
        return Path(path).resolve(strict=True)
    except (OSError, RuntimeError):
        raise MediaError("no such file", where=str(path), expected="a video, sound or picture file") from None


def _container(source: Source) -> str:
    if source.bytes == 0:
        raise MediaError("an empty file", where=str(source.path), expected="a video, sound or picture file")
    container = headers.sniff(source.head(headers.HEAD_BYTES))
    if container is None:
        raise MediaError(
            "a file that is no media we read", where=str(source.path),
            expected="MOV, MP4, Matroska, WebM, AVI, WAV, FLAC, JPEG, PNG or WebP",
            advice="The content counts, not the name: convert it to one of these.",
        )  # fmt: skip
    return container


def _video(told: dict[str, Any] | None) -> VideoFacts | None:
    if told is None:
        return None
    return VideoFacts(
        width=int(told["width"]), height=int(told["height"]), rotation_deg=int(told["rotation_deg"]),
        rate_hz=math.nan if told["rate_hz"] is None else float(told["rate_hz"]), frames=told["frames"],
        codec=str(told["codec"]), pixel_format=str(told["pixel_format"]),
    )  # fmt: skip


def _audio(told: dict[str, Any] | None) -> AudioFacts | None:
    if told is None:
        return None
    return AudioFacts(rate_hz=int(told["rate_hz"]), channels=int(told["channels"]), codec=str(told["codec"]))


def _within(clip: Clip, limits: ClipLimits) -> Clip:
    """The clip itself. Raises MediaError when its header states more than the limits, or nothing that can be shown."""
    where, advice = str(clip.path), "Cut, scale or convert it first."
    if clip.duration_s > limits.duration_s:
        raise MediaError(
            f"{clip.duration_s:.0f} s", where=where, expected=f"at most {limits.duration_s:.0f} s", advice=advice
        )
    if clip.video is None:
        return clip
    width, height, rate_hz = clip.video.width, clip.video.height, clip.video.rate_hz
    if min(width, height) < 1:
        raise MediaError(f"a picture of {width} x {height} pixels", where=where, expected="at least one pixel")
    if max(width, height) > limits.side_px or width * height > limits.area_px:
        raise MediaError(
            f"a picture of {width} x {height} pixels", where=where,
            expected=f"at most {limits.side_px} a side and {limits.area_px:,} in all", advice=advice,
        )  # fmt: skip
    if rate_hz > limits.rate_hz:
        raise MediaError(
            f"{rate_hz:g} frames a second", where=where, expected=f"at most {limits.rate_hz:g}", advice=advice
        )
    return clip
