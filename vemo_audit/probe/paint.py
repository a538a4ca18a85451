"""Paints one person: skin with blotches, lips, brows and hair, eyes with irises, and the plain parts, as one atlas."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vemo_audit.probe.identity import HAIR_COLOURS, IRIS_COLOURS, Identity
from vemo_audit.probe.raster_numpy import visible
from vemo_audit.probe.rig import PARTS, Rig
from vemo_audit.probe.skin import linear, tone

HEIGHT, WIDTH = 432, 352
"""Size of the atlas in texels."""
SKIN_SCALE = 620.0
SKIN_CORNER = (0.641, 0.818, 4.0)
"""Texture place that lands at this many texels from the upper left corner of the atlas."""
EYE_SIZE, EYE_REACH_DM, EYE_LEFT, EYE_TOP = 96, 0.16, 244, 4
PATCH = 16
PATCHES = {name: (236 + 20 * k, 112) for k, name in enumerate(("mouth", "socket", "lash", "teeth", "tongue"))} | {
    "neck": (236, 140), "hair": (256, 140), "cloth": (276, 140), "lower lash": (296, 140),
}  # fmt: skip
"""Plain parts -> upper left corner of their patch (x, y)."""
SKIN_GLOSS, LIP_GLOSS, EYE_GLOSS, HAIR_GLOSS, WET_GLOSS = 0.035, 0.07, 0.5, 0.03, 0.15
LOWER_LASH_DM = 7.277
IRIS_DM, PUPIL_DM = 0.066, 0.028


def places(rig: Rig) -> NDArray[np.float32]:
    """Place [C, 2] of each corner in the atlas, in texels."""
    place = np.zeros((len(rig.corner_vertex), 2))
    for k, name in enumerate(PARTS):
        corners = np.unique(rig.triangles[rig.part == k])
        if name == "skin":
            place[corners] = skin_place(rig.corner_uv[corners])
        elif name == "eye":
            place[corners] = eye_place(rig, corners)
        else:
            place[corners] = patch_place(name)
        if name == "lash":
            lower = rig.vertices[rig.corner_vertex[corners], 1] < LOWER_LASH_DM
            place[corners[lower]] = patch_place("lower lash")
    return place.astype(np.float32)


def skin_place(uv: NDArray[np.float32]) -> NDArray[np.float64]:
    """Places of the skin island."""
    left, top, margin = SKIN_CORNER
    return np.stack([margin + (uv[:, 0] - left) * SKIN_SCALE, margin + (top - uv[:, 1]) * SKIN_SCALE], axis=1)


def eye_place(rig: Rig, corners: NDArray[np.int32]) -> NDArray[np.float64]:
    """Eyes are painted as seen from the front, each around its own centre."""
    vertices = rig.corner_vertex[corners]
    centre = {side: rig.vertices[eye].mean(axis=0) for side, eye in ((1, rig.eye_left), (-1, rig.eye_right))}
    here = rig.vertices[vertices]
    offset = np.where(here[:, :1] > 0, here - centre[1], here - centre[-1])
    half = EYE_SIZE / 2
    x = EYE_LEFT + half + offset[:, 0] / EYE_REACH_DM * half
    return np.stack([x, EYE_TOP + half - offset[:, 1] / EYE_REACH_DM * half], axis=1)


def patch_place(name: str) -> NDArray[np.float64]:
    """The middle of a plain patch."""
    x, y = PATCHES[name]
    return np.array([x + PATCH / 2, y + PATCH / 2])


@lru_cache(maxsize=1)
def rest(rig: Rig) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Where on the neutral base face each texel of the skin lies [n, 3], and which texels those are [h, w]."""
    skin = rig.triangles[rig.part == PARTS.index("skin")]
    both = np.concatenate([skin, skin[:, ::-1]]).astype(np.int32)
    at = places(rig).astype(np.float64)
    seen, second, third = visible(at, np.ones(len(at)), both, height=HEIGHT, width=WIDTH)
    covered = seen >= 0
    corner, q, r = both[seen[covered]], second[covered][:, None], third[covered][:, None]
    point = rig.vertices[rig.corner_vertex[corner]].astype(np.float64)
    return point[:, 0] * (1 - q - r) + point[:, 1] * q + point[:, 2] * r, covered


