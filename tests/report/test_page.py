"""The page as data: what every reader must find, in the fixed words, with nothing that is hidden."""

import re
from dataclasses import fields, is_dataclass, replace

import pytest

from vemo_audit.records.finding import Verdict
from vemo_audit.records.measurement import State
from vemo_audit.report import wording
from vemo_audit.report.blocks import Figure, Folded, Number, Panels, Table, Verdicts
from vemo_audit.report.page import page

FORBIDDEN = re.compile(
    r"\b(no bias|unbiased|fair|fairly|passed|passes|significant|significantly|proves?)\b", re.IGNORECASE
)


def texts(value) -> list[str]:
    """Every string on a page."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for item in value for text in texts(item)]
    if is_dataclass(value):
        return [text for field in fields(value) for text in texts(getattr(value, field.name))]
    return []


def blocks(made) -> list:
    """Every block, folded ones and panels opened."""
    found = []
    for section in made.sections:
        for block in section.blocks:
            found.append(block)
            found += block.tables if isinstance(block, Folded) else block.figures if isinstance(block, Panels) else ()
    return found


def tables(made) -> list[Table]:
    return [b.table if isinstance(b, Figure) else b for b in blocks(made) if isinstance(b, Figure | Table)]


def test_the_verdict_comes_first_worst_first(gated):
    first = page(gated).sections[0]
    assert first.id == "verdict"
    lines = next(b for b in first.blocks if isinstance(b, Verdicts)).lines
    assert [line.verdict for line in lines] == [Verdict.MISSED, Verdict.UNDECIDED, Verdict.MET]
    assert first.lead == "The plan sets 3 criteria: 1 missed, 1 undecided, 1 met."


def test_the_sentence_about_feeling_stands_in_the_verdict(run):
    made = page(run)
    assert wording.NOT_FEELING in texts(made.sections[0])
    assert wording.NOT_FEELING in made.foot


def test_all_sections_are_there_and_the_required_ones_marked(run):
    made = page(run)
    required = {s.id for s in made.sections if s.required}
    assert required == {"verdict", "reach", "construct-validity", "scope", "limits", "evidence"}
    assert len(made.sections) == 13
    assert len({s.id for s in made.sections}) == 13


def test_no_word_claims_more_than_the_numbers(run):
    own = " ".join(texts(page(run)))
    assert FORBIDDEN.search(own.replace(run.gate.purpose, "")) is None


def test_a_claim_would_be_found(run):
    """The twin: one sentence too bold and the check above goes red."""
    bold = replace(run, limits=("There is no bias.",))
    assert FORBIDDEN.search(" ".join(texts(page(bold)))) is not None


def test_every_undecided_difference_says_how_many_people_would_decide(run):
    for finding in run.findings:
        if finding.verdict is Verdict.UNDECIDED and finding.criterion.kind == "gap_within":
            assert re.search(r"About \d+ people per group would decide", wording.finding_sentence(finding))


def test_an_undecided_difference_without_a_number_says_so(ravdess):
    finding = replace(next(f for f in ravdess.findings if f.subjects_needed), subjects_needed=None)
    assert "cannot say how many people" in wording.finding_sentence(finding)


def test_the_verdict_word_is_not_said_twice(ravdess):
    assert not any(s.startswith("fusion: Undecided") for s in texts(page(ravdess).sections[0]))


def test_a_hidden_group_stays_in_the_table_in_words(ravdess):
    rows = [
        row
        for table in tables(page(ravdess))
        for row in table.rows
        if any(getattr(c, "text", "") == "eastern" for c in row)
    ]
    assert rows
    for row in rows:
        assert not any(isinstance(cell, Number) for cell in row)
        assert any("fewer than 5" in cell.text for cell in row)


def people(made) -> list:
    """Every cell under a heading that counts people."""
    return [
        row[k] for t in tables(made) for k, column in enumerate(t.columns) if column.title == "People" for row in t.rows
    ]  # fmt: skip


def test_no_count_of_few_people_is_printed(run):
    shown = [cell.value for cell in people(page(run)) if isinstance(cell, Number)]
    assert shown
    assert not [n for n in shown if 0 < n < 5]


def test_a_measurement_of_few_people_is_hidden_whatever_its_state_says(gated):
    """A slice of three people that upstream forgot to hide."""
    leak = replace(gated.measurements[5], id="leak", slice="hair=red", subjects=3, rows=17, value=0.12345)
    made = page(replace(gated, measurements=(*gated.measurements, leak)))
    assert not [c for t in tables(made) for row in t.rows for c in row if isinstance(c, Number) and c.fact == "leak"]
    assert "12.3 %" not in [c.text for t in tables(made) for row in t.rows for c in row]


def test_withdrawals_of_few_people_are_not_counted_out(gated):
    assert "fewer than 5" in texts(next(s for s in page(gated).sections if s.id == "scope"))


def test_refusals_name_rule_article_and_clips(gated):
    scope = next(s for s in page(gated).sections if s.id == "scope")
    table = next(b for b in scope.blocks if isinstance(b, Table) and b.caption == "Refusals by rule")
    assert [c.text for c in table.rows[0]] == ["The consent was withdrawn.", "14", "c.withdrawn", "base promise 5"]
    assert sum(row[1].value for row in table.rows) == 36


def test_a_historic_table_says_that_no_decision_stands_behind_it(ravdess):
    scope = next(s for s in page(ravdess).sections if s.id == "scope")
    assert any("No decision and no consent record stands behind" in text for text in texts(scope))
    assert not any(isinstance(b, Table) for b in scope.blocks)


def test_an_empty_run_says_that_it_holds_nothing(ravdess):
    empty = replace(
        ravdess, measurements=(), gaps=(), confusions=(), reliabilities=(), findings=(), datasets=(), recognizers=()
    )
    made = page(empty)
    assert made.sections[0].lead == "This audit measured; it was not asked to judge."
    assert "There are no measurements in this run." in texts(made)


def test_numbers_lead_back_to_their_measurements(run):
    ids = {m.id for m in run.measurements} | {g.id for g in run.gaps}
    facts = [c.fact for t in tables(page(run)) for row in t.rows for c in row if isinstance(c, Number) and c.fact]
    assert len(facts) > 20
    assert set(facts) <= ids


def test_figures_and_tables_are_counted_through(run):
    made = page(run)
    figures = [b.number for b in blocks(made) if isinstance(b, Figure)]
    assert figures == list(range(1, len(figures) + 1))
    assert [b.number for b in blocks(made) if isinstance(b, Table)] == list(
        range(1, sum(isinstance(b, Table) for b in blocks(made)) + 1)
    )


@pytest.mark.parametrize("rows", [399, 401])
def test_a_long_table_is_cut_and_says_so(gated, rows):
    many = tuple(replace(gated.measurements[0], id=f"m{k}", slice=f"t=v{k}") for k in range(rows))
    made = page(replace(gated, measurements=many, gaps=()))
    table = next(t for t in tables(made) if t.caption == "Measurements behind this page")
    assert len(table.rows) == (rows if rows <= 400 else 100)
    assert ("the CSV tables hold all" in table.note) == (rows > 400)


def test_a_remark_that_fits_all_marked_numbers_becomes_a_note(ravdess):
    marked = tuple(replace(m, because="few people") if m.metric == "ece" else m for m in ravdess.measurements)
    table = next(t for t in tables(page(replace(ravdess, measurements=marked))) if t.caption == "Calibration by group")
    assert table.columns[-1].title == "Value, interval"
    assert table.note.endswith("Approximate: few people.")


def test_a_remark_of_one_number_stays_in_its_row(ravdess):
    odd = tuple(
        replace(m, interval=None, state=State.DEGENERATE) if m.metric == "ece" and m.recognizer == "voice" else m
        for m in ravdess.measurements
    )
    table = next(t for t in tables(page(replace(ravdess, measurements=odd))) if t.caption == "Calibration by group")
    assert table.columns[-1].title == "Remark"
    assert sum(bool(row[-1].text) for row in table.rows) == 1


def test_a_count_that_was_withheld_is_a_lower_bound_not_a_small_group(ravdess):
    withheld = tuple(
        replace(m, subjects=None, rows=None) if m.slice == "accent=western" else m for m in ravdess.measurements
    )
    part = ravdess.datasets[0]
    counts = tuple(replace(c, subjects=None, rows=None) if c.value == "western" else c for c in part.counts)
    made = page(replace(ravdess, measurements=withheld, datasets=(replace(part, counts=counts),)))
    cells = [c.text for t in tables(made) for row in t.rows if any(c.text == "western" for c in row) for c in row]
    assert "5 or more" in cells
    assert "fewer than 5" not in cells


def test_a_group_hidden_for_the_sake_of_another_says_why(ravdess):
    why = "together with its total it would reveal a slice of fewer than 5 people"
    covered = tuple(replace(m, because=why) if m.slice == "accent=eastern" else m for m in ravdess.measurements)
    made = page(replace(ravdess, measurements=covered))
    assert f"hidden: {why}" in texts(made)


def test_votes_are_called_votes(ravdess):
    part = ravdess.datasets[0]
    made = page(replace(ravdess, datasets=(replace(part, card=replace(part.card, kind="crowd votes")),)))
    assert any("24 people, 1,440 votes" in text for text in texts(made.sections[0]))


def test_rendered_people_give_a_lead_and_no_finding_about_people(ravdess):
    (part,) = ravdess.datasets
    drawn = replace(ravdess, datasets=(replace(part, card=replace(part.card, kind="rendered")),))
    said = {s.id: str(s) for s in page(drawn).sections}
    for name in ("verdict", "reach"):
        assert "a lead for a test with consenting people, not a finding about people" in said[name]
    assert "a lead for a test" not in str(page(ravdess))
