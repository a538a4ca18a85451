"""Slow, independent versions of the arithmetic behind faces: greedy suppression, Umeyama by SVD, networks by loops."""

import math

import numpy as np


def iou(a, b):
    """Intersection over union of two boxes."""
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def greedy(boxes, scores, groups, limit):
    """The indices that greedy non-maximum suppression keeps, group by group."""
    kept = []
    for group in sorted(set(groups)):
        rest = sorted((k for k in range(len(boxes)) if groups[k] == group), key=lambda k: -scores[k])
        while rest:
            best = rest.pop(0)
            kept.append(best)
            rest = [k for k in rest if iou(boxes[best], boxes[k]) <= limit]
    return kept


def umeyama(points, target):
    """Umeyama 1991, eq. 38-43, for any number of dimensions: the matrix [d, d + 1]."""
    mean_x, mean_y = points.mean(axis=0), target.mean(axis=0)
    x, y = points - mean_x, target - mean_y
    u, d, vt = np.linalg.svd(y.T @ x / len(x))
    sign = np.eye(len(d))
    if np.linalg.det(u) * np.linalg.det(vt) < 0:
        sign[-1, -1] = -1
    rotation = u @ sign @ vt
    scale = np.trace(np.diag(d) @ sign) / (x**2).sum(axis=1).mean()
    return np.hstack((scale * rotation, (mean_y - scale * rotation @ mean_x)[:, None]))


def convolve(x, weight, bias):
    """Valid convolution of [C, H, W] by [K, C, h, w]."""
    _, _, h, w = weight.shape
    out = np.zeros((len(weight), x.shape[1] - h + 1, x.shape[2] - w + 1))
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            out[:, i, j] = (weight * x[:, i : i + h, j : j + w]).sum(axis=(1, 2, 3)) + bias
    return out


def prelu(x, slope):
    """Leaky by channel."""
    return np.where(x > 0, x, x * slope.reshape(-1, *[1] * (x.ndim - 1)))


def pool(x, size):
    """Maximum over windows of `size`, step 2; a last incomplete window counts."""
    rows, columns = (math.ceil((n - size) / 2) + 1 for n in x.shape[1:])
    return np.array(
        [
            [[c[2 * i : 2 * i + size, 2 * j : 2 * j + size].max() for j in range(columns)] for i in range(rows)]
            for c in x
        ]
    )


def softmax(x):
    """Shares along the first axis."""
    e = np.exp(x - x.max(axis=0))
    return e / e.sum(axis=0)


def cascade(stage, x, weights):
    """P-, R- or O-Net on one picture [3, h, w]: the raw outputs in order (share of a face, offsets, points)."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}

    def layer(x, k):
        return prelu(convolve(x, w[f"conv{k}.weight"], w[f"conv{k}.bias"]), w[f"prelu{k}.weight"])

    if stage == "pnet":
        x = layer(layer(pool(layer(x, 1), 2), 2), 3)
        heads = [convolve(x, w[f"conv4_{k}.weight"], w[f"conv4_{k}.bias"]) for k in (1, 2)]
        return softmax(heads[0])[1], heads[1]
    if stage == "rnet":
        x = layer(pool(layer(pool(layer(x, 1), 3), 2), 3), 3)
        number, heads = 4, (1, 2)
    else:
        x = layer(pool(layer(pool(layer(pool(layer(x, 1), 3), 2), 3), 3), 2), 4)
        number, heads = 5, (1, 2, 3)
    flat = np.array([x[c, i, j] for j in range(x.shape[2]) for i in range(x.shape[1]) for c in range(x.shape[0])])
    flat = prelu(w[f"dense{number}.weight"] @ flat + w[f"dense{number}.bias"], w[f"prelu{number}.weight"])
    out = [w[f"dense{number + 1}_{k}.weight"] @ flat + w[f"dense{number + 1}_{k}.bias"] for k in heads]
    return softmax(out[0])[1], *out[1:]
