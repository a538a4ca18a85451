"""Probabilities or estimates over the clip, one strip each from 0 to 1; a hole is a moment without an answer."""

import math

from vemo_audit.report import numbers
from vemo_audit.report.blocks import Figure, Number
from vemo_audit.report.charts import svg

STRIP = {"timeline": 34.0, "units": 18.0}
"""Height of a strip, by form of the figure."""
HEAD = 26.0


def draw(figure: Figure) -> str:
    """Filled strips from 0 to 1; the first two columns of the table are start and end of a moment in seconds.

    A timeline states means in %, a figure of units the highest value.
    """
    strip = STRIP[figure.form]
    rows = figure.table.rows
    spans = [(row[0].value, row[1].value) for row in rows if isinstance(row[0], Number) and isinstance(row[1], Number)]
    last = max([end for _, end in spans] or [1.0])
    marks = _marks(last)
    end = max(marks[-1], last)
    labels = figure.table.columns[2:-1]
    bottom = (strip + HEAD) * len(labels) + 6
    body = _axis(marks, end, bottom)
    for k, column in enumerate(labels):
        y = (strip + HEAD) * k + 4
        shares = [row[k + 2].value if isinstance(row[k + 2], Number) else math.nan for row in rows]  # type: ignore[union-attr]
        body += _strip(column.title, shares, [(a / end, b / end) for a, b in spans], y, strip=strip)
    return svg.root(
        body, id_=figure.id, title=figure.title, description=figure.description, height=bottom + 24, kind=figure.form
    )


def _marks(last: float) -> list[float]:
    marks = svg.ticks(0.0, last, most=5)
    return [mark for mark in marks if mark <= last * 1.0001] if len(marks) > 2 else marks


def _axis(marks: list[float], end: float, bottom: float) -> list[str]:
    drawn = []
    for k, mark in enumerate(marks):
        x = svg.across(mark / end)
        anchor = "start" if k == 0 else "end" if mark / end > 0.93 else "middle"
        drawn.append(svg.tag("line", x1=x, x2=x, y1=4.0, y2=bottom, class_="grid"))
        drawn.append(svg.words(numbers.tick(mark, "seconds"), x=x, y=bottom + 16, text_anchor=anchor, class_="tick"))
    return drawn


def _strip(
    name: str, shares: list[float], spans: list[tuple[float, float]], y: float, *, strip: float
) -> list[str]:  # fmt: skip
    floor = y + 18 + strip
    known = [share for share in shares if math.isfinite(share)]
    drawn = [
        svg.words(name, x="0", y=y + 13, class_="label"),
        svg.tag("line", x1="0", x2="100%", y1=floor, y2=floor, class_="floor"),
    ]
    if known:
        told = (
            f"mean {100 * sum(known) / len(known):.0f} %" if strip == STRIP["timeline"] else f"up to {max(known):.2f}"
        )
        drawn.append(svg.words(told, x="100%", y=y + 13, text_anchor="end", class_="value"))
    for left, right in _runs(shares, spans):
        drawn.append(
            svg.tag("rect", x=svg.across(left), y=floor - strip, width=svg.across(right - left), height=strip,
                    class_="room")
        )  # fmt: skip
    for share, (left, right) in zip(shares, spans, strict=True):
        if math.isfinite(share):
            height = max(strip * min(share, 1.0), 0.6)
            drawn.append(
                svg.tag("rect", x=svg.across(left), y=floor - height, width=svg.across(right - left), height=height,
                        class_="fill")
            )  # fmt: skip
    return drawn


def _runs(shares: list[float], spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretches without a hole: neighbours that are known, joined."""
    runs: list[tuple[float, float]] = []
    for share, (left, right) in zip(shares, spans, strict=True):
        if math.isfinite(share):
            joins = runs and abs(runs[-1][1] - left) < 1e-9
            runs = [*runs[:-1], (runs[-1][0], right)] if joins else [*runs, (left, right)]
    return runs
