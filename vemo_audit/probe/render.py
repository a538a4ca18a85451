"""Identity x performance x scene -> frames and the truth about each of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.probe import raster_numpy
from vemo_audit.probe.expression import Performance, au_estimates, gained
from vemo_audit.probe.figure import Figure
from vemo_audit.probe.mesh import face_normals, unit
from vemo_audit.probe.rig import Rig
from vemo_audit.probe.scene import Scene, backdrop, light_table, project
from vemo_audit.probe.skin import encoded, ita_deg, tone

PATHS = ("numba", "numpy")
"""Ways to rasterize; 'numpy' is the reference."""
LEVELS = 16384
CAVITY = 1.3
"""How strongly a hollow of the surface shades itself, per unit of hollowness."""
NO_BOX = (float("nan"),) * 4


@dataclass(frozen=True, slots=True, eq=False)
class FrameTruth:
    """What is true of one frame. Boxes are x0, y0, x1, y1 in pixels, NaN when nothing is seen."""

    time_s: float
    weights: NDArray[np.float64]  # [52] in 0-1, as performed
    aus: NDArray[np.float64]  # [20], in the order of expression.AUS
    head_deg: NDArray[np.float64]  # [3] yaw, pitch, roll
    skin_box: tuple[float, float, float, float]  # tight, of all visible skin (face, ears, neck)
    face_box: tuple[float, float, float, float]  # tight, of the visible face
    landmarks: NDArray[np.float64]  # [5, 2] in pixels, as the points of a FoundFace
    ita_albedo_deg: float
    ita_rendered_deg: float  # mean colour of the visible cheeks; NaN when none is seen


def best_path() -> str:
    """'numba' when it is installed, else 'numpy'."""
    return "numba" if find_spec("numba") else "numpy"


def rasterizer(path: str) -> ModuleType:
    """The module behind a path. Raises BadInput for an unknown name."""
    if path == "numpy":
        return raster_numpy
    if path == "numba":
        from vemo_audit.probe import raster_numba

        return raster_numba
    raise BadInput(f"the render path '{path}'", expected=f"one of {', '.join(PATHS)}")


def render(
    rig: Rig, figure: Figure, *, performance: Performance, scene: Scene, times_s: NDArray[np.float64],
    path: str, seed: int,
) -> Iterator[tuple[NDArray[np.uint8], FrameTruth]]:  # fmt: skip
    """Frames [H, W, 3] RGB with their truth at `times_s [T]`. `seed` is that of the sensor noise."""
    raster = rasterizer(path)
    weights = performance.weights(times_s, rig.unit_names)
    moved = gained(weights, rig.unit_names)
    aus = au_estimates(weights, rig.unit_names)
    heads = performance.head_deg(times_s)
    light, behind = light_table(scene), backdrop(scene)
    albedo = ita_deg(tone(figure.identity.skin))
    rng = np.random.default_rng([seed, 21])
    for k, time_s in enumerate(times_s):
        posed = pose(rig, figure, weights=moved[k], head_deg=heads[k])
        seen, picture = draw(raster, figure, posed, scene=scene, light=light, behind=behind)
        image = developed(picture, scene, rng)
        marks = project(scene, posed[rig.landmarks].mean(axis=1, dtype=np.float64))[0] / scene.oversampling
        yield image, FrameTruth(
            time_s=float(time_s), weights=weights[k], aus=aus[k], head_deg=heads[k],
            skin_box=box(figure.shown_skin, seen, scene), face_box=box(figure.face, seen, scene), landmarks=marks,
            ita_albedo_deg=albedo, ita_rendered_deg=cheek_ita(figure, seen, picture),
        )  # fmt: skip


def pose(
    rig: Rig, figure: Figure, *, weights: NDArray[np.float64], head_deg: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Vertices [V, 3] with unit weights [52] and the head turned about the neck by yaw, pitch and roll."""
    own = len(rig.vertices)
    points = figure.neutral.copy()
    points[:own] = rig.posed(figure.neutral[:own], weights)
    if not np.any(head_deg):
        return points
    turned = (points - figure.pivot) @ rotation(head_deg).T + figure.pivot
    return (points + figure.follow[:, None] * (turned - points)).astype(np.float32)


