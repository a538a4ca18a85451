"""The audit plan: what is asked of which recognizer, on whom, and by which limits; frozen before it is measured."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import ValidationError

from vemo_audit.audit.plan_file import PlanFile, allowed_keys
from vemo_audit.errors import BadInput
from vemo_audit.evaluation.metrics import bounds
from vemo_audit.records.digest import digest
from vemo_audit.records.finding import Criterion
from vemo_audit.records.labels import LabelMapping

OVERALL = "overall"


@dataclass(frozen=True, slots=True)
class DatasetChoice:
    """Which dataset plug-in, on which folder, with which options; and how its labels are renamed."""

    plugin: str
    path: Path
    options: Mapping[str, Any]
    mapping: LabelMapping | None


@dataclass(frozen=True, slots=True)
class RecognizerChoice:
    """Whose answers are audited: made now by a plug-in, read from a table, or published by the dataset."""

    name: str
    plugin: str = ""
    table: Path | None = None
    published: str = ""
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    version: str = ""
    training_data: str = ""
    licence: str = ""
    folder: Path = Path()
    """Of the plan: options that are paths are relative to it."""


@dataclass(frozen=True, slots=True)
class GateChoice:
    """The gate before which clips stand; or `historic`, when tables are audited with no decision behind them."""

    historic: bool
    deployment: Path | None
    consents: tuple[Path, ...]
    purpose: str
    outputs: frozenset[str]  # that are asked for; what of them nobody consented to stays behind


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """A plan that was read and checked. `digest` is that of its content as written, wherever the file lies."""

    source: Path
    title: str
    question: str
    dataset: DatasetChoice
    recognizers: tuple[RecognizerChoice, ...]
    gate: GateChoice
    metrics: tuple[str, ...]
    traits: tuple[str, ...]
    depth: int
    level: float
    draws: int
    seed: int
    k: int
    criteria: tuple[Criterion, ...]
    undecided: Literal["fail", "warn"]
    digest: str

    def criteria_of(self, recognizer: str) -> tuple[Criterion, ...]:
        """The criteria that this recognizer is held to."""
        return tuple(c for c in self.criteria if not c.recognizers or recognizer in c.recognizers)


def read_plan(path: Path) -> AuditPlan:
    """The plan in a TOML file. Paths in it are relative to the file.

    Raises BadInput that names the key, the file, what was found and what is allowed.
    """
    if not path.is_file():
        raise BadInput(
            "no such file", where=str(path), expected="an audit plan in TOML",
            advice=f"`vemo-audit plan new {path}` writes one to start from.",
        )  # fmt: skip
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"it cannot be read: {error}", where=str(path), expected="an audit plan in TOML") from error
    try:
        parsed = PlanFile.model_validate(content)
    except ValidationError as error:
        raise _explained(error, path) from None
    return _frozen(parsed, path, content)


def _explained(error: ValidationError, path: Path) -> BadInput:
    """The first problem of a plan in our words; unknown keys first, as they often are the cause of the others."""
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first, more = problems[0], len(problems) - 1
    key = ".".join(f"{part + 1}" if isinstance(part, int) else str(part) for part in first["loc"]) or "the plan"
    advice = f"There are {more} more problems in this plan." if more else ""
    if first["type"] == "extra_forbidden":
        expected = f"one of {', '.join(allowed_keys(first['loc'][:-1]))}"
        return BadInput(f"the unknown key '{key}'", where=str(path), expected=expected, advice=advice)
    if first["type"] == "missing":
        return BadInput(f"no key '{key}'", where=str(path), expected="it to be stated", advice=advice)
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return BadInput(f"{key} = {_short(first['input'])}", where=str(path), expected=expected, advice=advice)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _frozen(parsed: PlanFile, path: Path, content: dict[str, Any]) -> AuditPlan:
    here = path.resolve().parent
    dataset = parsed.dataset
    mapping = LabelMapping(tuple(dataset.mapping.items()), tuple(dataset.drop)) if dataset.mapping else None
    if dataset.drop and mapping is None:
        raise BadInput(
            "dataset.drop without dataset.mapping", where=str(path), expected="both: labels not dropped are named"
        )
    plan = AuditPlan(
        source=path, title=parsed.title, question=parsed.question,
        dataset=DatasetChoice(dataset.name, here / dataset.path, MappingProxyType(dataset.options), mapping),
        recognizers=tuple(
            RecognizerChoice(
                name=r.name or r.plugin or r.published, plugin=r.plugin, published=r.published,
                table=here / r.table if r.table else None, options=MappingProxyType(r.options), version=r.version,
                training_data=r.training_data, licence=r.licence, folder=here,
            )
            for r in parsed.recognizer
        ),
        gate=GateChoice(
            parsed.gate.historic, here / parsed.gate.deployment if parsed.gate.deployment else None,
            tuple(here / consent for consent in parsed.gate.consents), parsed.gate.purpose,
            frozenset(map(str, parsed.gate.outputs)),
        ),
        metrics=tuple(parsed.metrics), traits=tuple(parsed.slices.traits), depth=parsed.slices.depth,
        level=parsed.level, draws=parsed.draws, seed=parsed.seed, k=parsed.k,
        criteria=tuple(
            Criterion(c.id, c.metric, c.kind, c.limit, c.over, tuple(c.recognizers)) for c in parsed.criterion
        ),
        undecided=parsed.undecided, digest=digest(without_floats(content)),
    )  # fmt: skip
    _hangs_together(plan)
    return plan


def without_floats(value: Any) -> Any:
    """The value with each float as its shortest text (NaN as None), as canonical JSON takes no floats."""
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else None if math.isnan(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): without_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_floats(item) for item in value]
    return value if isinstance(value, str | int | bool) or value is None else str(value)


def _hangs_together(plan: AuditPlan) -> None:
    """Raises BadInput where one part of the plan speaks of what another part does not have."""
    names = [recognizer.name for recognizer in plan.recognizers]
    told = {
        "recognizer": names, "criterion": [criterion.id for criterion in plan.criteria], "metric": plan.metrics,
        "trait": plan.traits,
    }  # fmt: skip
    for what, keys in told.items():
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise BadInput(f"the {what} '{twice[0]}' twice", where=str(plan.source), expected="each name once")
    for criterion in plan.criteria:
        where = f"{plan.source}, criterion '{criterion.id}'"
        if criterion.metric not in plan.metrics:
            raise BadInput(f"metric '{criterion.metric}'", where=where, expected=f"one of {', '.join(plan.metrics)}")
        if criterion.over not in (OVERALL, *plan.traits):
            known = ", ".join((OVERALL, *plan.traits))
            raise BadInput(f"over = '{criterion.over}'", where=where, expected=f"one of {known}")
        _is_a_limit(criterion, where)
        unknown = [name for name in criterion.recognizers if name not in names]
        if unknown:
            raise BadInput(f"the recognizer '{unknown[0]}'", where=where, expected=f"one of {', '.join(names)}")
    for recognizer in plan.recognizers:
        if not plan.criteria_of(recognizer.name):
            raise BadInput(
                f"no criterion for the recognizer '{recognizer.name}'", where=str(plan.source),
                expected="at least one [[criterion]] for each, as nothing may pass unasked",
            )  # fmt: skip
        if recognizer.plugin and plan.gate.historic:
            raise BadInput(
                f"the recognizer '{recognizer.name}' before a gate with historic = true", where=str(plan.source),
                expected="a deployment, consents and a purpose under [gate]: clips are seen only behind the gate",
            )  # fmt: skip


def _is_a_limit(criterion: Criterion, where: str) -> None:
    """Raises BadInput for a limit that no value of the metric could fail or meet: points are not hundredths."""
    low, high = bounds(criterion.metric)
    widest = high - low
    least, most = (0.0, widest) if criterion.kind == "gap_within" else (low, high)
    if not least <= criterion.limit <= most or criterion.limit == (low if criterion.kind == "at_least" else most):
        kept = f"{least:g} to {most:g}, and not the end that all values keep to"
        raise BadInput(
            f"limit = {criterion.limit:g} for {criterion.metric}", where=where, expected=f"a number from {kept}",
            advice="A share is a part of 1: five points are 0.05.",
        )  # fmt: skip
