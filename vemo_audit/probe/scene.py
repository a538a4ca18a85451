"""Where a person is seen: camera, light and background."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.probe.identity import exact
from vemo_audit.probe.skin import linear
from vemo_audit.records.digest import digest

EYES_DM = 7.284
"""Height of the eyes in the rig."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A portrait. Lengths in decimetres, angles in degrees, light relative to a white wall that faces it."""

    width: int = 176  # pixels
    height: int = 176
    distance_dm: float = 9.0  # camera to the point between the eyes
    view_dm: float = 3.35  # height of the picture at that distance
    middle_dm: float = -0.28  # centre of the picture above the eyes
    key: float = 0.66
    key_azimuth_deg: float = 28.0  # positive: from the person's left
    key_height_deg: float = 34.0
    fill: float = 0.16
    ambient: float = 0.22
    background: tuple[float, float, float] = (0.62, 0.66, 0.70)  # sRGB
    noise: float = 1.2  # sd of the sensor noise, of 255
    oversampling: int = 2  # per axis

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 16 or not 1 <= self.oversampling <= 4:
            raise BadInput(
                f"{self.width} x {self.height} px, oversampling {self.oversampling}",
                where="scene", expected="at least 16 x 16 pixels, oversampling 1 to 4",
            )  # fmt: skip

    @property
    def digest(self) -> str:
        """SHA-256 over every field."""
        return digest({name: exact(value) for name, value in asdict(self).items()})


def light_table(scene: Scene) -> NDArray[np.float32]:
    """Light [4, 4] as the shaders take it: key, fill, the key's half-way vector, ambient."""
    key = direction(scene.key_azimuth_deg, scene.key_height_deg)
    fill = direction(-1.6 * scene.key_azimuth_deg, 5.0)
    half = key + np.array([0.0, 0.0, 1.0])
    half /= np.linalg.norm(half)
    table = [[*key, scene.key], [*fill, scene.fill], [*half, scene.key * 2.2], [scene.ambient, 0.35, 0.0, 0.0]]
    return np.array(table, np.float32)


def direction(azimuth_deg: float, height_deg: float) -> NDArray[np.float64]:
    """Unit vector towards a light."""
    azimuth, height = np.radians(azimuth_deg), np.radians(height_deg)
    return np.array([np.sin(azimuth) * np.cos(height), np.sin(height), np.cos(azimuth) * np.cos(height)])


def backdrop(scene: Scene) -> NDArray[np.float32]:
    """Linear light [H, W, 3] of the background, oversampled; a little lighter in the upper middle."""
    height, width = scene.height * scene.oversampling, scene.width * scene.oversampling
    y, x = np.mgrid[0:height, 0:width]
    spot = np.exp(-((x / width - 0.5) ** 2) / 0.3 - ((y / height - 0.35) ** 2) / 0.4)
    return (linear(scene.background) * (0.7 + 0.3 * spot)[..., None]).astype(np.float32)


def project(scene: Scene, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Oversampled pixel places [n, 2] and closeness [n] (one over the depth in dm) of points [n, 3]."""
    scale = scene.distance_dm / scene.view_dm * scene.height * scene.oversampling
    closeness = 1.0 / (scene.distance_dm + 1.4 - points[:, 2])
    x = scene.width * scene.oversampling / 2 + scale * points[:, 0] * closeness
    y = scene.height * scene.oversampling / 2 - scale * (points[:, 1] - EYES_DM - scene.middle_dm) * closeness
    return np.stack([x, y], axis=1), closeness
