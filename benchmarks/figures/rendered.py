"""Five rendered people in one picture, each with a head that turns and drifts a little, and the true boxes."""

import cv2
import numpy as np

from vemo_audit.probe import rig as rigs
from vemo_audit.probe.cast import adult
from vemo_audit.probe.expression import perform
from vemo_audit.probe.figure import build
from vemo_audit.probe.render import best_path, render
from vemo_audit.probe.scene import Scene

SIDE_PX = 176
CORNERS = ((10, 20), (228, 10), (446, 24), (120, 178), (338, 182))


def five_people(count: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """`count` frames [N, 360, 640, 3] at 25/s and the five true face boxes of each."""
    rng = np.random.default_rng(5)
    wall = cv2.resize(rng.integers(90, 170, (9, 16, 3), dtype=np.uint8), (640, 360), interpolation=cv2.INTER_CUBIC)
    images = np.repeat(wall[None], count, axis=0)
    truth: list[list[np.ndarray]] = [[] for _ in range(count)]
    rig, times_s = rigs.load(), np.arange(count) / 25
    for k, (x, y) in enumerate(CORNERS):
        performance = perform(
            "happiness", duration_s=count / 25, intensity=0.6, rng=np.random.default_rng(k), fall=True
        )
        scene = Scene(width=SIDE_PX, height=SIDE_PX, background=(0.0, 1.0, 0.0), noise=0.5)
        shots = render(rig, build(rig, adult(k, seed=1)), performance=performance, scene=scene, times_s=times_s,
                       path=best_path(), seed=k)  # fmt: skip
        for frame, (image, told) in enumerate(shots):
            left, top = x + round(4 * np.sin(frame / 9 + k)), y
            red, green, blue = image.astype(int).transpose(2, 0, 1)
            shown = green - np.maximum(red, blue) < 60  # cut out of the green
            high = min(SIDE_PX, 360 - top)
            images[frame, top : top + high, left : left + SIDE_PX][shown[:high]] = image[:high][shown[:high]]
            truth[frame].append(np.array(told.face_box) + np.array([left, top, left, top]))
    noise = rng.normal(0, 1.2, (count, 360, 640, 1))
    return np.clip(images + noise + 0.5, 0, 255).astype(np.uint8), [np.array(rows, np.float32) for rows in truth]
