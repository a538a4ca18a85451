"""What a metric is: a name, a direction, bounds and one number for scored rows; most are functions of sums."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vemo_audit.evaluation.sketch import Sketch
from vemo_audit.evaluation.tally import layout_of
from vemo_audit.records.scored import Scored

Floats = NDArray[np.float64]
Sums = Callable[[Floats], Floats]
"""From sums `[..., width]` (laid out as `sketch.Layout` says) to one number for each row `[...]`."""


class Metric(Protocol):
    """One number for scored rows; NaN where it is undefined."""

    @property
    def name(self) -> str: ...
    @property
    def better(self) -> str:
        """'high', 'low' or 'zero'."""
        ...

    @property
    def bounds(self) -> tuple[float, float]: ...
    def __call__(self, scored: Scored) -> float: ...


def _same(values: Floats) -> Floats:
    return values


@dataclass(frozen=True, slots=True)
class SumMetric:
    """A metric that is a function of sums over subjects, so that jackknife, bootstrap and merging are exact."""

    name: str
    better: str  # 'high', 'low', 'zero'
    bounds: tuple[float, float]
    smooth: Sums  # the metric on the scale on which its intervals are made
    rows: Sums  # how many rows the number speaks of, by subject: the sizes of the clusters
    scale: Sums = _same  # from that scale to the printed one; never decreasing
    support: Sums | None = None  # [..., m]: rows of each thing without which the number means nothing
    supports: str = ""  # what these m things are: 'label', or the name of the only one
    biased: bool = False  # biased in small samples, so that its level intervals are approximate
    biased_by_size: bool = False  # and more so in the smaller group, so that its gaps are approximate as well

    def from_sums(self, sums: Floats) -> Floats:
        """The metric `[...]` of sums `[..., width]`; NaN where it is undefined."""
        return self.scale(self.smooth(sums))

    def __call__(self, scored: Scored) -> float:
        """The metric of all rows."""
        _, sums = Sketch.of(scored).sums()
        return float(self.from_sums(sums.sum(axis=0)))


def confusion(sums: Floats) -> Floats:
    """Counts `[..., K, K + 1]` in sums: rows are the truth, columns the answer, the last column abstentions."""
    layout = layout_of(sums.shape[-1])
    shape = (*sums.shape[:-1], layout.classes, layout.classes + 1)
    counts: Floats = sums[..., layout.block("confusion")].reshape(shape)
    return counts


def block(sums: Floats, name: str) -> Floats:
    """One block of columns in sums."""
    return sums[..., layout_of(sums.shape[-1]).block(name)]


def ratio(above: Floats, below: Floats) -> Floats:
    """above / below; NaN where `below` is 0."""
    out = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=out, where=below != 0)
    return out


def mean_of_defined(values: Floats) -> Floats:
    """Mean over the last axis of what is not NaN; NaN when nothing is left."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1).astype(np.float64))
