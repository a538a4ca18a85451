"""Figures of labels and events over time, on planted sequences: switches, F1, delay, and where events lie."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
from oracles.planted_labels import delay_s, live, macro_f1, planted
from oracles.planted_units import apex_errors_s, curve, interval_f1, performance

from vemo_audit.recognition.dynamics.decisions import Decider
from vemo_audit.recognition.dynamics.events import events
from vemo_audit.recognition.dynamics.smoothing import switches_per_minute

SEEDS = (21, 22, 23)


def figures() -> Iterator[dict]:
    """Lines of this room; the peer of a label is per-frame argmax, events have the planted truth."""
    for rate_hz in (12.5, 25.0):
        for colour_s in (0.0, 0.08):
            yield from _labels(rate_hz, colour_s)
    for rate_hz in (25, 50, 100):
        yield from _events(rate_hz)


def _labels(rate_hz: float, colour_s: float) -> Iterator[dict]:
    rows = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        time_s, truth, share = planted(rng, minutes=3, rate_hz=rate_hz, noise=1.5, colour_s=colour_s)
        raw = share.argmax(axis=1)
        said, _, told_s = live(Decider(share.shape[1]), time_s, share)
        late = delay_s(time_s, truth, said, told_s) - delay_s(time_s, truth, raw, time_s)
        rows.append((
            switches_per_minute(said, time_s), switches_per_minute(raw, time_s), macro_f1(truth, said),
            macro_f1(truth, raw), 1000 * late,
        ))  # fmt: skip
    ours, theirs, f1, raw_f1, late_ms = np.mean(rows, axis=0)
    name = f"labels at {rate_hz:g} Hz, noise correlated over {colour_s * 1000:g} ms"
    yield _line(f"{name}: switches per minute", ours, "1/min", theirs, "at most 1/10", ours <= theirs / 10)
    yield _line(f"{name}: macro-F1", f1, "share", raw_f1, "no more than .01 below", f1 >= raw_f1 - 0.01)
    yield _line(f"{name}: added delay (median)", late_ms, "ms", 0.0, "at most 300", late_ms <= 300)


def _events(rate_hz: int) -> Iterator[dict]:
    f1, points, held = [], [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        truth = performance(rng, count=30)
        time_s = np.arange(0, truth[-1].offset_s + 3, 1 / rate_hz)
        found = events(time_s, curve(truth, time_s, rng=rng)[:, None], kinds=("au12",))
        f1.append(interval_f1(truth, found))
        points += [apex_errors_s(truth, found, held=False) * rate_hz]
        held += [apex_errors_s(truth, found, held=True) * rate_hz]
    name = f"unit events at {rate_hz} frames/s, noise .05"
    yield _line(f"{name}: interval F1 at IoU .5", np.mean(f1), "share", None, "at least .95", np.mean(f1) >= 0.95)
    for what, errors in (("a moment", points), ("a held top", held)):
        middle, tail = np.quantile(np.concatenate(errors), (0.5, 0.9))
        bar = "median at most 1"
        yield _line(f"{name}: apex error, {what}, median", middle, "frames", None, bar, middle <= 1)
        yield _line(f"{name}: apex error, {what}, 90th percentile", tail, "frames", None, "", None)


def _line(name: str, value: float, unit: str, peer_value: float | None, bar: str, held: bool | None) -> dict:
    return {
        "name": name, "value": round(float(value), 4), "unit": unit,
        "peer": "per-frame argmax" if peer_value is not None else "",
        "peer_value": None if peer_value is None else round(float(peer_value), 4), "bar": bar,
        "held": None if held is None else bool(held), "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip
