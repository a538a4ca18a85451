"""Reads policy packs as one signed bundle, and picks the rules in force at a place and on a day."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import cedarpy
import yaml

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance import dsse
from vemo_audit.governance.keys import KeyPair, PublicKey
from vemo_audit.governance.policy.vocabulary import Stage
from vemo_audit.records.digest import digest, sha256_hex

PERMIT = "base.permit"
SCHEMA_FILE = "schema.cedarschema"
PAYLOAD_TYPE = dsse.type_of("policy-bundle")
ANNOTATIONS = frozenset({"id", "ref", "message", "effect", "stage", "verified", "applies_from"})
OPTIONAL_ANNOTATIONS = frozenset({"applies_to", "liftable"})
PACK_KEYS = frozenset(
    {"id", "version", "title", "jurisdiction", "places", "instrument", "status", "enabled", "applies_from"}
    | {"sources", "reviewer", "review_by", "disclaimer"}
)
ANYWHERE = "anywhere"
BASE_PACKS = frozenset({f"base/{name}" for name in ("permit", "consent", "bystander", "high-stakes", "operations")})
"""Packs without which no engine is made: the permit alone would say yes to everything."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One Cedar policy with its annotations. `body` is the policy in Cedar's JSON form."""

    id: str
    pack: str
    ref: str
    message: str
    effect: str  # deny, mask or warn; 'permit' for the one permit
    stage: Stage
    verified: str  # official, secondary or counsel
    applies_from: date | None  # None: always
    applies_to: date | None  # last day; None: no end
    liftable: bool
    body: Mapping[str, Any] = field(repr=False)

    def in_force(self, day: date) -> bool:
        return (self.applies_from is None or self.applies_from <= day) and not self.over(day)

    def over(self, day: date) -> bool:
        return self.applies_to is not None and day > self.applies_to


