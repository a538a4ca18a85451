"""Section 16: how the numbers were made, so that somebody else can make them again."""

from vemo_audit.report import numbers
from vemo_audit.report.blocks import Block, Bullets, Column, KeyValues, Section, Table, Text
from vemo_audit.report.cells import Facts

_RULES = {
    "cluster-t": "Cluster-t by person: the variance of sums over persons, and Student's t with degrees of freedom from "
    "Kish's effective number of persons. It is the interval that is judged.",
    "percentile": "Percentile bootstrap by person: whole persons are drawn with replacement; shown for comparison.",
}
_FIXED = (
    (
        "A criterion is met when the whole interval lies inside its limit, missed when all of it lies outside, and "
        "undecided otherwise (for differences: two one-sided tests, Schuirmann 1987)."
    ),
    (
        "Calibration error: confidence of the named expression in equal bins, mean distance from the hit rate, "
        "weighted by clips (Guo et al. 2017, arXiv:1706.04599)."
    ),
    "The smallest detectable difference has 80 % power for the same people and clips at this level.",
    "Ties between expressions go to the first in the list. Windows of a clip are averaged before scoring.",
)


def section(facts: Facts) -> Section:
    """Level, seed, rules, metrics, versions."""
    run = facts.run
    settings = KeyValues((
        ("Confidence level", Text(numbers.limit(run.level, "share"))),
        ("Unit of evidence", Text("the person; all clips of one person stay together")),
        ("Seed of all draws", Text(f"{run.seed}")),
        ("Fewest people shown", Text(f"{facts.disclosure.below}")),
    ))  # fmt: skip
    rules = tuple(_RULES.get(name, f"Interval rule: {name}.") for name in facts.interval_rules)
    metrics = tuple(dict.fromkeys(m.metric for m in run.measurements if not numbers.is_by_class(m.metric)))
    rows = tuple(
        (Text(numbers.metric(name)[0]), Text(numbers.metric(name)[2] or "as named by its author")) for name in metrics
    )
    blocks: list[Block] = [settings, Bullets((*rules, *_FIXED))]
    if rows:
        blocks.append(Table("Metrics", (Column("Metric"), Column("Meaning", wide=True)), rows))
    if run.versions:
        versions = tuple((Text(name), Text(version)) for name, version in run.versions)
        blocks.append(Table("Versions that made this report", (Column("Package"), Column("Version")), versions))
    return Section("methods", "Methods", "How the numbers were made.", tuple(blocks))
