"""Follows faces from frame to frame by overlap and motion alone: nothing here can tell who somebody is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.boxes import overlap
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.records.clip import FoundFace

BRIDGED_BELOW = 0.5
"""A score under this says: not seen in this frame, the box is where motion leads. The detector's scores are higher."""
IMPOSSIBLE = 1e3
THUMBNAIL = (16, 9)


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """When a face is the same face. Times are in seconds, distances in face sides."""

    max_gap_s: float = 1.0  # a track that is not seen for longer has ended; who comes then is a new track
    shown_gap_s: float = 0.5  # so long a lost face is still reported, where motion leads
    sure_score: float = 0.9  # a face this sure is a track at once; any other must first be seen
    births: int = 3  # this often
    birth_s: float = 0.5  # within this time
    least_iou: float = 0.1  # a face may be the track if it overlaps this much with where motion leads,
    reach: float = 0.6  # or if its centre is at most this far from there
    size_ratio: float = 2.0  # and its side differs at most by this factor
    velocity_s: float = 0.2  # memory of the velocity
    coast_s: float = 0.3  # how long motion goes on when nothing is seen: v * coast * (1 - exp(-gap / coast)) in all
    cut_difference: float = 0.12  # mean change of luma (0-1) between two frames that is a cut, if the
    cut_correlation: float = 0.5  # correlation of both is also below this: a flash changes light, not structure

    def __post_init__(self) -> None:
        if not (0 <= self.shown_gap_s <= self.max_gap_s and self.births >= 1 and self.size_ratio >= 1):
            raise BadInput(f"tracks that end after {self.max_gap_s} s and are shown for {self.shown_gap_s} s",
                           expected="0 <= shown <= max, births and size_ratio of 1 or more")  # fmt: skip


@dataclass(slots=True)
class _Track:
    number: int
    centre: NDArray[np.float64]  # [2]
    size: NDArray[np.float64]  # [2]
    points: NDArray[np.float64]  # [5, 2] from the centre
    seen_s: float
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    births: list[float] = field(default_factory=list)

    @property
    def confirmed(self) -> bool:
        return self.number >= 0

    def expected(self, time_s: float, coast_s: float) -> NDArray[np.float64]:
        """Where motion leads: the box [4]."""
        travelled = coast_s * (1 - math.exp(-(time_s - self.seen_s) / coast_s))
        centre = self.centre + self.velocity * travelled
        return np.concatenate((centre - self.size / 2, centre + self.size / 2))