@dataclass(frozen=True, slots=True)
class Pack:
    """One folder of rules with what it says of itself."""

    id: str
    version: str
    title: str
    places: frozenset[str]  # where it applies; {'anywhere'} for the base packs
    enabled: bool
    review_by: date
    disclaimer: str
    about: Mapping[str, Any] = field(repr=False)
    folder: Path = field(repr=False)
    rules: tuple[Rule, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bundle:
    """All packs of one folder, under one version and one digest."""

    folder: Path
    version: int
    packs: tuple[Pack, ...]
    places: frozenset[str]  # places whose law the packs are known to cover
    schema: str = field(repr=False)
    files: tuple[tuple[str, str], ...] = field(repr=False)  # path, sha256: all that decides

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical list of file digests."""
        return digest([list(pair) for pair in self.files])

    @property
    def schema_digest(self) -> str:
        return sha256_hex(self.schema.encode())

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(rule for pack in self.packs for rule in pack.rules)


@dataclass(frozen=True, slots=True)
class Selection:
    """What speaks at these places on this day: rules that decide, and rules that only warn."""

    packs: tuple[str, ...]  # id and version
    active: tuple[Rule, ...]
    advisory: tuple[Rule, ...]  # not yet in force, or of effect warn
    since: date  # the selection is the same from this day ...
    until: date  # ... to this day, both included


def load_bundle(folder: Path) -> Bundle:
    """Reads `bundle.yaml`, the schema and every folder that holds a `pack.yaml`.

    Raises BadInput, with its place, for anything missing, unknown, double or unreadable.
    """
    about = read_yaml(folder / "bundle.yaml", keys=frozenset({"version", "places"}))
    version, places = about["version"], about["places"]
    if type(version) is not int or version < 1 or not isinstance(places, list):
        raise BadInput(f"version {version!r}", where=str(folder / "bundle.yaml"), expected="a number from 1 on")
    packs = tuple(_pack(path.parent, folder) for path in sorted(folder.rglob("pack.yaml")))
    if not packs:
        raise BadInput("no policy pack", where=str(folder), expected="at least base/permit")
    _refuse_doubles((pack.id for pack in packs), "pack", folder)
    _refuse_doubles((rule.id for pack in packs for rule in pack.rules), "rule", folder)
    deciding = [folder / "bundle.yaml", folder / SCHEMA_FILE]
    deciding += [path for pack in packs for path in (pack.folder / "pack.yaml", *_cedar_files(pack.folder))]
    files = sorted((path.relative_to(folder).as_posix(), sha256_hex(_bytes(path))) for path in deciding)
    return Bundle(folder, version, packs, frozenset(places), _bytes(folder / SCHEMA_FILE).decode(), tuple(files))


def select(bundle: Bundle, places: Iterable[str], as_of: date) -> Selection:
    """The rules for these places on this day.

    A place that the bundle does not know, or no place at all, activates every enabled pack: the strictest union.
    """
    wanted = frozenset(places)
    everywhere = not wanted or not wanted <= bundle.places
    packs = [p for p in bundle.packs if p.enabled and (everywhere or p.places & (wanted | {ANYWHERE}))]
    rules = [rule for pack in packs for rule in pack.rules if not rule.over(as_of)]
    active = tuple(rule for rule in rules if rule.in_force(as_of) and rule.effect != "warn")
    starts = [rule.applies_from for pack in packs for rule in pack.rules if rule.applies_from]
    ends = [date.fromordinal(r.applies_to.toordinal() + 1) for p in packs for r in p.rules if r.applies_to]
    changes = sorted({*starts, *ends})
    return Selection(
        packs=tuple(f"{pack.id} {pack.version}" for pack in packs),
        active=active,
        advisory=tuple(rule for rule in rules if rule not in active),
        since=max((day for day in changes if day <= as_of), default=date.min),
        until=min((date.fromordinal(day.toordinal() - 1) for day in changes if day > as_of), default=date.max),
    )


def sign_bundle(bundle: Bundle, key: KeyPair) -> bytes:
    """The DSSE envelope over version, digest and schema digest."""
    return dsse.sign(_payload(bundle), payload_type=PAYLOAD_TYPE, key=key)


def verify_bundle(bundle: Bundle, envelope: bytes, *, keys: Mapping[str, PublicKey], last_version: int = 0) -> None:
    """Returns when a trusted policy key signed exactly this bundle and it is no older than the last one.

    Raises EvidenceBroken for a wrong signature, other files than the signed ones, or a version that went back.
    """
    signed = dsse.verify(envelope, payload_type=PAYLOAD_TYPE, keys=keys)
    if signed != _payload(bundle):
        raise EvidenceBroken(
            f"policies with digest {bundle.digest}", where=str(bundle.folder), expected="the files that were signed",
            advice="Restore the policies, or review them and run `vemo-audit policy sign`.",
        )  # fmt: skip
    if bundle.version < last_version:
        raise EvidenceBroken(
            f"policy bundle version {bundle.version}", where=str(bundle.folder),
            expected=f"at least {last_version}, the version in force before", advice="Policies never go back.",
        )  # fmt: skip


def read_yaml(path: Path, *, keys: frozenset[str]) -> dict[str, Any]:
    """A YAML mapping with exactly these keys. Raises BadInput for anything else."""
    try:
        value = yaml.safe_load(_bytes(path))
    except yaml.YAMLError as error:
        raise BadInput(f"not YAML: {' '.join(str(error).split())}", where=str(path)) from error
    if not isinstance(value, dict) or set(value) != keys:
        found = sorted(map(str, value)) if isinstance(value, dict) else type(value).__name__
        raise BadInput(f"the keys {found}", where=str(path), expected=f"exactly {', '.join(sorted(keys))}")
    return value


def _pack(folder: Path, root: Path) -> Pack:
    where = str(folder / "pack.yaml")
    about = read_yaml(folder / "pack.yaml", keys=PACK_KEYS)
    name = folder.relative_to(root).as_posix()
    if about["id"] != name:
        raise BadInput(f"the pack id {about['id']!r}", where=where, expected=f"the name of its folder, {name!r}")
    if type(about["enabled"]) is not bool or not isinstance(about["places"], list) or not about["places"]:
        raise BadInput("no list of places, or enabled is neither true nor false", where=where)
    rules = tuple(rule for path in _cedar_files(folder) for rule in _rules(path, name))
    if not rules:
        raise BadInput("a pack without a rule", where=str(folder), expected="a rules.cedar with at least one rule")
    return Pack(
        id=name, version=str(about["version"]), title=str(about["title"]), places=frozenset(about["places"]),
        enabled=about["enabled"], review_by=_day(about["review_by"], where), disclaimer=str(about["disclaimer"]),
        about=about, folder=folder, rules=rules,
    )  # fmt: skip


def _rules(path: Path, pack: str) -> Iterable[Rule]:
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(_bytes(path).decode()))
    except ValueError as error:
        raise BadInput(f"not Cedar: {' '.join(str(error).split())}", where=str(path)) from error
    if parsed["templates"] or parsed["templateLinks"]:
        raise BadInput("a Cedar template", where=str(path), expected="static rules only")
    return [rule_of(body, pack=pack, where=str(path)) for body in parsed["staticPolicies"].values()]


def rule_of(body: Mapping[str, Any], *, pack: str, where: str) -> Rule:
    """One rule from Cedar's JSON form. Raises BadInput for annotations that are missing, unknown or malformed."""
    notes = body.get("annotations", {})
    name = notes.get("id") or "(no id)"
    missing, unknown = ANNOTATIONS - set(notes), set(notes) - ANNOTATIONS - OPTIONAL_ANNOTATIONS
    if missing or unknown:
        raise BadInput(
            f"rule {name} lacks {sorted(missing) or 'nothing'} and has {sorted(unknown) or 'nothing'} too much",
            where=where, expected=f"the annotations {', '.join(sorted(ANNOTATIONS))}",
        )  # fmt: skip
    effects = {"permit"} if body["effect"] == "permit" else {"deny", "mask", "warn"}
    for key, allowed in (
        ("effect", effects),
        ("stage", set(Stage)),
        ("verified", {"official", "secondary", "counsel"}),
        ("liftable", {"yes", "no", None}),
    ):
        if notes.get(key) not in allowed:
            raise BadInput(
                f"rule {name}: {key} {notes.get(key)!r}", where=where, expected=f"one of {sorted(allowed, key=str)}"
            )
    if not all(notes[key].strip() for key in ANNOTATIONS) or not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name, re.I):
        raise BadInput(f"rule {name}: an empty annotation or an odd id", where=where)
    begin = None if notes["applies_from"] == "always" else _day(notes["applies_from"], f"{where}: {name}")
    end = _day(notes["applies_to"], f"{where}: {name}") if "applies_to" in notes else None
    return Rule(
        id=name, pack=pack, ref=notes["ref"], message=notes["message"], effect=notes["effect"],
        stage=Stage(notes["stage"]), verified=notes["verified"], applies_from=begin, applies_to=end,
        liftable=notes.get("liftable") == "yes", body=body,
    )  # fmt: skip


def _payload(bundle: Bundle) -> dict[str, Any]:
    return {"bundle": bundle.digest, "schema": bundle.schema_digest, "version": bundle.version}


def _cedar_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.cedar"))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"no readable file ({error.strerror})", where=str(path)) from error


def _day(value: object, where: str) -> date:
    if isinstance(value, date):  # YAML reads dates by itself
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise BadInput(f"the day {value!r}", where=where, expected="a day as 2025-02-02") from error


def _refuse_doubles(names: Iterable[str], kind: str, folder: Path) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadInput(f"two {kind}s named {name!r}", where=str(folder), expected="each name once")
        seen.add(name)
