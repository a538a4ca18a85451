"""Tells whose table a file is by its header, and reads it; a header that nobody here knows is refused."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.layouts import deepface, libreface, openface, prototypes, pyfeat
from vemo_audit.recognition.recognizers.layouts.rows import NAME_LENGTH, SHOWN, Header, Rows, header_of
from vemo_audit.records.labels import EKMAN, LabelMapping, LabelSet
from vemo_audit.records.prediction import SUM_TOLERANCE
from vemo_audit.records.reasons import CROWDED, NO_RULE, UNIT_MISSING, dropped
from vemo_audit.tables.schema import PROBABILITY_PREFIX

OWN = "own"
TABLES = {module.NAME: module for module in (pyfeat, openface, libreface)}
NAMES = (OWN, *TABLES, deepface.NAME)
CLASSES = ("none", "emfacs")


@dataclass(frozen=True, slots=True)
class Choice:
    """What only the user can say about a foreign table."""

    layout: str = "auto"  # or one of NAMES: the header must then be that one's
    classes: str = "none"  # for tools that read units only: 'emfacs' turns them into classes by a stated rule
    mapping: LabelMapping | None = None  # None: the usual names of the tool's labels

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("layout", self.layout, ("auto", *NAMES)), ("classes", self.classes, CLASSES),
        ):  # fmt: skip
            if value not in allowed:
                raise BadInput(f"{name} = '{value}'", expected=f"one of {', '.join(allowed)}")


def layout_of(path: Path, choice: str = "auto") -> str:
    """The name of the layout of a file. Raises BadInput, naming what is missing or unknown, when it is none."""
    if path.suffix.lower() == ".json":
        found = deepface.NAME
    elif path.suffix.lower() == ".parquet":
        found = OWN
    else:
        names = header_of(path)
        if any(name.startswith(PROBABILITY_PREFIX) and not name[2:].isdigit() for name in names) and "clip" in names:
            found = OWN
        else:
            fitting = [name for name, module in TABLES.items() if any(h.fits(names) for h in module.HEADERS)]
            found = fitting[0] if fitting else ""
            if not found:
                raise _unknown(path, names, choice)
    if choice not in ("auto", found):
        raise BadInput(f"a table in the layout of {found}", where=str(path), expected=f"layout '{choice}'")
    return found


def _unknown(path: Path, names: list[str], choice: str) -> BadInput:
    headers: list[tuple[str, Header]] = [
        (name, header) for name, module in TABLES.items() for header in module.HEADERS if choice in ("auto", name)
    ]

    def off(entry: tuple[str, Header]) -> int:
        missing, unknown = entry[1].problems(names)
        return len(missing) + len(unknown)

    nearest, header = min(headers or [(n, h) for n, m in TABLES.items() for h in m.HEADERS], key=off)
    missing, unknown = header.problems(names)
    told = [f"without {_some(missing)}" if missing else "", f"with the unknown {_some(unknown)}" if unknown else ""]
    twice = sorted({name for name in names if names.count(name) > 1})
    told += [f"with {_some(twice)} twice"] if twice else []
    return BadInput(
        f"the columns {_some(names)}", where=str(path),
        expected=f"the exact header of {', '.join(TABLES)}, or clip and p_<label> of our own table",
        advice=_separated(names) or f"Nearest is {nearest}, {' and '.join(filter(None, told))}.",
    )  # fmt: skip


def _separated(names: list[str]) -> str:
    """What to do about a table that is one column because its cells are not separated by commas."""
    sign = next((word for mark, word in ((";", "semicolons"), ("\t", "tabs")) if mark in "".join(names)), "")
    return f"Its cells seem to be separated by {sign}; save it with commas." if sign and len(names) == 1 else ""


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    short = [name if len(name) <= NAME_LENGTH else f"{name[:NAME_LENGTH]}..." for name in names[:SHOWN]]
    return (", ".join(f"'{name}'" for name in short) + more) or "none"


def read(path: Path, choice: Choice) -> tuple[Rows, LabelSet]:
    """The rows of a foreign table with the mapped labels, and the label set that they are in.

    A label that the mapping forgets is an error. Where it drops the likeliest label of a row, the row has no answer;
    else the other shares are scaled to 1. Raises BadInput for a header or a cell that is not what it must be.
    """
    name = layout_of(path, choice.layout)
    if name == OWN:
        raise BadInput("our own table", where=str(path), expected=f"a table of {', '.join(NAMES[1:])}")
    rows = deepface.read(path) if name == deepface.NAME else TABLES[name].read(path)
    rows = _with_classes(rows, choice)
    _check_sums(rows)
    rows, labels = _mapped(rows, choice.mapping or LabelMapping(tuple(rows.mapping.items())))
    several = rows.crowded()
    reason = tuple(CROWDED if several[k] else told for k, told in enumerate(rows.reason))
    return replace(rows, reason=reason), labels


def _check_sums(rows: Rows) -> None:
    """Raises BadInput, naming the row, for an answer that is no distribution."""
    answered = np.array([not told for told in rows.reason], bool)
    total = rows.probability.sum(axis=1)
    wrong = np.flatnonzero(answered & ~(np.abs(total - 1) <= SUM_TOLERANCE))
    if len(wrong):
        raise BadInput(
            f"{', '.join(rows.labels)} that sum to {total[wrong[0]]:.6g}",
            where=f"{rows.source}, row {int(wrong[0]) + 1}", expected=f"a sum of 1 within {SUM_TOLERANCE:g}",
        )  # fmt: skip


def _with_classes(rows: Rows, choice: Choice) -> Rows:
    """The same rows; where the tool reads units only, with classes by the chosen rule, or the reason why not."""
    if rows.labels:
        if choice.classes != "none":
            raise BadInput(
                f"classes = '{choice.classes}' for a tool that names classes", where=rows.source, expected="none"
            )
        return rows
    count, same = len(rows.clip), {name: name for name in EKMAN.names}
    if choice.classes == "none":
        reason = tuple(told or NO_RULE for told in rows.reason)
        probability = np.full((count, len(EKMAN)), np.nan)
        return replace(rows, labels=EKMAN.names, probability=probability, reason=reason, mapping=same)
    probability = prototypes.emfacs(rows.units, count)
    silent = np.isnan(probability).any(axis=1)
    reason = tuple(told or (UNIT_MISSING if silent[k] else "") for k, told in enumerate(rows.reason))
    return replace(
        rows, labels=EKMAN.names, probability=probability, reason=reason, mapping=same,
        limits=(*rows.limits, prototypes.LIMIT),
    )  # fmt: skip


def _mapped(rows: Rows, mapping: LabelMapping) -> tuple[Rows, LabelSet]:
    targets = [mapping(name) for name in rows.labels]
    there = list(dict.fromkeys(name for name in targets if name is not None))
    labels = LabelSet(tuple([n for n in EKMAN.names if n in there] + [n for n in there if n not in EKMAN.names]))
    shares = np.zeros((len(rows.clip), len(labels)))
    for k, target in enumerate(targets):
        if target is not None:
            shares[:, labels.index(target)] += rows.probability[:, k]
    answered = np.array([not told for told in rows.reason], bool)
    best = np.full(len(rows.clip), -1)
    best[answered] = rows.probability[answered].argmax(axis=1)
    gone = np.array([k >= 0 and targets[k] is None for k in best.tolist()], bool)
    if mapping.dropped:
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = shares / shares.sum(axis=1, keepdims=True)
    shares[~answered | gone] = np.nan
    reason = tuple(dropped(rows.labels[best[k]]) if gone[k] else told for k, told in enumerate(rows.reason))
    return replace(rows, labels=labels.names, probability=shares, reason=reason), labels
