"""Plays rendered people before our own front end: the sequences that temporal modules learn from."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vemo_audit.probe import rig as rigs
from vemo_audit.probe.cast import Player, cast
from vemo_audit.probe.dataset import clip_seed, drawn_scene
from vemo_audit.probe.expression import Performance, au_estimates, perform, sided
from vemo_audit.probe.figure import Figure, build
from vemo_audit.probe.identity import exact
from vemo_audit.probe.render import best_path, render
from vemo_audit.probe.rig import Rig
from vemo_audit.recognition.perception import align
from vemo_audit.recognition.perception.faces import DetectorSettings, FaceDetector
from vemo_audit.recognition.perception.tracks import BRIDGED_BELOW, FaceTracker
from vemo_audit.recognition.training.sequences import Performed
from vemo_audit.records.digest import digest
from vemo_audit.records.labels import EKMAN


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Who plays what before the camera. Rates and durations are drawn, so that no frame rate is learned by heart."""

    identities: int = 60
    seed: int = 20261123
    frames: int = 48  # of each clip
    rates_hz: tuple[float, ...] = (10.0, 12.5, 15.0, 25.0)
    least_intensity: float = 0.3
    side_px: int = 160
    crop_px: int = 48
    talk_share: float = 0.35  # of the clips in which the mouth also moves as in speech
    blend_share: float = 0.5  # of the clips that mix in a second class, at most 0.4 as strong
    head_gain: tuple[float, float] = (0.5, 3.0)  # times the renderer's usual head motion

    @property
    def digest(self) -> str:
        """SHA-256 over every field."""
        return digest({name: exact(value) for name, value in asdict(self).items()})


@dataclass(frozen=True, slots=True)
class Play:
    """A performance with a weaker second class, speech and more or less head motion; the renderer takes it as one."""

    main: Performance
    second: Performance
    talk: float  # opening of the mouth at the loudest syllable; 0 is silence
    syllables_hz: float
    head_gain: float

    def weights(self, time_s: NDArray[np.float64], unit_names: tuple[str, ...]) -> NDArray[np.float64]:
        """Weights `[T, 52]` in 0-1: the stronger of the two, and the mouth as it speaks."""
        weights = np.maximum(self.main.weights(time_s, unit_names), self.second.weights(time_s, unit_names))
        phrase = np.sin(2 * np.pi * 0.4 * time_s + self.main.seed % 7) > -0.4
        beat = self.talk * phrase * np.sin(np.pi * self.syllables_hz * time_s) ** 2
        for name, share in (("jawOpen", 1.0), ("mouthLowerDown", 0.5), ("mouthFunnel", 0.3)):
            for column, _ in sided(name, unit_names):
                weights[:, column] = np.maximum(weights[:, column], share * beat)
        return weights

    def head_deg(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Yaw, pitch and roll `[T, 3]` in degrees; drawn without regard to the class."""
        return self.head_gain * self.main.head_deg(time_s)

    def strength(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Strength `[T]` of the main class in 0-1; 0 throughout when it is neutral."""
        return self.main.level(time_s) * self.main.intensity


def rehearse(
    settings: Rehearsal, *, listener: Callable[[int, int], None] = lambda done, clips: None
) -> Iterator[Performed]:
    """Every identity in every class once, found and aligned as at inference. About 10-20 ms a frame and core."""
    rig, detector = rigs.load(), FaceDetector(settings=DetectorSettings(min_face_px=60.0))
    players = cast(adults=settings.identities, minors=0, seed=settings.seed)
    done = 0
    for player in players:
        figure = build(rig, player.identity)
        for label in EKMAN.names:
            yield play(rig, figure, player=player, label=label, settings=settings, detector=detector)
            done += 1
            listener(done, len(players) * len(EKMAN))


def play(
    rig: Rig, figure: Figure, *, player: Player, label: str, settings: Rehearsal, detector: FaceDetector
) -> Performed:
    """One clip. It depends on the seed, the player and the class alone."""
    seed = clip_seed(settings.seed, f"{player.subject}-{label}")
    rng = np.random.default_rng([seed, 3])
    times = drawn_times(settings, rng)
    drawn = drawn_play(label, float(times[-1]) + 0.1, settings=settings, rng=rng)
    scene = drawn_scene(settings.side_px, rng)
    shown = list(
        render(rig, figure, performance=drawn, scene=scene, times_s=times, path=best_path(), seed=seed)  # type: ignore[arg-type]
    )
    crops, mask = seen(np.stack([image for image, _ in shown]), times, detector=detector, size_px=settings.crop_px)
    units = au_estimates(np.stack([truth.weights for _, truth in shown]), rig.unit_names)
    return Performed(
        crops, mask, times, drawn.strength(times).astype(np.float32), units.astype(np.float32),
        drawn.head_deg(times).astype(np.float32), label, player.subject,
    )  # fmt: skip


def drawn_times(settings: Rehearsal, rng: np.random.Generator) -> NDArray[np.float64]:
    """Presentation times `[T]` at a drawn rate; in a third of the clips about a fifth of the frames are dropped."""
    rate_hz = float(rng.choice(settings.rates_hz))
    drop = 0.2 if rng.random() < 1 / 3 else 0.0
    steps = rng.geometric(1 - drop, settings.frames - 1)
    return np.concatenate([[0.0], np.cumsum(steps)]) / rate_hz


def drawn_play(label: str, duration_s: float, *, settings: Rehearsal, rng: np.random.Generator) -> Play:
    """When the expression begins, how fast it rises, how long it lasts, and what else the face does meanwhile."""
    intensity = float(rng.uniform(settings.least_intensity, 1.0))
    main = perform(label, duration_s=duration_s, intensity=intensity, rng=rng, fall="full")
    main = replace(
        main, onset_s=float(rng.uniform(0.0, 0.45) * duration_s), rise_s=float(rng.uniform(0.15, 0.9)),
        hold_s=float(rng.uniform(0.1, 0.5) * duration_s), fall_s=float(rng.uniform(0.2, 1.2)),
    )  # fmt: skip
    other = str(rng.choice([name for name in EKMAN.names if name not in (label, "neutral")]))
    blended = label != "neutral" and rng.random() < settings.blend_share
    second = perform(
        other if blended else "neutral", duration_s=duration_s, intensity=0.2 + 0.2 * float(rng.random()), rng=rng
    )
    if blended:  # never more than 0.4 as strong as the class that the clip is named for
        second = replace(second, intensity=max(0.2, 0.4 * intensity), blinks_s=())
    talk = float(rng.uniform(0.15, 0.45)) if rng.random() < settings.talk_share else 0.0
    return Play(main, second, talk, float(rng.uniform(3.0, 5.5)), float(rng.uniform(*settings.head_gain)))


def seen(
    images: NDArray[np.uint8], times: NDArray[np.float64], *, detector: FaceDetector, size_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Grey crops `[T, S, S]` of the one person in the picture and where a face was found `[T]`."""
    crops = np.zeros((len(images), size_px, size_px), np.uint8)
    mask = np.zeros(len(images), bool)
    for k, faces in enumerate(FaceTracker(detector).find(images, times)):
        sure = [face for face in faces if face.track >= 0 and face.score >= BRIDGED_BELOW]
        if sure:
            crops[k] = align.to_grey(align.align(images[k], max(sure, key=lambda f: f.score).points, size_px=size_px))
            mask[k] = True
    return crops, mask
