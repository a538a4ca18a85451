"""The top of one movement: where a rise ends and a fall begins, from all frames of it."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEPS = 25
"""Of the fit at most; it has long settled by then."""


def minimum_jerk(share: Array) -> Array:
    """The smoothest way from 0 to 1 over `share` of its time. Source: Flash and Hogan 1985, eq. 3."""
    s = np.clip(share, 0.0, 1.0)
    return s**3 * (10 - 15 * s + 6 * s**2)


def profile(time_s: Array, parameters: Array) -> Array:
    """Rise, hold and fall: `parameters` are top time, log rise, hold and log fall in s, height, and ground."""
    top_s, log_rise, hold_s, log_fall, height, ground = parameters
    rise = minimum_jerk(1 + (time_s - top_s) / np.exp(log_rise))
    fall = minimum_jerk((time_s - top_s - max(hold_s, 0.0)) / np.exp(log_fall))
    return ground + height * rise * (1 - fall)


def fitted_top(time_s: Array, value: Array, *, start: Array, noise: float) -> tuple[float, float]:
    """Time of the top (the middle of its hold) and height over the start's ground, by least squares from `start`.

    NaN, NaN when the movement is not of this shape: what is left over is larger than the noise explains.
    """
    found, left = start.copy(), np.inf
    damping = 1e-2
    residual = value - profile(time_s, found)
    left = float(residual @ residual)
    for _ in range(STEPS):
        slopes = np.stack([_slope(time_s, found, k) for k in range(len(found))], axis=1)
        normal = slopes.T @ slopes
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), slopes.T @ residual)
        trial = found + np.clip(step, -0.3, 0.3)
        trial[2] = max(trial[2], 0.0)
        trial[[1, 3]] = np.clip(trial[[1, 3]], np.log(0.03), np.log(30.0))
        after = value - profile(time_s, trial)
        if float(after @ after) < left:
            gained, left = left - float(after @ after), float(after @ after)
            found, residual, damping = trial, after, damping / 4
            if gained < 1e-6 * left:
                break
        else:
            damping *= 6
            if damping > 1e6:
                break
    spare = np.sqrt(left / max(len(value) - len(found), 1))
    top_s = float(found[0] + found[2] / 2)
    if not (spare <= 1.3 * noise + 0.01 and time_s[0] < top_s < time_s[-1] and found[4] > 0):
        return float("nan"), float("nan")
    return top_s, float(found[4] + found[5] - start[5])


def _slope(time_s: Array, parameters: Array, k: int) -> Array:
    """How the profile changes with one parameter, from both sides."""
    by = np.zeros(len(parameters))
    by[k] = 1e-4
    return (profile(time_s, parameters + by) - profile(time_s, parameters - by)) / 2e-4


def parabola_top(time_s: Array, value: Array, top: int) -> tuple[float, float]:
    """Time and value of the top of the parabola through the samples beside `top`; the sample itself at an edge."""
    if not 0 < top < len(value) - 1:
        return float(time_s[top]), float(value[top])
    t, y = time_s[top - 1 : top + 2] - time_s[top], value[top - 1 : top + 2]
    c2, c1, c0 = np.polyfit(t, y, 2)
    if c2 >= 0:
        return float(time_s[top]), float(value[top])
    at_s = float(np.clip(-c1 / (2 * c2), t[0], t[2]))
    return float(time_s[top] + at_s), float(c0 + c1 * at_s + c2 * at_s**2)
