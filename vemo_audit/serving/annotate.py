"""Draws on guarded frames what a recognizer answered: admitted faces boxed, everything else under its solid fill."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.records.clip import FoundFace, GuardedFrame
from vemo_audit.records.prediction import Prediction

BOX_RGB = (0, 114, 178)
INK_RGB = (255, 255, 255)


@dataclass(slots=True)
class Seen:
    """What was in view over a clip, counted while the frames pass."""

    frames: int = 0
    with_faces: int = 0
    covered_frames: dict[str, int] = field(default_factory=dict)  # rule id -> frames with such a fill
    covered_s: dict[str, float] = field(default_factory=dict)


def annotated(
    frames: Iterable[GuardedFrame], predictions: Sequence[Prediction], *, labels: Sequence[str], seen: Seen
) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Pictures `[H, W, 3]` with their times. An answer stands at the frames of its window whose middle is nearest."""
    answers = by_person(predictions)
    last_s = 0.0
    for frame in frames:
        picture = frame.image.copy()
        for face in frame.faces:
            draw(picture, face, caption(answers.get(str(face.track), ()), frame.time_s, labels))
        seen.frames += 1
        seen.with_faces += bool(frame.faces)
        for rule in {covered.rule_id for covered in frame.covered}:
            seen.covered_frames[rule] = seen.covered_frames.get(rule, 0) + 1
            seen.covered_s[rule] = seen.covered_s.get(rule, 0.0) + max(0.0, frame.time_s - last_s)
        last_s = frame.time_s
        yield picture, frame.time_s


def by_person(predictions: Sequence[Prediction]) -> Mapping[str, Sequence[Prediction]]:
    """The answers with probabilities of each person, in order of time."""
    people: dict[str, list[Prediction]] = {}
    for one in predictions:
        if one.probability is not None:
            people.setdefault(one.person, []).append(one)
    return people


def caption(answers: Sequence[Prediction], time_s: float, labels: Sequence[str]) -> str:
    """Top class and its probability at a time; '' where there is no answer."""
    around = [one for one in answers if one.span.start_s <= time_s < one.span.end_s]
    if not around:
        return ""
    nearest = min(around, key=lambda one: abs((one.span.start_s + one.span.end_s) / 2 - time_s))
    assert nearest.probability is not None  # noqa: S101 - by_person kept only these
    top = int(nearest.probability.argmax())
    return f"{labels[top]} {nearest.probability[top]:.2f}"


def draw(picture: NDArray[np.uint8], face: FoundFace, text: str) -> None:
    """A box around a face and its caption above it, in place; sizes follow the picture."""
    height, width = picture.shape[:2]
    line = max(1, round(min(height, width) / 240))
    x0, y0, x1, y1 = (round(value) for value in face.box)
    cv2.rectangle(picture, (x0, y0), (x1, y1), BOX_RGB, line)
    if not text:
        return
    scale = min(height, width) / 480
    (wide, high), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, line)
    left = max(0, min(x0, width - wide - 4))
    foot = y0 - 4 if y0 - high - below - 6 >= 0 else min(height - 4, y1 + high + below + 4)
    cv2.rectangle(picture, (left, foot - high - below), (left + wide + 4, foot + below - 2), BOX_RGB, -1)
    cv2.putText(
        picture, text, (left + 2, foot - below + 1), cv2.FONT_HERSHEY_SIMPLEX, scale, INK_RGB, line, cv2.LINE_AA
    )