def paint(rig: Rig, identity: Identity) -> NDArray[np.float32]:
    """The atlas [h, w, 4] of a person: linear red, green, blue, and gloss."""
    point, covered = rest(rig)
    base = linear(tone(identity.skin))
    atlas = np.empty((HEIGHT, WIDTH, 4))
    atlas[..., :3], atlas[..., 3] = base, SKIN_GLOSS
    atlas[covered] = skin_texels(identity, point, base)
    atlas = dilated(atlas, covered)
    rows, columns = slice(EYE_TOP, EYE_TOP + EYE_SIZE), slice(EYE_LEFT, EYE_LEFT + EYE_SIZE)
    atlas[rows, columns] = eye_texels(identity)
    hair = hair_light(identity)
    rng = np.random.default_rng([identity.seed, 3])
    cloth = linear(np.clip(rng.uniform(0.15, 0.65) + rng.uniform(-0.15, 0.15, 3), 0.05, 0.9))
    plain = {
        "mouth": (*(base * 0.10 + [0.03, 0.006, 0.006]), 0.0),
        "socket": (*(base * [0.55, 0.35, 0.32]), SKIN_GLOSS),
        "lash": (*(base * 0.15 + 0.006), 0.0),
        "lower lash": (*(base * 0.5), 0.0),
        "teeth": (0.62, 0.58, 0.50, WET_GLOSS),
        "tongue": (0.26, 0.08, 0.07, WET_GLOSS),
        "neck": (*base, SKIN_GLOSS),
        "hair": (*hair, HAIR_GLOSS),
        "cloth": (*cloth, 0.0),
    }
    for name, value in plain.items():
        x, y = PATCHES[name]
        atlas[y - 2 : y + PATCH + 2, x - 2 : x + PATCH + 2] = value
    return atlas.astype(np.float32)


def hair_light(identity: Identity) -> NDArray[np.float64]:
    """Linear colour of the hair."""
    code = HAIR_COLOURS[identity.hair_colour]
    return linear([int(code[k : k + 2], 16) / 255 for k in (0, 2, 4)])


