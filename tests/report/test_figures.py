"""Charts are named, described, equal to their tables and free of anything active."""

import itertools
import math
import re
from dataclasses import replace

import pytest
from defusedxml.ElementTree import fromstring

from vemo_audit.errors import VemoError
from vemo_audit.report import figures
from vemo_audit.report.blocks import Column, Figure, Number, Panels, Refused, Table, Text
from vemo_audit.report.charts import svg
from vemo_audit.report.describe import describe, first_number
from vemo_audit.report.page import page

SVG = "{http://www.w3.org/2000/svg}"


def drawn(run) -> list[Figure]:
    found = []
    for section in page(run).sections:
        for block in section.blocks:
            found += [block] if isinstance(block, Figure) else block.figures if isinstance(block, Panels) else []
    return found


def levels(*rows) -> Figure:
    columns = (Column("Group"), Column("Value", numeric=True))
    table = Table("Levels", columns, tuple(rows))
    return Figure("whisker", "Levels", describe("whisker", table), table, id="figure-9")


def test_every_figure_has_role_title_description_and_ids_of_its_own(run):
    seen: set[str] = set()
    forms = set()
    for figure in drawn(run):
        root = fromstring(figures.draw(figure))
        ids = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-labelledby"].split() == ids
        assert root.find(f"{SVG}title").text and root.find(f"{SVG}desc").text == figure.description
        assert not seen & set(ids)
        seen |= set(ids)
        forms.add(figure.form)
    assert forms == {"whisker", "strip", "confusion", "reliability"}


def positions(text: str, name: str) -> list[float]:
    return [float(e.attrib[name].rstrip("%")) for e in fromstring(text).iter(f"{SVG}circle")]


def test_dots_stand_where_their_table_says(run):
    """Figures and tables tell the same: the dots' places are the table's values on one straight scale."""
    for figure in drawn(run):
        if figure.form not in ("whisker", "strip"):
            continue
        values = [cell.value for row in figure.table.rows if (cell := first_number(row)) and cell.unit != "count"]
        places = positions(figures.draw(figure), "cx")
        assert len(values) == len(places)
        far = max(range(len(values)), key=lambda k: abs(values[k] - values[0]))
        scale = (places[far] - places[0]) / (values[far] - values[0])
        for value, place in zip(values, places, strict=True):
            assert place == pytest.approx(places[0] + scale * (value - values[0]), abs=0.02)


def test_the_numbers_in_the_cells_are_those_of_the_table(run):
    for figure in drawn(run):
        if figure.form == "confusion":
            cells = [
                e.text for e in fromstring(figures.draw(figure)).iter(f"{SVG}text") if "in-cell" in e.attrib["class"]
            ]
            assert cells == [c.text.removesuffix(" %") for row in figure.table.rows for c in row[1:]]


def test_another_number_in_the_table_moves_the_chart(gated):
    figure = next(f for f in drawn(gated) if f.form == "whisker")
    row = figure.table.rows[0]
    other = tuple(replace(c, value=c.value + 0.01) if isinstance(c, Number) else c for c in row)
    moved = replace(figure, table=replace(figure.table, rows=(other, *figure.table.rows[1:])))
    assert figures.draw(moved) != figures.draw(figure)


def test_a_refused_row_is_drawn_in_words():
    figure = levels(
        (Text("a"), Number(0.5, 0.4, 0.6, "share")), (Text("b"), Refused("hidden", "hidden: fewer than 5 people"))
    )
    text = figures.draw(figure)
    assert "hidden: fewer than 5 people" in text
    assert text.count("<circle") == 1
    assert "1 row cannot be shown in full." in figure.description


def test_a_number_without_interval_is_an_open_dot():
    assert 'class="dot open"' in figures.draw(levels((Text("a"), Number(0.5, unit="share"))))


@pytest.mark.parametrize(
    "rows", [(), ((Text("a"), Number(math.nan, unit="share")),), ((Text("a"), Number(0.0, 0.0, 0.0, "share")),)]
)
def test_nothing_to_draw_is_still_a_named_chart(rows):
    assert 'role="img"' in figures.draw(levels(*rows))


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><image href="http://x/">', "a\x00b", "&amp;<", "{{7*7}}", "x" * 9000]
)
def test_names_stay_words(name):
    text = figures.draw(levels((Text(name), Number(0.5, 0.4, 0.6, "share"))))
    assert {e.tag.removeprefix(SVG) for e in fromstring(text).iter()} <= {
        "svg",
        "title",
        "desc",
        "g",
        "line",
        "circle",
        "text",
    }
    assert len(text) < 6000 + 2000


def test_an_unescaped_name_is_refused(monkeypatch):
    """The twin: without escaping, the last look finds the element."""
    monkeypatch.setattr(svg, "escape", lambda text, quote=True: text)
    with pytest.raises(VemoError, match="script"):
        figures.draw(levels((Text("<script>x</script>"), Number(0.5, 0.4, 0.6, "share"))))


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.551, 0.902), (-0.14, 0.14), (0.0, 44.8), (3.0, 3.0), (0.9999, 1.0)]
)
def test_ticks_are_round_few_and_cover(low, high):
    marks = svg.ticks(low, high)
    assert marks[0] <= low and marks[-1] >= high
    assert 2 <= len(marks) <= 8
    assert all(re.fullmatch(r"[125]", f"{(b - a):.3e}"[0]) for a, b in itertools.pairwise(marks))
