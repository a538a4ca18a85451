"""The metrics that an audit can name; each knows nothing of slices, thresholds or intervals."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from vemo_audit.errors import BadInput
from vemo_audit.evaluation.metrics import accuracy, calibration
from vemo_audit.evaluation.metrics.interface import Metric, SumMetric
from vemo_audit.records.labels import LabelSet

METRICS: Mapping[str, SumMetric] = MappingProxyType(
    {metric.name: metric for metric in (*accuracy.ALL, *calibration.ALL)}
)
"""Metrics of the whole label set. Those of one class are made by `named`: tpr_<label>, fpr_<label>, ppv_<label>."""


def named(name: str, labels: LabelSet) -> SumMetric:
    """The metric of that name for this label set. Raises BadInput, listing the names, when there is none."""
    if name in METRICS:
        return METRICS[name]
    prefix, _, label = name.partition("_")
    if prefix in accuracy.OF_A_CLASS and label in labels.names:
        return accuracy.OF_A_CLASS[prefix](label, labels.index(label))
    per_class = ", ".join(f"{prefix}_<label>" for prefix in accuracy.OF_A_CLASS)
    raise BadInput(
        f"the metric '{name}'",
        expected=f"one of {', '.join(METRICS)}, or {per_class} with one of {', '.join(labels.names)}",
    )


def bounds(name: str) -> tuple[float, float]:
    """Between which values the metric of that name lies, whatever the labels; no bounds for a name that nobody has."""
    if name in METRICS:
        return METRICS[name].bounds
    return (0.0, 1.0) if name.partition("_")[0] in accuracy.OF_A_CLASS else (-math.inf, math.inf)


__all__ = ["METRICS", "Metric", "SumMetric", "bounds", "named"]