def skin_texels(identity: Identity, point: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colour and gloss [n, 4] of skin texels at rest positions [n, 3]."""
    x, y, z = np.abs(point[:, 0]), point[:, 1], point[:, 2]
    front = z > 1.0
    colour = base * (1 + 0.035 * blotches(identity, point))[:, None]
    flush = bump(x - 0.42, y - 6.88, 0.22, 0.18) * front
    colour *= 1 - flush[:, None] * np.array([-0.01, 0.05, 0.045])
    colour *= (1 - 0.14 * bump(x - 0.30, y - 7.11, 0.16, 0.05) * front)[:, None]
    colour *= (1 - 0.10 * bump(x - 0.32, y - 7.40, 0.20, 0.05) * front)[:, None]
    gloss = np.full(len(point), SKIN_GLOSS)
    lips = lip_mask(x, y, z)[:, None]
    red = 0.35 + 0.45 * identity.lip
    lip = base * (1 - red * np.array([0.30, 0.80, 0.78])) + np.array([0.012, 0.0, 0.001]) * red
    colour = colour * (1 - lips) + lip * lips
    gloss = gloss + (LIP_GLOSS - SKIN_GLOSS) * lips[:, 0]
    hair = hair_light(identity)
    brows = (brow_mask(identity, point[:, 0], y, z) * (0.80 + 0.20 * identity.brow))[:, None]
    dark = np.minimum(hair, linear([0.30, 0.25, 0.21])) * 0.6
    colour = colour * (1 - brows) + np.minimum(dark, base * 0.35) * brows
    if identity.hair != "none":
        strands = (1 + 0.22 * np.sin(95 * point[:, 0] + 9 * np.sin(7 * y)) * np.sin(61 * z + 3))[:, None]
        cap = hair_mask(point)[:, None]
        colour = colour * (1 - cap) + hair * strands * cap
        gloss = gloss * (1 - cap[:, 0]) + HAIR_GLOSS * cap[:, 0]
    return np.concatenate([colour, gloss[:, None]], axis=1)


def bump(dx: NDArray[np.float64], dy: NDArray[np.float64], wide: float, high: float) -> NDArray[np.float64]:
    """A soft spot, 1 in the middle."""
    return np.exp(-((dx / wide) ** 2) - (dy / high) ** 2)


def step(value: NDArray[np.float64], soft: float) -> NDArray[np.float64]:
    """0 below zero, 1 above, over a soft edge."""
    t = np.clip(value / soft + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def blotches(identity: Identity, point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth variation of the skin, mean about 0 and sd about 1."""
    rng = np.random.default_rng([identity.seed, 2])
    wave = rng.normal(0, 5, (12, 3))
    phase = rng.uniform(0, 2 * np.pi, 12)
    return np.sin(point @ wave.T + phase).sum(axis=1) / np.sqrt(6)


def lip_mask(x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 on the lips of the base face. `x` is the distance from the middle."""
    reach = np.clip(1 - (x / 0.275) ** 2, 0, 1)
    line = 6.603 + 0.012 * (x / 0.27) ** 2
    upper = line + 0.105 * reach**0.75 - 0.012 * np.exp(-((x / 0.035) ** 2))
    lower = line - 0.125 * np.sqrt(reach)
    return step(upper - y, 0.02) * step(y - lower, 0.02) * (x < 0.275) * (z > 1.3)


def brow_mask(
    identity: Identity, x: NDArray[np.float64], y: NDArray[np.float64], z: NDArray[np.float64]
) -> NDArray[np.float64]:
    """1 on the brows of the base face, with strokes; `x` is signed."""
    side = np.abs(x)
    along = np.clip((side - 0.13) / (0.56 - 0.13), -1, 2)
    middle = 7.475 + 0.105 * along - 0.115 * np.clip(along, 0, 2) ** 2.4
    half = (0.026 + 0.020 * identity.brow) * np.clip(1.15 - 0.75 * along, 0, 1)
    strokes = 0.82 + 0.18 * np.sin(side * 160 + y * 90) * np.sin(x * 37)
    ends = step(side - 0.125, 0.03) * step(0.57 - side, 0.05)
    return step(half - np.abs(y - middle), 0.022) * ends * strokes * (z > 1.0)


def hairline(point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height above the hairline in dm at positions [n, 3] of the base face; negative on bare skin."""
    x, y, z = np.abs(point[:, 0]), point[:, 1], point[:, 2]
    turn = np.arctan2(x, z - 0.45)
    line = np.interp(
        turn, [0, 0.35, 0.6, 0.78, 0.92, 1.15, 1.3, 1.75, 2.0, 2.3, np.pi],
        [8.03, 8.0, 7.86, 7.66, 7.3, 7.25, 7.5, 7.55, 7.2, 6.75, 6.5],
    )  # fmt: skip
    return y - line - 0.02 * np.sin(19 * point[:, 0] + 5)


def hair_mask(point: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 under the cap of hair; ears stay bare."""
    ear = (np.abs(point[:, 0]) > 0.735) & (np.abs(point[:, 2] - 0.5) < 0.6) & (np.abs(point[:, 1] - 7.2) < 0.62)
    return step(hairline(point), 0.06) * ~ear


def eye_texels(identity: Identity) -> NDArray[np.float64]:
    """One eye from the front [n, n, 4]: white, iris with a dark rim, pupil; shaded below the upper lid."""
    grid = ((np.arange(EYE_SIZE) + 0.5) / EYE_SIZE * 2 - 1) * EYE_REACH_DM
    x, y = np.meshgrid(grid, -grid)
    radius = np.hypot(x, y)
    code = IRIS_COLOURS[identity.iris]
    iris = linear([int(code[k : k + 2], 16) / 255 for k in (0, 2, 4)])
    fibre = 1 + 0.25 * np.sin(23 * np.arctan2(y, x)) * np.sin(220 * radius)
    rim = 1 - 0.75 * step(radius - 0.85 * IRIS_DM, 0.02)
    colour = (
        np.broadcast_to([0.66, 0.63, 0.60], (*x.shape, 3)) * (1 - 0.25 * (np.abs(x) / EYE_REACH_DM) ** 2)[..., None]
    )
    inside = step(IRIS_DM - radius, 0.006)[..., None]
    colour = colour * (1 - inside) + iris * (fibre * rim)[..., None] * inside
    pupil = step(PUPIL_DM - radius, 0.006)[..., None]
    colour = colour * (1 - pupil) + 0.006 * pupil
    colour = colour * (1 - 0.45 * step(y - 0.055, 0.07))[..., None]
    return np.concatenate([colour, np.full((*x.shape, 1), EYE_GLOSS)], axis=2)


def dilated(atlas: NDArray[np.float64], covered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The atlas with the rim of the skin island grown by two texels, so that samples at a seam find skin."""
    for _ in range(2):
        grown = covered.copy()
        for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
            donor = np.roll(covered, shift, axis) & ~grown
            atlas[donor] = np.roll(atlas, shift, axis)[donor]
            grown |= donor
        covered = grown
    return atlas
