"""The limits of one run in sentences, each written because of a state that this run is in."""

from dataclasses import dataclass

from vemo_audit.audit.measure import Measured
from vemo_audit.evaluation.slices import FEWEST_SUBJECTS, UNKNOWN_NAME, Slice, subject_count
from vemo_audit.records.audit_run import GateEvidence
from vemo_audit.records.card import DatasetCard
from vemo_audit.records.finding import Finding
from vemo_audit.records.measurement import State

FEW_SUBJECTS = 20
"""Below this the smaller group of a comparison is called small: intervals hold, but only large gaps can be seen."""

ONE_WAY = (
    "Intervals account for differences between people only. Other things that clips may share, such as raters, "
    "sentences or recordings, are not modelled."
)
ACTED = "The clips are acted. Acted expression is stronger and cleaner than everyday expression."


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that the limits are written from."""

    card: DatasetCard
    measured: tuple[Measured, ...]
    findings: tuple[Finding, ...]
    gate: GateEvidence
    traits: tuple[str, ...]
    level: float
    k: int = FEWEST_SUBJECTS


def limits_of(outcome: Outcome) -> tuple[str, ...]:
    """Sentences in a fixed order, without repetition."""
    found = [
        *_gate(outcome), *_joins(outcome), *_unit(outcome), *_states(outcome), *_unknown(outcome), *_small(outcome),
        *_family(outcome), *_always(outcome),
    ]  # fmt: skip
    return tuple(dict.fromkeys(found))


def _gate(outcome: Outcome) -> list[str]:
    gate = outcome.gate
    if gate.basis.startswith("historic"):
        return [
            "No decision of the gate stands behind these rows: they are historic, and consent to them was not checked."
        ]
    refused = gate.asked - gate.admitted
    if not refused:
        return []
    told = f"{refused:,} of {gate.asked:,} clips were refused by the gate"
    return [f"{told}. The numbers speak only of the clips that were let in."]


def _joins(outcome: Outcome) -> list[str]:
    several = len(outcome.measured) > 1
    sentences = []
    for one in outcome.measured:
        who = f"{one.sketch.recognizer}: " if several else ""
        for reason, rows in one.unjoined:
            sentences.append(f"{who}{rows:,} {'row was' if rows == 1 else 'rows were'} left out: {reason}.")
    return sentences


def _unit(outcome: Outcome) -> list[str]:
    if not any(one.sketch.unit == "vote" for one in outcome.measured):
        return []
    return ["One row is one vote of one rater on one clip, so where this report counts clips it counts votes."]


def _states(outcome: Outcome) -> list[str]:
    words = {
        State.APPROXIMATE: "carry an approximate interval",
        State.HIDDEN: f"are hidden, to keep groups of fewer than {outcome.k} people unseen",
        State.INSUFFICIENT_CLUSTERS: "have no interval, because too few people stand behind them",
        State.CLASS_ABSENT: "are not given, because an expression is missing or too rare in the group",
        State.DEGENERATE: "have no interval, because people in the group do not differ",
    }
    states = [m.state for one in outcome.measured for m in one.measurements]
    states += [g.state for one in outcome.measured for g in one.gaps]
    return [
        f"{states.count(state):,} of {len(states):,} numbers {said}."
        for state, said in words.items()
        if state in states
    ]


def _unknown(outcome: Outcome) -> list[str]:
    """How many people have no known value; never the exact number of fewer than k, nor one that is withheld."""
    sentences = []
    for trait in outcome.traits:
        most = max(outcome.measured, key=lambda one: len(one.sketch.subjects))
        sketch, nobody_knows = most.sketch, Slice(((trait, UNKNOWN_NAME),))
        count = subject_count(sketch, nobody_knows) if trait in sketch.traits else 0
        if count:
            told = f"{count:,}" if count >= outcome.k else f"fewer than {outcome.k}"
            if count >= outcome.k and (
                nobody_knows in most.protection.hidden or nobody_knows in most.protection.uncounted
            ):
                told = f"{outcome.k} or more"
            sentences.append(
                f"Of {len(sketch.subjects):,} people, {told} have no known {trait}: "
                "they are a group of their own, and no difference includes them."
            )
    return sentences


def _small(outcome: Outcome) -> list[str]:
    sentences = []
    for trait in outcome.traits:
        sizes = [
            count
            for one in outcome.measured
            for gap in one.gaps
            if gap.trait == trait
            for count in (gap.subjects_a, gap.subjects_b)
            if count is not None and count >= outcome.k
        ]
        if sizes and min(sizes) < FEW_SUBJECTS:
            sentences.append(
                f"The smallest group that is compared by {trait} has {min(sizes)} people; "
                "only large differences can be seen with so few."
            )
    return sentences


def _family(outcome: Outcome) -> list[str]:
    judged = len(outcome.findings)
    if judged < 2:
        return []
    told = f"{judged:,} comparisons are judged, each by its own {outcome.level:.0%} interval"
    return [f"{told}; the intervals are not widened for their number."]


def _always(outcome: Outcome) -> list[str]:
    return [ONE_WAY, *([ACTED] if outcome.card.kind.startswith("acted") else [])]
