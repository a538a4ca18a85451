"""The deployment manifest: what this installation is for, signed by whoever answers for it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance import dsse
from vemo_audit.governance.keys import KeyPair, KeyRing
from vemo_audit.governance.policy.vocabulary import Binding, InferenceKind, Modality, Output, Purpose, UseArea
from vemo_audit.records import strict
from vemo_audit.records.consent import SHA256
from vemo_audit.records.consent_terms import Role
from vemo_audit.records.digest import digest

SCHEMA = "vemo.manifest/1"
TYPE = dsse.type_of("manifest")
ANY = "any"
"""Stands, stated explicitly, for every model."""
RETENTION_FLOOR_DAYS = 183
"""Source: AI Act art. 19(1) and 26(6), six months."""
MODES = ("keep_only", "strict")
WORDS: Mapping[str, type[StrEnum]] = MappingProxyType(
    {
        "use_area": UseArea, "purposes": Purpose, "roles": Role, "modalities": Modality, "outputs": Output,
        "inference_kind": InferenceKind, "bindings": Binding,
    }
)  # fmt: skip
"""Field of the scope -> the words that policies know. The gate refuses every request that rests on another."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who runs what, and how long the manifest holds."""

    id: str
    controller: str  # id of whoever answers for the processing; consents must name it
    controller_name: str
    contact: str
    operator: str
    valid_from: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be asked of the gate at all. Sets are lists of sorted words."""

    places: tuple[str, ...]
    use_area: str
    purposes: tuple[str, ...]
    roles: tuple[str, ...]  # of everybody who can come into the picture
    modalities: tuple[str, ...]
    outputs: tuple[str, ...]
    inference_kind: str
    bindings: tuple[str, ...]
    mode: str  # keep_only fills everybody else; strict stops

    def __post_init__(self) -> None:
        for name in ("places", "purposes", "roles", "modalities", "outputs", "bindings"):
            strict.check_set(getattr(self, name), f"manifest.scope.{name}")
            if not getattr(self, name):
                raise BadInput("nothing", where=f"manifest.scope.{name}", expected="at least one word")
        if self.mode not in MODES:
            raise BadInput(f"mode '{self.mode}'", where="manifest.scope.mode", expected=" or ".join(MODES))


@dataclass(frozen=True, slots=True)
class Oversight:
    """Who watches, what people are told, and how long decisions are kept."""

    overseer: str
    log_retention_days: int
    notice_ids: tuple[str, ...]
    notice_before_exposure: bool
    covert: bool
    automated_effect: bool
    staff_excluded: bool
    audit_required: bool
    audited_at: datetime | None = None  # last fairness audit of this model
    dpia_at: datetime | None = None

    def __post_init__(self) -> None:
        strict.check_set(self.notice_ids, "manifest.oversight.notice_ids")
        if self.log_retention_days < RETENTION_FLOOR_DAYS:
            raise BadInput(
                f"{self.log_retention_days} days", where="manifest.oversight.log_retention_days",
                expected=f"at least {RETENTION_FLOOR_DAYS} (AI Act art. 19 and 26(6))",
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trust:
    """What is run and who may sign: digests of models and of the policy bundle, and public keys by kid."""

    models: tuple[str, ...]  # SHA-256 digests, or exactly ["any"]
    bundle_digest: str
    policy_kid: str
    issuer_kid: str
    log_kid: str
    steward_kid: str

    def __post_init__(self) -> None:
        strict.check_set(self.models, "manifest.trust.models")
        if self.models != (ANY,) and (not self.models or not all(SHA256.fullmatch(one) for one in self.models)):
            raise BadInput(
                f"{list(self.models)}", where="manifest.trust.models", expected='SHA-256 digests, or ["any"]'
            )
        if not SHA256.fullmatch(self.bundle_digest):
            raise BadInput(
                f"{self.bundle_digest!r}", where="manifest.trust.bundle_digest", expected="64 lower-case hex digits",
                advice="See `vemo-audit gate selfcheck`.",
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stores:
    """Where things lie, relative to the manifest."""

    keys: str
    ledger: str
    consents: str
    stop_file: str

    def __post_init__(self) -> None:
        for name in ("keys", "ledger", "consents", "stop_file"):
            path = Path(getattr(self, name))
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise BadInput(f"'{path}'", where=f"manifest.stores.{name}", expected="a path below the manifest")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One deployment. The signature covers every word of it."""

    schema: str
    deployment: Identity
    scope: Scope
    oversight: Oversight
    trust: Trust
    stores: Stores

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise BadInput(f"schema {self.schema!r}", where="manifest", expected=SCHEMA)

    @property
    def digest(self) -> str:
        return digest(strict.to_payload(self))

    def holds_at(self, now: datetime) -> bool:
        """Whether `now` lies in the manifest's term."""
        return self.deployment.valid_from <= now < self.deployment.expires_at

    def allows_model(self, model_digest: str) -> bool:
        """Whether the manifest names this model, or names any."""
        return self.trust.models == (ANY,) or model_digest in self.trust.models


def signature_path(path: Path) -> Path:
    """Where the signature of a manifest lies."""
    return path.with_name(path.name + ".sig")


def read(path: Path) -> Manifest:
    """The manifest as written, its signature unchecked. Raises BadInput with the key's name."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(
            f"no readable manifest ({error.strerror})", where=str(path), expected="a deployment manifest",
            advice="Make one with `vemo-audit gate init DIR`.",
        ) from error  # fmt: skip
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not TOML ({error})", where=str(path)) from error
    return strict.from_payload(Manifest, content, where="manifest")


def check_words(scope: Scope) -> None:
    """Raises BadInput for words that no policy knows. Not in `read`: a withdrawal works whatever was signed."""
    for name, known in WORDS.items():
        said = getattr(scope, name)
        unknown = [word for word in ((said,) if isinstance(said, str) else said) if word not in list(known)]
        if unknown:
            raise BadInput(
                f"the unknown word {', '.join(map(repr, unknown))}", where=f"manifest.scope.{name}",
                expected=f"one of {', '.join(known)}", advice="A policy could not judge it.",
            )  # fmt: skip


def sign(path: Path, *, key: KeyPair) -> Path:
    """Signs the manifest with the policy key; returns where the signature was written.

    Raises BadInput when it is not understood, when it has a word that no policy knows, or for another key.
    """
    manifest = read(path)
    check_words(manifest.scope)
    if manifest.trust.policy_kid != key.kid:
        raise BadInput(
            f"policy_kid {manifest.trust.policy_kid}", where=str(path), expected=f"{key.kid}, the key that signs"
        )
    target = signature_path(path)
    fresh = target.with_name(target.name + ".new")
    fresh.write_bytes(dsse.sign(strict.to_payload(manifest), payload_type=TYPE, key=key))
    fresh.replace(target)
    return target


def load(path: Path) -> tuple[Manifest, KeyRing]:
    """The manifest and the keys that it trusts, once the signature and every key id are shown to hold.

    Raises EvidenceBroken when the file was changed after signing or a key was swapped, BadInput when unsigned.
    """
    manifest = read(path)
    try:
        envelope = signature_path(path).read_bytes()
    except OSError as error:
        raise BadInput(
            "the manifest is not signed", where=str(path), expected=f"its signature in {signature_path(path).name}",
            advice=f"Sign it: `vemo-audit gate manifest sign {path}`.",
        ) from error  # fmt: skip
    ring = KeyRing.load(path.parent / manifest.stores.keys)
    _check_kids(manifest, ring.keys, path)
    payload: dict[str, Any] = dsse.verify(envelope, payload_type=TYPE, keys=ring.trusted("policy"))
    if digest(payload) != manifest.digest:
        raise EvidenceBroken(
            "the manifest was changed after it was signed", where=str(path),
            advice=f"Look at the change, then sign again: `vemo-audit gate manifest sign {path}`.",
        )  # fmt: skip
    return manifest, ring


def _check_kids(manifest: Manifest, keys: Mapping[str, Any], path: Path) -> None:
    for owner in ("policy", "issuer", "log", "steward"):
        stated = getattr(manifest.trust, f"{owner}_kid")
        found = keys[owner].kid if owner in keys else "no key"
        if stated != found:
            raise EvidenceBroken(f"{owner} key {found}", where=str(path), expected=f"{stated}, as the manifest says")
