"""Section 17: the digests that tie this page to its data, model, rules and ledger."""

from vemo_audit.report import numbers
from vemo_audit.report.blocks import Block, Column, Folded, Heading, KeyValues, Prose, Section, Table, Text
from vemo_audit.report.cells import Facts


def section(facts: Facts) -> Section:
    """Run and plan, recognizers, digests, and the checkpoint of the ledger."""
    run = facts.run
    blocks: list[Block] = [
        KeyValues(
            (
                ("Run digest", Text(run.run_digest, code=True)),
                ("Plan digest", Text(run.plan_digest, code=True)),
                ("Started", Text(numbers.instant(run.started))),
            )
        )
    ]
    for card in run.recognizers:
        blocks += [Heading(f"{card.name} {card.version}".strip()), KeyValues((
            ("Covers", Text(card.window or "not stated")),
            ("Looks at", Text(numbers.listed(card.modalities) or "not stated")),
            ("Trained on", Text(card.training_data or "not stated")),
            ("Licence", Text(card.licence or "not stated")),
            ("Digest", Text(card.digest or "unknown", code=bool(card.digest))),
        ))]  # fmt: skip
    if run.digests:
        rows = tuple((Text(what), Text(digest, code=True)) for what, digest in run.digests)
        blocks.append(Table("SHA-256 of everything that went in", (Column("What"), Column("SHA-256")), rows))
    blocks.append(Heading("How to check it"))
    blocks.append(Prose(_how(facts)))
    if run.gate.checkpoint:
        checkpoint = ((Text(run.gate.checkpoint, code=True),),)
        table = Table("Signed checkpoint of the decision ledger", (Column("Signed note"),), checkpoint)
        blocks.append(Folded("The signed checkpoint", (table,)))
    return Section(
        "evidence", "Provenance", "Each digest names one exact file or record.", tuple(blocks), required=True
    )


def _how(facts: Facts) -> tuple[str, ...]:
    steps = [
        "Run the same plan again with the same data, seed and versions: the run digest must be the one printed here.",
        "Every number on this page carries the id of its measurement; audit.json beside this page holds all of them.",
    ]
    if facts.run.gate.ledger_origin:
        steps.append(
            "vemo-audit ledger verify checks that the decisions behind this audit are in the ledger, unchanged."
        )
    return tuple(steps)
