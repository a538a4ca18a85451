"""The form of a plan file: every key, its default and its bounds; any other key is an error."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictBool, StrictInt, StrictStr, model_validator

from vemo_audit.records.consent_terms import Output

Name = Annotated[StrictStr, Field(min_length=1, max_length=200)]
Number = Annotated[FiniteFloat, Field(strict=True)]
"""A whole number or a fraction; neither a text nor true, nor without end."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatasetKeys(_Strict):
    """[dataset]"""

    name: Name  # a plug-in, or module:Name
    path: StrictStr = "."
    options: dict[str, Any] = Field(default_factory=dict)
    mapping: dict[str, Name] = Field(default_factory=dict)  # label of the dataset -> label of the recognizer
    drop: list[Name] = Field(default_factory=list)  # labels of the dataset that are left out, and counted


class RecognizerKeys(_Strict):
    """[[recognizer]]: exactly one of plugin, table and published."""

    name: StrictStr = ""
    plugin: StrictStr = ""
    table: StrictStr = ""
    published: StrictStr = ""
    options: dict[str, Any] = Field(default_factory=dict)
    version: StrictStr = ""
    training_data: StrictStr = ""
    licence: StrictStr = ""

    @model_validator(mode="after")
    def one_source(self) -> "RecognizerKeys":
        if sum(map(bool, (self.plugin, self.table, self.published))) != 1:
            raise ValueError("exactly one of plugin, table and published")
        if self.table and not self.name:
            raise ValueError("a name beside the table")
        if self.options and not (self.plugin or self.table):
            raise ValueError("options only for a plugin, or for a table in the layout of another tool")
        return self


class GateKeys(_Strict):
    """[gate]: a deployment with consents and a purpose, or historic = true."""

    historic: StrictBool = False
    deployment: StrictStr = ""
    consents: list[Name] = Field(default_factory=list)
    purpose: StrictStr = ""
    outputs: Annotated[list[Output], Field(min_length=1)] = [Output.EXPRESSION_LABEL, Output.VALENCE_AROUSAL]

    @model_validator(mode="after")
    def one_basis(self) -> "GateKeys":
        if self.historic and (self.deployment or self.consents):
            raise ValueError("either historic = true or a deployment")
        if not self.historic and not (self.deployment and self.purpose):
            raise ValueError("a deployment and a purpose, or historic = true for tables with no decision behind them")
        return self


class SliceKeys(_Strict):
    """[slices]"""

    traits: list[Name] = Field(default_factory=list)
    depth: Annotated[StrictInt, Field(ge=1, le=3)] = 2


class CriterionKeys(_Strict):
    """[[criterion]]"""

    id: Name
    metric: Name
    kind: Literal["gap_within", "at_least", "at_most"]
    limit: Number
    over: Name = "overall"
    recognizers: list[Name] = Field(default_factory=list)

    @model_validator(mode="after")
    def gaps_are_between_groups(self) -> "CriterionKeys":
        if self.kind == "gap_within" and (self.over == "overall" or self.limit < 0):
            raise ValueError("over = a trait and a limit of 0 or more, for the kind gap_within")
        return self


class PlanFile(_Strict):
    """The whole file."""

    title: Name
    question: Name
    dataset: DatasetKeys
    recognizer: Annotated[list[RecognizerKeys], Field(min_length=1)]
    gate: GateKeys
    metrics: Annotated[list[Name], Field(min_length=1)] = ["accuracy", "uar", "macro_f1", "ece", "brier"]
    slices: SliceKeys = SliceKeys()
    criterion: Annotated[list[CriterionKeys], Field(min_length=1)]
    level: Annotated[Number, Field(gt=0.5, lt=1)] = 0.95
    draws: Annotated[StrictInt, Field(ge=100, le=100_000)] = 2000
    seed: Annotated[StrictInt, Field(ge=0, le=2**53 - 1)] = 0
    k: Annotated[StrictInt, Field(ge=5, le=1000)] = 5  # fewer people than this are hidden; a plan may only raise it
    undecided: Literal["fail", "warn"] = "fail"


def allowed_keys(place: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys that may stand at a place of the file, such as ('recognizer', 0)."""
    model: Any = PlanFile
    for part in place:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            model = next((a for a in get_args(annotation) if isinstance(a, type)), annotation)
    return tuple(model.model_fields)
