"""The reference rasterizer and shader: all triangles at once, in numpy."""

import numpy as np
from numpy.typing import NDArray

WRAP = 0.25
"""How far light reaches round a surface; softens the terminator as skin does."""
SHARPNESS = (10.0, 120.0)
"""Exponent of the highlight: first + second * gloss."""


def visible(
    place: NDArray[np.float64], closeness: NDArray[np.float64], triangles: NDArray[np.int32], *, height: int, width: int
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """What each pixel sees: triangle [H, W] or -1, and the screen shares of its second and third corner [H, W].

    `place [C, 2]` is x right and y down in pixels, `closeness [C]` one over the depth. Triangles that face away are
    skipped. The nearest wins; among equals, the first.
    """
    seen = np.full(height * width, -1, np.int32)
    second, third = np.zeros(height * width), np.zeros(height * width)
    x, y = place[triangles, 0], place[triangles, 1]
    area = (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0]) - (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0])
    left = np.maximum(np.ceil(x.min(1) - 0.5), 0).astype(np.int64)
    right = np.minimum(np.floor(x.max(1) - 0.5), width - 1).astype(np.int64)
    top = np.maximum(np.ceil(y.min(1) - 0.5), 0).astype(np.int64)
    bottom = np.minimum(np.floor(y.max(1) - 0.5), height - 1).astype(np.int64)
    front = np.flatnonzero((area > 0) & (left <= right) & (top <= bottom))
    columns = (right - left + 1)[front]
    count = columns * (bottom - top + 1)[front]
    which = np.repeat(front, count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row = top[which] + step // np.repeat(columns, count)
    column = left[which] + step % np.repeat(columns, count)
    px, py = column + 0.5, row + 0.5
    x, y, area, z = x[which], y[which], area[which], closeness[triangles[which]]
    e0 = (x[:, 2] - px) * (y[:, 1] - py) - (x[:, 1] - px) * (y[:, 2] - py)
    e1 = (x[:, 0] - px) * (y[:, 2] - py) - (x[:, 2] - px) * (y[:, 0] - py)
    e2 = (x[:, 1] - px) * (y[:, 0] - py) - (x[:, 0] - px) * (y[:, 1] - py)
    depth = (e0 * z[:, 0] + e1 * z[:, 1] + e2 * z[:, 2]) / area
    inside = np.flatnonzero((e0 >= 0) & (e1 >= 0) & (e2 >= 0))
    pixel = (row * width + column)[inside]
    order = np.lexsort((-which[inside], depth[inside]))  # nearest, then lowest index, is written last
    pixel, inside = pixel[order], inside[order]
    seen[pixel] = which[inside]
    second[pixel], third[pixel] = (e1 / area)[inside], (e2 / area)[inside]
    shape = (height, width)
    return seen.reshape(shape), second.reshape(shape), third.reshape(shape)


def shade(
    seen: NDArray[np.int32], second: NDArray[np.float64], third: NDArray[np.float64], *,
    triangles: NDArray[np.int32], closeness: NDArray[np.float64], normals: NDArray[np.float32],
    openness: NDArray[np.float32], places: NDArray[np.float32], atlas: NDArray[np.float32],
    light: NDArray[np.float32], backdrop: NDArray[np.float32],
) -> NDArray[np.float32]:  # fmt: skip
    """Linear light [H, W, 3] of what is seen, over `backdrop [H, W, 3]`.

    `normals [C, 3]`, `openness [C]` (1 free, 0 shut off from light), `places [C, 2]` in texels of
    `atlas [h, w, 4]` (linear red, green, blue, and gloss). `light [4, 4]`: direction and strength of key and fill,
    half-way vector of the key's highlight, and ambient (strength, share from above).
    """
    picture = backdrop.copy()
    row, column = np.nonzero(seen >= 0)
    corner = triangles[seen[row, column]]
    share = np.stack([1 - second[row, column] - third[row, column], second[row, column], third[row, column]], axis=1)
    share = (share * closeness[corner]).astype(np.float32)
    share /= share.sum(axis=1, keepdims=True)
    normal = np.einsum("nk,nkd->nd", share, normals[corner])
    normal /= np.sqrt((normal * normal).sum(axis=1, keepdims=True)) + np.float32(1e-12)
    free = (share * openness[corner]).sum(axis=1)
    texel = texture(atlas, np.einsum("nk,nkd->nd", share, places[corner]))
    key = np.maximum((normal @ light[0, :3] + WRAP) / (1 + WRAP), 0) * light[0, 3]
    fill = np.maximum((normal @ light[1, :3] + WRAP) / (1 + WRAP), 0) * light[1, 3]
    ambient = light[3, 0] * (1 - light[3, 1] + light[3, 1] * normal[:, 1])
    gloss = texel[:, 3]
    shine = np.maximum(normal @ light[2, :3], 0) ** (SHARPNESS[0] + SHARPNESS[1] * gloss) * gloss * light[2, 3]
    picture[row, column] = texel[:, :3] * (free * (key + fill + ambient))[:, None] + (free * shine)[:, None]
    return picture


def texture(atlas: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bilinear samples [N, 4] of an atlas at places [N, 2] (x, y in texels; the middle of the first is .5, .5)."""
    height, width = atlas.shape[:2]
    x = np.clip(places[:, 0] - np.float32(0.5), 0, width - 1.001).astype(np.float32)
    y = np.clip(places[:, 1] - np.float32(0.5), 0, height - 1.001).astype(np.float32)
    i, j = x.astype(np.int64), y.astype(np.int64)
    fx, fy = (x - i).astype(np.float32)[:, None], (y - j).astype(np.float32)[:, None]
    upper = atlas[j, i] * (1 - fx) + atlas[j, i + 1] * fx
    lower = atlas[j + 1, i] * (1 - fx) + atlas[j + 1, i + 1] * fx
    return upper * (1 - fy) + lower * fy
