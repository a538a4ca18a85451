"""Which face is which track: by place, size and motion alone, so that nothing here can tell who somebody is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.boxes import overlap

IMPOSSIBLE = 1e3


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """When a face can be the track. Times are in seconds, distances in face sides."""

    least_iou: float = 0.1  # a face may be the track if it overlaps this much with where motion leads,
    reach: float = 0.6  # or if its centre is at most this far from the way that motion leads along,
    reach_per_s: float = 0.6  # and this much farther for each second that it was not seen
    size_ratio: float = 2.0  # and its side differs at most by this factor
    velocity_s: float = 0.2  # memory of the velocity
    coast_s: float = 1.0  # how long motion goes on when nothing is seen: v * coast * (1 - exp(-gap / coast)) in all

    def __post_init__(self) -> None:
        if not (self.size_ratio >= 1 and min(self.velocity_s, self.coast_s) > 0):
            raise BadInput(f"a size ratio of {self.size_ratio}", expected="1 or more, and times above 0")


@dataclass(slots=True)
class Track:
    """One face over time. A negative number says that it is not confirmed."""

    number: int
    centre: NDArray[np.float64]  # [2]
    size: NDArray[np.float64]  # [2]
    points: NDArray[np.float64]  # [5, 2] from the centre
    seen_s: float
    looked: NDArray[np.float64]  # [4] from the box to the square that the last network looked at, in box sizes
    found_s: float  # when a detector last found it
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    births: list[float] = field(default_factory=list)
    lost: bool = False  # not seen in the last frame
    box_offset: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))  # in box sizes, as is the next:
    points_offset: NDArray[np.float64] = field(default_factory=lambda: np.zeros((5, 2)))
    """From what the last network alone says to what a search, which shows it several squares, made of one face."""

    @property
    def confirmed(self) -> bool:
        return self.number >= 0

    def expected(self, time_s: float, coast_s: float) -> NDArray[np.float64]:
        """Where motion leads: the box [4]."""
        travelled = coast_s * (1 - math.exp(-(time_s - self.seen_s) / coast_s))
        centre = self.centre + self.velocity * travelled
        return np.concatenate((centre - self.size / 2, centre + self.size / 2))

    def to_look(self, time_s: float, coast_s: float) -> NDArray[np.float64]:
        """The square [4] to show the last network: it lies about the face as in the last detection."""
        square = self.expected(time_s, coast_s) + self.looked * np.concatenate((self.size, self.size))
        half = max(square[2] - square[0], square[3] - square[1]) / 2
        centre = (square[:2] + square[2:]) / 2
        return np.concatenate((centre - half, centre + half))

    def corrected(
        self, box: NDArray[np.float64], points: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the last network alone says of the face, moved as its answer was in the last search."""
        size = box[2:] - box[:2]
        return box + self.box_offset * np.concatenate((size, size)), points + self.points_offset * size

    def moved(self, box: NDArray[np.float64], points: NDArray[np.float64], now_s: float, velocity_s: float) -> None:
        """Takes a new sight in."""
        centre = (box[:2] + box[2:]) / 2
        if now_s > self.seen_s:
            share = 1 - math.exp(-(now_s - self.seen_s) / velocity_s)
            self.velocity += share * ((centre - self.centre) / (now_s - self.seen_s) - self.velocity)
        self.centre, self.size, self.points, self.seen_s = centre, box[2:] - box[:2], points - centre, now_s


def matches(tracks: Sequence[Track], box: NDArray[np.float64], now_s: float, rules: MotionSettings) -> dict[int, int]:
    """The track of each face that has one. First those seen just now choose, then those that were lost."""
    result: dict[int, int] = {}
    for lost in (False, True):
        rows = [k for k in range(len(box)) if k not in result]
        columns = [k for k, track in enumerate(tracks) if track.lost == lost]
        pairs = _assigned([tracks[k] for k in columns], box[rows], now_s, rules)
        result |= {rows[face]: columns[track] for face, track in pairs}
    return result


def _assigned(
    tracks: Sequence[Track], box: NDArray[np.float64], now_s: float, rules: MotionSettings
) -> list[tuple[int, int]]:
    """Face and track of each pair that belongs together, at the least cost in all: 1 - IoU + distance in sides."""
    if not tracks or not len(box):
        return []
    where = np.stack([track.expected(now_s, rules.coast_s) for track in tracks])
    gap_s = np.array([now_s - track.seen_s for track in tracks])
    iou = overlap(box.astype(np.float32), where.astype(np.float32))
    side = np.sqrt((box[:, 2:] - box[:, :2]).prod(axis=1))[:, None]
    side_there = np.sqrt((where[:, 2:] - where[:, :2]).prod(axis=1))[None]
    larger = np.maximum(side, side_there)
    middle, middle_there = (box[:, :2] + box[:, 2:]) / 2, (where[:, :2] + where[:, 2:]) / 2
    begin = np.stack([track.centre for track in tracks])
    end = begin + np.stack([track.velocity for track in tracks]) * gap_s[:, None]
    distance = np.linalg.norm(middle[:, None] - middle_there[None], axis=2) / larger
    off_way = _from_way(middle, begin, end) / larger
    ratio = larger / np.maximum(np.minimum(side, side_there), 1e-6)
    possible = (iou >= rules.least_iou) | (off_way <= rules.reach + rules.reach_per_s * gap_s[None])
    possible &= ratio <= rules.size_ratio
    cost = np.where(possible, 1 - iou + distance, IMPOSSIBLE)
    return [(int(f), int(t)) for f, t in zip(*linear_sum_assignment(cost), strict=True) if possible[f, t]]


def _from_way(place: NDArray[np.float64], begin: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances `[F, T]` of places `[F, 2]` from the straight ways between points `[T, 2]`."""
    way = end - begin
    along = ((place[:, None] - begin[None]) * way[None]).sum(axis=2) / np.maximum((way * way).sum(axis=1), 1e-12)
    nearest = begin[None] + np.clip(along, 0, 1)[..., None] * way[None]
    return np.asarray(np.linalg.norm(place[:, None] - nearest, axis=2))
