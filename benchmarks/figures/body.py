"""Times the body room: milliseconds a frame of flow, head pose and all of it, and the error of planted speeds."""

import os
import time
from collections.abc import Callable, Iterator
from statistics import median

import cv2
import numpy as np

from vemo_audit.recognition.dynamics.gestures import head_gestures
from vemo_audit.recognition.perception.body import BodyReader
from vemo_audit.recognition.perception.body_motion import BodyMotion
from vemo_audit.recognition.perception.pose import HEAD, head_pose
from vemo_audit.records.clip import FoundFace, GuardedFrame

RATE_HZ = 25.0
BOX = (280.0, 60.0, 360.0, 160.0)
POINTS = (HEAD[:, :2] * [40.0, -40.0] + [320.0, 100.0]).astype(np.float32)
REPEATS = 5


def frames(count: int) -> list[GuardedFrame]:
    """640x360 pictures of a body that moves 60 px/s to the right under a face, before a background at rest."""
    rng = np.random.default_rng(1)
    plates = [cv2.GaussianBlur(rng.uniform(0, 255, (360, 800)).astype(np.float32), (0, 0), 4) for _ in range(2)]
    behind, body = ((p - p.min()) / (p.max() - p.min()) * 255 for p in plates)
    found = []
    for k in range(count):
        picture = behind[:, :640].copy()
        x = round(60 * (k / RATE_HZ % 1.0))
        picture[170:, 190 + x : 450 + x] = body[170:, :260]
        image = np.repeat(picture.astype(np.uint8)[..., None], 3, axis=2)
        found.append(GuardedFrame(k, k / RATE_HZ, image, (FoundFace(0, BOX, POINTS, 0.99),), ()))
    return found


def ms(work: Callable[[], object], count: int) -> tuple[float, float]:
    """Best and median milliseconds for one of `count`, over a few repeats."""
    spent = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        spent.append((time.perf_counter() - start) / count * 1e3)
    return min(spent), median(spent)


def figures() -> Iterator[dict[str, object]]:
    """One line a figure; there is no peer that does the same without a model."""
    pictures = frames(50)
    rng = np.random.default_rng(2)
    angle = rng.normal(0, 1, (1500, 3))
    points = POINTS[None] + rng.normal(0, 1, (200, 5, 2))

    def motion() -> list[float]:
        reader = BodyMotion()
        samples = [reader.step(f.image, {"0": BOX}, time_s=f.time_s) for f in pictures]
        return [sample["0"].trunk_x for sample in samples if sample]

    def everything() -> None:
        reader = BodyReader()
        for one in pictures:
            reader.step(one)

    for name, work, count in (
        ("body motion, one person, 25 frames/s, per frame", motion, len(pictures)),
        ("head pose, per face", lambda: head_pose(points, (640, 360)), len(points)),
        ("head gestures, per frame at 25 frames/s", lambda: head_gestures(np.arange(1500) / RATE_HZ, angle), 1500),
        ("whole body, one person, 25 frames/s, per frame", everything, len(pictures)),
    ):
        best, middle = ms(work, count)
        yield line(name, best, "ms") | {"median": round(middle, 4)}
    speeds = [speed for speed in motion() if speed > 0]  # without the jumps back
    yield line("planted trunk speed, relative error", abs(median(speeds) / 0.75 - 1), "share", bar=0.15)


def line(name: str, value: float, unit: str, bar: float | None = None) -> dict[str, object]:
    """A figure without a peer."""
    return {
        "name": name, "value": round(value, 4), "unit": unit, "peer": None, "peer_value": None, "bar": bar,
        "held": None if bar is None else value <= bar, "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip
