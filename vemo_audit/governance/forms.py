"""Forms: a person's answers made into a consent record, an operator's made into a manifest."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from vemo_audit.governance.manifest import SCHEMA as MANIFEST_SCHEMA
from vemo_audit.records import consent
from vemo_audit.records.consent import (
    Binding,
    ConsentRecord,
    ConsentSubject,
    Controller,
    Event,
    Guardian,
    Notice,
    PurposeAnswer,
    Storage,
    Validity,
)
from vemo_audit.records.consent_terms import (
    Actor,
    AgeBand,
    Answer,
    BindingMethod,
    Channel,
    Granularity,
    Kept,
    Modality,
    Output,
    Role,
    State,
)
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.strict import time_text, uuid7, whole_ms

NOTICE = (
    "A camera picture of your face, and your voice where you agree to it, are read by a program that estimates which "
    "expression you show. It does not know what you feel, it is often wrong, and more often for some people than for "
    "others. Nothing is kept but the estimates. You may say no, and you may withdraw at any time, as easily as you "
    "agreed, without any disadvantage."
)
"""The notice `default-1`. A deployment may have others: their ids stand in its manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentForm:
    """A person's answers. The defaults are an adult who says yes on screen, for a day, to label and dimensions."""

    subject_ref: str
    purposes: tuple[str, ...]
    refused_purposes: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ("face", "voice")
    outputs: tuple[str, ...] = ("expression_label", "valence_arousal")
    role: str = "participant"
    age_band: str = "adult"
    guardian_ref: str = ""
    guardian_relation: str = ""
    guardian_evidence: str = ""  # SHA-256 of what shows that the guardian agreed
    assent: bool | None = None
    binding: str = "single_subject_device"
    zone: tuple[int, int, int, int] | None = None
    max_faces: int = 1
    jurisdictions: tuple[str, ...] = ()
    language: str = "en"
    notice_id: str = "default-1"
    notice_text: str = NOTICE
    channel: str = "ui"
    steps_to_give: int = 1
    steps_to_withdraw: int = 1
    lasts: timedelta = timedelta(days=1)


def new_record(
    form: ConsentForm, controller: Controller, *, now: datetime, entropy: Callable[[int], bytes]
) -> ConsentRecord:
    """The first version of a consent, given now. Raises ValueError or BadInput for a word that no list knows."""
    moment = whole_ms(now)
    guardian = None
    if form.guardian_ref:
        guardian = Guardian(form.guardian_ref, form.guardian_relation or "parent", form.guardian_evidence)
    answers = [_answer(form, purpose, Answer.GIVEN) for purpose in form.purposes]
    answers += [_answer(form, purpose, Answer.REFUSED) for purpose in form.refused_purposes]
    channel = Channel(form.channel)
    return ConsentRecord(
        schema=consent.SCHEMA, record_id=uuid7(now, entropy(10)), version=1, prev_hash="", controller=controller,
        jurisdictions=_sorted(form.jurisdictions), language=form.language, created_at=moment,
        subject=ConsentSubject(form.subject_ref, Role(form.role), AgeBand(form.age_band), guardian, form.assent),
        binding=Binding(BindingMethod(form.binding), form.max_faces, form.zone),
        purposes=tuple(sorted(answers, key=lambda answer: answer.purpose)),
        notice=Notice(form.notice_id, "1", sha256_hex(form.notice_text.encode()), moment, form.language, True),
        event=Event(
            state=State.GIVEN, at=moment, by=Actor.GUARDIAN if guardian else Actor.SUBJECT, method=channel,
            explicit=True, written_release=channel is not Channel.VOICE, alternative_offered=True,
            detriment_if_refused=False, steps_to_give=form.steps_to_give, steps_to_withdraw=form.steps_to_withdraw,
            withdraw_channels=(channel,),
        ),
        validity=Validity(moment, moment + form.lasts),
    )  # fmt: skip


