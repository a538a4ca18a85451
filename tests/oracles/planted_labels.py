"""Planted label sequences with noisy per-frame probabilities, and the figures that a decision on them is judged by."""

import numpy as np

CLASSES = 7


def planted(rng, *, minutes=3.0, rate_hz=25.0, noise=2.0, colour_s=0.0, shortest_s=1.5, mean_s=4.0):
    """Times, true labels and probabilities `[T, 7]`: stretches of at least `shortest_s`, scores with Gaussian noise.

    `colour_s` is the correlation time of the noise (first-order); 0 is a fresh draw per frame.
    """
    time_s = np.arange(0, minutes * 60, 1 / rate_hz)
    truth, at, label = np.zeros(len(time_s), np.int64), 0.0, int(rng.integers(CLASSES))
    while at < time_s[-1] + 1:
        truth[time_s >= at] = label
        at += shortest_s + rng.exponential(mean_s - shortest_s)
        label = int((label + rng.integers(1, CLASSES)) % CLASSES)
    keep = np.exp(-1 / rate_hz / colour_s) if colour_s else 0.0
    drawn = rng.normal(0, noise, (len(time_s), CLASSES))
    for t in range(1, len(time_s)):
        drawn[t] = keep * drawn[t - 1] + np.sqrt(1 - keep**2) * drawn[t]
    scores = drawn
    scores[np.arange(len(time_s)), truth] += 3.0
    share = np.exp(scores - scores.max(axis=1, keepdims=True))
    return time_s, truth, share / share.sum(axis=1, keepdims=True)


def macro_f1(truth, said):
    """Mean over the classes that occur of 2 hits / (said + true)."""
    return float(np.mean([2 * np.sum((truth == k) & (said == k)) / (np.sum(truth == k) + np.sum(said == k))
                          for k in np.unique(truth)]))  # fmt: skip


def live(decider, time_s, probability, *, chunk=1):
    """What a live decision says, chunk by chunk: labels, smoothed rows, and when each row was told."""
    labels, smooth, told = [], [], []
    for k in range(0, len(time_s), chunk):
        _, said, rows = decider.push(time_s[k : k + chunk], probability[k : k + chunk])
        labels, smooth, told = [*labels, said], [*smooth, rows], [*told, np.full(len(said), time_s[k : k + chunk][-1])]
    _, said, rows = decider.finish()
    told.append(np.full(len(said), time_s[-1]))
    return np.concatenate([*labels, said]), np.concatenate([*smooth, rows]), np.concatenate(told)


def delay_s(time_s, truth, said, told_s, *, most_s=1.5):
    """Median time from each true change until the new label has been told; `most_s` where it is not by then."""
    late = []
    for t in np.flatnonzero(truth[1:] != truth[:-1]) + 1:
        after = (time_s >= time_s[t]) & (time_s < time_s[t] + most_s)
        right = np.flatnonzero(after & (said == truth[t]))
        late.append(told_s[right[0]] - time_s[t] if len(right) else most_s)
    return float(np.median(late))
