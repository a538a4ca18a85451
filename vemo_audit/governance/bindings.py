"""Ties consents to faces by place and by unbroken tracks alone: nobody is recognised to find out who agreed."""

from collections.abc import Sequence
from dataclasses import dataclass

from vemo_audit.records.clip import FoundFace
from vemo_audit.records.consent_terms import BindingMethod

Box = tuple[float, float, float, float]

AMBIGUOUS_IOU = 0.2
"""A tie ends when the second-best overlap with its last box comes this close to the best. Source: design 4.2."""
CONTINUED_IOU = 0.3
"""A new track continues a lost one when it begins this much on the old place ..."""
CONTINUED_S = 1.0
"""... and within this time."""
EMPTY_S = 1.0
"""After the place was empty this long, whoever comes next alone is tied anew."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one consent, or one dataset release, claims of a picture."""

    method: BindingMethod
    zone: tuple[int, int, int, int] | None = None  # per mille; None is the whole picture
    capacity: int = 1  # more than one only for a dataset release: it covers everybody in the clip


class Binder:
    """Follows, frame by frame, which tracks each claim holds. Made anew for every clip."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        self._seats = [_Seat(claim) for claim in claims]

    def bind(self, faces: Sequence[FoundFace], time_s: float, *, width: int, height: int) -> list[int | None]:
        """For each face of a frame: the index of the claim that holds it, or None.

        A face that two claims hold, and a claim that holds more faces than it may, are untied.
        """
        holders: list[list[int]] = [[] for _ in faces]
        for index, seat in enumerate(self._seats):
            for face in seat.step(faces, time_s, width=width, height=height):
                holders[face].append(index)
        for held in holders:
            if len(held) > 1:
                for index in held:
                    self._seats[index].end()
        ended = {index for held in holders if len(held) > 1 for index in held}
        return [held[0] if len(held) == 1 and held[0] not in ended else None for held in holders]


class _Seat:
    """The tie of one claim."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.track: int | None = None
        self.box: Box | None = None
        self.seen_s = 0.0
        self.ended = False  # only an empty place lets a new face in
        self.empty_from_s: float | None = None

    def step(self, faces: Sequence[FoundFace], time_s: float, *, width: int, height: int) -> list[int]:
        """Indices of the faces that the claim holds in this frame."""
        inside = [k for k, face in enumerate(faces) if self._holds_place(face.box, width, height)]
        if not inside:
            self._note_empty(time_s)
            return []
        self.empty_from_s = None
        if self.claim.capacity > 1:
            return inside if len(inside) <= self.claim.capacity else []
        # A face that is not confirmed yet is tied to nobody, so it is filled; it does not untie whom we know.
        confirmed = [k for k in inside if faces[k].track >= 0]
        if len(confirmed) > 1:
            self._note_crowd()
            return []
        if not confirmed:
            return []
        face = faces[confirmed[0]]
        if not self._follows(face, faces, time_s):
            self.ended = True
            return []
        self.track, self.box, self.seen_s = face.track, face.box, time_s
        return confirmed

    def end(self) -> None:
        """Unties until the place has been empty."""
        self.track, self.box, self.ended = None, None, True

    def _follows(self, face: FoundFace, faces: Sequence[FoundFace], time_s: float) -> bool:
        if self.track is None or self.box is None:
            return not self.ended
        if _ambiguous(self.box, face, faces):
            self.end()
            return False
        if face.track == self.track:
            return True
        continued = time_s - self.seen_s <= CONTINUED_S and iou(self.box, face.box) >= CONTINUED_IOU
        return continued and not self.ended

    def _note_empty(self, time_s: float) -> None:
        if self.claim.method is BindingMethod.SEAT_ZONE and self.track is not None:
            self.end()  # the face left its zone
        if self.empty_from_s is None:
            self.empty_from_s = time_s
        if time_s - self.empty_from_s >= EMPTY_S:
            self.track, self.box, self.ended = None, None, False

    def _note_crowd(self) -> None:
        self.ended = True
        if self.claim.method is not BindingMethod.SINGLE_SUBJECT_DEVICE:
            self.track, self.box = None, None  # a device only pauses: the same unbroken track may go on

    def _holds_place(self, box: Box, width: int, height: int) -> bool:
        if self.claim.zone is None:
            return True
        x0, y0, x1, y1 = zone_pixels(self.claim.zone, width, height)
        return x0 <= (box[0] + box[2]) / 2 < x1 and y0 <= (box[1] + box[3]) / 2 < y1


def zone_pixels(zone: tuple[int, int, int, int], width: int, height: int) -> tuple[int, int, int, int]:
    """Per mille of the picture to pixels x0, y0, x1, y1; cut inwards, so that no pixel outside is let in."""
    x0, y0, x1, y1 = zone
    return -(-x0 * width // 1000), -(-y0 * height // 1000), x1 * width // 1000, y1 * height // 1000


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1; 0 when both are empty."""
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = across * down
    either = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / either if either > 0 else 0.0


def _ambiguous(last: Box, face: FoundFace, faces: Sequence[FoundFace]) -> bool:
    """Whether another face could as well be the one that was at `last`."""
    rivals = [iou(last, other.box) for other in faces if other is not face]
    return bool(rivals) and iou(last, face.box) - max(rivals) <= AMBIGUOUS_IOU