class FaceTracker:
    """A `records.clip.FaceFinder` for one clip; make a new one for the next.

    Tracks are numbered 0, 1, 2 ... by first appearance, from left to right. A face that the detector is less sure of
    has a negative number until it is confirmed: it may be nobody, but whoever covers strangers has to see it. A lost
    face is reported for a while with a score under `BRIDGED_BELOW`. A cut ends all tracks.
    """

    def __init__(self, detector: FaceDetector, settings: TrackerSettings | None = None) -> None:
        self.detector, self.settings = detector, settings or TrackerSettings()
        self._tracks: list[_Track] = []
        self._confirmed = self._unconfirmed = 0
        self._thumbnail: NDArray[np.float32] | None = None
        self._last_s = -math.inf

    def find(self, images: NDArray[np.uint8], time_s: NDArray[np.float64]) -> list[tuple[FoundFace, ...]]:
        """The faces of each RGB frame `[N, H, W, 3]` at times `[N]`, which only grow over all calls.

        How a clip is cut into calls changes nothing. Raises BadInput when time runs backwards.
        """
        found = self.detector.detect(images)
        result = []
        for k, image in enumerate(images):
            now_s = float(time_s[k])
            if not now_s >= self._last_s:
                raise BadInput(
                    f"a frame at {now_s} s after one at {self._last_s} s", expected="frames in order of time",
                    advice="Make a new FaceTracker for every clip.",
                )  # fmt: skip
            of = np.flatnonzero(found.frame == k)
            of = of[np.argsort(found.box[of, 0], kind="stable")]
            if self._is_cut(image):
                self._tracks.clear()
            result.append(
                self._step(
                    found.box[of].astype(np.float64), found.points[of], found.score[of], now_s, image.shape[1::-1]
                )
            )
            self._last_s = now_s
        return result

    def _step(
        self, box: NDArray[np.float64], points: NDArray[np.float32], score: NDArray[np.float32], now_s: float,
        size: Sequence[int],
    ) -> tuple[FoundFace, ...]:  # fmt: skip
        """One frame: match, begin, bridge, forget."""
        rules = self.settings
        self._tracks = [
            t for t in self._tracks if now_s - t.seen_s <= (rules.max_gap_s if t.confirmed else rules.birth_s)
        ]
        old = list(self._tracks)
        match = dict(self._matches(old, box, now_s))
        seen = []
        for k in range(len(box)):
            track = old[match[k]] if k in match else None
            track = self._seen(track, box[k], points[k], float(score[k]), now_s)
            seen.append(FoundFace(track.number, _tuple(box[k]), points[k], float(score[k])))
        lost = [track for k, track in enumerate(old) if k not in match.values() and track.confirmed]
        return (*seen, *self._bridged(lost, box, now_s, size))

    def _matches(self, tracks: list[_Track], box: NDArray[np.float64], now_s: float) -> list[tuple[int, int]]:
        """Face and track of each pair that belongs together, at the least cost in all: 1 - IoU + distance in sides."""
        if not tracks or not len(box):
            return []
        rules = self.settings
        where = np.stack([track.expected(now_s, rules.coast_s) for track in tracks])
        iou = overlap(box, where)
        side = np.sqrt((box[:, 2:] - box[:, :2]).prod(axis=1))[:, None]
        side_there = np.sqrt((where[:, 2:] - where[:, :2]).prod(axis=1))[None]
        middle, middle_there = (box[:, :2] + box[:, 2:]) / 2, (where[:, :2] + where[:, 2:]) / 2
        distance = np.linalg.norm(middle[:, None] - middle_there[None], axis=2) / np.maximum(side, side_there)
        ratio = np.maximum(side, side_there) / np.maximum(np.minimum(side, side_there), 1e-6)
        possible = ((iou >= rules.least_iou) | (distance <= rules.reach)) & (ratio <= rules.size_ratio)
        cost = np.where(possible, 1 - iou + distance, IMPOSSIBLE)
        return [(int(f), int(t)) for f, t in zip(*linear_sum_assignment(cost), strict=True) if possible[f, t]]

    def _seen(
        self, track: _Track | None, box: NDArray[np.float64], points: NDArray[np.float32], score: float, now_s: float
    ) -> _Track:
        """The track after this sight of it: a new one, or moved, and confirmed when the rules say so."""
        rules = self.settings
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        if track is None:
            self._unconfirmed += 1
            track = _Track(-self._unconfirmed, centre, size, points - centre, now_s)
            self._tracks.append(track)
        elif now_s > track.seen_s:
            share = 1 - math.exp(-(now_s - track.seen_s) / rules.velocity_s)
            track.velocity += share * ((centre - track.centre) / (now_s - track.seen_s) - track.velocity)
        track.centre, track.size, track.points, track.seen_s = centre, size, points - centre, now_s
        if not track.confirmed:
            track.births = [t for t in track.births if now_s - t <= rules.birth_s] + [now_s]
            if score >= rules.sure_score or len(track.births) >= rules.births:
                track.number = self._confirmed
                self._confirmed += 1
        return track

    def _bridged(
        self, lost: list[_Track], box: NDArray[np.float64], now_s: float, size: Sequence[int]
    ) -> list[FoundFace]:
        """Lost faces where motion leads, while that is in the picture and nobody else was seen there."""
        rules, faces = self.settings, []
        for track in lost:
            gap_s = now_s - track.seen_s
            where = track.expected(now_s, rules.coast_s)
            middle = (where[:2] + where[2:]) / 2
            outside = np.any(middle < 0) or middle[0] >= size[0] or middle[1] >= size[1]
            taken = len(box) > 0 and overlap(where[None], box).max() > BRIDGED_BELOW
            if gap_s <= rules.shown_gap_s and not outside and not taken:
                score = BRIDGED_BELOW * (1 - gap_s / (rules.shown_gap_s + 1e-9)) * 0.999
                faces.append(FoundFace(track.number, _tuple(where), (track.points + middle).astype(np.float32), score))
        return faces

    def _is_cut(self, image: NDArray[np.uint8]) -> bool:
        """Whether the picture is another scene than the one before."""
        small = cv2.cvtColor(cv2.resize(image, THUMBNAIL, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        before, self._thumbnail = self._thumbnail, small.astype(np.float32) / 255
        if before is None:
            return False
        difference = float(np.abs(self._thumbnail - before).mean())
        if difference < self.settings.cut_difference:
            return False
        a, b = before - before.mean(), self._thumbnail - self._thumbnail.mean()
        spread = math.sqrt(float((a * a).sum() * (b * b).sum()))
        return spread == 0 or float((a * b).sum()) / spread < self.settings.cut_correlation


def _tuple(box: NDArray[np.float64]) -> tuple[float, float, float, float]:
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])
