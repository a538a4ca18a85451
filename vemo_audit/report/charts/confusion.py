"""Grid of labels against answers: darker where more, with the number in every cell."""

import math

from vemo_audit.report.blocks import Figure, Number
from vemo_audit.report.charts import svg

HEAD = 74.0
ROW = 34.0
NAMES = 0.25
"""Share of the width that the names of the rows take."""
STEPS = ((0.005, 0), (0.05, 1), (0.15, 2), (0.3, 3), (0.5, 4), (0.7, 5), (0.85, 6), (1.01, 7))
"""Upper end of a share and its shade; letters turn light from shade 5 on (see page.css)."""


def draw(figure: Figure) -> str:
    """A heat map whose cells keep their numbers legible at any width."""
    answers = figure.table.columns[1:]
    width = (1 - NAMES) / len(answers)
    body = [_head(column.title, NAMES + width * (k + 0.5)) for k, column in enumerate(answers)]
    for j, row in enumerate(figure.table.rows):
        y = HEAD + ROW * j
        body.append(svg.words(svg.short(row[0].text, 12), x="0", y=y + ROW / 2 + 4, class_="label"))
        for k, cell in enumerate(row[1:]):
            if isinstance(cell, Number):
                body += _cell(cell, NAMES + width * k, width, y)
    return svg.root(
        body, id_=figure.id, title=figure.title, description=figure.description,
        height=HEAD + ROW * len(figure.table.rows) + 2, kind="confusion",
    )  # fmt: skip


def _head(name: str, middle: float) -> str:
    text = svg.words(svg.short(name, 11), x=0.0, y=0.0, class_="label", transform="rotate(-55)")
    return svg.tag("svg", text, x=svg.across(middle), y=HEAD - 8, overflow="visible", width=1, height=1)


def _cell(cell: Number, left: float, width: float, y: float) -> list[str]:
    share = cell.value if math.isfinite(cell.value) else 0.0
    shade = next(step for end, step in STEPS if share < end)
    box = svg.tag("rect", x=svg.across(left), y=y, width=svg.across(width), height=ROW, class_=f"cell shade-{shade}")
    shown = cell.text.removesuffix(" %") if math.isfinite(cell.value) else "–"
    text = svg.words(
        shown, x=svg.across(left + width / 2), y=y + ROW / 2 + 4, text_anchor="middle", class_=f"in-cell on-{shade}"
    )
    return [box, text]
