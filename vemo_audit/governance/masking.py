"""Fills everybody who did not agree, in place, before any frame is released to a recognizer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import Refused, VemoError
from vemo_audit.governance import refusals
from vemo_audit.governance.bindings import Binder, Box, Claim, zone_pixels
from vemo_audit.records.clip import Covered, FaceFinder, FoundFace, GuardedFrame
from vemo_audit.records.decision import RuleHit

FILL = 128
"""The one solid colour (grey in every channel): blur and pixelation can be undone."""
CELL_S = 1.0
"""Intents are recorded per person and cell of time. A recognizer's windows are unions of cells."""
FACE_PAD = 0.5
"""A bound person's region reaches this share of the face box beyond it on every side: alignment needs the margin."""
BODY_PAD = (1.5, 0.5, 1.5, 6.0)
"""The same for the body: left, up, right, down."""
STRANGER_PAD = 0.25
"""An unbound face is filled this share beyond its box. Source: design 8."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Somebody (or nobody) is about to be looked at in one cell of time."""

    claim: int | None
    cell: int
    modality: str  # 'face' or 'voice'
    faces: tuple[int, int, int]  # most seen, allowed and masked at once in the cell


class Watch(Protocol):
    """The gate's side of a guard."""

    def begin(self) -> None:
        """Raises Refused when the permit has ended or the deployment was stopped. Reads the consents again."""
        ...

    def judge(self, claim: int | None, *, faces_in_view: int) -> RuleHit | None:
        """The rule that covers a face tied to this claim (or to none); None when it may be seen."""
        ...

    def intend(self, intents: Sequence[Intent]) -> None:
        """Returns when the intents would survive a power cut."""
        ...

    def covered(self) -> None:
        """Notes that somebody was filled in this clip."""
        ...

    def refuse(self, rule_id: str) -> Refused:
        """Records that work stops, and returns the exception to raise."""
        ...

    def fail(self, error: Exception) -> Refused:
        """Records an unexpected error, and returns the exception to raise."""
        ...


class Guard:
    """The FrameGuard of one clip."""

    def __init__(
        self, watch: Watch, claims: Sequence[Claim], *, finder: FaceFinder | None, modalities: frozenset[str],
        strict: bool,
    ) -> None:  # fmt: skip
        self.modalities = modalities
        self._watch, self._finder, self._strict = watch, finder, strict
        self._binder = Binder(claims)
        self._zones = [claim.zone for claim in claims if claim.zone is not None]
        self._intended: set[tuple[int | None, int, str]] = set()
        self._lock = Lock()

    def release(self, images: NDArray[np.uint8], time_s: NDArray[np.float64], first_index: int) -> list[GuardedFrame]:
        """See `records.clip.FrameGuard`. On any error the whole buffer is filled before it is raised."""
        with self._lock:
            try:
                return self._release(images, time_s, first_index)
            except BaseException as error:
                images[...] = FILL
                if isinstance(error, Refused) or not isinstance(error, Exception):
                    raise
                raise self._watch.fail(error) from error

    def release_audio(self) -> None:
        """See `records.clip.FrameGuard`."""
        with self._lock:
            self._watch.begin()
            if "voice" not in self.modalities:
                raise self._watch.refuse("v.voice")
            covering = self._watch.judge(0, faces_in_view=1)
            if covering is not None:
                raise self._watch.refuse("w.withdrawn-since")
            self._intend([Intent(0, 0, "voice", (0, 0, 0))])

    def _release(self, images: NDArray[np.uint8], time_s: NDArray[np.float64], first: int) -> list[GuardedFrame]:
        self._watch.begin()
        count, height, width = images.shape[:3]
        if self._zones:
            keep_only(images, [zone_pixels(zone, width, height) for zone in self._zones])
        if self._finder is None or not self.modalities & {"face", "body"}:
            raise VemoError("frames without a permit for the picture", advice="Ask for the face.")
        found = self._finder.find(images, time_s)
        if len(found) != count or len(time_s) != count:
            raise VemoError(f"faces for {len(found)} of {count} frames", expected="one answer for each frame")
        split = [self._split(faces, float(t), width, height) for faces, t in zip(found, time_s, strict=True)]
        if any(strangers for _, strangers in split):
            self._watch.covered()
            if self._strict:
                raise self._watch.refuse("b.strict")
        for image, (bound, strangers) in zip(images, split, strict=True):
            fill(image, [face.box for _, face in bound], [s.box for s in strangers], body="body" in self.modalities)
        self._intend(_intents(split, time_s))
        images.setflags(write=False)
        return [
            GuardedFrame(first + k, float(t), _sealed(image), tuple(face for _, face in bound), tuple(strangers))
            for k, (image, t, (bound, strangers)) in enumerate(zip(images, time_s, split, strict=True))
        ]

    def _split(
        self, faces: Sequence[FoundFace], time_s: float, width: int, height: int
    ) -> tuple[list[tuple[int, FoundFace]], list[Covered]]:
        """The faces of one frame: those that may be seen, with their claims, and those to be filled."""
        bound, strangers = [], []
        ties = self._binder.bind(faces, time_s, width=width, height=height)
        in_view = sum(face.track >= 0 for face in faces)  # unconfirmed ones are filled, not counted
        for face, claim in zip(faces, ties, strict=True):
            rule = self._watch.judge(claim, faces_in_view=in_view)
            if rule is None and claim is not None:
                bound.append((claim, face))
            else:
                strangers.append(Covered(face.box, rule.rule_id if rule else "b.unbound-mask"))
        return bound, strangers

    def _intend(self, intents: Sequence[Intent]) -> None:
        fresh = [one for one in intents if (one.claim, one.cell, one.modality) not in self._intended]
        if fresh:
            self._watch.intend(fresh)
            self._intended.update((one.claim, one.cell, one.modality) for one in fresh)


