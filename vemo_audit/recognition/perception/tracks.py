"""Follows faces: a whole search on a grid of times, between them the last network alone, and wherever it changed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.boxes import overlap
from vemo_audit.recognition.perception.faces import Detections, DetectorSettings
from vemo_audit.recognition.perception.halves import Halves
from vemo_audit.recognition.perception.motion import MotionSettings, Track, matches
from vemo_audit.recognition.perception.watch import Watch, WatchSettings
from vemo_audit.records.clip import FoundFace

BRIDGED_BELOW = 0.5
"""A score under this says: not seen in this frame, the box is where motion leads. The detector's scores are higher."""
SAME_IOU = 0.5
"""Two tracks whose boxes overlap more have found one face: it stays with the one that had to move less."""


class Detector(Protocol):
    """What a tracker asks of `faces.FaceDetector`."""

    settings: DetectorSettings

    def detect(self, images: Halves) -> Detections: ...

    def within(
        self, image: Halves, changed: NDArray[np.bool_], *, followed: NDArray[np.float32], least_share: float
    ) -> tuple[Detections, NDArray[np.bool_]]: ...

    def check(self, image: Halves, looked: NDArray[np.float32]) -> Detections: ...


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """When is looked for faces, and when a face is the same face. Times are in seconds."""

    keyframe_every_s: float = 0.5  # a whole search in the first frame of each such cell of time; 0: in every frame
    follow_score: float = 0.7  # what the last network must say of a followed face, else it is lost
    found_every_s: float = 1.2  # a track that no search has found for longer is lost, whatever the last network says
    max_gap_s: float = 1.0  # a track that is not seen for longer has ended; who comes then is a new track
    shown_gap_s: float = 0.5  # so long a lost face is still reported, where motion leads
    sure_score: float = 0.9  # a face this sure is a track at once; any other must first be seen
    births: int = 3  # this often
    birth_s: float = 0.5  # within this time
    motion: MotionSettings = field(default_factory=MotionSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)

    def __post_init__(self) -> None:
        if not (0 <= self.shown_gap_s <= self.max_gap_s and self.births >= 1 and self.keyframe_every_s >= 0):
            raise BadInput(f"tracks that end after {self.max_gap_s} s and are shown for {self.shown_gap_s} s",
                           expected="0 <= shown <= max, births of 1 or more, keyframes every 0 s or more")  # fmt: skip


@dataclass(slots=True)
class _Sight:
    """A face in this frame, as a search or a follower found it."""

    box: NDArray[np.float64]
    points: NDArray[np.float64]
    score: float
    looked: NDArray[np.float64] | None  # None: followed, not searched
    again: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None  # box and points of one more look there


