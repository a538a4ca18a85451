"""Hit rate against stated confidence for one group: steps with a band, the ideal diagonal, clips below."""

import math

from vemo_audit.report.blocks import Cell, Figure, Number
from vemo_audit.report.charts import svg

SIDE = 190.0
BARS = 30.0
LEFT = 38.0
TOP = 8.0
WIDTH = LEFT + SIDE + 12.0
HEIGHT = TOP + SIDE + BARS + 40.0


def draw(figure: Figure) -> str:
    """A square panel; bins are equal in width, and a bin without a hit rate leaves a hole."""
    rows = figure.table.rows
    body = _grid()
    for k, row in enumerate(rows):
        body += _bin(row, k / len(rows), (k + 1) / len(rows))
    body.append(svg.tag("line", x1=LEFT, y1=TOP + SIDE, x2=LEFT + SIDE, y2=TOP, class_="ideal"))
    body += _bars(rows)
    text = svg.root(
        body,
        id_=figure.id,
        title=figure.table.caption,
        description=figure.description,
        height=HEIGHT,
        kind="reliability",
    )
    return text.replace('width="100%"', f'viewBox="0 0 {WIDTH:g} {HEIGHT:g}" width="{WIDTH:g}"', 1)


def _grid() -> list[str]:
    drawn = [svg.tag("rect", x=LEFT, y=TOP, width=SIDE, height=SIDE, class_="frame")]
    for share, name in ((0.0, "0"), (0.5, "50"), (1.0, "100 %")):
        x, y = LEFT + SIDE * share, TOP + SIDE * (1 - share)
        anchor = "end" if share == 1 else "start" if share == 0 else "middle"
        drawn.append(svg.words(name, x=x, y=TOP + SIDE + BARS + 18, text_anchor=anchor, class_="tick"))
        drawn.append(
            svg.words(
                name.removesuffix(" %"),
                x=LEFT - 6,
                y=y + (10 if share == 1 else 4 if share else 0),
                text_anchor="end",
                class_="tick",
            )
        )
        if share == 0.5:
            drawn.append(svg.tag("line", x1=x, x2=x, y1=TOP, y2=TOP + SIDE, class_="grid"))
            drawn.append(svg.tag("line", x1=LEFT, x2=LEFT + SIDE, y1=y, y2=y, class_="grid"))
    drawn.append(
        svg.words("stated confidence", x=LEFT + SIDE / 2, y=TOP + SIDE + BARS + 34, text_anchor="middle", class_="tick")
    )
    drawn.append(
        svg.words(
            "hit rate, %",
            x=0.0,
            y=0.0,
            text_anchor="middle",
            class_="tick",
            transform=f"translate(11 {TOP + SIDE / 2:g}) rotate(-90)",
        )
    )
    return drawn


def _bin(row: tuple[Cell, ...], left: float, right: float) -> list[str]:
    hit = row[-1]
    if not isinstance(hit, Number) or not math.isfinite(hit.value):
        return []
    x, width = LEFT + SIDE * left, SIDE * (right - left)
    drawn = []
    if hit.interval:
        low, high = max(hit.low, 0.0), min(hit.high, 1.0)
        y, height = TOP + SIDE * (1 - high), SIDE * (high - low)
        drawn.append(svg.tag("rect", x=x, y=y, width=width, height=height, class_="band"))
    y = TOP + SIDE * (1 - hit.value)
    return [*drawn, svg.tag("line", x1=x, x2=x + width, y1=y, y2=y, class_="step")]


def _bars(rows: tuple[tuple[Cell, ...], ...]) -> list[str]:
    shares = [row[1].value if isinstance(row[1], Number) else 0.0 for row in rows]
    most = max([*shares, 1e-9])
    floor = TOP + SIDE + BARS
    drawn = [svg.tag("line", x1=LEFT, x2=LEFT + SIDE, y1=floor, y2=floor, class_="grid")]
    for k, share in enumerate(shares):
        if share > 0:
            height = max((BARS - 6) * share / most, 1.0)
            width = SIDE / len(rows)
            drawn.append(
                svg.tag(
                    "rect", x=LEFT + width * k + 0.5, y=floor - height, width=width - 1, height=height, class_="bar"
                )
            )
    return drawn
