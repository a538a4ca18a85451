"""From foreign files to answers: all files of one tool; one row for each person and clip where no clip is at hand."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.layouts import known
from vemo_audit.recognition.recognizers.layouts.known import Choice
from vemo_audit.recognition.recognizers.layouts.rows import Rows
from vemo_audit.recognition.recognizers.windows import STILL_S, Averages, FrameAnswer, Windowing
from vemo_audit.records.digest import digest, sha256_hex
from vemo_audit.records.labels import LabelMapping, LabelSet
from vemo_audit.records.prediction import Prediction
from vemo_audit.records.reasons import CROWDED
from vemo_audit.records.units import UNITS
from vemo_audit.tables.schema import PredictionTable

SUFFIXES = frozenset({".csv", ".json"})
OPTIONS = frozenset({"layout", "classes", "mapping", "drop"})


@dataclass(frozen=True, slots=True, eq=False)
class Foreign:
    """A foreign table in our columns, the digest of its files, and what is to be known of its tool."""

    table: PredictionTable
    digest: str
    limits: tuple[str, ...]


def choice_of(options: Mapping[str, Any]) -> Choice:
    """What a plan states of a foreign table. Raises BadInput for an option that is none of OPTIONS."""
    other = sorted(set(options) - OPTIONS)
    if other:
        raise BadInput(f"the option '{other[0]}' for a table", expected=f"one of {', '.join(sorted(OPTIONS))}")
    mapping, drop = options.get("mapping", {}), options.get("drop", ())
    renamed = LabelMapping(tuple(mapping.items()), tuple(drop)) if mapping or drop else None
    return Choice(options.get("layout", "auto"), options.get("classes", "none"), renamed)


def files_of(path: Path) -> list[Path]:
    """The file itself, or the tables in a folder by name. Raises BadInput when there is none."""
    if path.is_file():
        return [path]
    found = sorted(one for one in path.glob("*") if one.suffix.lower() in SUFFIXES) if path.is_dir() else []
    if not found:
        raise BadInput(
            "no table", where=str(path), expected="a .csv, .parquet or .json file, or a folder of .csv or .json"
        )
    return found


def read_all(files: Sequence[Path], choice: Choice) -> tuple[tuple[Rows, ...], LabelSet]:
    """All files of one tool. Raises BadInput when they are of several, or do not name the same labels."""
    first = known.layout_of(files[0], choice.layout)
    read = [known.read(file, replace(choice, layout=first)) for file in files]
    labels = read[0][1]
    for rows, others in read:
        if others != labels:
            raise BadInput(f"the labels {', '.join(others.names)}", where=rows.source, expected=", ".join(labels.names))
    return tuple(rows for rows, _ in read), labels


def add_rows(sums: Averages, rows: Rows, mine: Sequence[int], *, times: Sequence[float]) -> None:
    """Adds the chosen rows at their times."""
    for k, time_s in zip(mine, times, strict=True):
        affect = (math.nan, math.nan) if rows.affect is None else (float(rows.affect[k, 0]), float(rows.affect[k, 1]))
        units = {name: float(rows.units[name][k]) for name in rows.units if name in UNITS}
        shares = None if rows.reason[k] else rows.probability[k]
        sums.add(FrameAnswer(rows.person[k], time_s, shares, rows.reason[k], float(rows.quality[k]), units, affect))


def limits_of(tables: Sequence[Rows]) -> tuple[str, ...]:
    """What is to be known of the tool, and which of its units have no name here."""
    told = tuple(dict.fromkeys(limit for rows in tables for limit in rows.limits))
    extra = sorted({name for rows in tables for name in rows.units} - set(UNITS), key=lambda name: int(name[2:]))
    return told + ((f"Its units {', '.join(name.upper() for name in extra)} have no column here.",) if extra else ())


def digest_of(files: Sequence[Path]) -> str:
    """SHA-256 of one file; of several, the digest of theirs in order."""
    each = [sha256_hex(file.read_bytes()) for file in files]
    return each[0] if len(each) == 1 else digest(each)


def foreign_table(path: Path, options: Mapping[str, Any]) -> Foreign:
    """One row for each person and clip of a foreign file or folder: the mean of its frames. Needs no clip and no time.

    Raises BadInput as `known.read`, and for our own table, which takes no options.
    """
    files = files_of(path)
    tables, labels = read_all(files, choice_of(options))
    sums: dict[str, Averages] = {}
    for rows in tables:
        for name in dict.fromkeys(rows.clip):
            mine = [k for k, clip in enumerate(rows.clip) if clip == name]
            add_rows(sums.setdefault(name, Averages(Windowing())), rows, mine, times=[0.0] * len(mine))
    found = [one for name, each in sums.items() for one in each.predictions(name, STILL_S, nobody=CROWDED)]
    return Foreign(_table(found, labels, source=str(path)), digest_of(files), limits_of(tables))


def _table(found: list[Prediction], labels: LabelSet, *, source: str) -> PredictionTable:
    count = len(found)
    empty = np.full(count, "", dtype=object)
    silent = np.full(len(labels), np.nan, np.float32)
    return PredictionTable(
        source=source, labels=labels, dataset=empty.copy(), clip=np.array([one.clip for one in found], object),
        person=np.array([one.person for one in found], object), start_s=np.full(count, np.nan),
        end_s=np.full(count, np.nan),
        probability=np.stack([silent if one.probability is None else one.probability for one in found]),
        abstained=np.array([one.probability is None for one in found]),
        reason=np.array([one.reason for one in found], object), decision=empty.copy(),
    )  # fmt: skip