class FaceTracker:
    """A `records.clip.FaceFinder` for one clip; make a new one for the next.

    Tracks are numbered 0, 1, 2 ... by first appearance, from left to right. A face that the detector is less sure of
    has a negative number until it is confirmed: it may be nobody, but whoever covers strangers has to see it. A lost
    face is reported for a while with a score under `BRIDGED_BELOW`. A cut ends all tracks.

    Every frame is judged by itself and what came before, so how a clip is cut into calls cannot matter. Between two
    whole searches new faces are found where the picture changed (`watch.Watch`); a lost face is searched for at once.
    """

    def __init__(self, detector: Detector, settings: TrackerSettings | None = None) -> None:
        self.detector, self.settings = detector, settings or TrackerSettings()
        self._watch = Watch(self.settings.watch, min_face_px=detector.settings.min_face_px)
        self._tracks: list[Track] = []
        self._confirmed = self._unconfirmed = 0
        self._last_s = -math.inf

    def find(self, images: NDArray[np.uint8], time_s: NDArray[np.float64]) -> list[tuple[FoundFace, ...]]:
        """The faces of each RGB frame `[N, H, W, 3]` at times `[N]`, which only grow over all calls.

        How a clip is cut into calls changes nothing. Raises BadInput when time runs backwards.
        """
        result = []
        for k in range(len(images)):
            now_s = float(time_s[k])
            if not now_s >= self._last_s:
                raise BadInput(
                    f"a frame at {now_s} s after one at {self._last_s} s", expected="frames in order of time",
                    advice="Make a new FaceTracker for every clip.",
                )  # fmt: skip
            result.append(self._frame(Halves(images[k : k + 1]), now_s))
            self._last_s = now_s
        return result

    def _frame(self, image: Halves, now_s: float) -> tuple[FoundFace, ...]:
        rules = self.settings
        if self._watch.see(image):
            self._tracks.clear()
            self._last_s = -math.inf
        self._tracks = [
            t for t in self._tracks if now_s - t.seen_s <= (rules.max_gap_s if t.confirmed else rules.birth_s)
        ]
        followed = self._followed(image, now_s)
        if self._watch.is_new or self._enters(now_s, rules.keyframe_every_s):
            sights = _joined(self._sights(self.detector.detect(image), image), followed)
            self._watch.looked()
        else:
            sights = [*followed.values(), *self._new(image, followed, now_s)]
        sights.sort(key=lambda sight: float(sight.box[0]))
        return self._step(sights, image, now_s)

    def _enters(self, now_s: float, every_s: float) -> bool:
        """Whether this frame is the first of a cell of the grid of times, which begins at 0."""
        return every_s == 0 or self._last_s == -math.inf or now_s // every_s != self._last_s // every_s

    def _followed(self, image: Halves, now_s: float) -> dict[int, _Sight]:
        """By place in the list of tracks: what the last network sees where motion leads, one for each face."""
        rules = self.settings
        if not self._tracks or rules.keyframe_every_s == 0:
            return {}
        squares = np.stack([track.to_look(now_s, rules.motion.coast_s) for track in self._tracks])
        answer = self.detector.check(image, squares.astype(np.float32))
        sights: dict[int, tuple[float, _Sight]] = {}
        for k, track in enumerate(self._tracks):
            if answer.score[k] < rules.follow_score or now_s - track.found_s > rules.found_every_s:
                continue
            box, points = track.corrected(answer.box[k].astype(np.float64), answer.points[k].astype(np.float64))
            away = np.abs(box - track.expected(now_s, rules.motion.coast_s)).max() / track.size.mean()
            sight = _Sight(box, points, float(answer.score[k]), None)
            sights[k] = (float(away) + float(track.lost), sight)
        return _one_each(sights)

    def _new(self, image: Halves, followed: dict[int, _Sight], now_s: float) -> list[_Sight]:
        """Faces that nobody follows, found where the picture changed or a face was lost in this very frame."""
        rules = self.settings
        if not rules.watch.on:
            return []
        boxes = np.array([sight.box for sight in followed.values()]).reshape(-1, 4)
        changed = self._watch.changed(boxes, (image.width, image.height))
        scale = np.tile([changed.shape[1] / image.width, changed.shape[0] / image.height], 2)
        for k, track in enumerate(self._tracks):
            if k not in followed and not track.lost:
                x0, y0, x1, y1 = np.round(_wider(track.expected(now_s, rules.motion.coast_s), 0.5) * scale).astype(int)
                changed[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = True
        if not changed.any():
            return []
        slow = self._enters(now_s, rules.watch.slow_every_s)
        share = rules.watch.slow_share if slow else rules.watch.share
        found, where = self.detector.within(image, changed, followed=boxes.astype(np.float32), least_share=share)
        self._watch.looked(where)
        return [
            sight for sight in self._sights(found, image)
            if not len(boxes) or overlap(sight.box[None], boxes, share_of_smaller=True).max() < 0.7
        ]  # fmt: skip

    def _sights(self, found: Detections, image: Halves) -> list[_Sight]:
        """What a search found; if it will be followed, with what the last network alone says of the same squares."""
        wide = np.float64
        rows = [
            _Sight(box.astype(wide), points.astype(wide), float(score), looked.astype(wide))
            for box, points, score, looked in zip(found.box, found.points, found.score, found.looked, strict=True)
        ]
        if rows and self.settings.keyframe_every_s > 0:
            again = self.detector.check(image, found.looked)
            for k, sight in enumerate(rows):
                sight.again = again.box[k].astype(wide), again.points[k].astype(wide)
        return rows

    def _step(self, sights: list[_Sight], image: Halves, now_s: float) -> tuple[FoundFace, ...]:
        """One frame: match, begin, bridge, forget."""
        old = list(self._tracks)
        box = np.array([sight.box for sight in sights]).reshape(-1, 4)
        match = matches(old, box, now_s, self.settings.motion)
        seen = []
        for k, sight in enumerate(sights):
            track = self._seen(old[match[k]] if k in match else None, sight, now_s)
            seen.append(FoundFace(track.number, _tuple(sight.box), sight.points.astype(np.float32), sight.score))
        lost = [track for k, track in enumerate(old) if k not in match.values()]
        for track in lost:
            track.lost = True
        bridged = [track for track in lost if track.confirmed]
        return (*seen, *self._bridged(bridged, box, now_s, (image.width, image.height)))

    def _seen(self, track: Track | None, sight: _Sight, now_s: float) -> Track:
        """The track after this sight of it: a new one, or moved, and confirmed when the rules say so."""
        rules = self.settings
        centre, size = (sight.box[:2] + sight.box[2:]) / 2, sight.box[2:] - sight.box[:2]
        if track is None:
            self._unconfirmed += 1
            track = Track(-self._unconfirmed, centre, size, sight.points - centre, now_s, np.zeros(4), now_s)
            self._tracks.append(track)
        else:
            track.moved(sight.box, sight.points, now_s, rules.motion.velocity_s)
        track.lost = False
        if sight.looked is not None:
            track.looked, track.found_s = (sight.looked - sight.box) / np.tile(size, 2), now_s
            if sight.again is not None:
                track.box_offset = (sight.box - sight.again[0]) / np.tile(size, 2)
                track.points_offset = (sight.points - sight.again[1]) / size
        if not track.confirmed:
            track.births = [t for t in track.births if now_s - t <= rules.birth_s] + [now_s]
            if sight.score >= rules.sure_score or len(track.births) >= rules.births:
                track.number = self._confirmed
                self._confirmed += 1
        return track

    def _bridged(
        self, lost: list[Track], box: NDArray[np.float64], now_s: float, size: Sequence[int]
    ) -> list[FoundFace]:
        """Lost faces where motion leads, while that is in the picture and nobody else was seen there."""
        rules, faces = self.settings, []
        for track in lost:
            gap_s = now_s - track.seen_s
            where = track.expected(now_s, rules.motion.coast_s)
            middle = (where[:2] + where[2:]) / 2
            outside = np.any(middle < 0) or middle[0] >= size[0] or middle[1] >= size[1]
            taken = len(box) > 0 and overlap(where[None], box).max() > BRIDGED_BELOW
            if gap_s <= rules.shown_gap_s and not outside and not taken:
                score = BRIDGED_BELOW * (1 - gap_s / (rules.shown_gap_s + 1e-9)) * 0.999
                faces.append(FoundFace(track.number, _tuple(where), (track.points + middle).astype(np.float32), score))
        return faces


def _joined(found: list[_Sight], followed: dict[int, _Sight]) -> list[_Sight]:
    """What a search found, and the followed faces that it missed."""
    if not found:
        return list(followed.values())
    box = np.array([sight.box for sight in found])
    return found + [
        sight for sight in followed.values() if overlap(sight.box[None], box, share_of_smaller=True).max() < SAME_IOU
    ]


def _one_each(sights: dict[int, tuple[float, _Sight]]) -> dict[int, _Sight]:
    """Of sights of one face by several tracks, that of the track which had to move least."""
    kept: dict[int, _Sight] = {}
    for k, (_, sight) in sorted(sights.items(), key=lambda item: (item[1][0], item[0])):
        if not kept or overlap(sight.box[None], np.array([one.box for one in kept.values()])).max() <= SAME_IOU:
            kept[k] = sight
    return dict(sorted(kept.items()))


def _wider(box: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """The box with a share of its size added on every side."""
    size = box[2:] - box[:2]
    return np.concatenate((box[:2] - share * size, box[2:] + share * size))


def _tuple(box: NDArray[np.float64]) -> tuple[float, float, float, float]:
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])