def rotation(head_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrix of yaw (about y), pitch (up, about x) and roll (about z), roll first."""
    yaw, pitch, roll = np.radians(head_deg)
    y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    x = np.array([[1, 0, 0], [0, np.cos(-pitch), -np.sin(-pitch)], [0, np.sin(-pitch), np.cos(-pitch)]])
    z = np.array([[np.cos(-roll), -np.sin(-roll), 0], [np.sin(-roll), np.cos(-roll), 0], [0, 0, 1]])
    return y @ x @ z


def draw(
    raster: ModuleType, figure: Figure, posed: NDArray[np.float32], *, scene: Scene, light: NDArray[np.float32],
    behind: NDArray[np.float32],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:  # fmt: skip
    """The triangle that each oversampled pixel sees, and its linear light."""
    points = posed.astype(np.float64)
    over_vertices = figure.corner_vertex[figure.triangles]
    normals = unit(figure.to_vertices @ face_normals(points, over_vertices))
    # a tooth is a smooth row of enamel here, and enamel scatters: its edges are not as dark as its mesh says
    normals[figure.teeth] = unit(normals[figure.teeth] * [0.5, 0.25, 0.0] + [0.0, 0.0, 1.0])
    hollow = ((figure.neighbours @ points - points) * normals).sum(axis=1)
    openness = figure.openness * np.clip(1 - CAVITY * hollow / 0.05, 0.5, 1.05)
    places, closeness = project(scene, points)
    corner = figure.corner_vertex
    height, width = behind.shape[:2]
    closeness = closeness[corner]
    seen, second, third = raster.visible(places[corner], closeness, figure.triangles, height=height, width=width)
    picture = raster.shade(
        seen, second, third, triangles=figure.triangles, closeness=closeness,
        normals=normals[corner].astype(np.float32), openness=openness[corner].astype(np.float32),
        places=figure.places, atlas=figure.atlas, light=light, backdrop=behind,
    )  # fmt: skip
    return seen, picture


SRGB = np.asarray(encoded((np.arange(LEVELS) + 0.5) / LEVELS) * 255, np.float32)
"""Linear light by level -> sRGB, 0-255."""


def developed(picture: NDArray[np.float32], scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Oversampled linear light to a picture [H, W, 3]: mean, sRGB, sensor noise, rounding."""
    n = scene.oversampling
    small = picture[0::n, 0::n].copy()
    for i in range(n):
        for j in range(n):
            if i or j:
                small += picture[i::n, j::n]
    level = np.clip(small * (LEVELS / (n * n)), 0, LEVELS - 1).astype(np.int32)
    image = SRGB[level]
    noise = rng.standard_normal((scene.height, scene.width, 1), np.float32) * np.float32(scene.noise)
    return np.clip(image + noise + 0.5, 0, 255).astype(np.uint8)


def box(wanted: NDArray[np.bool_], seen: NDArray[np.int32], scene: Scene) -> tuple[float, float, float, float]:
    """Tight box in pixels round what is seen of the wanted triangles."""
    hit = wanted[seen] & (seen >= 0)
    rows, columns = np.flatnonzero(hit.any(axis=1)), np.flatnonzero(hit.any(axis=0))
    if not rows.size:
        return NO_BOX
    n = scene.oversampling
    return (float(columns[0] / n), float(rows[0] / n), float((columns[-1] + 1) / n), float((rows[-1] + 1) / n))


def cheek_ita(figure: Figure, seen: NDArray[np.int32], picture: NDArray[np.float32]) -> float:
    """Typology angle in degrees, to 0.01, of the mean light of the visible cheeks."""
    hit = figure.cheek[seen] & (seen >= 0)
    if not hit.any():
        return float("nan")
    return round(ita_deg(encoded(picture[hit].mean(axis=0, dtype=np.float64))), 2)
