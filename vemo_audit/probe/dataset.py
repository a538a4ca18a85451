"""Rendered people as a dataset: plays a cast into clips with truth, and reads such a folder back."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.probe import rig as rigs
from vemo_audit.probe import truth as tables
from vemo_audit.probe.cast import TRAITS, Player
from vemo_audit.probe.expression import Performance, perform
from vemo_audit.probe.figure import build
from vemo_audit.probe.render import FrameTruth, best_path, render
from vemo_audit.probe.scene import Scene
from vemo_audit.records.card import DatasetCard, TraitCard
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import DatasetClip, Truth

NAME = "probe"
LIMITS = (
    "Rendered faces are not people: skin is albedo times light, without pores, veins, sweat, make-up, beard or scars.",
    "Three morphs are an asset's notion of ancestry, not populations.",
    "Expressions are textbook poses by a convention, not felt or spontaneous.",
    "The renderer was tuned by eye while the shipped recognizer was watched on it: its figures here are not held out.",
    "The shipped temporal expert, and the units AU6 and AU9, were learned from other people of this same renderer.",
    "A difference here is a lead for a test with consenting people; no difference here is no proof of fairness.",
)
BACKGROUNDS = ((0.62, 0.66, 0.70), (0.70, 0.67, 0.62), (0.55, 0.60, 0.56), (0.72, 0.72, 0.72))


@dataclass(frozen=True, slots=True)
class Shoot:
    """How clips are played. Each player plays every class `takes` times."""

    seed: int = 0
    classes: tuple[str, ...] = EKMAN.names
    takes: int = 1
    duration_s: float = 1.2
    rate_hz: float = 12.5
    intensity: tuple[float, float] = (0.7, 1.0)  # drawn evenly between
    side_px: int = 160
    fall: str = "none"  # 'full': the expression ends within the clip
    path: str = ""  # of the renderer; '' is the fastest that is installed

    def __post_init__(self) -> None:
        if not self.classes or self.takes < 1 or self.duration_s <= 0 or self.rate_hz <= 0:
            raise BadInput("a shoot without clips", expected="a class, a take, a duration and a rate above 0")

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Presentation times [T] of the frames of every clip."""
        return np.arange(max(1, round(self.duration_s * self.rate_hz))) / self.rate_hz


@dataclass(frozen=True, slots=True, eq=False)
class RenderedClip:
    """One clip that has not been rendered yet: `frames` renders while it is read, once."""

    truth: tables.ClipTruth
    performance: Performance
    frames: Iterator[tuple[NDArray[np.uint8], FrameTruth]]

    @property
    def name(self) -> str:
        return self.truth.clip


def shoot(players: Iterable[Player], settings: Shoot) -> Iterator[RenderedClip]:
    """The clips of a cast, by player, class and take. Every clip depends on its own seed only, not on its place."""
    rig = rigs.load()
    path = settings.path or best_path()
    for player in players:
        figure = build(rig, player.identity)
        for label in settings.classes:
            for take in range(settings.takes):
                name = f"{player.subject}-{label}" + (f"-{take + 1}" if settings.takes > 1 else "")
                seed = clip_seed(settings.seed, name)
                rng = np.random.default_rng([seed, 1])
                performance = perform(
                    label, duration_s=settings.duration_s, intensity=float(rng.uniform(*settings.intensity)),
                    rng=rng, fall=settings.fall,
                )  # fmt: skip
                scene = drawn_scene(settings.side_px, rng)
                truth = tables.clip_truth(
                    name, player.subject, performance=performance, identity=player.identity, traits=player.traits,
                    file=f"{name}.mp4", frames=len(settings.times_s), rate_hz=settings.rate_hz, width=scene.width,
                    height=scene.height, scene_digest=scene.digest, rig_digest=rig.digest, render_path=path, seed=seed,
                )  # fmt: skip
                frames = render(
                    rig, figure, performance=performance, scene=scene, times_s=settings.times_s, path=path, seed=seed
                )
                yield RenderedClip(truth, performance, frames)


def clip_seed(seed: int, name: str) -> int:
    """A seed of 32 bits that depends on the shoot's seed and the clip's name."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:4], "big")


def drawn_scene(side_px: int, rng: np.random.Generator) -> Scene:
    """A portrait with some variety of light and background, the same for every kind of person."""
    return Scene(
        width=side_px, height=side_px, key=float(rng.uniform(0.58, 0.74)),
        key_azimuth_deg=float(rng.choice([-1, 1]) * rng.uniform(12, 38)), key_height_deg=float(rng.uniform(22, 42)),
        background=BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))],
    )  # fmt: skip


class Probe:
    """A folder of rendered clips with their truth, as a dataset plug-in. It has no option."""

    label_set = EKMAN

    def __init__(self, path: Path) -> None:
        self._folder = path
        self._clips = tables.read_clips(path)
        self.card = DatasetCard(
            name=NAME, version="1", kind="rendered", source="rendered on this machine from the CC0 head rig",
            licence="CC0-1.0 (rig)", consent_basis="no human subject: nobody is depicted", label_basis="rendered truth",
            language="none", traits=tuple(TraitCard(name, basis) for name, basis in TRAITS.items()), limits=LIMITS,
            digest=hashlib.sha256((path / tables.CLIPS).read_bytes()).hexdigest(),
        )  # fmt: skip

    def clips(self) -> Iterable[DatasetClip]:
        """The clips, in the order in which they were rendered. Raises BadInput when a file is gone."""
        for clip in self._clips:
            file = self._folder / clip.file
            if not file.is_file():
                raise BadInput("a rendered clip is gone", where=str(file), advice="Render the probe again.")
            yield DatasetClip(clip.clip, file, clip.subject)

    def labels(self) -> Iterable[Truth]:
        """The performed class of each clip."""
        for clip in self._clips:
            yield Truth(clip.clip, clip.label, clip.subject)

    def traits(self) -> Iterable[SubjectTraits]:
        """Rendered traits, one row for each subject."""
        seen: dict[str, SubjectTraits] = {}
        for clip in self._clips:
            values = {name: getattr(clip, name) for name in TRAITS}
            seen.setdefault(clip.subject, SubjectTraits(NAME, clip.subject, values))
        return tuple(seen.values())
