"""Section 5: the data sheets, one per dataset."""

from vemo_audit.records.audit_run import DatasetPart
from vemo_audit.report import numbers
from vemo_audit.report.blocks import Block, Bullets, Cell, Column, Heading, KeyValues, Number, Section, Table, Text
from vemo_audit.report.cells import Facts


def section(facts: Facts) -> Section:
    """Source, licence, consent, labels, people by trait, what did not join, and how labels were renamed."""
    blocks: list[Block] = []
    for part in facts.run.datasets:
        blocks += _sheet(facts, part)
    lead = f"{numbers.plural(len(facts.run.datasets), 'dataset')}: where the clips come from and who is in them."
    return Section("data", "Data sheets", lead, tuple(blocks))


def _sheet(facts: Facts, part: DatasetPart) -> list[Block]:
    card = part.card
    sheet = KeyValues((
        ("Source", Text(card.source or "not stated")),
        ("Licence", Text(card.licence or "not stated")),
        ("Consent", Text(card.consent_basis or "not stated")),
        ("Kind", Text(card.kind or "not stated")),
        ("Labels state", Text(card.label_basis or "not stated")),
        ("Language", Text(card.language or "not stated")),
        ("People", Text(facts.disclosure.people(card.name, "overall", part.subjects).text)),
        (facts.unit.capitalize(), Text(f"{part.rows:,}")),
        ("Digest", Text(card.digest or "none stated", code=bool(card.digest))),
    ))  # fmt: skip
    blocks: list[Block] = [Heading(f"{card.name} {card.version}".strip()), sheet]
    if part.counts:
        blocks.append(_traits(facts, part))
    if part.unjoined:
        columns = (Column("Reason"), Column("Rows", numeric=True))
        rows = tuple((Text(reason), Number(count, unit="count")) for reason, count in part.unjoined)
        blocks.append(Table(f"{card.name}: rows that were left out, and why", columns, rows))
    if any(source != target for source, target in part.mapping):
        columns = (Column("Label of the source"), Column("Label here"))
        renamed = tuple((Text(source), Text(target or "dropped")) for source, target in part.mapping)
        blocks.append(Table(f"{card.name}: how labels were renamed", columns, renamed))
    if card.limits:
        blocks.append(Bullets(card.limits))
    return blocks


def _traits(facts: Facts, part: DatasetPart) -> Table:
    name = part.card.name
    columns = (
        Column("Trait"), Column("Value"), Column("People", numeric=True),
        Column(facts.unit.capitalize(), numeric=True),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for count in part.counts:
        key = f"{count.trait}={count.value}"
        people = facts.disclosure.people(name, key, count.subjects)
        clips = facts.disclosure.clips(name, key, count.rows)
        rows.append((Text(count.trait), Text(count.value), people, clips))
    shown = dict.fromkeys(count.trait for count in part.counts)
    bases = [f"{trait.name}, {trait.basis or 'not stated'}" for trait in part.card.traits if trait.name in shown]
    note = f"Where the values come from: {'; '.join(bases)}." if bases else "Nobody says where the values come from."
    return Table(f"{name}: people and {facts.unit} by stated trait", columns, tuple(rows), note=note)
