"""Words and marks keep their contrast in light and in dark."""

import re

import pytest

from vemo_audit.resources import places

CSS = (places.folder("layouts") / "audit" / "page.css").read_text(encoding="utf-8")
THEMES = dict(zip(("light", "dark", "print"), re.findall(r":root \{(.*?)\}", CSS, re.DOTALL), strict=True))
VERDICTS = ("met", "missed", "undecided", "refused")
WORDS = [
    *((ink, "ground") for ink in ("ink", "quiet", "link", "limit")),
    *((verdict, f"{verdict}-ground") for verdict in VERDICTS),
    *(("ink", f"{verdict}-ground") for verdict in VERDICTS),
    *(("ink", f"shade-{k}") for k in range(5)),
    *(("on-shade", f"shade-{k}") for k in range(5, 8)),
    ("ink", "limit-band"),
]
MARKS = [("series", "ground"), ("series", "band"), ("axis", "ground"), ("limit", "ground"), ("series", "panel")]


def colours(theme: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", THEMES[theme]))


def luminance(colour: str) -> float:
    """Source: WCAG 2.2, relative luminance."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Source: WCAG 2.2, contrast ratio."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_right():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize(("least", "pairs"), [(4.5, WORDS), (3.0, MARKS)])
def test_contrast(theme, least, pairs):
    known = colours(theme)
    weak = {pair: round(contrast(known[pair[0]], known[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < least} == {}
