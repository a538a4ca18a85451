"""One gated inference as a short page: the decision, the expressions over time, what was covered and why."""

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.decision import Decision, Outcome
from vemo_audit.records.prediction import RecognizerCard
from vemo_audit.report import numbers, wording
from vemo_audit.report.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Figure,
    KeyValues,
    Number,
    Page,
    Prose,
    Section,
    Table,
    Text,
)
from vemo_audit.report.blocks import Outcome as OutcomeBlock
from vemo_audit.report.describe import describe
from vemo_audit.report.inferred import movement, reading, states
from vemo_audit.report.inferred.shown import BriefMovements, DeclaredState, PersonShown, Wanted
from vemo_audit.report.inferred.stretches import MOST_MOMENTS, MOST_PEOPLE, moments, note, stretches
from vemo_audit.report.page import numbered
from vemo_audit.report.tidy import tidy, tidy_text

__all__ = ["MOST_MOMENTS", "CoveredCount", "InferenceFacts", "PersonTimeline", "page"]


@dataclass(frozen=True, slots=True, eq=False)
class PersonTimeline:
    """One person's smoothed probabilities: times [T] in seconds, rising; probability [T, K], NaN where no answer."""

    person: str
    time_s: NDArray[np.float64]
    probability: NDArray[np.float32]
    reasons: tuple[tuple[str, int], ...] = ()  # why there is no answer, moments
    labels: tuple[str, ...] = ()  # [T] as decided over time, '' where there is no answer; () where nobody decides

    def said(self, names: tuple[str, ...]) -> list[str]:
        """The label of each moment `[T]`: the decided one, else the most probable; '' where there is no answer."""
        if self.labels:
            return list(self.labels)
        known = np.isfinite(self.probability).all(axis=1)
        return [names[int(row.argmax())] if there else "" for row, there in zip(self.probability, known, strict=True)]

    def __post_init__(self) -> None:
        if self.labels and len(self.labels) != len(self.time_s):
            raise BadInput(
                f"{len(self.labels)} labels for {len(self.time_s)} times", where=f"the timeline of {self.person}",
                expected="one for each time",
            )  # fmt: skip
        if self.probability.ndim != 2 or len(self.time_s) != len(self.probability):
            raise BadInput(
                f"{len(self.time_s)} times for probabilities of shape {self.probability.shape}",
                where=f"the timeline of {self.person}", expected="times [T] and probabilities [T, K]",
            )  # fmt: skip
        if len(self.time_s) and not (np.all(np.isfinite(self.time_s)) and np.all(np.diff(self.time_s) > 0)):
            raise BadInput("times that do not rise", where=f"the timeline of {self.person}", expected="rising seconds")


@dataclass(frozen=True, slots=True)
class CoveredCount:
    """Faces that one rule had filled: how many frames show such a fill, and for how long."""

    rule_id: str
    ref: str
    message: str
    frames: int
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class InferenceFacts:
    """What one inference leaves behind for a reader. A refused clip has a decision and no people."""

    file: str
    decision: Decision
    purpose: str
    deployment: str
    recognizer: RecognizerCard
    duration_s: float
    people: tuple[PersonTimeline, ...] = ()
    covered: tuple[CoveredCount, ...] = ()
    notes: tuple[str, ...] = ()
    receipt: str = ""  # file name or digest of the decision receipt
    frames_decoded: int | None = None  # None when nobody counted
    shown: tuple[PersonShown, ...] = ()
    wanted: Wanted = field(default_factory=Wanted)
    states: tuple[DeclaredState, ...] = ()  # that the permit opens
    brief: BriefMovements | None = None  # None: nobody followed movements
    sentiment_rule: str = ""


def page(facts: InferenceFacts) -> Page:
    """The short page of one clip, admitted or refused."""
    decision: Decision = tidy(facts.decision)
    card: RecognizerCard = tidy(facts.recognizer)
    opened = decision.outcome is not Outcome.DENY
    header = KeyValues((
        ("Decided", Text(numbers.instant(decision.at))),
        ("Recognizer", Text(f"{card.name} {card.version}".strip())),
        ("Length", Text(numbers.amount(facts.duration_s, "seconds") if facts.duration_s else "still picture")),
    ))  # fmt: skip
    sections = [_decision(facts, decision)]
    if opened:
        sections += [_people(facts, card), *_beside(facts), _covered(facts)]
    sections.append(_limits(facts, card, opened=opened))
    foot = (wording.NOT_FEELING, wording.NO_ADVICE, f"Decision {decision.decision_id}")
    question = "Which expressions were displayed, as far as consent and rules let anybody look."
    return Page("Inference record", tidy_text(facts.file), question, header, numbered(sections), foot)


