"""Section 3: what the labels mean, and why a correct answer is not a fact about a feeling."""

from vemo_audit.report import numbers, wording
from vemo_audit.report.blocks import Bullets, Column, Prose, Section, Table, Text
from vemo_audit.report.cells import Facts

_BASES = {
    "acted intent": "what the actor was asked to show",
    "crowd perception": "what viewers believed they saw",
    "self-report": "what people said of themselves",
    "rendered truth": "what the program was told to draw",
}
_FIXED = (
    (
        f"{wording.NOT_FEELING} A recognizer is scored against labels. A label states what was acted, seen, drawn or "
        "reported. None of these is an inner state, and the same feeling is shown differently across cultures, "
        "situations and moments of one person."
    ),
    (
        "Regulation (EU) 2024/1689, recital 44, names limited reliability, lack of specificity and limited "
        "generalisability as key shortcomings of systems that infer emotions; article 5(1)(f) prohibits them at the "
        "workplace and in education, save for medical or safety reasons."
    ),
)


def section(facts: Facts) -> Section:
    """Fixed text, and per dataset the basis of its labels and its language."""
    rows = tuple(
        (
            Text(part.card.name),
            Text(_basis(part.card.label_basis)),
            Text(part.card.kind or "not stated"),
            Text(part.card.language or "not stated"),
        )
        for part in facts.run.datasets
    )
    columns = (Column("Dataset"), Column("A label states", wide=True), Column("Kind"), Column("Language"))
    classes = tuple(dict.fromkeys(name for card in facts.run.recognizers for name in card.labels.names))
    bullets = (
        [f"Expressions that can be answered: {numbers.listed(classes)}. Everything else is forced into these."]
        if classes
        else []
    )
    bullets.append(
        "Agreement among human raters is not part of this run; a limit set by human disagreement is not shown."
    )
    blocks = (
        Prose(_FIXED),
        Table("What a label means, by dataset", columns, rows),
        Bullets(tuple(bullets)),
    )
    return Section("construct-validity", "What is measured", _LEAD, blocks, required=True)


_LEAD = "The subject of this audit is a displayed expression, as labelled. It is not an emotion."


def _basis(basis: str) -> str:
    words = _BASES.get(basis.lower())
    return f"{basis}: {words}" if words else basis or "not stated"
