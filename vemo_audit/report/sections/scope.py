"""Section 4: under which purpose, rules and consent the clips were opened, and what stayed shut."""

from vemo_audit.records.audit_run import GateEvidence
from vemo_audit.report import numbers
from vemo_audit.report.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Heading,
    KeyValues,
    Number,
    Prose,
    Section,
    Suppressed,
    Table,
    Text,
)
from vemo_audit.report.cells import Facts


def section(facts: Facts) -> Section:
    """The gate's evidence: basis, purpose, counts, refusals by rule and article, consents, exceptions."""
    gate = facts.run.gate
    historic = gate.basis.startswith("historic")
    blocks: list[Block] = []
    if gate.exceptions:
        blocks += [
            Prose(("Signed exceptions lift rules of this deployment:",), tone="notice"),
            Bullets(gate.exceptions),
        ]
    if historic:
        blocks.append(Prose((_HISTORIC,), tone="notice"))
    blocks.append(_facts(gate, below=facts.disclosure.below))
    if not historic:
        blocks.append(_counts(gate, noun="rows" if "table" in gate.basis else "clips"))
    blocks += [Heading("What was refused, and why"), *_refusals(gate, historic=historic)]
    blocks += [Heading("What this gate refuses outright"), Prose((_OUTRIGHT,))]
    return Section("scope", "Scope, consent and gate", _lead(gate, historic=historic), tuple(blocks), required=True)


_HISTORIC = (
    "These predictions were made before any gate could decide on them. No decision and no consent record stands behind "
    "the rows; the audit describes them and gives no permission to make more."
)
_OUTRIGHT = (
    "Employment screening, monitoring of students and criminal justice are refused by default everywhere, and no "
    "consent opens them. Clips that show a person without a valid consent are refused or that person is filled before "
    "any recognizer sees the picture. Traits of people are never inferred."
)


def _lead(gate: GateEvidence, *, historic: bool) -> str:
    if historic:
        return f"{numbers.plural(gate.asked, 'row')} of a historic table were read; no gate decided on them."
    refused = gate.asked - gate.admitted
    return (
        f"{numbers.plural(gate.asked, 'clip')} asked for, {gate.admitted:,} admitted, {refused:,} refused. "
        "Each answer was recorded before anything was opened."
    )


def _facts(gate: GateEvidence, *, below: int) -> KeyValues:
    ledger = f"{gate.ledger_origin}, {gate.ledger_size:,} entries" if gate.ledger_origin else "none"
    pairs = [
        ("Basis", Text(gate.basis)),
        ("Purpose", Text(gate.purpose or "not stated")),
        ("Deployment", Text(gate.deployment or "none")),
        ("Rule packs in force", Text("; ".join(gate.packs) or "none")),
        ("People with consent in force", _people(gate.consents_in_force, below)),
        ("People who withdrew", _people(gate.consents_withdrawn, below)),
        ("Decision ledger", Text(ledger)),
    ]
    if gate.ledger_root:
        pairs.append(("Ledger root", Text(gate.ledger_root, code=True)))
    return KeyValues(tuple(pairs))


def _people(count: int | None, below: int) -> Text:
    if count is None:
        return Text("not recorded")
    return Text(Suppressed(below).text if 0 < count < below else f"{count:,}")


def _counts(gate: GateEvidence, *, noun: str) -> Table:
    def share(count: int) -> Cell:
        return Number(count / gate.asked, unit="share") if gate.asked else Text("none asked")

    counts = (
        ("Asked for", gate.asked),
        ("Admitted", gate.admitted),
        ("of these with somebody filled", gate.masked),
        ("Refused", gate.asked - gate.admitted),
    )
    columns = (Column("Answer of the gate"), Column(noun.capitalize(), numeric=True), Column("Share", numeric=True))
    rows = tuple((Text(name), Number(count, unit="count"), share(count)) for name, count in counts)
    return Table(f"Answers of the gate, in {noun}", columns, rows)


def _refusals(gate: GateEvidence, *, historic: bool) -> list[Block]:
    if not gate.refusals:
        none = "No gate stood here, so nothing could be refused." if historic else "Nothing was refused in this run."
        return [Prose((none,))]
    columns = (Column("Why", wide=True), Column("Clips", numeric=True), Column("Rule"), Column("Article or promise"))
    ordered = sorted(gate.refusals, key=lambda r: (-r.clips, r.rule_id))
    rows = tuple(
        (Text(r.message), Number(r.clips, unit="count"), Text(r.rule_id, code=True), Text(r.ref)) for r in ordered
    )
    note = "A clip that breaks several rules stands once under each of them." if _overlap(gate) else ""
    return [Table("Refusals by rule", columns, rows, note=note)]


def _overlap(gate: GateEvidence) -> bool:
    return sum(r.clips for r in gate.refusals) > gate.asked - gate.admitted
