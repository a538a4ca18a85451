"""Section 8: whether stated confidence can be taken at its word."""

from vemo_audit.records.measurement import Measurement, Reliability, State
from vemo_audit.report import cells, numbers, wording
from vemo_audit.report.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Figure,
    Heading,
    Number,
    Panels,
    Prose,
    Refused,
    Section,
    Table,
    Text,
)
from vemo_audit.report.cells import Facts
from vemo_audit.report.describe import describe
from vemo_audit.report.suppress import slice_key

FEWEST_CLIPS = 5
"""A bin with fewer clips shows no hit rate."""
_METRICS = ("ece", "debiased_ece", "top_label_ece", "overconfidence", "brier", "nll")


def section(facts: Facts) -> Section:
    """Reliability by slice as small charts, then calibration metrics by group."""
    blocks: list[Block] = []
    for recognizer in dict.fromkeys((r.recognizer, r.dataset) for r in facts.run.reliabilities):
        blocks += _panels(facts, [r for r in facts.run.reliabilities if (r.recognizer, r.dataset) == recognizer])
    if any(isinstance(block, Panels) for block in blocks):
        blocks.insert(0, Prose((_READING,)))
    measured = [m for m in facts.run.measurements if m.metric.lower().replace("-", "_") in _METRICS]
    if measured:
        blocks += [Heading("Calibration in numbers"), _table(facts, measured)]
    if not blocks:
        blocks.append(
            Prose(("This run holds no calibration: the recognizer states no probabilities, or none was asked for.",))
        )
    return Section("calibration", "Calibration", _LEAD, tuple(blocks))


_READING = (
    "In each chart a step is the hit rate in a bin of confidence, the pale band its interval by person, and the dashed "
    "line the ideal; the bars below are shares of the rows."
)
_LEAD = (
    "When the recognizer says 80 %, is it right 80 times in 100? On the diagonal it is; below, it is over-confident."
)


def _panels(facts: Facts, curves: list[Reliability]) -> list[Block]:
    where = " on ".join(c.text for c in cells.named(facts, curves[0].recognizer, curves[0].dataset))
    title = f"Stated confidence and hit rate{f': {where}' if where else ''}"
    drawn = [r for r in curves if not _refused(facts, r)]
    kept_back = tuple(
        f"{numbers.slice_words(r.slice).capitalize()}: {_refused(facts, r)}." for r in curves if _refused(facts, r)
    )
    blocks: list[Block] = []
    if drawn:
        blocks.append(Panels(title, tuple(_panel(r, where) for r in drawn)))
    if kept_back:
        blocks.append(Bullets(kept_back))
    return blocks


def _refused(facts: Facts, r: Reliability) -> str:
    if facts.disclosure.hides(r.dataset, r.slice):
        return wording.state(State.HIDDEN, because="", below=facts.disclosure.below)
    if r.state in cells.WITHOUT_NUMBER:
        return wording.state(r.state, because=r.because, below=facts.disclosure.below)
    return "" if any(r.rows) else wording.state(State.EMPTY, because=r.because, below=facts.disclosure.below)


def _panel(r: Reliability, where: str) -> Figure:
    rows: list[tuple[Cell, ...]] = []
    total = sum(r.rows)
    for k, count in enumerate(r.rows):
        share = f"{numbers.tick(r.edges[k], 'share')} to {numbers.tick(r.edges[k + 1], 'share')}"
        rows.append((Text(share), *(_bin(r, k, total) if count else (Text("no clips"),) * 3)))
    columns = (
        Column("Confidence bin"), Column("Share of clips", numeric=True), Column("Mean confidence", numeric=True),
        Column("Hit rate, interval", numeric=True),
    )  # fmt: skip
    title = numbers.slice_words(r.slice).capitalize()
    table = Table(f"{title}{f', {where}' if where else ''}: confidence and hit rate by bin", columns, tuple(rows))
    return Figure("reliability", title, describe("reliability", table), table)


def _bin(r: Reliability, k: int, total: int) -> tuple[Cell, ...]:
    if r.rows[k] < FEWEST_CLIPS:
        few = Refused("few", f"fewer than {FEWEST_CLIPS} clips")
        return few, Text("not shown"), Text("not shown")
    hit = Number(r.accuracy[k], r.low[k], r.high[k], "share")
    return Number(r.rows[k] / total, unit="share"), Number(r.confidence[k], unit="share"), hit


def _table(facts: Facts, measured: list[Measurement]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for m in measured:
        if len(slice_key(m.slice)) > 1:
            continue
        value = cells.level(facts, m)
        rows.append((
            Text(numbers.slice_words(m.slice)), *cells.named(facts, m.recognizer, m.dataset),
            Text(numbers.metric(m.metric)[0]), value, cells.remark(facts, m, value),
        ))  # fmt: skip
    columns = (
        Column("Group"), *cells.named_columns(facts), Column("Metric"), Column("Value, interval", numeric=True),
        Column("Remark", wide=True),
    )  # fmt: skip
    note = "Calibration error is biased upward in small groups; compare groups of like size only."
    return cells.remarked("Calibration by group", columns, rows, note=note)
