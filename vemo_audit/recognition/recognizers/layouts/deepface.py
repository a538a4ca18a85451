"""What DeepFace.analyze returns, saved as JSON: a list of faces, or a list of such lists, one for each frame.

Keys. Source: serengil/deepface, `deepface/modules/demography.py` of the 0.0.x line (`emotion` = 100 * p, so percent;
`dominant_emotion`, `region`, `face_confidence`, and the demographic keys, none of which is read here), labels in
`deepface/models/demography/Emotion.py`.
"""

import json
import math
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.layouts.rows import Rows, silent_where
from vemo_audit.records import reasons
from vemo_audit.records.prediction import SUM_TOLERANCE

NAME = "deepface"
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
MAPPING = MappingProxyType({
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "happiness", "sad": "sadness",
    "surprise": "surprise", "neutral": "neutral",
})  # fmt: skip
REQUIRED = frozenset({"emotion", "dominant_emotion"})
KNOWN = REQUIRED | {"region", "face_confidence", "age", "gender", "dominant_gender", "race", "dominant_race"}
LIMITS = (
    "DeepFace gives no person: where it saw several faces in a frame, there is no answer for that frame.",
    "DeepFace's estimates of age, gender and race, if any, were not read.",
)
SHAPE = "a list of faces, or one such list for each frame, as DeepFace.analyze returns it"


def read(path: Path) -> Rows:
    """The faces of one file, which speaks of the clip that it is named after.

    Raises BadInput for other JSON, and for percentages that do not sum to 100.
    """
    frames = _frames(path)
    faces = [(k, face) for k, found in enumerate(frames) for face in found]
    if not faces:
        raise BadInput("no face at all", where=str(path), expected=SHAPE)
    probability = np.array([_shares(face, f"{path}, frame {k}") for k, face in faces])
    confidence = np.array([_confidence(face) for _, face in faces])
    unseen = confidence == 0  # enforce_detection=False answers for the whole picture and says so by 0
    probability[unseen] = np.nan
    count = len(faces)
    return Rows(
        source=str(path), labels=LABELS, clip=(path.stem,) * count, person=("",) * count,
        frame=np.array([k for k, _ in faces], np.int64), time_s=np.full(count, np.nan), probability=probability,
        reason=silent_where(unseen, reasons.DEEPFACE_NO_FACE), units={}, quality=confidence,
        limits=LIMITS, mapping=MAPPING,
    )  # fmt: skip


def _frames(path: Path) -> list[list[dict[str, Any]]]:
    try:
        found = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"it cannot be read: {error}", where=str(path), expected="JSON") from error
    if not isinstance(found, list) or not found:
        raise BadInput(f"{type(found).__name__} without faces", where=str(path), expected=SHAPE)
    frames = found if all(isinstance(one, list) for one in found) else [found]
    for k, faces in enumerate(frames):
        for face in faces:
            _check(face, f"{path}, frame {k}")
    return frames


def _check(face: Any, where: str) -> None:
    keys = set(face) if isinstance(face, dict) else set()
    emotions = face.get("emotion") if isinstance(face, dict) else None
    if keys >= REQUIRED and keys <= KNOWN and isinstance(emotions, dict) and set(emotions) == set(LABELS):
        return
    inner = f" with emotion {', '.join(sorted(map(str, emotions)))}" if isinstance(emotions, dict) else ""
    raise BadInput(
        f"a face of the keys {', '.join(sorted(map(str, keys))) or 'none'}{inner}", where=where,
        expected=f"{', '.join(sorted(REQUIRED))} (and perhaps {', '.join(sorted(KNOWN - REQUIRED))}), with emotion of "
        f"{', '.join(LABELS)}",
    )  # fmt: skip


def _shares(face: dict[str, Any], where: str) -> list[float]:
    told = [face["emotion"][name] for name in LABELS]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one <= 100.01 for one in told):
        raise BadInput(f"emotion {told}", where=where, expected="percentages from 0 to 100")
    total = math.fsum(told) / 100
    if abs(total - 1) > SUM_TOLERANCE:
        raise BadInput(
            f"percentages that sum to {100 * total:.6g}", where=where, expected="100",
            advice="Save them as DeepFace returns them: neither rounded nor divided.",
        )  # fmt: skip
    return [one / 100 / total for one in told]


def _confidence(face: dict[str, Any]) -> float:
    value = face.get("face_confidence")
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else math.nan
