"""A clip is a name; an admitted clip is an open door, and only the gate can make one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import VemoError
from vemo_audit.records.decision import Permit


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the container says about the picture; no pixel was decoded to learn it."""

    width: int  # after rotation
    height: int
    rotation_deg: int  # clockwise, 0, 90, 180 or 270, that display needs
    rate_hz: float  # average; NaN when the container does not say
    frames: int | None  # as stated; None when unknown
    codec: str
    pixel_format: str


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What the container says about the sound."""

    rate_hz: int
    channels: int
    codec: str


@dataclass(frozen=True, slots=True)
class Clip:
    """A media file by name and digest. It cannot be decoded: that takes an `AdmittedClip`."""

    name: str
    path: Path
    sha256: str
    bytes: int
    container: str
    duration_s: float  # 0 for a still picture
    video: VideoFacts | None
    audio: AudioFacts | None

    @property
    def is_still(self) -> bool:
        return self.video is not None and self.duration_s == 0


@dataclass(frozen=True, slots=True, eq=False)
class FoundFace:
    """One face in one frame. `track` is stable while the face can be followed by overlap and motion.

    A negative track is a doubtful face that is not confirmed yet: strangers are covered by it, nobody is read from it.
    A score under 0.5 is a known face that was not seen in this frame: its box is where its motion leads.
    """

    track: int
    box: tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels
    points: NDArray[np.float32]  # [5, 2]: left eye, right eye (as seen in the picture), nose, mouth corners
    score: float


@dataclass(frozen=True, slots=True)
class Covered:
    """A face that was seen and filled, and the rule that demanded it. The box holds no pixel."""

    box: tuple[float, float, float, float]
    rule_id: str


@dataclass(frozen=True, slots=True, eq=False)
class GuardedFrame:
    """A frame after the gate: all that nobody consented to is solid fill. Recognizers see no other kind of frame."""

    index: int  # of the decoded frame
    time_s: float  # presentation time from the start of the clip
    image: NDArray[np.uint8]  # [H, W, 3] RGB, read-only
    faces: tuple[FoundFace, ...]  # of admitted persons only
    covered: tuple[Covered, ...]


class FaceFinder(Protocol):
    """Finds and follows faces in one stream of frames; made anew for every clip."""

    def find(self, images: NDArray[np.uint8], time_s: NDArray[np.float64]) -> list[tuple[FoundFace, ...]]:
        """RGB frames `[N, H, W, 3]` in order of time, with their times `[N]`: the faces of each frame."""
        ...


class FrameGuard(Protocol):
    """Stands between decoder and recognizer for one clip: finds, binds, decides, fills, records, releases."""

    modalities: frozenset[str]
    """What may be decoded at all: a subset of {'face', 'body', 'voice'}."""

    def release(self, images: NDArray[np.uint8], time_s: NDArray[np.float64], first_index: int) -> list[GuardedFrame]:
        """Raw frames `[N, H, W, 3]` to guarded ones, in order. The input buffer is filled in place and then dropped.

        Raises Refused when the permit ended or the mode is strict and somebody without consent is in view.
        """
        ...

    def release_audio(self) -> None:
        """Returns when sound may be decoded. Raises Refused when the permit does not name the voice."""
        ...


class _Seal:
    """The token without which no AdmittedClip can be made."""


_seal: _Seal | None = _Seal()
_GATE_SEAL = _seal


def _take_seal() -> _Seal:
    """Hands out the seal once per process, to `governance.gate`. Raises VemoError ever after."""
    global _seal
    if _seal is None:
        raise VemoError("the seal of AdmittedClip was taken already", advice="Ask the gate to admit the clip.")
    taken, _seal = _seal, None
    return taken


@dataclass(frozen=True, slots=True)
class AdmittedClip:
    """A clip that a recorded decision let in, with the permit that says what of it exists."""

    clip: Clip
    permit: Permit
    open_guard: Callable[[], FrameGuard] = field(repr=False)
    seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _GATE_SEAL:
            raise VemoError("an AdmittedClip made outside the gate", advice="Call Gate.admit: nothing else opens.")
