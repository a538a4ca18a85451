"""LibreFace tables: one expression word a frame, action units detected (0 or 1) and rated (0 to 5).

Columns. Source: ihp-lab/LibreFace, README_pypi.rst, "Output Format" (lm_mp_idx_x, pitch, yaw, roll, facial_expression
and its eight words, au_idx, au_idx_intensity with their numbers, frame_idx, frame_time_in_ms), and the paths that
`libreface/__init__.py` and `libreface/utils.py` join (path_to_frame, aligned_frame_path, input_image_path, ...).
"""

from pathlib import Path
from types import MappingProxyType

import numpy as np

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.layouts.rows import MISSING, Header, Rows, cells_of, silent_where, stem, whole
from vemo_audit.records import reasons

NAME = "libreface"
LABELS = ("Neutral", "Happiness", "Sadness", "Surprise", "Fear", "Disgust", "Anger", "Contempt")
MAPPING = MappingProxyType({name: name.lower() for name in LABELS})
DETECTED = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
RATED = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
MOST = 5.0
AUS = (*(f"au_{n}" for n in DETECTED), *(f"au_{n}_intensity" for n in RATED))
OTHERS = r"|Unnamed: 0|pitch|yaw|roll|gaze_(pitch|yaw)|lm_mp_\d+_[xyz]"
HEADERS = (
    Header(("frame_idx", "frame_time_in_ms", "facial_expression", *AUS), OTHERS + "|path_to_frame|aligned_frame_path"),
    Header(("facial_expression", *AUS), OTHERS + "|input_image_path|aligned_image_path"),
)
LIMITS = (
    "LibreFace names one expression a frame, without a probability: its calibration says how often frames agree.",
    "LibreFace reads one face in a frame and gives no person.",
    "AU7, 10, 14, 23 and 24 of LibreFace are only present or absent; the others are intensities.",
)


def read(path: Path) -> Rows:
    """The rows of a LibreFace table. Without a path in it, it speaks of the clip that the file is named after.

    Raises BadInput for a cell that is not what its column must hold, and for an expression that LibreFace has not.
    """
    cells = cells_of(path)
    count, video = len(cells.rows), "frame_idx" in cells.names
    words = cells.text("facial_expression")
    probability = np.zeros((count, len(LABELS)))
    for k, word in enumerate(words):
        if word in LABELS:
            probability[k, LABELS.index(word)] = 1
        elif word in MISSING:
            probability[k] = np.nan
        else:
            place = f"{path}, row {k + 1}, column 'facial_expression'"
            raise BadInput(f"'{word[:40]}'", where=place, expected=f"one of {', '.join(LABELS)}")
    units = {f"au{n}": cells.shares(f"au_{n}") for n in DETECTED}
    units |= {f"au{n}": cells.shares(f"au_{n}_intensity", full=MOST) for n in RATED}
    image = "input_image_path"
    return Rows(
        source=str(path), labels=LABELS,
        clip=tuple(map(stem, cells.text(image))) if image in cells.names else (path.stem,) * count,
        person=("",) * count,
        frame=whole(cells.numbers("frame_idx"), "frame_idx", where=str(path)) if video else np.zeros(count, np.int64),
        time_s=cells.numbers("frame_time_in_ms") / 1000 if video else np.zeros(count), probability=probability,
        reason=silent_where(np.isnan(probability).any(axis=1), reasons.LIBREFACE_UNNAMED),
        units=units, quality=np.full(count, np.nan), limits=LIMITS, mapping=MAPPING,
    )  # fmt: skip
