"""Metrics of the confusion matrix. An abstention is an answer that is never right."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from vemo_audit.evaluation.metrics.interface import Floats, SumMetric, confusion, mean_of_defined, ratio

# C: confusion [..., K, K + 1]; d: its diagonal; r: row sums (truths); c: column sums (answers); n: total.


def accuracy_of(sums: Floats) -> Floats:
    """sum d / n."""
    return ratio(_diagonal(sums).sum(axis=-1), rows_of(sums))


def uar_of(sums: Floats) -> Floats:
    """Unweighted average recall: the mean of d_k / r_k over classes with r_k > 0.

    Source: macro recall as used in the speech-emotion challenges (Schuller et al. 2009, Interspeech).
    """
    return mean_of_defined(ratio(_diagonal(sums), truths_of(sums)))


def macro_f1_of(sums: Floats) -> Floats:
    """The mean of 2 d_k / (r_k + c_k) over classes with r_k + c_k > 0."""
    return mean_of_defined(ratio(2 * _diagonal(sums), truths_of(sums) + answers_of(sums)))


def abstention_of(sums: Floats) -> Floats:
    """Share of rows without an answer."""
    return ratio(confusion(sums)[..., -1].sum(axis=-1), rows_of(sums))


def rows_of(sums: Floats) -> Floats:
    """n `[...]`, abstentions included."""
    total: Floats = confusion(sums).sum(axis=(-2, -1))
    return total


def truths_of(sums: Floats) -> Floats:
    """r `[..., K]`, abstentions included."""
    total: Floats = confusion(sums).sum(axis=-1)
    return total


def answers_of(sums: Floats) -> Floats:
    """c `[..., K]`."""
    total: Floats = confusion(sums)[..., :-1].sum(axis=-2)
    return total


def _diagonal(sums: Floats) -> Floats:
    return np.diagonal(confusion(sums)[..., :-1], axis1=-2, axis2=-1)


def true_positive_rate(label: str, k: int) -> SumMetric:
    """d_k / r_k: the recall of one class."""
    return _of_a_class(
        "tpr", label, "high",
        lambda sums: _diagonal(sums)[..., k], lambda sums: truths_of(sums)[..., k], f"clips of '{label}'",
    )  # fmt: skip


def false_positive_rate(label: str, k: int) -> SumMetric:
    """(c_k - d_k) / (n - r_k): how often other classes are taken for this one."""
    return _of_a_class(
        "fpr", label, "low",
        lambda sums: answers_of(sums)[..., k] - _diagonal(sums)[..., k],
        lambda sums: rows_of(sums) - truths_of(sums)[..., k], f"clips of classes other than '{label}'",
    )  # fmt: skip


def positive_predictive_value(label: str, k: int) -> SumMetric:
    """d_k / c_k: how often the answer 'k' is right."""
    return _of_a_class(
        "ppv", label, "high",
        lambda sums: _diagonal(sums)[..., k], lambda sums: answers_of(sums)[..., k], f"answers '{label}'",
    )  # fmt: skip


def _of_a_class(
    prefix: str, label: str, better: str, above: Callable[[Floats], Floats], below: Callable[[Floats], Floats],
    supports: str,
) -> SumMetric:  # fmt: skip
    return SumMetric(
        f"{prefix}_{label}", better, (0.0, 1.0), lambda sums: ratio(above(sums), below(sums)), rows=below,
        support=lambda sums: below(sums)[..., None], supports=supports,
    )  # fmt: skip


ALL = (
    SumMetric("accuracy", "high", (0.0, 1.0), accuracy_of, rows_of),
    SumMetric("uar", "high", (0.0, 1.0), uar_of, rows_of, support=truths_of, supports="label"),
    SumMetric("macro_f1", "high", (0.0, 1.0), macro_f1_of, rows_of, support=truths_of, supports="label"),
    SumMetric("abstention", "low", (0.0, 1.0), abstention_of, rows_of),
)
OF_A_CLASS: Mapping[str, Callable[[str, int], SumMetric]] = MappingProxyType(
    {"tpr": true_positive_rate, "fpr": false_positive_rate, "ppv": positive_predictive_value}
)
