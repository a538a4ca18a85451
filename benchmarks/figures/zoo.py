"""The zoo's order on real faces: accuracy of each checkpoint on FER+ validation faces with a clear winner."""

import importlib.util
from collections.abc import Iterator
from os import getloadavg
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[3] / "shared" / "data"
FACES = 500
CLEAR_VOTES = 7
"""Of ten: on whose class so many agreed."""


def figures() -> Iterator[dict[str, Any]]:
    """One line for each checkpoint, the accuracy that its authors state as the peer's; then the rank correlation."""
    name = "zoo: accuracy on FER+ validation faces"
    if importlib.util.find_spec("h5py") is None or not (ROOT / "models" / "zoo").is_dir():
        yield line(f"{name}: not measured, as h5py or the shared data is absent", None)
        return
    import cv2
    from scipy.stats import spearmanr

    from vemo_audit.datasets import ferplus
    from vemo_audit.recognition.recognizers.mini_xception import MiniXceptionZoo

    seven = ferplus.seven_classes(ferplus.load(ROOT / "ferplus", "valid"))
    clear = seven.where(seven.votes[:, :7].max(axis=1) >= CLEAR_VOTES)
    faces = clear.where(np.sort(np.random.default_rng(0).permutation(len(clear))[:FACES]))
    crops = np.stack([cv2.resize(image, (64, 64)) for image in faces.images])
    told: list[tuple[float, float]] = []
    for path in sorted((ROOT / "models" / "zoo").glob("*.hdf5")):
        recognizer = MiniXceptionZoo(path)
        right = recognizer.probabilities(crops).argmax(axis=1) == faces.majority
        stated = float(recognizer.card.version.partition("-")[2])
        told.append((stated, float(right.mean())))
        yield line(f"{name}: {recognizer.card.version}", told[-1][1], peer="stated by its authors", peer_value=stated)
    rho = float(spearmanr(*zip(*told, strict=True)).statistic)
    yield line("zoo: rank correlation of stated and measured accuracy", rho)


def line(name: str, value: float | None, **more: Any) -> dict[str, Any]:
    """A figure in the form of all benchmarks."""
    blank = {"unit": "share", "peer": "", "peer_value": None, "bar": None, "held": None}
    rounded = None if value is None else round(value, 3)
    return {"name": name, "value": rounded, **blank, **more, "load": round(getloadavg()[0], 2)}
