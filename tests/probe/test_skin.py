"""Skin tones against values worked by hand."""

import math

import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.probe import skin


def by_hand(code: str) -> float:
    """ITA of an sRGB code, step by step in plain arithmetic."""
    light = [((int(code[k : k + 2], 16) / 255 + 0.055) / 1.055) ** 2.4 for k in (0, 2, 4)]  # all above the toe
    y = 0.2126729 * light[0] + 0.7151522 * light[1] + 0.0721750 * light[2]
    z = (0.0193339 * light[0] + 0.1191920 * light[1] + 0.9503041 * light[2]) / 1.08883

    def f(t: float) -> float:
        return t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116

    return math.degrees(math.atan2(116 * f(y) - 16 - 50, 200 * (f(y) - f(z))))


@pytest.mark.parametrize("step, expected", [(1, 83.0), (5, 50.3), (10, -84.3)])
def test_ita_of_three_tones_is_that_worked_by_hand(step, expected):
    value = skin.ita_deg(skin.tone(step))
    assert value == pytest.approx(by_hand(skin.MONK[step - 1]), abs=1e-6)
    assert value == pytest.approx(expected, abs=0.05)


def test_middle_grey_is_upright():
    """L* of white is 100 and its b* is 0: 90 degrees."""
    assert skin.lab([1.0, 1.0, 1.0]) == pytest.approx([100, 0, 0], abs=0.02)
    assert skin.ita_deg([1.0, 1.0, 1.0]) == pytest.approx(90, abs=0.1)


def test_darker_tones_have_smaller_angles():
    angles = [skin.ita_deg(skin.tone(step)) for step in range(1, 11)]
    assert angles == sorted(angles, reverse=True)


def test_encoding_undoes_linearity():
    values = np.linspace(0, 1, 101)
    assert np.allclose(skin.encoded(skin.linear(values)), values, atol=1e-4)


def test_every_tone_has_a_group_and_no_other_step_exists():
    assert [skin.tone_group(step) for step in (1, 4, 8)] == ["light", "medium", "dark"]
    with pytest.raises(BadInput, match="1 to 10"):
        skin.tone(11)
