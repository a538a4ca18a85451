"""Raw frames of test clips. The product has no such thing: there every frame passes a guard."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vemo_audit.probe import rig as rigs
from vemo_audit.probe.cast import adult
from vemo_audit.probe.expression import perform
from vemo_audit.probe.figure import build
from vemo_audit.probe.render import best_path, render
from vemo_audit.probe.scene import Scene


@dataclass(frozen=True)
class Head:
    """A rendered person, cut out: pixels, where they are, and the tight box of the face."""

    image: np.ndarray  # [S, S, 3]
    shown: np.ndarray  # [S, S] bool
    face_box: np.ndarray  # [4]

    def on(self, canvas: np.ndarray, x: int, y: int) -> np.ndarray:
        """Draws the head with its corner at x, y, in place. Its face box [4] there."""
        high, wide = self.shown.shape
        top, left = max(0, -y), max(0, -x)
        bottom, right = min(high, canvas.shape[0] - y), min(wide, canvas.shape[1] - x)
        if bottom > top and right > left:
            of = (slice(top, bottom), slice(left, right))
            there = canvas[y + top : y + bottom, x + left : x + right]
            there[self.shown[of]] = self.image[of][self.shown[of]]
        return self.face_box + np.array([x, y, x, y])


@pytest.fixture(scope="session")
def heads() -> list[Head]:
    """Three rendered people of about 100 px before a green screen that is cut away."""
    rig, result = rigs.load(), []
    for k in range(3):
        performance = perform("neutral", duration_s=1.0, intensity=0.5, rng=np.random.default_rng(k), fall=False)
        scene = Scene(width=144, height=144, background=(0.0, 1.0, 0.0), noise=0.5)
        figure = build(rig, adult(k + 1, seed=0))
        ((image, truth),) = render(
            rig, figure, performance=performance, scene=scene, times_s=np.zeros(1), path=best_path(), seed=k
        )
        red, green, blue = image.astype(int).transpose(2, 0, 1)
        shown = green - np.maximum(red, blue) < 60
        result.append(Head(image, shown, np.array(truth.face_box)))
    return result


@pytest.fixture(scope="session")
def room() -> np.ndarray:
    """An empty wall [270, 480, 3] with soft structure."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(90, 170, (9, 16, 3), dtype=np.uint8)
    return cv2.resize(coarse, (480, 270), interpolation=cv2.INTER_CUBIC)


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
