"""Section 2: what this audit can and cannot tell you, written from the run."""

import math

from vemo_audit.records.finding import Finding, Verdict
from vemo_audit.records.measurement import State
from vemo_audit.report import cells, numbers, wording
from vemo_audit.report.blocks import Block, Bullets, Heading, Refused, Section
from vemo_audit.report.cells import Facts

_KINDS = {
    "acted": "its actors showed expressions on request; people in daily life show less and other things",
    "posed": "its people posed; people in daily life show less and other things",
    "rendered": "its people are drawn by a program; nothing here speaks of a real human being",
    "in the wild": "its recordings were found, not staged; who is in them was not chosen to represent anyone",
    "crowd votes": "what is audited here are the answers of a crowd, not of a machine",
}


def section(facts: Facts) -> Section:
    """Two lists of sentences: can, cannot."""
    blocks: tuple[Block, ...] = (
        Heading("It can tell you"),
        Bullets(tuple(_can(facts)) or ("Nothing: there are no measurements in this run.",)),
        Heading("It cannot tell you"),
        Bullets(tuple(_cannot(facts))),
    )
    return Section("reach", "What this audit can and cannot tell you", _LEAD, blocks, required=True)


_LEAD = "Every sentence here follows from the data of this run, not from the model's reputation."


def _can(facts: Facts) -> list[str]:
    run = facts.run
    sentences = []
    for part in run.datasets:
        people = facts.disclosure.people(part.card.name, "overall", part.subjects).text
        sentences.append(
            f"How often the expressions in {part.card.name} were named as labelled: {people} people, "
            f"{facts.rows(part.rows)}. Each person counts as one piece of evidence, however many {facts.unit}."
        )
    decided = [f for f in run.findings if f.verdict in (Verdict.MET, Verdict.MISSED)]
    if decided:
        tally = wording.tally([f.verdict for f in decided])
        sentences.append(f"Where the data decide: {tally}, of {len(run.findings)} comparisons with a limit.")
    detectable = [
        (g.minimum_detectable, g) for g in run.gaps
        if math.isfinite(g.minimum_detectable) and g.metric in facts.judged_metrics[:1]
        and not isinstance(cells.gap(facts, g), Refused)
    ]  # fmt: skip
    if detectable:
        size, g = min(detectable, key=lambda pair: pair[0])
        title, unit, _ = numbers.metric(g.metric)
        least = numbers.size(size, numbers.difference_unit(unit))
        sentences.append(
            f"Differences large enough to see: the most sensitive comparison ({title[0].lower()}{title[1:]}, {g.a} and "
            f"{g.b}) would find a true difference of {least} four times in five."
        )
    return sentences


def _cannot(facts: Facts) -> list[str]:
    run = facts.run
    sentences = [f"What anybody feels. {wording.NOT_FEELING}"]
    sentences += [f"How it does outside {part.card.name}: {words}." for part in run.datasets
                  if (words := _KINDS.get(part.card.kind.lower()))]  # fmt: skip
    if wording.is_rendered(run):
        sentences.append(f"How groups of people differ. {wording.RENDERED}")
    open_ones = [f for f in run.findings if f.verdict is Verdict.UNDECIDED]
    if open_ones:
        sentences.append(_undecided(open_ones))
    refused = [f for f in run.findings if f.verdict is Verdict.REFUSED]
    if refused:
        sentences.append(f"{numbers.plural(len(refused), 'comparison was', 'comparisons were')} refused: see Findings.")
    hidden = {(m.dataset, m.slice) for m in run.measurements if m.state is State.HIDDEN}
    hidden |= {key for key in facts.disclosure.hidden | facts.disclosure.covered if key[1] != "overall"}
    if hidden:
        sentences.append(
            f"How it does in {numbers.plural(len(hidden), 'group')} that would speak of fewer than "
            f"{facts.disclosure.below} people: these stay hidden to protect them."
        )
    for part in run.datasets:
        if not part.card.traits:
            sentences.append(f"Anything about groups in {part.card.name}: no trait of its people is stated.")
    traits = tuple(dict.fromkeys(trait.name for part in run.datasets for trait in part.card.traits))
    if traits:
        sentences.append(
            f"Anything about traits other than {numbers.listed(traits)}: nobody stated them, and none is guessed."
        )
    sentences.append("Whether it may be used: that depends on purpose, place and consent, and is decided for each use.")
    return sentences


def _undecided(findings: list[Finding]) -> str:
    count = f"The answer to {numbers.plural(len(findings), 'comparison')}: the data allow both answers."
    needed = [numbers.two_digits(f.subjects_needed) for f in findings if f.subjects_needed is not None]
    if not needed:
        return f"{count} This run cannot say how many people would decide them."
    low, high = min(needed), max(needed)
    people = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{count} About {people} people per group would decide {'it' if len(findings) == 1 else 'them'}."
