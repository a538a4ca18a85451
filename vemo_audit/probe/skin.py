"""Skin tones: the Monk scale as sRGB, CIE L*a*b* and the individual typology angle."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vemo_audit.errors import BadInput

MONK = (
    "f6ede4", "f3e7db", "f7ead0", "eadaba", "d7bd96", "a07e56", "825c43", "604134", "3a312a", "292420",
)  # fmt: skip
"""The ten tones, lightest first, as sRGB. Source: E. Monk, the Monk Skin Tone Scale, 2022 (skintone.google)."""
TONE_GROUPS = {"light": (1, 2, 3), "medium": (4, 5, 6, 7), "dark": (8, 9, 10)}
"""Our cut of the ten tones into three groups."""
D65 = np.array([0.95047, 1.0, 1.08883])
SRGB_TO_XYZ = np.array([
    [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041],
])  # fmt: skip


def tone(step: int) -> NDArray[np.float64]:
    """sRGB [3] in 0-1 of a Monk tone 1 (lightest) to 10 (darkest). Raises BadInput for another step."""
    if not 1 <= step <= len(MONK):
        raise BadInput(f"skin tone {step}", expected=f"a Monk tone from 1 to {len(MONK)}")
    code = MONK[step - 1]
    return np.array([int(code[k : k + 2], 16) for k in (0, 2, 4)]) / 255


def tone_group(step: int) -> str:
    """'light', 'medium' or 'dark'."""
    tone(step)
    return next(name for name, steps in TONE_GROUPS.items() if step in steps)


def linear(srgb: ArrayLike) -> NDArray[np.float64]:
    """sRGB in 0-1 as linear light. Source: IEC 61966-2-1."""
    c = np.asarray(srgb, np.float64)
    return np.where(c <= 0.04045, c / 12.92, ((np.maximum(c, 0) + 0.055) / 1.055) ** 2.4)


def encoded(light: ArrayLike) -> NDArray[np.float64]:
    """Linear light in 0-1 as sRGB. Source: IEC 61966-2-1."""
    c = np.clip(np.asarray(light, np.float64), 0, 1)
    return np.where(c <= 0.0031308, c * 12.92, 1.055 * c ** (1 / 2.4) - 0.055)


def lab(srgb: ArrayLike) -> NDArray[np.float64]:
    """L*, a*, b* [..., 3] of sRGB [..., 3] in 0-1 under D65. Source: CIE 15:2004, 8.2.1; IEC 61966-2-1."""
    ratio = linear(srgb) @ SRGB_TO_XYZ.T / D65
    cut = (6 / 29) ** 3
    f = np.where(ratio > cut, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ita_deg(srgb: ArrayLike) -> float:
    """Individual typology angle of one colour [3] in degrees: large is light, negative is dark.

    ITA = atan2(L* - 50, b*) x 180 / pi. Source: Chardon et al. 1991, doi:10.1111/j.1467-2494.1991.tb00561.x; with
    atan2 in place of the arc tangent of the quotient, so that b* of 0 or less stays defined.
    """
    value = lab(np.asarray(srgb, np.float64))
    return math.degrees(math.atan2(value[0] - 50, value[2]))
