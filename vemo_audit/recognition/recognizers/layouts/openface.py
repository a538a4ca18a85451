"""OpenFace 2 FeatureExtraction tables: action units only, intensities 0 to 5, one row for each face of a frame.

Columns. Source: OpenFace's wiki page "Output Format" and the header that its `RecorderCSV.cpp` writes ("frame, face_id,
timestamp, confidence, success", then gaze, eye landmarks, pose, landmarks, shape parameters, AUxx_r, AUxx_c). Names
and cells have blanks before them. Version 2.0 wrote no face_id.
"""

from pathlib import Path

import numpy as np

from vemo_audit.recognition.recognizers.layouts.rows import Header, Rows, cells_of, silent_where, whole
from vemo_audit.records import reasons

NAME = "openface"
INTENSITIES = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
PRESENT = (*INTENSITIES[:16], 28, 45)
MOST = 5.0
"""The highest intensity: E of FACS."""
HEADERS = (
    Header(
        ("frame", "timestamp", "confidence", "success", *(f"AU{n:02d}_r" for n in INTENSITIES),
         *(f"AU{n:02d}_c" for n in PRESENT)),
        r"face_id|gaze_[01]_[xyz]|gaze_angle_[xy]|eye_lmk_[xyXYZ]_\d+|pose_[TR][xyz]|[xyXYZ]_\d+"
        r"|p_(scale|rx|ry|rz|tx|ty|\d+)",
    ),
)  # fmt: skip
LIMITS = (
    "OpenFace reads action units and names no class.",
    "A face_id of OpenFace is taken as given: it follows a face, it does not know anybody.",
)


def read(path: Path) -> Rows:
    """The rows of a FeatureExtraction table, which speaks of the clip that the file is named after.

    Raises BadInput for a cell that is not what its column must hold.
    """
    cells = cells_of(path)
    lost = cells.numbers("success") != 1
    count = len(cells.rows)
    units = {f"au{n}": np.where(lost, np.nan, cells.shares(f"AU{n:02d}_r", full=MOST)) for n in INTENSITIES}
    frame = whole(cells.numbers("frame"), "frame", where=str(path))
    first = min(1, int(frame.min()))  # it counts from 1; a table that was cut and counted anew may begin at 0
    return Rows(
        source=str(path), labels=(), clip=(path.stem,) * count,
        person=tuple(cells.text("face_id")) if "face_id" in cells.names else ("",) * count,
        frame=frame - first, time_s=cells.numbers("timestamp"), probability=np.full((count, 0), np.nan),
        reason=silent_where(lost, reasons.OPENFACE_LOST), units=units,
        quality=cells.shares("confidence"), limits=LIMITS,
    )  # fmt: skip
