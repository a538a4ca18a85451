"""The messages of the HTTP recognizer: guarded frames out, answers in; the schema is `http.schema.json`."""

import base64
import json
import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.windows import FrameAnswer, readable
from vemo_audit.records.clip import GuardedFrame
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import SUM_TOLERANCE

SCHEMA = "vemo.recognize/1"
ANSWER_KEYS = {"index", "person", "probability", "reason", "valence", "arousal", "quality"}
BOUNDS = {"valence": (-1.0, 1.0), "arousal": (-1.0, 1.0), "quality": (0.0, 1.0)}


def request(frames: Sequence[GuardedFrame], *, labels: LabelSet, clip: str, part: int) -> bytes:
    """The JSON of one POST. Frames are PNG, so that the endpoint sees exactly what the guard released."""
    told = {
        "schema": SCHEMA, "labels": list(labels.names), "clip": clip, "part": part,
        "frames": [_frame(frame) for frame in frames],
    }  # fmt: skip
    return json.dumps(told, separators=(",", ":"), allow_nan=False).encode()


def _frame(frame: GuardedFrame) -> dict[str, Any]:
    _, png = cv2.imencode(".png", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
    height, width = frame.image.shape[:2]
    return {
        "index": frame.index, "time_ms": round(1000 * max(frame.time_s, 0.0), 3), "width": width, "height": height,
        "png": base64.b64encode(png.tobytes()).decode(),
        "faces": [
            {"person": str(face.track), "box": [float(v) for v in face.box], "points": face.points.tolist()}
            for face in frame.faces if readable(face)
        ],
    }  # fmt: skip


def answers(body: bytes, frames: Sequence[GuardedFrame], *, labels: LabelSet, where: str) -> list[FrameAnswer]:
    """One answer for each face that was posted, in the order in which they were.

    Raises BadInput for anything that the schema does not allow, and for an answer too many or too few.
    """
    try:
        told = json.loads(body, parse_constant=_no_constant, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"no JSON ({str(error)[:80]})", where=where, expected=SCHEMA) from None
    if not isinstance(told, dict) or set(told) != {"schema", "answers"} or told["schema"] != SCHEMA:
        raise BadInput("another message", where=where, expected=f"schema and answers of {SCHEMA}")
    if not isinstance(told["answers"], list):
        raise BadInput("answers that are no list", where=where, expected="a list")
    posted = {(frame.index, str(face.track)): frame for frame in frames for face in frame.faces if readable(face)}
    found: dict[tuple[int, str], FrameAnswer] = {}
    for one in told["answers"]:
        key = _key(one, where)
        if key not in posted or key in found:
            what = "a second answer" if key in found else "an answer"
            raise BadInput(
                f"{what} for frame {key[0]}, person '{key[1]}'", where=where, expected="one for each face posted"
            )
        found[key] = _answer(one, posted[key], labels, where=f"{where}, frame {key[0]}, person '{key[1]}'")
    missing = [key for key in posted if key not in found]
    if missing:
        raise BadInput(
            f"no answer for frame {missing[0][0]}, person '{missing[0][1]}'", where=where,
            expected="an answer, or the reason why there is none, for each face posted",
        )  # fmt: skip
    return [found[key] for key in posted]


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"the constant {name}")


def _key(one: Any, where: str) -> tuple[int, str]:
    if not isinstance(one, dict) or not set(one) <= ANSWER_KEYS:
        raise BadInput("an answer of other keys", where=where, expected=f"some of {', '.join(sorted(ANSWER_KEYS))}")
    index, person = one.get("index"), one.get("person")
    if not isinstance(index, int) or isinstance(index, bool) or not isinstance(person, str):
        raise BadInput(f"an answer for frame {index!r}, person {person!r}", where=where, expected="a number and a name")
    return index, person


def _answer(one: dict[str, Any], frame: GuardedFrame, labels: LabelSet, *, where: str) -> FrameAnswer:
    if ("probability" in one) == ("reason" in one):
        raise BadInput("both or none of probability and reason", where=where, expected="one of them")
    rest = {name: _number(one[name], name, where, *BOUNDS[name]) if name in one else math.nan for name in BOUNDS}
    time_s, affect = max(frame.time_s, 0.0), (rest["valence"], rest["arousal"])
    if "reason" in one:
        reason = one["reason"]
        if not isinstance(reason, str) or not 0 < len(reason) <= 200 or not reason.isprintable():
            raise BadInput("a reason that is no printable text of at most 200 characters", where=where, expected="one")
        return FrameAnswer(one["person"], time_s, None, reason, rest["quality"], affect=affect)
    told = one["probability"]
    if not isinstance(told, dict) or set(told) != set(labels.names):
        raise BadInput("probabilities of other labels", where=where, expected=", ".join(labels.names))
    shares = np.array([_number(told[name], name, where, 0.0, 1.0) for name in labels.names])
    if abs(shares.sum() - 1) > SUM_TOLERANCE:
        raise BadInput(
            f"probabilities that sum to {shares.sum():.6g}", where=where, expected=f"1 within {SUM_TOLERANCE:g}"
        )
    return FrameAnswer(one["person"], time_s, shares, "", rest["quality"], affect=affect)


def _number(value: Any, name: str, where: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadInput(f"{name} {str(value)[:40]}", where=where, expected=f"a number from {low:g} to {high:g}")
    return float(value)
