"""Tiny files in the layouts of other tools, written as those tools write them, and made-up Keras weights."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
PYFEAT_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
RATED = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
DEEPFACE = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
HAPPY = (0.05, 0.0, 0.05, 0.7, 0.0, 0.1, 0.1)
SAD = (0.1, 0.0, 0.1, 0.0, 0.7, 0.0, 0.1)


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], *, blank: str = "") -> Path:
    """A CSV file; `blank` stands before each name and cell but the first, as OpenFace has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        for row in [header, *rows]:
            if blank:
                file.write(f",{blank}".join(str(cell) for cell in row) + "\n")
            else:
                csv.writer(file).writerow(row)
    return path


def pyfeat(
    path: Path, faces: Sequence[tuple[str, int, str, Sequence[float] | None]], *, identity: bool = True,
    more: Sequence[str] = (),
) -> Path:  # fmt: skip
    """A Fex table of (input, frame, identity, emotions); no emotions is a frame without a face."""
    box = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    aus = [f"AU{n:02d}" for n in PYFEAT_AUS]
    header = ["frame", *box, "x_0", "y_0", "Pitch", "Roll", "Yaw", *aus, *EMOTIONS, "input"]
    header += (["Identity"] if identity else []) + list(more)
    rows = []
    for name, frame, who, shares in faces:
        cells = (
            [*(10,) * 4, 0.9, 1, 2, 0, 0, 0, *(0.5,) * len(aus), *shares]
            if shares
            else [""] * (len(header) - 2 - identity - len(more))
        )
        rows.append([float(frame), *cells, name, *([who] if identity else []), *["1"] * len(more)])
    return write(path, header, rows)


def openface(path: Path, frames: Sequence[tuple[float, int, dict[int, float]]], *, face_id: bool = True) -> Path:
    """A FeatureExtraction table of (timestamp, success, AU intensities of 0 to 5)."""
    header = ["frame", *(["face_id"] if face_id else []), "timestamp", "confidence", "success", "pose_Tx", "gaze_0_x"]
    header += [f"AU{n:02d}_r" for n in RATED] + [f"AU{n:02d}_c" for n in (*RATED[:16], 28, 45)]
    rows = [
        [
            k + 1,
            *([0] if face_id else []),
            time_s,
            0.98,
            success,
            1.5,
            0.1,
            *(units.get(n, 0) for n in RATED),
            *(0,) * 18,
        ]
        for k, (time_s, success, units) in enumerate(frames)
    ]
    return write(path, header, rows, blank=" ")


def libreface(path: Path, frames: Sequence[tuple[float, str]], *, more: Sequence[str] = ()) -> Path:
    """A LibreFace video table of (milliseconds, expression); AU12 is rated 2.5, AU7 is detected."""
    detected, rated = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24), (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
    header = ["", "frame_idx", "frame_time_in_ms", "pitch", "yaw", "roll", "lm_mp_0_x"]
    header += [f"au_{n}" for n in detected] + [f"au_{n}_intensity" for n in rated] + ["facial_expression", *more]
    rows = [
        [
            k,
            k,
            ms,
            0,
            0,
            0,
            0.5,
            *(int(n == 7) for n in detected),
            *(2.5 if n == 12 else 0 for n in rated),
            word,
            *["1"] * len(more),
        ]
        for k, (ms, word) in enumerate(frames)
    ]
    return write(path, header, rows)


def deepface(path: Path, frames: Sequence[Sequence[Sequence[float]]], *, confidence: float = 0.9) -> Path:
    """DeepFace.analyze on a list of frames, each a list of faces with their shares."""
    told = [
        [
            {"emotion": {n: 100 * s for n, s in zip(DEEPFACE, shares, strict=True)}, "dominant_emotion": "happy",
             "region": {"x": 1, "y": 2, "w": 3, "h": 4}, "face_confidence": confidence}
            for shares in faces
        ]
        for faces in frames
    ]  # fmt: skip
    path.write_text(json.dumps(told))
    return path


def keras_file(path: Path, *, seed: int = 0, side_px: int = 64) -> Path:
    """Made-up mini-XCEPTION weights as Keras 2 stores them."""
    import h5py

    from vemo_audit.recognition.network.keras_file import NORM
    from vemo_audit.recognition.network.mini_xception import MiniXception, layer_names

    rng, state = np.random.default_rng(seed), MiniXception().state_dict()
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        config = {"config": {"layers": [{"config": {"batch_input_shape": [None, side_px, side_px, 1]}}]}}
        file.attrs["model_config"] = json.dumps(config).encode()
        for ours, layer in layer_names().items():
            group = file.create_group(f"model_weights/{layer}/{layer}_1")
            if "norm" in ours:
                for mine, part in NORM.items():
                    size = state[f"{ours}.{mine}"].shape
                    group[f"{part}:0"] = rng.uniform(0.5, 1.5, size).astype(np.float32)
            elif layer.startswith("separable"):
                outside, inside = state[f"{ours}.pointwise.weight"].shape[:2]
                group["depthwise_kernel:0"] = rng.normal(0, 0.3, (3, 3, inside, 1)).astype(np.float32)
                group["pointwise_kernel:0"] = rng.normal(0, 0.3, (1, 1, inside, outside)).astype(np.float32)
            else:
                outside, inside, high, wide = state[f"{ours}.weight"].shape
                group["kernel:0"] = rng.normal(0, 0.3, (high, wide, inside, outside)).astype(np.float32)
                if ours == "head":
                    group["bias:0"] = rng.normal(0, 0.3, outside).astype(np.float32)
    return path
