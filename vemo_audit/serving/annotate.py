"""Draws on guarded frames what a recognizer answered: admitted faces boxed, everything else under its solid fill."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.records.clip import FoundFace, GuardedFrame
from vemo_audit.records.prediction import Prediction

STRONG = 0.3
"""From this estimate on a unit is named beside a face."""
NAMED_UNITS = 2
BOX_RGB = (0, 114, 178)
INK_RGB = (255, 255, 255)


@dataclass(slots=True)
class Seen:
    """What was in view over a clip, counted while the frames pass."""

    frames: int = 0
    with_faces: int = 0
    covered_frames: dict[str, int] = field(default_factory=dict)  # rule id -> frames with such a fill
    covered_s: dict[str, float] = field(default_factory=dict)
    time_s: list[float] = field(default_factory=list)  # of each frame
    change: list[float] = field(default_factory=list)  # of each frame from the one before, in grey levels; first: inf


def annotated(
    frames: Iterable[GuardedFrame], predictions: Sequence[Prediction], *, labels: Sequence[str], seen: Seen
) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Pictures `[H, W, 3]` with their times. An answer stands at the frames of its window whose middle is nearest."""
    answers = by_person(predictions)
    last_s, before = 0.0, None
    for frame in frames:
        picture = frame.image.copy()
        sampled = picture[::2, ::2, 1].astype(np.int16)
        seen.time_s.append(frame.time_s)
        seen.change.append(change(before, sampled))
        before = sampled
        for face in frame.faces:
            draw(picture, face, caption(answers.get(str(face.track), ()), frame.time_s, labels))
        seen.frames += 1
        seen.with_faces += bool(frame.faces)
        for rule in {covered.rule_id for covered in frame.covered}:
            seen.covered_frames[rule] = seen.covered_frames.get(rule, 0) + 1
            seen.covered_s[rule] = seen.covered_s.get(rule, 0.0) + max(0.0, frame.time_s - last_s)
        last_s = frame.time_s
        yield picture, frame.time_s


def change(before: NDArray[np.int16] | None, now: NDArray[np.int16]) -> float:
    """Mean absolute difference of two pictures `[h, w]`; inf for the first one or another size."""
    return float(np.abs(now - before).mean()) if before is not None and before.shape == now.shape else math.inf


def by_person(predictions: Sequence[Prediction]) -> Mapping[str, Sequence[Prediction]]:
    """The answers of each person that hold anything to draw, in order of time."""
    people: dict[str, list[Prediction]] = {}
    for one in predictions:
        if one.probability is not None or one.units:
            people.setdefault(one.person, []).append(one)
    return people


def caption(answers: Sequence[Prediction], time_s: float, labels: Sequence[str]) -> str:
    """The label and its probability at a time, then the strongest units; '' where there is no answer."""
    around = [one for one in answers if one.span.start_s <= time_s < one.span.end_s]
    if not around:
        return ""
    nearest = min(around, key=lambda one: abs((one.span.start_s + one.span.end_s) / 2 - time_s))
    words = []
    if nearest.probability is not None:
        label = nearest.decided_label or labels[int(nearest.probability.argmax())]
        words.append(f"{label} {nearest.probability[list(labels).index(label)]:.2f}")
    strong = sorted((name for name in nearest.units if nearest.units[name] >= STRONG), key=lambda n: -nearest.units[n])
    return " ".join(words + [name.upper() for name in strong[:NAMED_UNITS]])


def draw(picture: NDArray[np.uint8], face: FoundFace, text: str) -> None:
    """A box around a face and its caption above it, in place; sizes follow the picture."""
    height, width = picture.shape[:2]
    line = max(1, round(min(height, width) / 240))
    x0, y0, x1, y1 = (round(value) for value in face.box)
    cv2.rectangle(picture, (x0, y0), (x1, y1), BOX_RGB, line)
    scale = min(height, width) / 480
    text, wide, high, below = fitting(text, width - 4, scale, line)
    if not text:
        return
    left = max(0, min(x0, width - wide - 4))
    foot = y0 - 4 if y0 - high - below - 6 >= 0 else min(height - 4, y1 + high + below + 4)
    cv2.rectangle(picture, (left, foot - high - below), (left + wide + 4, foot + below - 2), BOX_RGB, -1)
    cv2.putText(
        picture, text, (left + 2, foot - below + 1), cv2.FONT_HERSHEY_SIMPLEX, scale, INK_RGB, line, cv2.LINE_AA
    )


def fitting(text: str, room_px: int, scale: float, line: int) -> tuple[str, int, int, int]:
    """As many words from the first as fit, with width, height and depth in pixels; never less than the first two."""
    words = text.split()
    while True:
        (wide, high), below = cv2.getTextSize(" ".join(words), cv2.FONT_HERSHEY_SIMPLEX, scale, line)
        if wide <= room_px or len(words) <= 2:
            return " ".join(words), wide, high, below
        words.pop()
