"""Arithmetic of triangle meshes: normals, neighbours, grids."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


def smooth(value: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def sheet(rows: list[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Vertices and triangles of a grid of rows [n, 3]."""
    n = len(rows[0])
    points = np.concatenate(rows)
    a = (np.arange(len(rows) - 1)[:, None] * n + np.arange(n - 1)).ravel()
    quads = np.concatenate([np.stack([a, a + n, a + n + 1], 1), np.stack([a, a + n + 1, a + 1], 1)])
    return points, quads.astype(np.int32)


def vertex_normals(points: NDArray[np.float32], over_vertices: NDArray[np.int32]) -> NDArray[np.float64]:
    """Unit normals [V, 3], weighted by area."""
    return unit(
        incidence(over_vertices, len(points), np.ones(len(over_vertices)))
        @ face_normals(points.astype(np.float64), over_vertices)
    )


def face_normals(points: NDArray[np.float64], over_vertices: NDArray[np.int32]) -> NDArray[np.float64]:
    """Normals [F, 3], as long as twice the area."""
    a, b, c = points[over_vertices[:, 0]], points[over_vertices[:, 1]], points[over_vertices[:, 2]]
    u, v = b - a, c - a
    return np.stack([
        u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1],
        u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2],
        u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0],
    ], axis=1)  # fmt: skip


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors [n, 3] of length 1; a zero vector stays zero."""
    return vectors / (np.sqrt((vectors * vectors).sum(axis=1, keepdims=True)) + 1e-12)


def incidence(over_vertices: NDArray[np.int32], count: int, weight: NDArray[np.float64]) -> csr_matrix:
    """[V, F] with the weight [F] of a triangle where it touches a vertex."""
    rows = over_vertices.ravel()
    columns = np.repeat(np.arange(len(over_vertices)), 3)
    return csr_matrix((np.repeat(weight, 3), (rows, columns)), shape=(count, len(over_vertices)))


def neighbour_mean(over_vertices: NDArray[np.int32], count: int) -> csr_matrix:
    """[V, V] that takes the mean over the neighbours."""
    pairs = np.concatenate([over_vertices[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2))])
    linked = csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    linked.data[:] = 1
    return csr_matrix(linked.multiply(1 / np.maximum(linked.sum(axis=1), 1)))
