"""Steps 4 to 6 of a decision: the manifest's scope, the file's limits and the legal screen, without one pixel."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from vemo_audit.errors import BadInput, Refused
from vemo_audit.governance import refusals
from vemo_audit.governance.consents import ConsentStore
from vemo_audit.governance.keys import KeyPair, KeyRing
from vemo_audit.governance.manifest import Manifest
from vemo_audit.governance.policy.engine import Answer, Engine
from vemo_audit.governance.policy.facts import Facts
from vemo_audit.records.clip import Clip
from vemo_audit.records.decision import Outcome, RuleHit

FIRST = ("c.present", "g.", "c.state-given", "c.window", "c.guardian", "c.purpose", "eu-ai-act.", "h.")
"""Which of several rules is named first: the one that tells a person most."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is wanted of a clip or a table, and what it rests on.

    `consents` are signed envelopes of consent records or of grants; `release` is a signed dataset manifest.
    """

    purpose: str
    modalities: frozenset[str]
    outputs: frozenset[str]
    consents: tuple[bytes, ...] = ()
    release: bytes | None = None
    model_digest: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """All that a decision reads: one for each open gate."""

    manifest: Manifest
    ring: KeyRing
    issuer: KeyPair | None  # mints grants in the embedded mode; None where an issuer elsewhere does
    store: ConsentStore
    engine: Engine
    entropy: Callable[[int], bytes]
    stopped: Callable[[], bool]


class Denied(Refused):
    """The decision order ended here. Becomes a Decision at the gate's door and never leaves it."""

    def __init__(self, hits: Iterable[RuleHit], *, errors: tuple[str, ...] = (), subject_ref: str = "") -> None:
        self.hits, self.errors, self.subject_ref = tuple(sorted(hits, key=_rank)), errors, subject_ref
        first = self.hits[0]
        super().__init__(first.message, rule_id=first.rule_id, ref=first.ref)


def scope(desk: Desk, case: Case, *, now: datetime) -> Case:
    """The case cut to what the manifest names. Raises Denied for a purpose or a wish beyond it."""
    named = desk.manifest.scope
    wanted = replace(
        case, modalities=case.modalities & set(named.modalities), outputs=case.outputs & set(named.outputs)
    )
    if case.purpose not in named.purposes:
        raise Denied([*_graver(desk, case, now=now), refusals.hit("o.purpose")])
    if not wanted.modalities or not wanted.outputs:
        raise Denied([refusals.hit("o.scope")])
    return wanted


def within(clip: Clip, case: Case) -> Case:
    """The case cut to what the clip holds. Raises Denied beyond the limits, or when nothing is left."""
    video = clip.video
    if clip.duration_s > 4 * 3600 or (
        video is not None
        and (max(video.width, video.height) > 8192 or video.width * video.height > 33_554_432 or video.rate_hz > 120)
    ):
        raise Denied([refusals.hit("m.limits")])
    absent = set() if video else {"face", "body"}
    absent |= set() if clip.audio else {"voice"}
    if not case.modalities - absent:
        raise Denied([refusals.hit("m.nothing")])
    return replace(case, modalities=case.modalities - absent)


def screen(desk: Desk, case: Case, actions: tuple[str, ...], *, now: datetime) -> tuple[str, ...]:
    """The legal screen for every role in the manifest; returns obligations. Raises Denied at the first denial."""
    obligations: set[str] = set()
    for action in actions:
        for role in desk.manifest.scope.roles:
            answer = desk.engine.decide(facts(desk, case, role=role, now=now), action=action, stage="screen")
            demand(answer)
            obligations |= set(answer.obligations)
    return tuple(sorted(obligations))


def facts(desk: Desk, case: Case, *, role: str, now: datetime, **more: Any) -> Facts:
    """What the policies are told: from the manifest and the wish; `more` from store and binder."""
    named, watch = desk.manifest.scope, desk.manifest.oversight
    known: dict[str, Any] = {
        "now": now, "human": True, "use_area": named.use_area, "subject_role": role, "purpose": case.purpose,
        "inference_kind": named.inference_kind, "outputs": frozenset(case.outputs),
        "modalities": frozenset(case.modalities), "places": frozenset(named.places), "template_extracted": False,
        "automated_effect": watch.automated_effect, "notice_before_exposure": watch.notice_before_exposure,
        "covert": watch.covert, "kill_switch": desk.stopped(), "manifest_ok": desk.manifest.holds_at(now),
        "model_digest_ok": desk.manifest.allows_model(case.model_digest),
        "log_retention_days": watch.log_retention_days, "audit_required": watch.audit_required,
        "match_mode": "none", "staff_excluded": watch.staff_excluded, "overseer": watch.overseer or None,
        "audit_age_days": _age_days(watch.audited_at, now), "dpia_age_days": _age_days(watch.dpia_at, now),
    }  # fmt: skip
    return Facts(**(known | more))


def demand(answer: Answer, *, subject_ref: str = "") -> None:
    if answer.outcome is not Outcome.ALLOW:
        raise Denied(answer.rules, errors=answer.errors, subject_ref=subject_ref)


def _age_days(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else max(0, (now - since).days)


def _rank(hit: RuleHit) -> int:
    return next((k for k, start in enumerate(FIRST) if hit.rule_id.startswith(start)), len(FIRST))


def _graver(desk: Desk, case: Case, *, now: datetime) -> tuple[RuleHit, ...]:
    """What the law says of an undeclared purpose: screening workers is not just undeclared, it is prohibited."""
    try:
        screen(desk, case, ("infer_emotion",), now=now)
    except Denied as denied:
        return denied.hits
    except BadInput:  # a word that no policy knows
        return ()
    return ()
