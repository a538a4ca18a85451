"""How numbers, times and names are written on a page: rounded once, here."""

import math
import re
from datetime import UTC, datetime

from vemo_audit.records.measurement import conditions

MINUS = "\N{MINUS SIGN}"
UNITS = ("share", "whole", "points", "plain", "difference", "count", "seconds", "moment", "tenth")
"""share: a part of 1, shown in %; whole: without decimals; points: a difference of shares; difference: of numbers;
moment: seconds to the hundredth; tenth: a measure to the tenth."""

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_METRICS = {
    "accuracy": ("Accuracy", "share", "Share of clips whose expression was named as labelled."),
    "uar": ("Unweighted average recall", "share", "Mean over expressions of the share found; rare ones count as much."),
    "macro_f1": ("Macro-F1", "share", "Mean over expressions of the harmonic mean of precision and recall."),
    "ece": ("Calibration error (ECE)", "plain", "How far stated confidence lies from the hit rate; 0 is best."),
    "debiased_ece": ("Calibration error, debiased", "plain", "The same without the upward bias of small samples."),
    "overconfidence": ("Over-confidence", "difference", "Mean stated confidence minus accuracy; 0 is best."),
    "brier": ("Brier score", "plain", "Mean squared distance of the probabilities from the truth; 0 is best."),
    "nll": ("Negative log-likelihood", "plain", "Mean surprise at the truth, in nats; 0 is best."),
    "abstention": ("Abstentions", "share", "Share of clips without an answer."),
    "ccc_valence": ("CCC of valence", "plain", "Agreement of valence with its label; 1 is best."),
    "ccc_arousal": ("CCC of arousal", "plain", "Agreement of arousal with its label; 1 is best."),
}
_ALIASES = {"top_label_ece": "ece", "f1": "macro_f1", "balanced_accuracy": "uar", "macro_recall": "uar"}
_BY_CLASS = {
    "tpr": "Recall", "recall": "Recall", "fpr": "False positive rate", "ppv": "Precision", "precision": "Precision",
    "selection_rate": "Share named", "f1": "F1",
}  # fmt: skip
_CLASS_METRIC = re.compile(r"^(tpr|recall|fpr|ppv|precision|selection_rate|f1)[_:./ \[]+([^\]]+)\]?$")


def metric(name: str) -> tuple[str, str, str]:
    """Title, unit and meaning of a metric; an unknown one keeps its own name and has no stated meaning."""
    key = name.lower().replace("-", "_")
    key = _ALIASES.get(key, key)
    if key in _METRICS:
        return _METRICS[key]
    found = _CLASS_METRIC.match(key)
    if found:
        word, label = _BY_CLASS[found[1]], found[2]
        return f"{word}: {label}", "share", f"{word} of the expression {label}."
    return name.replace("_", " "), "plain", ""


def is_by_class(name: str) -> bool:
    """Whether a metric speaks of one expression only."""
    key = name.lower().replace("-", "_")
    return _ALIASES.get(key, key) not in _METRICS and _CLASS_METRIC.match(key) is not None


def difference_unit(unit: str) -> str:
    """The unit of a difference of two numbers of a unit."""
    return "points" if unit == "share" else "difference"


def amount(value: float, unit: str) -> str:
    """A number in its unit; 'undefined' when it is NaN."""
    if not math.isfinite(value):
        return "undefined"
    if unit == "share":
        return f"{_fixed(100 * value, 1)} %"
    if unit == "whole":
        return f"{_fixed(100 * value, 0)} %"
    if unit == "points":
        return f"{_signed(100 * value, 1)} points"
    if unit == "difference":
        return _signed(value, 3)
    if unit == "count":
        return f"{round(value):,}"
    if unit == "seconds":
        return f"{_fixed(value, 1)} s"
    if unit == "moment":
        return f"{_fixed(value, 2)} s"
    if unit == "tenth":
        return _fixed(value, 1)
    return _fixed(value, 3)


def interval(low: float, high: float, unit: str) -> str:
    """Two ends in the unit of the number beside them, without repeating the unit's name."""
    ends = [amount(end, unit).removesuffix(" %").removesuffix(" points") for end in (low, high)]
    return f"{ends[0]} to {ends[1]}"


def tick(value: float, unit: str) -> str:
    """A short number for an axis."""
    if unit in ("share", "whole"):
        return f"{_fixed(100 * value, 0)} %"
    if unit == "points":
        return _signed(100 * value, 0)
    if unit == "seconds":
        return f"{value:g} s"
    return f"{value:.3g}".replace("-", MINUS)


def limit(value: float, unit: str) -> str:
    """A limit of a plan: shortest exact form, unsigned."""
    if unit == "share":
        return f"{100 * value:.6g} %"
    if unit == "points":
        return f"{100 * value:.6g} {'point' if round(100 * value, 6) == 1 else 'points'}"
    return f"{value:.6g}"


def size(value: float, unit: str) -> str:
    """A size that has no sign, rounded like the numbers beside it."""
    return amount(abs(value), unit).removeprefix("+")


def two_digits(count: int) -> int:
    """A count rounded up to two leading digits, as a forecast knows no more."""
    step = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // step) * step


def day(moment: datetime) -> str:
    """A date in words, in UTC."""
    utc = moment.astimezone(UTC)
    return f"{utc.day} {_MONTHS[utc.month - 1]} {utc.year}"


def instant(moment: datetime) -> str:
    """A date and time in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def plural(count: int, noun: str, many: str = "") -> str:
    """'1 clip', '2 clips'."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def listed(items: tuple[str, ...]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def slice_words(name: str) -> str:
    """'sex=female & age=old' as 'sex: female, age: old'; 'overall' as 'everybody'."""
    return "everybody" if name == "overall" else ", ".join(": ".join(pair) for pair in conditions(name))


def _fixed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def _signed(value: float, digits: int) -> str:
    text = _fixed(value, digits)
    return text if text.startswith(MINUS) or float(text) == 0 else f"+{text}"
