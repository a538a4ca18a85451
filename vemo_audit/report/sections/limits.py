"""Section 15: what weakens the numbers, generated from their states."""

from collections import Counter

from vemo_audit.records.measurement import State
from vemo_audit.report import numbers, wording
from vemo_audit.report.blocks import Bullets, Section
from vemo_audit.report.cells import Facts


def section(facts: Facts) -> Section:
    """Sentences from the run, from the states of its numbers, and from the cards."""
    run = facts.run
    items = list(run.limits)
    states = Counter(fact.state for fact in (*run.measurements, *run.gaps) if fact.state is not State.OK)
    for state in State:
        if states[state]:
            words = wording.STATES[state].format(below=facts.disclosure.below)
            items.append(f"{numbers.plural(states[state], 'number')} marked “{words}”.")
    if facts.disclosure.coarse:
        items.append("Some counts are given as a lower bound only, since the exact one would reveal a smaller group.")
    unknown = [(p.card.name, c.trait) for p in run.datasets for c in p.counts if c.value.lower() == "unknown"]
    items += [
        f"In {dataset}, some people have no stated {trait}; they form a group of their own."
        for dataset, trait in unknown
    ]
    items.append(
        "Intervals allow for several clips of one person. They do not allow for shared raters, sentences or rooms."
    )
    items += [f"{card.name}: {limit}" for card in run.recognizers for limit in card.limits]
    items += [f"{part.card.name}: {limit}" for part in run.datasets for limit in part.card.limits]
    unique = tuple(dict.fromkeys(item if item.endswith((".", "?", "!")) else f"{item}." for item in items))
    return Section("limits", "Limits", "What the reader must not overlook.", (Bullets(unique),), required=True)
