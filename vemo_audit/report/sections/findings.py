"""Section 14: every comparison with a limit, its family and its verdict."""

from vemo_audit.records.finding import Finding
from vemo_audit.records.measurement import Gap
from vemo_audit.report import cells, numbers, wording
from vemo_audit.report.blocks import Block, Bullets, Cell, Column, Prose, Section, Table, Text
from vemo_audit.report.cells import Facts


def section(facts: Facts) -> Section:
    """One table per criterion, worst first, and the words that a verdict can have."""
    run = facts.run
    blocks: list[Block] = [Bullets(tuple(f"{wording.WORDS[v]}: {wording.MEANINGS[v]}." for v in wording.WORST_FIRST))]
    criteria = tuple(dict.fromkeys(f.criterion for f in run.findings))
    for criterion in criteria:
        family = [f for f in run.findings if f.criterion.id == criterion.id]
        family.sort(key=lambda f: wording.WORST_FIRST.index(f.verdict))
        blocks += [_table(facts, family), Bullets(tuple(_in_words(facts, f) for f in family[: cells.KEPT_ROWS]))]
    if not criteria:
        blocks.append(Prose(("The plan sets no criterion.",)))
    size = (
        f"{numbers.plural(len(run.findings), 'comparison')} with a limit, in "
        f"{numbers.plural(len(criteria), 'family', 'families')}."
    )
    rule = "A criterion is missed if any member is missed, and met only if all are met."
    lead = f"{size} {rule} {_multiplicity(facts)}"
    return Section("findings", "Findings", lead, tuple(blocks))


def _in_words(facts: Facts, finding: Finding) -> str:
    where = " on ".join(cell.text for cell in cells.named(facts, finding.recognizer, finding.dataset))
    sentence = f"{wording.WORDS[finding.verdict]}. {wording.finding_sentence(finding)}"
    return f"{where}: {sentence}" if where else sentence


def _multiplicity(facts: Facts) -> str:
    if any("max" in rule or "simultaneous" in rule for rule in facts.interval_rules):
        return "Intervals that are called simultaneous hold for their whole family at once."
    return "Each interval stands for itself: of many comparisons, some miss the truth by chance alone."


def _table(facts: Facts, family: list[Finding]) -> Table:
    facts_by_id = {fact.id: fact for fact in facts.measured}
    rows: list[tuple[Cell, ...]] = []
    for finding in family:
        fact = facts_by_id.get(finding.fact)
        value: Cell
        if fact is None:
            what, value = finding.criterion.over, Text("not measured")
        elif isinstance(fact, Gap):
            what, value = f"{fact.a} minus {fact.b}", cells.gap(facts, fact)
        else:
            what, value = numbers.slice_words(fact.slice), cells.level(facts, fact)
        named = cells.named(facts, finding.recognizer, finding.dataset)
        rows.append((Text(what), *named, Text(wording.WORDS[finding.verdict]), value))
    columns = (
        Column("Comparison"), *cells.named_columns(facts), Column("Verdict"), Column("Value, interval", numeric=True),
    )  # fmt: skip
    verdict = wording.WORDS[facts.run.verdict(family[0].criterion.id)].lower()
    caption = f"{wording.demand(family[0].criterion)} Family of {len(family)}: {verdict}"
    return cells.table(caption, columns, rows)
