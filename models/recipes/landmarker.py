"""Runs the FaceLandmarker over FER+ training images and writes its 52 scores: the teacher of the action units.

It needs its own environment (`pip install mediapipe==0.10.21 "pyarrow<20" pillow`, numpy below 2), because the version
that runs it does not go with ours:

    python models/recipes/landmarker.py DIR/ferplus/train.parquet DIR/models/face_landmarker.task ferplus-units.parquet

The table has `image_id`, `face_found` and `bs_<unit>` per image, as the FairFace table has. Images without a found face
keep NaN. The scores are a model's estimates, not coded action units, and carry that model's own errors by group.
"""

import io
import sys
from pathlib import Path

import mediapipe
import numpy as np
import pyarrow
from mediapipe.tasks import python as tasks
from mediapipe.tasks.python import vision
from PIL import Image
from pyarrow import parquet

SIDE_PX, BORDER_PX = 192, 48
"""The task looks for faces in pictures of about 200 px; a border lets it find faces that fill the crop."""


def main(images: Path, task: Path, out: Path) -> None:
    """Reads `image_id` and `image` of a Parquet table and writes the scores beside the ids."""
    options = vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_buffer=task.read_bytes()), output_face_blendshapes=True, num_faces=1,
        min_face_detection_confidence=0.3,
    )  # fmt: skip
    table = parquet.read_table(images, columns=["image_id", "image"])
    ids, scores, names = table["image_id"].to_pylist(), [], []
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for row, raw in enumerate(table["image"].to_pylist()):
            grey = Image.open(io.BytesIO(raw)).convert("L").resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
            picture = np.pad(np.asarray(grey), BORDER_PX, mode="edge")
            rgb = np.ascontiguousarray(np.repeat(picture[:, :, None], 3, axis=2))
            found = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb))
            if found.face_blendshapes:
                names = [one.category_name for one in found.face_blendshapes[0]]
                scores.append([one.score for one in found.face_blendshapes[0]])
            else:
                scores.append([float("nan")] * 52)
            if row % 1000 == 999:
                sys.stderr.write(f"{row + 1} of {len(ids)}\n")
    values = np.asarray(scores, np.float32)
    columns = {"image_id": ids, "face_found": np.isfinite(values[:, 0])}
    columns |= {f"bs_{name}": values[:, k] for k, name in enumerate(names)}
    parquet.write_table(pyarrow.table(columns), out)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