_SHAPES = {Outcome.ALLOW: "met", Outcome.MASK: "met", Outcome.DENY: "refused"}
_WORDS = {Outcome.ALLOW: "Admitted", Outcome.MASK: "Admitted with masking", Outcome.DENY: "Refused"}


def _decision(facts: InferenceFacts, decision: Decision) -> Section:
    denied = decision.outcome is Outcome.DENY
    blocks: list[Block] = [
        OutcomeBlock(_SHAPES[decision.outcome], _WORDS[decision.outcome], _sentence(facts, denied=denied))
    ]
    if decision.rules:
        columns = (Column("What the rule says", wide=True), Column("Rule"), Column("Article or promise"))
        rows = tuple((Text(r.message), Text(r.rule_id, code=True), Text(r.ref)) for r in decision.rules)
        blocks.append(Table("Rules that spoke", columns, rows))
    if decision.advice:
        blocks.append(Prose((f"Next step: {decision.advice}",), tone="notice" if denied else ""))
    place = (
        f"entry {decision.log_index} of {decision.log_origin or 'the ledger'}"
        if decision.log_index is not None
        else "none"
    )
    pairs = [
        ("Purpose", Text(tidy_text(facts.purpose) or "not stated")),
        ("Deployment", Text(tidy_text(facts.deployment) or "not stated")),
        ("Decision", Text(decision.decision_id, code=True)),
        ("Ledger", Text(place)),
        ("Receipt", Text(tidy_text(facts.receipt) or "none", code=bool(facts.receipt))),
        ("SHA-256 of the clip", Text(decision.clip_sha256 or "not recorded", code=bool(decision.clip_sha256))),
    ]
    if facts.wanted.outputs:
        left_out = ", ".join(_plain(one) for one in facts.wanted.withheld)
        pairs.append(("Outputs asked for", Text(", ".join(_plain(one) for one in facts.wanted.outputs))))
        pairs.append(("Left out: not covered by consent or deployment", Text(left_out or "nothing")))
    if decision.obligations:
        pairs.append(("Obligations", Text("; ".join(decision.obligations))))
    return Section("verdict", "Decision", "", (*blocks, KeyValues(tuple(pairs))), required=True)


def _plain(word: str) -> str:
    return tidy_text(word.replace("_", " "))


def _name(person: str) -> str:
    return f"Person {person}" if person.isdigit() else tidy_text(person)


def _sentence(facts: InferenceFacts, *, denied: bool) -> str:
    if not denied:
        return "The decision was recorded before anything was decoded."
    if facts.frames_decoded == 0:
        return "No frame of this clip was decoded."
    if facts.frames_decoded:
        return f"Stopped after {numbers.plural(facts.frames_decoded, 'frame')}; no result was kept."
    return "No result of this clip exists."


def _people(facts: InferenceFacts, card: RecognizerCard) -> Section:
    lead = "Each strip runs from 0 to 100 % over the length of the clip. Empty stretches have no answer."
    if not facts.people:
        return Section("timeline", "Displayed expressions", "Nobody with consent was seen in this clip.", ())
    blocks: list[Block] = [Prose((wording.NOT_FEELING,), tone="key")]
    kept = _longest(facts)
    for one in (one for one in facts.people if one.person in kept):
        if not len(one.time_s) or np.isfinite(one.probability).any():
            blocks.append(_timeline(one, card, facts.duration_s, most=moments(len(kept))))
        if one.reasons:
            said = "; ".join(f"{tidy_text(why)} ({numbers.plural(count, 'moment')})" for why, count in one.reasons)
            blocks.append(Prose((f"{_name(one.person)}, no answer: {said}.",)))
    if rest := len(facts.people) - len(kept):
        others = numbers.plural(rest, "more person was", "more people were")
        blocks.append(Prose((f"{others} seen for a shorter time; the table of predictions holds them too.",)))
    return Section("timeline", "Displayed expressions", lead, tuple(blocks))


