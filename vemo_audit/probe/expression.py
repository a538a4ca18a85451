"""What a person does: face-unit trajectories for the seven classes, blinks, jitter and head motion, in seconds."""

from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.probe.identity import exact
from vemo_audit.records.digest import digest
from vemo_audit.records.labels import EKMAN

TABLE = MappingProxyType({
    "happiness": {
        "mouthSmile": 0.9, "cheekSquint": 0.6, "jawOpen": 0.15, "mouthUpperUp": 0.3, "mouthLowerDown": 0.4,
    },
    "sadness": {"browInnerUp": 0.8, "browDown": 0.3, "mouthFrown": 0.8, "mouthShrugLower": 0.4},
    "anger": {"browDown": 1.0, "eyeSquint": 0.5, "eyeWide": 0.2, "mouthPress": 0.6, "noseSneer": 0.3},
    "disgust": {"noseSneer": 1.0, "mouthUpperUp": 0.6, "mouthFrown": 0.3, "browDown": 0.3},
    "fear": {
        "browInnerUp": 0.8, "browOuterUp": 0.6, "browDown": 0.4, "eyeWide": 0.8, "mouthStretch": 0.6, "jawOpen": 0.2,
    },
    "surprise": {"browInnerUp": 0.8, "browOuterUp": 0.9, "eyeWide": 0.7, "jawOpen": 0.7},
    "neutral": {},
})  # fmt: skip
"""Class -> unit -> weight at intensity 1. A convention in the manner of EMFACS, not a truth; Source: Friesen and
Ekman 1983, EMFACS-7 (prototypes), read through the unit names of ARKit; the smile parts the lips (25)."""
GAIN = MappingProxyType({
    "browInnerUp": 1.9, "browOuterUp": 1.5, "browDown": 2.1, "eyeWide": 1.6, "eyeSquint": 1.3,
    "cheekSquint": 1.2, "mouthSmile": 1.25, "mouthFrown": 1.7, "mouthStretch": 2.0, "noseSneer": 2.2,
    "mouthUpperUp": 2.0, "mouthPress": 0.6, "mouthLowerDown": 1.8,
})  # fmt: skip
"""Units whose displacement at weight 1 is small or large in this rig -> factor that makes equal weights comparable."""
BLINKS_PER_MIN = 15.0
BLINK_S = 0.15
JITTER_SD = 0.01
HEAD_SD_DEG = (3.0, 2.0, 1.5)
"""Yaw, pitch, roll."""
WAVES = 8
AUS = MappingProxyType({
    1: ("browInnerUp",), 2: ("browOuterUp",), 4: ("browDown",), 5: ("eyeWide",), 6: ("cheekSquint",),
    7: ("eyeSquint",), 9: ("noseSneer",), 10: ("mouthUpperUp",), 12: ("mouthSmile",), 14: ("mouthDimple",),
    15: ("mouthFrown",), 16: ("mouthLowerDown",), 17: ("mouthShrugLower",), 18: ("mouthPucker",),
    20: ("mouthStretch",), 22: ("mouthFunnel",), 24: ("mouthPress",),
    25: ("mouthUpperUp", "mouthLowerDown", "jawOpen"), 26: ("jawOpen",), 43: ("eyeBlink",),
})  # fmt: skip
"""Action unit -> face units that estimate it (largest of them, mean of the sides). An approximation of FACS."""