def fill(image: NDArray[np.uint8], bound: Sequence[Box], strangers: Sequence[Box], *, body: bool = False) -> None:
    """Fills, in place, strangers' faces and all that lies outside bound persons' regions. `image` is [H, W, 3].

    Strangers go first: the regions that are held over the fill never contain a pixel of theirs.
    """
    height, width = image.shape[:2]
    for box in strangers:
        x0, y0, x1, y1 = _padded(box, (STRANGER_PAD,) * 4, width, height)
        image[y0:y1, x0:x1] = FILL
    pads = BODY_PAD if body else (FACE_PAD,) * 4
    keep_only(image[None], [_padded(box, pads, width, height) for box in bound])


def keep_only(images: NDArray[np.uint8], regions: Sequence[tuple[int, int, int, int]]) -> None:
    """Fills all of the frames [N, H, W, 3], in place, but the regions x0, y0, x1, y1 (pixels)."""
    if len(regions) == 1:
        x0, y0, x1, y1 = regions[0]
        images[:, :y0] = FILL
        images[:, y1:] = FILL
        images[:, y0:y1, :x0] = FILL
        images[:, y0:y1, x1:] = FILL
        return
    outside = np.ones(images.shape[1:3], bool)
    for x0, y0, x1, y1 in regions:
        outside[y0:y1, x0:x1] = False
    images[:, outside] = FILL


def refused(rule_id: str, *, where: str = "") -> Refused:
    """The exception for one of the gate's own rules."""
    rule = refusals.hit(rule_id)
    return Refused(rule.message, rule_id=rule_id, ref=rule.ref, where=where, advice=refusals.advice((rule,)))


def _intents(
    split: Sequence[tuple[list[tuple[int, FoundFace]], list[Covered]]], time_s: NDArray[np.float64]
) -> list[Intent]:
    """One intent for each person and cell; one for nobody where a cell holds no person."""
    cells: dict[int, list[tuple[list[tuple[int, FoundFace]], list[Covered]]]] = {}
    for frame, t in zip(split, time_s, strict=True):
        cells.setdefault(math.floor(t / CELL_S), []).append(frame)
    intents = []
    for cell, frames in cells.items():
        counts = np.array([(len(b) + len(s), len(b), len(s)) for b, s in frames]).max(axis=0)
        claims: list[int | None] = [*sorted({claim for bound, _ in frames for claim, _ in bound})]
        for claim in claims or [None]:
            intents.append(Intent(claim, cell, "face", (int(counts[0]), int(counts[1]), int(counts[2]))))
    return intents


def _padded(box: Box, pads: Sequence[float], width: int, height: int) -> tuple[int, int, int, int]:
    """The box with shares of its size added left, up, right and down, in whole pixels within the picture."""
    x0, y0, x1, y1 = box
    across, down = x1 - x0, y1 - y0
    left, top = math.floor(x0 - pads[0] * across), math.floor(y0 - pads[1] * down)
    right, bottom = math.ceil(x1 + pads[2] * across), math.ceil(y1 + pads[3] * down)
    return max(0, left), max(0, top), min(width, max(0, right)), min(height, max(0, bottom))


def _sealed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image.setflags(write=False)
    return image