def _longest(facts: InferenceFacts) -> frozenset[str]:
    """The people that the page shows: those with most moments, as many as fit."""
    ranked = sorted(facts.people, key=lambda one: -len(one.time_s))
    return frozenset(one.person for one in ranked[:MOST_PEOPLE])


def _beside(facts: InferenceFacts) -> list[Section]:
    """What is told beside the expression, as far as it was asked for."""
    kept = _longest(facts)
    people = tuple(replace(one, person=_name(one.person)) for one in facts.shown if one.person in kept)
    found = (
        movement.section(people, facts.wanted, facts.brief, duration_s=facts.duration_s),
        reading.section(people, facts.wanted, sentiment_rule=facts.sentiment_rule) if people else None,
        states.section(people, facts.wanted, facts.states, duration_s=facts.duration_s),
    )
    return [section for section in found if section is not None]


def _timeline(one: PersonTimeline, card: RecognizerCard, duration_s: float, *, most: int) -> Figure:
    if one.probability.shape[1] != len(card.labels):
        raise BadInput(
            f"{one.probability.shape[1]} probabilities", where=f"the timeline of {one.person}",
            expected=f"{len(card.labels)}, one per label of {card.name}",
        )  # fmt: skip
    whole = np.isfinite(one.probability).all(axis=1, keepdims=True)
    values = np.where(whole, one.probability.astype(np.float64), np.nan)
    starts, ends, shares = stretches(np.asarray(one.time_s, np.float64), values, duration_s=duration_s, most=most)
    rows: list[tuple[Cell, ...]] = []
    held = held_longest(one.labels, len(shares)) if one.labels else [""] * len(shares)
    for start, end, share, label in zip(starts, ends, shares, held, strict=True):
        known = bool(np.all(np.isfinite(share)))
        cells = tuple(Number(float(p), unit="whole") if known else Text("no answer") for p in share)
        top = (label or card.labels.names[int(np.argmax(share))]) if known else "none"
        rows.append((Number(start, unit="seconds"), Number(end, unit="seconds"), *cells, Text(top)))
    columns = (
        Column("From", numeric=True), Column("To", numeric=True),
        *(Column(name, numeric=True) for name in card.labels.names), Column("Label" if one.labels else "Most likely"),
    )  # fmt: skip
    name, said = _name(one.person), note(len(one.time_s), len(shares))
    table = Table(f"{name}: probability of each displayed expression", columns, tuple(rows), note=said)
    return Figure("timeline", table.caption, describe("timeline", table), table, note=said)


def held_longest(labels: tuple[str, ...], parts: int) -> list[str]:
    """Of labels of moments `[T]` in `parts` equal stretches, the one that most moments of each hold; '' for none."""
    counts = [Counter(labels[k] for k in part if labels[k]) for part in np.array_split(np.arange(len(labels)), parts)]
    return [count.most_common(1)[0][0] if count else "" for count in counts]


def _covered(facts: InferenceFacts) -> Section:
    if not facts.covered:
        return Section("covered", "What was covered", "Nobody had to be covered in this clip.", ())
    columns = (
        Column("Why", wide=True), Column("Rule"), Column("Article or promise"), Column("Frames", numeric=True),
        Column("Time", numeric=True),
    )  # fmt: skip
    rows = tuple(
        (
            Text(tidy_text(c.message)), Text(tidy_text(c.rule_id), code=True), Text(tidy_text(c.ref)),
            Number(c.frames, unit="count"), Number(c.seconds, unit="seconds"),
        ) for c in facts.covered
    )  # fmt: skip
    lead = "These faces were filled with a solid colour before any recognizer saw the picture."
    return Section("covered", "What was covered", lead, (Table("Covered faces by rule", columns, rows),))


def _limits(facts: InferenceFacts, card: RecognizerCard, *, opened: bool) -> Section:
    items = [
        wording.NOT_FEELING,
        *(
            ["A probability is the recognizer's estimate for the expression on display; it can be wrong."]
            if opened
            else []
        ),
        *(tidy_text(note) for note in facts.notes),
        *(f"{card.name}: {limit}" for limit in card.limits if opened),
    ]
    return Section("limits", "Limits", "", (Bullets(tuple(dict.fromkeys(items))),), required=True)
