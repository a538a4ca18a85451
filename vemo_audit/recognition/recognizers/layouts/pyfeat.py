"""py-feat's Fex tables: emotions as shares, action units as presence scores, one row for each face of a frame.

Columns. Source: cosanlab/py-feat, `feat/utils/__init__.py` (FEAT_EMOTION_COLUMNS, FEAT_FACEBOX_COLUMNS,
FEAT_TIME_COLUMNS, FEAT_FACEPOSE_COLUMNS_6D, FEAT_IDENTITY_COLUMNS, openface_2d_landmark_columns), what
`Detector.detect` in `feat/detector.py` adds (input, frame, FrameHeight, FrameWidth, approx_time), its test table
`feat/tests/data/test_detect.csv`, and for the detector of version 2 `feat/multitask/__init__.py` (EMOTION_NAMES,
VA_COLUMNS_V2, MESH_COLUMNS_V2).
"""

from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.recognizers.layouts.rows import (
    MISSING,
    Cells,
    Header,
    Rows,
    cells_of,
    silent_where,
    stem,
    whole,
)
from vemo_audit.records import reasons

NAME = "pyfeat"
FIRST = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
SECOND = ("Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger")
MAPPING = MappingProxyType({
    **{name: name for name in FIRST}, "Neutral": "neutral", "Happy": "happiness", "Sad": "sadness",
    "Surprise": "surprise", "Fear": "fear", "Disgust": "disgust", "Anger": "anger", "Contempt": "contempt",
})  # fmt: skip
BOX = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore")
OTHERS = (
    r"|Unnamed: 0|[xyz]_\d+|AU\d\d|Pitch|Roll|Yaw|X|Y|Z|Identity(_\d+)?|approx_time|Frame(Height|Width)"
    r"|gaze_(pitch|yaw|angle)"
)
HEADERS = (
    Header((*BOX, *FIRST, "input", "frame"), OTHERS),
    Header((*BOX, *SECOND, "valence", "arousal", "input", "frame"), OTHERS + r"|Contempt|mesh_[xyz]_\d+"),
)
LIMITS = (
    "py-feat gives person ids by comparing faces within one run: they are taken as given and may mix people up.",
    "py-feat's action units are scores of presence, not intensities.",
)


def read(path: Path) -> Rows:
    """The rows of a Fex table. Raises BadInput for a cell that is not what its column must hold."""
    cells = cells_of(path)
    labels = FIRST if FIRST[0] in cells.names else (*SECOND, *(["Contempt"] if "Contempt" in cells.names else []))
    probability = np.stack([cells.shares(name) for name in labels], axis=1)
    affect = np.stack([cells.numbers(n) for n in ("valence", "arousal")], axis=1) if "valence" in cells.names else None
    count, gone = len(cells.rows), np.isnan(cells.numbers(BOX[0])) | np.isnan(probability).any(axis=1)
    probability[gone] = np.nan  # some of its models answer for an empty picture, too
    return Rows(
        source=str(path), labels=labels, clip=tuple(stem(name) for name in cells.text("input")),
        person=_persons(cells, gone), frame=whole(cells.numbers("frame"), "frame", where=str(path)),
        time_s=np.full(count, np.nan), probability=probability,
        reason=silent_where(gone, reasons.PYFEAT_NO_FACE),
        units={
            f"au{int(name[2:])}": cells.shares(name) for name in cells.names
            if name.startswith("AU") and name[2:].isdigit()
        },
        quality=cells.shares("FaceScore"), affect=affect, limits=LIMITS, mapping=MAPPING,
    )  # fmt: skip


def _persons(cells: Cells, gone: NDArray[np.bool_]) -> tuple[str, ...]:
    if "Identity" not in cells.names:
        return ("",) * len(cells.rows)
    names = cells.text("Identity")
    return tuple("" if name in MISSING or gone[k] else name for k, name in enumerate(names))
