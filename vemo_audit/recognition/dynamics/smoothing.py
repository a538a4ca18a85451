"""Smoothing of one person's probabilities over time; the time of each window counts, not its number."""

import math

import numpy as np
from numpy.typing import NDArray


def causal(probability: NDArray[np.float64], time_s: NDArray[np.float64], *, tau_s: float) -> NDArray[np.float64]:
    """Exponential moving average of log-probabilities `[T, K]` at increasing times `[T]`; sees the past only.

    Rows of NaN (nothing observed) stay NaN, and the memory fades while they last. A `tau_s` of 0 changes nothing.
    """
    if tau_s <= 0:
        return probability.copy()
    logs = np.log(np.maximum(probability, 1e-12))
    smooth = np.full_like(logs, np.nan)
    state, last_s = None, math.nan
    for t in range(len(logs)):
        if not np.isfinite(probability[t]).all():
            continue
        if state is None:
            state = logs[t]
        else:
            keep = math.exp(-(time_s[t] - last_s) / tau_s)
            state = keep * state + (1 - keep) * logs[t]
        smooth[t], last_s = state, float(time_s[t])
    return _to_probability(smooth)


def zero_phase(probability: NDArray[np.float64], time_s: NDArray[np.float64], *, tau_s: float) -> NDArray[np.float64]:
    """The causal average run forwards and backwards and averaged: no delay, for recordings only."""
    forwards = causal(probability, time_s, tau_s=tau_s)
    backwards = causal(probability[::-1], -time_s[::-1], tau_s=tau_s)[::-1]
    return _to_probability((np.log(np.maximum(forwards, 1e-12)) + np.log(np.maximum(backwards, 1e-12))) / 2)


def _to_probability(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of unnormalised logs `[T, K]` to rows that sum to 1; NaN rows stay NaN."""
    share = np.exp(logs - logs.max(axis=1, keepdims=True))
    return share / share.sum(axis=1, keepdims=True)


def switches_per_minute(labels: NDArray[np.int64], time_s: NDArray[np.float64]) -> float:
    """How often the label changes per minute; NaN for fewer than two labels."""
    if len(labels) < 2 or time_s[-1] <= time_s[0]:
        return math.nan
    return float(np.sum(labels[1:] != labels[:-1]) / (time_s[-1] - time_s[0]) * 60)
