"""Is one module better than another on the same held-out rows? The difference, with an interval over people."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput

DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line of the table on a card: `part` minus `against`, positive is better for `part`."""

    part: str
    against: str
    metric: str
    value: float  # of the part
    difference: float
    low: float
    high: float
    level: float
    clusters: int
    held_out: str


def compare(
    part: tuple[str, NDArray[np.float64]], against: tuple[str, NDArray[np.float64]], *, truth: NDArray[np.int64],
    cluster: NDArray[np.str_], metric: str, held_out: str, rng: np.random.Generator, level: float = 0.95,
) -> Comparison:  # fmt: skip
    """Two named answers `[N, K]` to the same rows by 'accuracy' or 'uar', resampled by whole clusters, both together.

    Source: percentile interval of the paired cluster bootstrap, Davison & Hinkley 1997, sec. 3.8.
    Raises BadInput for another metric or fewer than two clusters.
    """
    names, code = np.unique(cluster, return_inverse=True)
    if metric not in ("accuracy", "uar") or len(names) < 2:
        raise BadInput(
            f"a comparison by '{metric}' over {len(names)} clusters", expected="accuracy or uar, two or more"
        )
    classes = part[1].shape[1]
    rows = np.zeros((len(names), classes))
    np.add.at(rows, (code, truth), 1)
    hits = []
    for _, answer in (part, against):
        hit = np.zeros((len(names), classes))
        np.add.at(hit, (code, truth), answer.argmax(axis=1) == truth)
        hits.append(hit)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)
    drawn = [score(times @ hit, times @ rows, metric) for hit in hits]
    whole = [float(score(hit.sum(axis=0)[None], rows.sum(axis=0)[None], metric)[0]) for hit in hits]
    low, high = np.quantile(drawn[0] - drawn[1], [(1 - level) / 2, (1 + level) / 2])
    return Comparison(
        part[0], against[0], metric, whole[0], whole[0] - whole[1], float(low), float(high), level, len(names), held_out
    )


def score(hits: NDArray[np.float64], rows: NDArray[np.float64], metric: str) -> NDArray[np.float64]:
    """Accuracy or mean hit rate over the classes that occur, of counts `[M, K]`: `[M]`."""
    if metric == "accuracy":
        return hits.sum(axis=1) / rows.sum(axis=1)
    rate = np.divide(hits, rows, out=np.full(rows.shape, np.nan), where=rows > 0)
    return np.nanmean(rate, axis=1)
