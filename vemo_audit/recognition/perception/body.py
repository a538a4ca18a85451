"""Everything that is read from a body without a further model: head, lean and movement of each admitted person."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.dynamics.gestures import GestureSettings, HeadGesture, HeadGestures
from vemo_audit.recognition.dynamics.movement import BodyGesture, BodyGestures, Movement, MovementSettings, movement
from vemo_audit.recognition.perception.body_motion import BodyMotion, MotionSample, MotionSettings
from vemo_audit.recognition.perception.pose import Lean, LeanSettings, head_pose
from vemo_audit.recognition.perception.tracks import BRIDGED_BELOW
from vemo_audit.records.clip import GuardedFrame
from vemo_audit.records.event import Event

NAMES = (
    *(f"{axis}_{part}" for axis in ("yaw", "pitch", "roll") for part in ("mean", "sd", "speed")),
    "lean", "lean_slope", "energy", "still_share", "fidgeting", "hands", "nods", "shakes", "tilts", "head_hz",
    "gestures", "gesture_s", "stroke_s",
)  # fmt: skip
"""The numbers of a window, in order: degrees and degrees/s, log ratio and its change per s, face widths/s, share,
(face widths/s)^2, face widths/s, events per minute (three), Hz, events per minute, seconds (two)."""


@dataclass(frozen=True, slots=True)
class BodySettings:
    """The settings of all parts."""

    lean: LeanSettings = field(default_factory=LeanSettings)
    head: GestureSettings = field(default_factory=GestureSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    movement: MovementSettings = field(default_factory=MovementSettings)


@dataclass(frozen=True, slots=True, eq=False)
class BodySample:
    """One person in one frame."""

    time_s: float
    head_deg: NDArray[np.float64]  # [3] yaw, pitch, roll; approximate
    lean: float  # log ratio, positive is nearer; NaN when unknown
    motion: MotionSample | None  # None in frames between two slots of the motion grid
    head_gestures: tuple[HeadGesture, ...] = ()  # that are known since the last sample; they ended earlier
    body_gestures: tuple[BodyGesture, ...] = ()


LEFT_S = 60.0
"""Who was not seen for so long is not followed any further: gestures end with far shorter gaps."""


@dataclass(slots=True)
class _Person:
    lean: Lean
    head: HeadGestures | None  # None while the person is away
    body: BodyGestures | None
    last_s: float = -math.inf
    told: tuple[Event, ...] = ()  # what was under way when the person left

    def leave(self) -> None:
        """Ends what is under way."""
        if self.head is not None and self.body is not None:
            self.told += tuple(g.event for g in (*self.head.finish(), *self.body.finish()))
        self.head = self.body = None


class BodyReader:
    """Reads the bodies of one clip, frame by frame; make a new one for the next. Memory grows with people only."""

    def __init__(self, settings: BodySettings | None = None) -> None:
        self.settings = settings or BodySettings()
        self._motion = BodyMotion(self.settings.motion)
        self._people: dict[str, _Person] = {}
        self._tidied_s = 0.0

    def step(self, frame: GuardedFrame) -> dict[str, BodySample]:
        """What the frame says of each admitted person whose face is seen in it; persons are named by their track."""
        faces = {str(f.track): f for f in frame.faces if f.track >= 0 and f.score >= BRIDGED_BELOW}
        moved = self._motion.step(
            frame.image,
            {person: face.box for person, face in faces.items()},
            time_s=frame.time_s,
            covered=[one.box for one in frame.covered],
        )
        if frame.time_s - self._tidied_s >= LEFT_S:
            self._tidied_s = frame.time_s
            for one in self._people.values():
                if frame.time_s - one.last_s >= LEFT_S:
                    one.leave()
        if not faces:
            return {}
        size_px = (frame.image.shape[1], frame.image.shape[0])
        turned = head_pose(np.stack([face.points for face in faces.values()]), size_px)
        return {
            person: self._sample(person, face.points, head_deg=turned[k], motion=moved.get(person), time_s=frame.time_s)
            for k, (person, face) in enumerate(faces.items())
        }

    def _sample(
        self, person: str, points: NDArray[np.float32], *, head_deg: NDArray[np.float64], motion: MotionSample | None,
        time_s: float,
    ) -> BodySample:  # fmt: skip
        rules = self.settings
        one = self._people.setdefault(person, _Person(Lean(rules.lean), None, None))
        if one.head is None or one.body is None:
            one.head, one.body = HeadGestures(rules.head), BodyGestures(rules.movement)
        one.last_s = time_s
        body = [] if motion is None else one.body.step(motion.start_s, motion.end_s, motion.energy)
        lean = one.lean.step(points, float(head_deg[0]), time_s=time_s)
        return BodySample(time_s, head_deg, lean, motion, tuple(one.head.step(time_s, head_deg)), tuple(body))

    def finish(self) -> dict[str, tuple[Event, ...]]:
        """What was under way when the clip ended, by person."""
        for one in self._people.values():
            one.leave()
        return {person: one.told for person, one in self._people.items()}


def summarise(
    samples: list[BodySample], start_s: float, end_s: float, *, settings: MovementSettings | None = None
) -> NDArray[np.float32] | None:
    """The numbers [len(NAMES)] of a window from one person's samples, NaN where a part is missing.

    Gestures count when their apex lies inside, so samples must reach past the window by as much as gestures are told
    late, for the row to be final. None when the person is in no frame of the window: an absent body, not a still one.
    """
    inside = [s for s in samples if start_s <= s.time_s < end_s]
    if not inside:
        return None
    time_s = np.array([s.time_s for s in inside])
    turned = np.stack([s.head_deg for s in inside])
    moved = [s.motion for s in samples if s.motion is not None]
    spans = np.array([(m.start_s, m.end_s) for m in moved]).reshape(-1, 2)
    speeds = np.array([(m.trunk_x, m.trunk_y, m.hands, m.energy) for m in moved]).reshape(-1, 4)
    of = movement(spans, speeds, start_s=start_s, end_s=end_s, settings=settings or MovementSettings())
    row = [
        *(number for axis in range(3) for number in turn(time_s, turned[:, axis])),
        *trend(time_s, np.array([s.lean for s in inside])),
        *_gestures(samples, start_s, end_s, of),
    ]
    return np.asarray(row, np.float32)


def _gestures(samples: list[BodySample], start_s: float, end_s: float, of: Movement) -> list[float]:
    """Movement, and rates and lengths of the gestures whose apex lies in the window."""
    heads = [g for s in samples for g in s.head_gestures if start_s <= g.event.apex_s < end_s]
    bodies = [g for s in samples for g in s.body_gestures if start_s <= g.event.apex_s < end_s]
    per_min = 60 / (end_s - start_s)
    rates = [per_min * sum(g.event.kind == kind for g in heads) for kind in ("nod", "shake", "tilt")]
    seen = math.isfinite(of.energy)
    return [
        of.energy, of.still_share, of.fidgeting, of.hands, *rates, mean([g.frequency_hz for g in heads]),
        per_min * len(bodies) if seen else math.nan, mean([g.event.offset_s - g.event.onset_s for g in bodies]),
        mean([g.stroke_s for g in bodies]),
    ]  # fmt: skip


def turn(time_s: NDArray[np.float64], angle_deg: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean, standard deviation and mean absolute speed per second of an angle [T] at times [T]; NaN where unknown."""
    known = np.isfinite(angle_deg)
    if not known.any():
        return math.nan, math.nan, math.nan
    time_s, angle_deg = time_s[known], angle_deg[known]
    lasted_s = float(time_s[-1] - time_s[0])
    speed = float(np.abs(np.diff(angle_deg)).sum()) / lasted_s if lasted_s > 0 else math.nan
    return float(angle_deg.mean()), float(angle_deg.std()), speed


def trend(time_s: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and slope per second of values [T] at times [T]; NaN where unknown."""
    known = np.isfinite(values)
    if not known.any():
        return math.nan, math.nan
    centred = time_s[known] - time_s[known].mean()
    spread = float((centred**2).sum())
    return float(values[known].mean()), float(centred @ values[known]) / spread if spread > 0 else math.nan


def mean(values: list[float]) -> float:
    """The mean; NaN of nothing."""
    return math.fsum(values) / len(values) if values else math.nan
