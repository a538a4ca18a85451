"""Single rendered faces with action units drawn at random: what the unit head learns AU6 and AU9 from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.probe import rig as rigs
from vemo_audit.probe.cast import adult
from vemo_audit.probe.dataset import drawn_scene
from vemo_audit.probe.expression import AUS, TABLE, au_estimates, sided
from vemo_audit.probe.figure import build
from vemo_audit.probe.render import best_path, render

HEAD_SD_DEG = (14.0, 8.0, 6.0)
"""Yaw, pitch and roll of the heads: wider than in a performance."""
CLASS_SHARE = 0.45
"""Faces that show the units of a class; all may show up to three single units more."""
DIM_SHARE = 0.5
"""People who are lit more or less than a portrait is."""


@dataclass(frozen=True, slots=True)
class FacesSettings:
    """How many faces of how many people; the last people are meant to be held out."""

    identities: int = 160
    frames: int = 28  # of each
    side_px: int = 176
    seed: int = 55  # of units, heads and light
    cast_seed: int = 4321

    def __post_init__(self) -> None:
        if min(self.identities, self.frames) < 1:
            raise BadInput(f"{self.frames} faces of {self.identities} people", expected="1 or more of each")


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One frame after another without motion between them: any units, any turn of the head."""

    drawn: NDArray[np.float64]  # [T, 52]
    turned_deg: NDArray[np.float64]  # [T, 3]

    def weights(self, time_s: NDArray[np.float64], unit_names: tuple[str, ...]) -> NDArray[np.float64]:
        """See `expression.Performance.weights`."""
        return self.drawn

    def head_deg(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `expression.Performance.head_deg`."""
        return self.turned_deg


def faces(settings: FacesSettings) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.float32]]]:
    """One person after another: number, pictures `[T, H, W, 3]` RGB and units `[T, 20]` in 0-1."""
    rig, path = rigs.load(), best_path()
    for number in range(settings.identities):
        rng = np.random.default_rng([settings.seed, number])
        weights = np.stack([drawn_units(rng, rig.unit_names) for _ in range(settings.frames)])
        still = Still(weights, rng.normal(0, 1, (settings.frames, 3)) * np.array(HEAD_SD_DEG))
        scene = drawn_scene(settings.side_px, rng)
        if rng.random() < DIM_SHARE:
            scene = replace(scene, key=float(rng.uniform(0.35, 0.9)))
        figure = build(rig, adult(number, seed=settings.cast_seed))
        times_s = np.arange(settings.frames) / 25
        frames = render(rig, figure, performance=still, scene=scene, times_s=times_s, path=path, seed=number)
        yield number, np.stack([image for image, _ in frames]), au_estimates(weights, rig.unit_names).astype(np.float32)


def drawn_units(rng: np.random.Generator, unit_names: tuple[str, ...]) -> NDArray[np.float64]:
    """Weights `[52]` of one face."""
    weights = np.zeros(len(unit_names))
    single = tuple(dict.fromkeys(name for names in AUS.values() for name in names))
    if rng.random() < CLASS_SHARE:
        level = rng.uniform(0.2, 1)
        for name, weight in TABLE[str(rng.choice(list(TABLE)))].items():
            for column, _ in sided(name, unit_names):
                weights[column] = max(weights[column], weight * level)
    for name in rng.choice(single, rng.integers(0, 4), replace=False):
        level, lean = rng.uniform(0.1, 1), rng.normal(0, 0.1)
        for column, side in sided(str(name), unit_names):
            weights[column] = max(weights[column], level * (1 + side * lean))
    return np.clip(weights, 0, 1)