@dataclass(frozen=True, slots=True)
class Performance:
    """One performance as plain data; it can be sampled at any time. Times in seconds from the start of the clip."""

    label: str
    intensity: float  # 0.2-1; 0 for neutral
    duration_s: float
    onset_s: float
    rise_s: float
    hold_s: float
    fall_s: float
    asymmetry: float  # -1 to 1: the share by which the left side is stronger
    blinks_s: tuple[float, ...]
    seed: int  # of jitter and head motion

    def __post_init__(self) -> None:
        EKMAN.index(self.label)
        if self.label != "neutral" and not 0.2 <= self.intensity <= 1:
            raise BadInput(f"intensity {self.intensity}", expected="0.2 to 1")
        if min(self.duration_s, self.rise_s, self.fall_s) <= 0 or min(self.onset_s, self.hold_s) < 0:
            raise BadInput("a performance with negative times", expected="times of 0 or more, a rise and a fall")

    @property
    def apex_s(self) -> float:
        """When full strength is reached."""
        return self.onset_s + self.rise_s

    @property
    def offset_s(self) -> float:
        """When the face is back at rest; may lie after the end of the clip."""
        return self.apex_s + self.hold_s + self.fall_s

    @property
    def digest(self) -> str:
        """SHA-256 over every field."""
        return digest({name: exact(value) for name, value in asdict(self).items()})

    def level(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Strength of the expression in 0-1 at times [T], before intensity."""
        rise = minimum_jerk((time_s - self.onset_s) / self.rise_s)
        fall = minimum_jerk((time_s - self.apex_s - self.hold_s) / self.fall_s)
        return rise - fall

    def weights(self, time_s: NDArray[np.float64], unit_names: tuple[str, ...]) -> NDArray[np.float64]:
        """Weights [T, 52] in 0-1, as performed (before `GAIN`)."""
        weights = np.zeros((len(time_s), len(unit_names)))
        level = self.level(time_s) * self.intensity
        for name, weight in TABLE[self.label].items():
            for column, side in sided(name, unit_names):
                weights[:, column] = weight * level * (1 + side * self.asymmetry)
        rng = np.random.default_rng([self.seed, 11])
        for name in JITTERED:
            for column, _ in sided(name, unit_names):
                weights[:, column] += JITTER_SD * pink(time_s, rng)
        blink = np.zeros(len(time_s))
        for start in self.blinks_s:
            blink = np.maximum(blink, np.sin(np.pi * np.clip((time_s - start) / BLINK_S, 0, 1)))
        for column, _ in sided("eyeBlink", unit_names):
            weights[:, column] = np.maximum(weights[:, column], blink)
        return np.clip(weights, 0, 1)

    def head_deg(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Yaw (positive to the person's left), pitch (up) and roll (to the person's left) [T, 3] in degrees."""
        rng = np.random.default_rng([self.seed, 12])
        return np.stack([sd * pink(time_s, rng, slowest_hz=0.08, fastest_hz=0.6) for sd in HEAD_SD_DEG], axis=1)


JITTERED = ("browInnerUp", "browDown", "eyeSquint", "mouthSmile", "mouthPress", "jawOpen", "mouthFrown")
"""Units that never stand quite still."""


def perform(
    label: str, *, duration_s: float, intensity: float, rng: np.random.Generator, fall: str = "none"
) -> Performance:
    """Draws a performance: onset within the first tenth, apex by 40 % of the clip, held to the end or falling.

    `fall` is 'none' (the clip ends during the apex) or 'full'.
    """
    onset = float(rng.uniform(0.02, 0.10) * duration_s)
    rise = float(rng.uniform(0.18, 0.30) * duration_s)
    held = float(rng.uniform(0.25, 0.35) * duration_s) if fall == "full" else duration_s
    count = rng.poisson(BLINKS_PER_MIN / 60 * duration_s)
    blinks = sorted(float(t) for t in rng.uniform(0, duration_s, count))
    return Performance(
        label=label, intensity=0.0 if label == "neutral" else intensity, duration_s=duration_s, onset_s=onset,
        rise_s=rise, hold_s=held, fall_s=float(rng.uniform(0.2, 0.3) * duration_s),
        asymmetry=float(np.clip(rng.normal(0, 0.05), -0.15, 0.15)), blinks_s=tuple(blinks),
        seed=int(rng.integers(2**31)),
    )  # fmt: skip


def minimum_jerk(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 to 1 as t goes from 0 to 1: 10 t^3 - 15 t^4 + 6 t^5. Source: Flash and Hogan 1985, eq. 4b."""
    t = np.clip(t, 0, 1)
    return t**3 * (10 - 15 * t + 6 * t * t)


def pink(
    time_s: NDArray[np.float64], rng: np.random.Generator, *, slowest_hz: float = 0.25, fastest_hz: float = 6.0
) -> NDArray[np.float64]:
    """A sum of sines at times [T] whose power falls as 1/f; expected mean 0 and sd 1. Defined at every time."""
    frequency = np.geomspace(slowest_hz, fastest_hz, WAVES)
    phase = rng.uniform(0, 2 * np.pi, WAVES)
    # on a geometric grid equal amplitudes are 1/f power
    return np.sin(2 * np.pi * np.outer(time_s, frequency) + phase).sum(axis=1) * np.sqrt(2 / WAVES)


def sided(name: str, unit_names: tuple[str, ...]) -> list[tuple[int, int]]:
    """Columns of a unit and its side: +1 the person's left, -1 right, 0 when it has none."""
    if name in unit_names:
        return [(unit_names.index(name), 0)]
    return [(unit_names.index(name + "Left"), 1), (unit_names.index(name + "Right"), -1)]


def gained(weights: NDArray[np.float64], unit_names: tuple[str, ...]) -> NDArray[np.float64]:
    """Weights [T, 52] as the rig takes them."""
    gain = np.ones(len(unit_names))
    for name, factor in GAIN.items():
        for column, _ in sided(name, unit_names):
            gain[column] = factor
    return weights * gain


def au_estimates(weights: NDArray[np.float64], unit_names: tuple[str, ...]) -> NDArray[np.float64]:
    """Action unit estimates [T, 20] in 0-1, in the order of `AUS`, from weights [T, 52]."""
    columns = []
    for sources in AUS.values():
        each = [weights[:, [column for column, _ in sided(name, unit_names)]].mean(axis=1) for name in sources]
        columns.append(np.max(each, axis=0))
    return np.stack(columns, axis=1)
