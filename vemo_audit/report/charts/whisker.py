"""Dots with intervals, row by row: levels of groups, or differences around zero with the limit of the plan."""

import math

from vemo_audit.report import numbers
from vemo_audit.report.blocks import Cell, Figure, Number
from vemo_audit.report.charts import svg
from vemo_audit.report.describe import first_number

ROW = 42.0
HEAD = 26.0
LETTERS = 34
"""Letters of a row's name that fit beside its number at 320 px."""


def draw(figure: Figure) -> str:
    """A whisker chart; one with a limit shows it as a line, a strip shows it as a band around zero."""
    strip = figure.form == "strip"
    margin = figure.margin if math.isfinite(figure.margin) else None
    shown = [cell for row in figure.table.rows if (cell := first_number(row)) and math.isfinite(cell.value)]
    unit = shown[0].unit if shown else "share"
    marks = _marks(shown, margin, strip=strip)
    rows, bottom = _rows(figure, marks)
    top = 18.0 if margin is not None else 4.0
    body = svg.axis(marks, top=top, bottom=bottom, unit=unit) if shown else []
    body += [_limit_words(margin, marks, unit=unit, strip=strip)] if margin is not None and shown else []
    body += rows
    if strip:
        body.append(
            svg.words(
                "points" if unit == "points" else "difference",
                x="50%",
                y=bottom + 32,
                text_anchor="middle",
                class_="tick",
            )
        )
    height = bottom + (40 if strip else 24)
    return svg.root(
        body, id_=figure.id, title=figure.title, description=figure.description, height=height, kind=figure.form
    )


def _marks(shown: list[Number], margin: float | None, *, strip: bool) -> list[float]:
    ends = [end for cell in shown for end in (cell.value, cell.low, cell.high) if math.isfinite(end)]
    if margin is not None:
        ends.append(margin)
    if not ends:
        return [0.0, 1.0]
    if strip:
        reach = max(max(abs(end) for end in ends), 1e-9)
        half = [mark for mark in svg.ticks(0.0, reach, most=3) if mark > 0]
        return [-mark for mark in reversed(half)] + [0.0] + half
    marks = svg.ticks(min(ends), max(ends), most=5)
    if margin is not None and 0 < margin <= marks[0]:  # a limit on the edge could not be seen
        marks.insert(0, round(2 * marks[0] - marks[1], 12))
    return marks


def _rows(figure: Figure, marks: list[float]) -> tuple[list[str], float]:
    """The drawn rows and where they end. The first of two naming columns becomes a heading over its rows."""
    y = 24.0 if math.isfinite(figure.margin) else 8.0
    drawn: list[str] = []
    before = ""
    for row in figure.table.rows:
        names = _names(row)
        if len(names) > 1 and names[0] != before:
            y += 6 if before else 0
            drawn.append(svg.words(svg.short(names[0], 44), x="0", y=y + 15, class_="group"))
            before, y = names[0], y + HEAD
        if math.isfinite(figure.margin) and first_number(row):
            drawn += _limit(figure.margin, marks, y=y, strip=figure.form == "strip")
        drawn += _row(row, names[-1] if names else "", marks, y)
        y += ROW
    return drawn, y + 4


def _names(row: tuple[Cell, ...]) -> list[str]:
    names = []
    for cell in row:
        if cell.kind != "text":
            break
        names.append(cell.text)
    return names


def _row(row: tuple[Cell, ...], name: str, marks: list[float], y: float) -> list[str]:
    cell = first_number(row)
    drawn = [svg.words(svg.short(name, LETTERS), x="0", y=y + 13, class_="label")]
    middle = y + 28.0
    refused = next((c for c in row if c.kind in ("refused", "suppressed")), None)
    if cell is None or not math.isfinite(cell.value) or (refused is not None and row.index(refused) < row.index(cell)):
        said = refused.text if refused is not None else "undefined"
        return [*drawn, svg.words(svg.short(said, 44), x="0", y=middle + 4, class_="refused")]
    said = cell.text.removesuffix(" points")
    verdict = row[-1].text.lower() if row[-1].kind == "text" else ""
    drawn.append(svg.words(said, spare=verdict, x="100%", y=y + 13, text_anchor="end", class_="value"))
    low, high = marks[0], marks[-1]
    x = svg.across((cell.value - low) / (high - low))
    if cell.interval:
        ends = [svg.across((end - low) / (high - low)) for end in (cell.low, cell.high)]
        drawn.append(svg.tag("line", x1=ends[0], x2=ends[1], y1=middle, y2=middle, class_="interval"))
        drawn += [svg.tag("line", x1=e, x2=e, y1=middle - 5, y2=middle + 5, class_="cap") for e in ends]
    style = "dot open" if cell.approximate or not cell.interval else "dot"
    return [*drawn, svg.tag("circle", cx=x, cy=middle, r=5.0, class_=style)]


def _limit_words(margin: float, marks: list[float], *, unit: str, strip: bool) -> str:
    text = f"limit {'±' if strip else ''}{numbers.limit(margin, unit)}"
    right = 0.5 if strip else (margin - marks[0]) / (marks[-1] - marks[0])
    anchor = "middle" if strip else "end" if right > 0.6 else "start"
    return svg.words(text, x=svg.across(right), y=12.0, text_anchor=anchor, class_="note")


def _limit(margin: float, marks: list[float], *, y: float, strip: bool) -> list[str]:
    """The limit beside one row's dot: it keeps clear of the row's words."""
    low, high = marks[0], marks[-1]
    ends = [-margin, margin] if strip else [margin]
    places = [svg.across((end - low) / (high - low)) for end in ends]
    top, bottom = y + 19, y + 37
    lines = [svg.tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="limit") for x in places]
    if not strip:
        return lines
    width = svg.across(2 * margin / (high - low))
    return [svg.tag("rect", x=places[0], y=top, width=width, height=bottom - top, class_="band"), *lines]
