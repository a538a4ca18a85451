"""Raw frames of test clips. The product has no such thing: there every frame passes a guard."""

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def raw_frames() -> Callable[[Path], tuple[np.ndarray, np.ndarray]]:
    """RGB frames [N, H, W, 3] and their times [N] of a file, read once."""
    seen: dict[Path, tuple[np.ndarray, np.ndarray]] = {}

    def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
        if path not in seen:
            if path.suffix == ".jpg":
                image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
                seen[path] = image[None], np.zeros(1)
            else:
                with av.open(str(path)) as container:
                    frames = [(f.to_ndarray(format="rgb24"), float(f.time)) for f in container.decode(video=0)]
                seen[path] = np.stack([f for f, _ in frames]), np.array([t for _, t in frames])
        return seen[path]

    return read
