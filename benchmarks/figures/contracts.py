"""Contracts of the whole recognizer as figures: how far answers move with chunks, batches and a second person."""

import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
import staged

from vemo_audit.probe.expression import perform
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.perception.tracks import FaceTracker
from vemo_audit.recognition.recognizers.temporal_multimodal import TemporalMultimodal

CHUNKS, BATCHES = (1, 7, 64, 10_000), (1, 16)
BAR = 1e-5


def figures() -> Iterator[dict]:
    """Largest difference of any number of one person's predictions, for chunk sizes 1, 7, 64, all and batch 1, 16."""
    recognizer, detector, time_s = TemporalMultimodal(), FaceDetector(), np.arange(50) / 25
    first, second = (
        staged.played(k, perform(label, duration_s=2.0, intensity=0.9, rng=np.random.default_rng(k)), time_s)
        for k, label in ((150, "happiness"), (155, "surprise"))
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = [
            staged.film(Path(folder) / f"{k}.mp4", staged.together(*people), time_s)
            for k, people in enumerate(((first, None), (first, second)))
        ]

        def answers(path: Path) -> np.ndarray:
            clip = staged.admitted(path, lambda: FaceTracker(detector))
            return staged.numbers(list(recognizer.recognize(clip)), "0")

        usual, moved = answers(paths[0]), []
        for chunk_frames, batch in product(CHUNKS, BATCHES):
            with staged.cut(chunk_frames=chunk_frames, batch=batch):
                moved.append([float(np.abs(answers(path) - usual).max()) for path in paths])
    for name, value in zip(("alone", "beside a second rendered person"), np.max(moved, axis=0), strict=True):
        yield {
            "name": f"chunks of 1, 7, 64, all and batches of 1, 16, {name}: largest change of any number",
            "value": float(value), "unit": "", "peer": "the same person alone, all in one", "peer_value": None,
            "bar": BAR, "held": bool(value <= BAR), "load": round(os.getloadavg()[0], 2),
        }  # fmt: skip
