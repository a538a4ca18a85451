"""The fast rasterizer and shader: the reference, pixel by pixel, compiled by numba (extra `fast`)."""

import math

import numpy as np
from numba import njit  # type: ignore[import-not-found,unused-ignore]
from numpy.typing import NDArray

from vemo_audit.probe import raster_numpy

WRAP = raster_numpy.WRAP
SHARPNESS_FIRST, SHARPNESS_SECOND = raster_numpy.SHARPNESS

FAINT = 0.5
"""Cosine below which a highlight is too faint to be worth a power: under 0.0001 of white."""


def visible(
    place: NDArray[np.float64], closeness: NDArray[np.float64], triangles: NDArray[np.int32], *, height: int, width: int
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """As `raster_numpy.visible`."""
    seen = np.full((height, width), -1, np.int32)
    second, third = np.zeros((height, width)), np.zeros((height, width))
    _visible(place, closeness, triangles, seen, second, third)
    return seen, second, third


def shade(
    seen: NDArray[np.int32], second: NDArray[np.float64], third: NDArray[np.float64], *,
    triangles: NDArray[np.int32], closeness: NDArray[np.float64], normals: NDArray[np.float32],
    openness: NDArray[np.float32], places: NDArray[np.float32], atlas: NDArray[np.float32],
    light: NDArray[np.float32], backdrop: NDArray[np.float32],
) -> NDArray[np.float32]:  # fmt: skip
    """As `raster_numpy.shade`."""
    picture = backdrop.copy()
    _shade(seen, second, third, triangles, closeness, normals, openness, places, atlas, light, picture)
    return picture


@njit(cache=True, nogil=True, error_model="numpy")
def _visible(place, closeness, triangles, seen, second, third):  # type: ignore[no-untyped-def]
    height, width = seen.shape
    nearest = np.full((height, width), -np.inf)
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        x0, y0, x1, y1, x2, y2 = place[a, 0], place[a, 1], place[b, 0], place[b, 1], place[c, 0], place[c, 1]
        area = (x2 - x0) * (y1 - y0) - (x1 - x0) * (y2 - y0)
        if area <= 0:
            continue
        left = max(math.ceil(min(x0, x1, x2) - 0.5), 0)
        right = min(math.floor(max(x0, x1, x2) - 0.5), width - 1)
        top = max(math.ceil(min(y0, y1, y2) - 0.5), 0)
        bottom = min(math.floor(max(y0, y1, y2) - 0.5), height - 1)
        for row in range(top, bottom + 1):
            py = row + 0.5
            for column in range(left, right + 1):
                px = column + 0.5
                e0 = (x2 - px) * (y1 - py) - (x1 - px) * (y2 - py)
                e1 = (x0 - px) * (y2 - py) - (x2 - px) * (y0 - py)
                e2 = (x1 - px) * (y0 - py) - (x0 - px) * (y1 - py)
                if e0 < 0 or e1 < 0 or e2 < 0:
                    continue
                depth = (e0 * closeness[a] + e1 * closeness[b] + e2 * closeness[c]) / area
                if depth > nearest[row, column]:
                    nearest[row, column] = depth
                    seen[row, column] = t
                    second[row, column], third[row, column] = e1 / area, e2 / area


@njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
def _shade(seen, second, third, triangles, closeness, normals, openness, places, atlas, light, picture):  # type: ignore[no-untyped-def]
    height, width = seen.shape
    high, wide = atlas.shape[0], atlas.shape[1]
    for row in range(height):
        for column in range(width):
            t = seen[row, column]
            if t < 0:
                continue
            a, b, c = triangles[t]
            q, r = second[row, column], third[row, column]
            s0, s1, s2 = (1 - q - r) * closeness[a], q * closeness[b], r * closeness[c]
            total = s0 + s1 + s2
            s0, s1, s2 = s0 / total, s1 / total, s2 / total
            nx = s0 * normals[a, 0] + s1 * normals[b, 0] + s2 * normals[c, 0]
            ny = s0 * normals[a, 1] + s1 * normals[b, 1] + s2 * normals[c, 1]
            nz = s0 * normals[a, 2] + s1 * normals[b, 2] + s2 * normals[c, 2]
            length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
            nx, ny, nz = nx / length, ny / length, nz / length
            free = s0 * openness[a] + s1 * openness[b] + s2 * openness[c]
            x = min(max(s0 * places[a, 0] + s1 * places[b, 0] + s2 * places[c, 0] - 0.5, 0.0), wide - 1.001)
            y = min(max(s0 * places[a, 1] + s1 * places[b, 1] + s2 * places[c, 1] - 0.5, 0.0), high - 1.001)
            i, j = int(x), int(y)
            fx, fy = x - i, y - j
            w00, w01, w10, w11 = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
            gloss = w00 * atlas[j, i, 3] + w01 * atlas[j, i + 1, 3]
            gloss += w10 * atlas[j + 1, i, 3] + w11 * atlas[j + 1, i + 1, 3]
            toward_key = nx * light[0, 0] + ny * light[0, 1] + nz * light[0, 2]
            toward_fill = nx * light[1, 0] + ny * light[1, 1] + nz * light[1, 2]
            toward_half = nx * light[2, 0] + ny * light[2, 1] + nz * light[2, 2]
            lit = max((toward_key + WRAP) / (1 + WRAP), 0.0) * light[0, 3]
            lit += max((toward_fill + WRAP) / (1 + WRAP), 0.0) * light[1, 3]
            lit += light[3, 0] * (1 - light[3, 1] + light[3, 1] * ny)
            sharp = SHARPNESS_FIRST + SHARPNESS_SECOND * gloss
            shine = 0.0
            if toward_half > FAINT:
                shine = toward_half**sharp * gloss * light[2, 3]
            for k in range(3):
                albedo = (
                    w00 * atlas[j, i, k] + w01 * atlas[j, i + 1, k]
                    + w10 * atlas[j + 1, i, k] + w11 * atlas[j + 1, i + 1, k]
                )  # fmt: skip
                picture[row, column, k] = free * (albedo * lit + shine)
