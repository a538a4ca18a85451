"""Section 15: what weakens the numbers, generated from their states."""

from collections import Counter

from vemo_audit.records.measurement import State
from vemo_audit.report import numbers, wording
from vemo_audit.report.blocks import Bullets, Section
from vemo_audit.report.cells import Facts


def section(facts: Facts) -> Section:
    """Sentences from the run, from the states of its numbers, and from the cards."""
    run = facts.run
    items = list(run.limits or _from_states(facts))
    if facts.disclosure.coarse:
        items.append("Some counts are given as a lower bound only, since the exact one would reveal a smaller group.")
    items += [f"{card.name}: {limit}" for card in run.recognizers for limit in card.limits]
    items += [f"{part.card.name}: {limit}" for part in run.datasets for limit in part.card.limits]
    unique = tuple(dict.fromkeys(item if item.endswith((".", "?", "!")) else f"{item}." for item in items))
    return Section("limits", "Limits", "What the reader must not overlook.", (Bullets(unique),), required=True)


def _from_states(facts: Facts) -> list[str]:
    """For a run that was not told its limits: what the states of its numbers say."""
    states: Counter[State] = Counter(fact.state for fact in facts.measured if fact.state is not State.OK)
    items = [
        f"{numbers.plural(states[state], 'number')} marked “{words.format(below=facts.disclosure.below)}”."
        for state, words in wording.STATES.items()
        if states[state]
    ]
    items.append("Intervals allow for several clips of one person. They do not allow for shared raters or sentences.")
    return items
