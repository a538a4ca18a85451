"""Events through rendered pixels: planted movements of single units, rendered, found, encoded and followed."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
from oracles.planted_units import apex_errors_s, interval_f1, performance

from vemo_audit.probe import rig as rigs
from vemo_audit.probe.cast import adult
from vemo_audit.probe.dataset import drawn_scene
from vemo_audit.probe.expression import AUS, sided
from vemo_audit.probe.faces import FacesSettings, Still
from vemo_audit.probe.figure import build
from vemo_audit.probe.render import best_path, render
from vemo_audit.recognition.dynamics.events import events
from vemo_audit.recognition.perception.align import align, to_grey
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.perception.tracks import FaceTracker
from vemo_audit.recognition.recognizers.experts import load_face
from vemo_audit.records.units import UNITS

PLANTED = (1, 4, 9, 10, 12, 26, 43)
"""Units that the rig moves by itself and that can be told apart in a picture of 160 px."""
PEOPLE = (150, 155)
"""Numbers of rendered people that nothing was learned from."""
RATE_HZ = 25
MOVEMENTS = 6


def figures() -> Iterator[dict]:
    """Pooled interval F1 and apex error, then each unit on its own."""
    f1: dict[int, list[float]] = {unit: [] for unit in PLANTED}
    apex: list[NDArray[np.float64]] = []
    for unit in PLANTED:
        for person in PEOPLE:
            truth, found = performed(unit, person)
            f1[unit].append(interval_f1(truth, found))
            apex += [apex_errors_s(truth, found, held=held) * RATE_HZ for held in (False, True)]
    pooled = float(np.mean([value for values in f1.values() for value in values]))
    name = f"unit events through rendered pixels, {RATE_HZ} frames/s"
    yield line(f"{name}: interval F1 at IoU .5", pooled, "share", "at least .85", held=pooled >= 0.85)
    errors = np.concatenate(apex)
    middle = float(np.median(errors)) if len(errors) else float("nan")
    yield line(f"{name}: apex error, median", middle, "frames", "at most 2", held=middle <= 2)
    for unit, values in f1.items():
        yield line(f"{name}: interval F1, AU{unit}", float(np.mean(values)), "share", "", held=None)


def performed(unit: int, person: int) -> tuple[list, list]:
    """The planted movements of one unit of one person, and the events that were found for it."""
    rng = np.random.default_rng([unit, person])
    truth = performance(rng, count=MOVEMENTS)
    time_s = np.arange(0, truth[-1].offset_s + 2, 1 / RATE_HZ)
    level = np.max([one.level(time_s) for one in truth], axis=0)
    estimates = seen(unit, person, level, time_s, rng=rng)
    place = UNITS.index(f"au{unit}")
    return truth, list(events(time_s, estimates[:, place : place + 1], kinds=(f"au{unit}",)))


def seen(
    unit: int, person: int, level: NDArray[np.float64], time_s: NDArray[np.float64], *, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Estimates `[T, 20]` of a rendered person who moves one unit; NaN where no face is found."""
    rig, face = rigs.load(), load_face("face-ferplus")
    weights = np.zeros((len(time_s), len(rig.unit_names)))
    for column, _ in sided(AUS[unit][-1], rig.unit_names):
        weights[:, column] = level
    turned = np.cumsum(rng.normal(0, 0.15, (len(time_s), 3)), axis=0).clip(-6, 6)
    figure = build(rig, adult(person, seed=FacesSettings().cast_seed))
    frames = render(
        rig, figure, performance=Still(weights, turned), scene=drawn_scene(176, rng), times_s=time_s,
        path=best_path(), seed=person,
    )  # fmt: skip
    images = np.stack([image for image, _ in frames])
    tracked = FaceTracker(FaceDetector()).find(images, time_s)
    rows = [k for k, faces in enumerate(tracked) if faces and faces[0].score >= 0.5]
    crops = np.stack([to_grey(align(images[k], tracked[k][0].points, size_px=face.size_px))[None] for k in rows])
    estimates = np.full((len(time_s), len(UNITS)), np.nan)
    estimates[rows] = np.concatenate([face.encode(crops[k : k + 64])[1] for k in range(0, len(crops), 64)])
    return estimates


def line(name: str, value: float, unit: str, bar: str, *, held: bool | None) -> dict:
    """A figure in the form that every benchmark here has; the peer is the planted truth."""
    return {
        "name": name, "value": round(value, 4), "unit": unit, "peer": "planted truth", "peer_value": None, "bar": bar,
        "held": held, "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip
