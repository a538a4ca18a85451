"""All that a policy may know about one request: a frozen record, checked when made, and its form for Cedar."""

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from vemo_audit.errors import BadInput
from vemo_audit.governance.policy.vocabulary import (
    UNEQUAL_AREAS,
    UNEQUAL_ROLES,
    Binding,
    ExceptionKind,
    ExceptionScope,
    InferenceKind,
    MatchMode,
    Modality,
    Output,
    Purpose,
    UseArea,
)
from vemo_audit.records.consent_terms import AgeBand, Role

MAX_CONTEXT_BYTES = 16 * 1024
MAX_SET_ITEMS = 64
MAX_TEXT = 200
MAX_COUNT = 1_000_000
MAX_EXCEPTION_DAYS = 90
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@ -]*")


class _Checked:
    """Refuses a field of the wrong type, an unknown word, a set that is too long or a count out of range."""

    def __post_init__(self) -> None:
        for name, kind in _kinds(type(self)).items():  # type: ignore[arg-type]  # a class is hashable
            object.__setattr__(self, name, _checked(getattr(self, name), kind, f"facts.{name}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFacts(_Checked):
    """What the consent store says of the one record that this request rests on, read now."""

    state: str
    explicit: bool
    purposes: frozenset[Purpose]
    outputs: frozenset[Output]
    modalities: frozenset[Modality]
    not_before: datetime
    expires_at: datetime
    version_is_latest: bool
    epoch_is_current: bool
    audience_ok: bool
    notice_known: bool
    written_release: bool
    guardian_ok: bool  # a guardian gave it, and the guardian's signature holds
    withdraw_parity: bool  # withdrawing takes no more steps than giving did


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFacts(_Checked):
    """What a signed dataset manifest says of the clip or table. It stands in for consent in offline audits only."""

    listed: bool  # the digest stands in the manifest, and the steward's signature holds
    purposes: frozenset[Purpose]  # that the licence covers
    consent_statement: bool  # the dataset says how its people consented
    guardian_ok: bool  # adults only, or guardians consented for the others
    single_speaker: bool  # one voice in each clip


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionFacts(_Checked):
    """A signed exception: the rules it lifts, on what ground, for how long, by how many distinct approvers."""

    kind: ExceptionKind
    scope: ExceptionScope
    lifts: frozenset[str]
    evidence: bool
    approvers: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts(_Checked):
    """One request. Every default is the value that denies: a fact that nobody stated opens nothing.

    Facts come from the signed manifest, the consent store and the binder, never from the caller. Screen rules read
    those above `age_band`; consent rules read on to `release`; only face rules read the rest.
    Raises BadInput for a wrong type, an unknown word or an impossible combination.
    """

    now: datetime
    human: bool  # False only for clips in a manifest signed by the synthetic-probe key
    use_area: UseArea
    subject_role: Role
    inference_kind: InferenceKind
    purpose: Purpose
    outputs: frozenset[Output]
    modalities: frozenset[Modality]
    places: frozenset[str]
    template_extracted: bool
    automated_effect: bool
    notice_before_exposure: bool
    covert: bool
    kill_switch: bool
    manifest_ok: bool
    model_digest_ok: bool
    log_retention_days: int
    audit_required: bool  # the manifest demands a fresh fairness audit
    match_mode: MatchMode
    staff_excluded: bool = False  # attested by zone or marker
    audit_age_days: int | None = None  # of the last audit of this model; None when there is none
    dpia_age_days: int | None = None
    overseer: str | None = None
    exception: ExceptionFacts | None = None
    age_band: AgeBand = AgeBand.UNKNOWN
    binding: Binding = Binding.NONE
    consent: ConsentFacts | None = None
    release: ReleaseFacts | None = None
    bound: bool = False  # this face is tied to this consent
    track_whole: bool = False  # no cut, no loss, no ambiguous overlap since it was bound
    faces_in_view: int = 0
    max_faces: int = 0

    def __post_init__(self) -> None:
        super(Facts, self).__post_init__()
        for name in ("outputs", "modalities", "places"):
            if not getattr(self, name):
                raise BadInput("nothing", where=f"facts.{name}", expected="at least one")
        if self.exception and self.exception.expires_at - self.now > timedelta(days=MAX_EXCEPTION_DAYS):
            raise BadInput("an exception for too long", where="facts.exception", expected=f"{MAX_EXCEPTION_DAYS} days")
        needed = {Binding.TEMPLATE_1TO1: MatchMode.ONE_TO_ONE, Binding.TEMPLATE_1TON: MatchMode.ONE_TO_MANY}
        if self.match_mode is not needed.get(self.binding, self.match_mode):
            raise BadInput(f"binding {self.binding} with match mode {self.match_mode}", where="facts.match_mode")

    @property
    def power_imbalance(self) -> bool:
        """Whether refusing may cost the person something: derived from role and area, never settable."""
        return self.subject_role in UNEQUAL_ROLES or self.use_area in UNEQUAL_AREAS


def to_cedar(facts: Facts) -> dict[str, Any]:
    """The `context` of a Cedar request. An absent optional fact is an absent key. The engine refuses over 16 KiB."""
    context: dict[str, Any] = _cedar_value(facts) | {"power_imbalance": facts.power_imbalance}
    return context


def to_json(facts: Facts) -> dict[str, Any]:
    """The facts as plain JSON: what `policy explain` reads back and prints."""
    return typing.cast(dict[str, Any], _plain(facts))


def from_json(value: object, *, where: str = "facts") -> Facts:
    """Facts from plain JSON. Raises BadInput for a missing, unknown or wrong field, with its place."""
    return typing.cast(Facts, _record(Facts, value, where))


def _record(kind: type[Any], value: object, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise BadInput(f"{value!r}", where=where, expected="an object")
    kinds = _kinds(kind)  # type: ignore[arg-type]
    required = {f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}
    for name in sorted(set(value) - set(kinds), key=str):
        raise BadInput(f"the unknown fact {name!r}", where=where, expected=f"one of {', '.join(kinds)}")
    for name in sorted(required - set(value)):
        raise BadInput(f"no {name}", where=where, expected="every required fact")
    given = {name: _from_json(value[name], kinds[name], f"{where}.{name}") for name in kinds if name in value}
    return kind(**given)


def _from_json(value: object, kind: Any, where: str) -> Any:
    inner = _optional(kind)
    if inner is not None:
        return None if value is None else _from_json(value, inner, where)
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type[Any], kind), value, where)
    if typing.get_origin(kind) is frozenset and isinstance(value, list):
        items = [_checked(item, typing.get_args(kind)[0], where) for item in value]
        if len(set(items)) < len(items):
            raise BadInput("a word given twice", where=where, expected="a set")
        return frozenset(items)
    if kind is datetime and isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError as error:
            raise BadInput(f"the time {value!r}", where=where, expected="RFC 3339 with a time zone") from error
    return _checked(value, kind, where)


def _checked(value: Any, kind: Any, where: str) -> Any:
    inner = _optional(kind)
    if inner is not None:
        return None if value is None else _checked(value, inner, where)
    if typing.get_origin(kind) is frozenset:
        if not isinstance(value, frozenset | set) or len(value) > MAX_SET_ITEMS:
            raise BadInput(f"{value!r}", where=where, expected=f"a set of at most {MAX_SET_ITEMS} words")
        return frozenset(_checked(item, typing.get_args(kind)[0], where) for item in value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if isinstance(value, str) and value in kind._value2member_map_:
            return kind(value)
        raise BadInput(f"the word {value!r}", where=where, expected=f"one of {', '.join(kind)}")
    if type(value) is not kind:  # exact: True is no count
        raise BadInput(f"{value!r} of type {type(value).__name__}", where=where, expected=f"a {kind.__name__}")
    if kind is int and not 0 <= value <= MAX_COUNT:
        raise BadInput(f"the number {value}", where=where, expected=f"0 to {MAX_COUNT}")
    if kind is str and (len(value) > MAX_TEXT or not _WORD.fullmatch(value)):
        raise BadInput(f"the text {value[:MAX_TEXT]!r}", where=where, expected="letters, digits and . _ : / @ -")
    if kind is datetime:
        return _utc(value, where)
    return value


def _utc(value: datetime, where: str) -> datetime:
    if value.utcoffset() is None:
        raise BadInput(f"the time {value}", where=where, expected="a time with a time zone")
    moment = value.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)  # Cedar counts in milliseconds


@cache
def _kinds(kind: type[Any]) -> dict[str, Any]:
    return {field.name: typing.get_type_hints(kind)[field.name] for field in dataclasses.fields(kind)}


def _optional(kind: Any) -> Any:
    """The type inside `X | None`, or None."""
    if isinstance(kind, types.UnionType):
        return next(inner for inner in typing.get_args(kind) if inner is not types.NoneType)
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | None):
        return value
    if isinstance(value, _Checked):
        return {name: _plain(getattr(value, name)) for name in _kinds(type(value))}  # type: ignore[arg-type]
    if isinstance(value, frozenset):
        return sorted(str(item) for item in value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


def _cedar_value(value: Any) -> Any:
    if isinstance(value, _Checked):
        named = ((name, getattr(value, name)) for name in _kinds(type(value)))  # type: ignore[arg-type]
        return {name: _cedar_value(item) for name, item in named if item is not None}
    if isinstance(value, datetime):
        return {"__extn": {"fn": "datetime", "arg": _plain(value)}}
    return _plain(value)
