"""Builds SVG text: escaped, with positions across in percent, so that letters keep their size at any width."""

import math
from html import escape

from vemo_audit.report import numbers
from vemo_audit.report.tidy import tidy_text

Attribute = str | float | int


def tag(name: str, *children: str, **attributes: Attribute) -> str:
    """One element. Children are SVG text already; attribute names end in _ where Python needs it, and _ becomes -."""
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def words(text: str, *, spare: str = "", **attributes: Attribute) -> str:
    """A text element; the words are escaped here and nowhere else. A narrow screen leaves out the `spare` ones."""
    more = tag("tspan", f" {escape(tidy_text(spare), quote=True)}", class_="spare") if spare else ""
    return tag("text", escape(tidy_text(text), quote=True), *([more] if more else []), **attributes)


def across(share: float) -> str:
    """A position from left (0) to right (1)."""
    return f"{round(100 * min(max(share, 0.0), 1.0), 2):g}%"


def short(text: str, letters: int) -> str:
    """The text, cut to a number of letters; the table beside the chart holds it whole."""
    clean = tidy_text(text)
    return clean if len(clean) <= letters else clean[: letters - 1].rstrip() + "…"


def root(body: list[str], *, id_: str, title: str, description: str, height: float, kind: str) -> str:
    """A whole chart of full width and fixed height, named and described for those who do not see it."""
    return tag(
        "svg",
        tag("title", escape(tidy_text(title)), id=f"{id_}-title"),
        tag("desc", escape(tidy_text(description)), id=f"{id_}-desc"),
        tag("g", *body, aria_hidden="true"),
        role="img", aria_labelledby=f"{id_}-title {id_}-desc", class_=f"chart {kind}", width="100%",
        height=round(height, 1), xmlns="http://www.w3.org/2000/svg",
    )  # fmt: skip


def ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """Round numbers that cover low to high: steps of 1, 2 or 5 times a power of ten, at most `most` + 1 of them."""
    if not high > low:
        low, high = low - 0.5, low + 0.5
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def axis(marks: list[float], *, top: float, bottom: float, unit: str) -> list[str]:
    """Grid lines from top to bottom and their numbers below; the outer numbers stay inside the chart.

    Of many numbers every second one is marked `spare`: a narrow screen leaves it out.
    """
    low, high = marks[0], marks[-1]
    drawn = []
    for k, mark in enumerate(marks):
        x = across((mark - low) / (high - low))
        anchor = "start" if k == 0 else "end" if k == len(marks) - 1 else "middle"
        drawn.append(tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="zero" if mark == 0 and low < 0 else "grid"))
        spare = len(marks) > 5 and (len(marks) - 1 - k) % 2 == 1
        style = "tick spare" if spare else "tick"
        drawn.append(words(numbers.tick(mark, unit), x=x, y=bottom + 16, text_anchor=anchor, class_=style))
    return drawn


def _value(value: Attribute) -> str:
    if isinstance(value, float):
        return f"{round(value, 1):g}"
    return escape(str(value), quote=True)
