"""Figures as SVG text, by form; every chart passes the check that nothing active is in it."""

from vemo_audit.report.blocks import Figure
from vemo_audit.report.charts import confusion, reliability, timeline, whisker
from vemo_audit.report.finish import checked

_FORMS = {
    "whisker": whisker.draw,
    "strip": whisker.draw,
    "reliability": reliability.draw,
    "confusion": confusion.draw,
    "timeline": timeline.draw,
    "units": timeline.draw,
}


def draw(figure: Figure) -> str:
    """The SVG of a figure, computed from nothing but its table and its limit."""
    return checked(_FORMS[figure.form](figure), where=figure.id)