def pseudonym(key: bytes, name: str) -> str:
    """What stands for a person in every record. Without the key it leads back to nobody. Source: RFC 2104."""
    return hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestForm:
    """What an operator states of a deployment."""

    deployment_id: str
    controller: str
    controller_name: str
    contact: str
    operator: str
    overseer: str
    places: tuple[str, ...] = ("EU",)
    use_area: str = "research"
    purposes: tuple[str, ...] = ("research",)
    roles: tuple[str, ...] = ("participant",)
    modalities: tuple[str, ...] = ("face", "voice")
    outputs: tuple[str, ...] = ("expression_label", "valence_arousal")
    bindings: tuple[str, ...] = ("participant_stream", "seat_zone", "single_subject_device")
    mode: str = "keep_only"
    models: tuple[str, ...] = ("any",)
    notice_ids: tuple[str, ...] = ("default-1",)
    log_retention_days: int = 400
    lasts: timedelta = timedelta(days=365)


def manifest_text(form: ManifestForm, *, kids: dict[str, str], bundle_digest: str, now: datetime) -> str:
    """The manifest as TOML with a comment on every line that a person must think about. Still to be signed."""
    rows = (
        f'schema = "{MANIFEST_SCHEMA}"',
        "",
        "[deployment]",
        _line("id", form.deployment_id, "grants are minted for this id only"),
        _line("controller", form.controller, "consents must name this id"),
        _line("controller_name", form.controller_name, "who answers for the processing"),
        _line("contact", form.contact, "where people turn to"),
        _line("operator", form.operator, "who runs it"),
        _line("valid_from", time_text(now), ""),
        _line("expires_at", time_text(now + form.lasts), "review this file by then"),
        "",
        "[scope]",
        _line("places", form.places, "countries, or EU: they select the policy packs; unknown ones select all"),
        _line("use_area", form.use_area, "workplace, education and policing are refused"),
        _line("purposes", form.purposes, "each is answered alone in every consent"),
        _line("roles", form.roles, "of everybody who can come into the picture"),
        _line("modalities", form.modalities, "face, body, voice"),
        _line("outputs", form.outputs, ", ".join(Output)),
        _line("inference_kind", "emotion", "said plainly, as the law does"),
        _line("bindings", form.bindings, "how a consent is tied to a face; add dataset_release for offline audits"),
        _line("mode", form.mode, "keep_only fills everybody else; strict stops when somebody else is in view"),
        "",
        "[oversight]",
        _line("overseer", form.overseer, "a person who can stop it: vemo-audit gate stop"),
        _line("log_retention_days", form.log_retention_days, "183 at least"),
        _line("notice_ids", form.notice_ids, "texts that people are shown before they answer"),
        _line("notice_before_exposure", True, "are they told before the camera sees them?"),
        _line("covert", False, "may it run unseen?"),
        _line("automated_effect", False, "does anything happen to people without a human deciding?"),
        _line("staff_excluded", False, "does a zone or marker keep staff out of customer scenes?"),
        _line("audit_required", False, "demand a fairness audit of the model from the last 180 days?"),
        "# audited_at = \"2026-01-31T00:00:00.000Z\"",
        "# dpia_at = \"2026-01-31T00:00:00.000Z\"",
        "",
        "[trust]",
        _line("models", form.models, 'SHA-256 digests of the models that may run, or "any"'),
        _line("bundle_digest", bundle_digest, "of the policies that were reviewed for this deployment"),
        *(_line(f"{owner}_kid", kids[owner], "") for owner in ("policy", "issuer", "log", "steward")),
        "",
        "[stores]  # beside this file",
        _line("keys", "keys", ""),
        _line("ledger", "ledger", ""),
        _line("consents", "consents.db", ""),
        _line("stop_file", "STOP", "while it exists, nothing is admitted"),
        "",
    )  # fmt: skip
    return "\n".join(rows)


def controller_of(form: ManifestForm) -> Controller:
    """The controller that consents must name."""
    return Controller(form.controller, form.controller_name, form.contact)


def _answer(form: ConsentForm, purpose: str, said: Answer) -> PurposeAnswer:
    modalities = tuple(Modality(word) for word in _sorted(form.modalities))
    outputs = tuple(Output(word) for word in _sorted(form.outputs))
    return PurposeAnswer(purpose, said, modalities, outputs, Granularity.FRAME, Storage(Kept.NONE, 0))


def _line(name: str, value: str | int | bool | tuple[str, ...], comment: str) -> str:
    if isinstance(value, tuple):
        value_text = json.dumps(_sorted(value), ensure_ascii=False)
    else:
        value_text = json.dumps(value, ensure_ascii=False)
    return f"{name} = {value_text}" + (f"  # {comment}" if comment else "")


def _sorted(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))
