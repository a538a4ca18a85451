"""What reading faces as they are and mirrored in turns loses against both ways in each frame, on rendered people."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.metrics import recall_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
import staged

from vemo_audit.probe.expression import perform
from vemo_audit.recognition.perception import people
from vemo_audit.recognition.perception.align import align, to_grey
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.perception.tracks import FaceTracker
from vemo_audit.recognition.recognizers.temporal_multimodal import TemporalMultimodal
from vemo_audit.records.labels import EKMAN

PEOPLE = range(140, 150)
"""Numbers of rendered people that nothing was learned from."""
DURATION_S, RATE_HZ = 2.0, 25.0
ACTED_S = 0.8
"""By then the expression stands: windows that begin earlier hold the face at rest, too."""
LOSS_POINTS = 1.0


def figures(numbers: range = PEOPLE) -> Iterator[dict]:
    """Differences of window probabilities and unit curves, then accuracy and UAR of both ways of reading."""
    recognizer, detector = TemporalMultimodal(), FaceDetector()
    truth, turns, both, unit_gaps = [], [], [], []
    for number in numbers:
        for place, label in enumerate(EKMAN.names):
            crops, time_s = crops_of(number, label, detector, size_px=recognizer.face.size_px)
            one, one_units = read(recognizer, crops, time_s, both_ways=False)
            two, two_units = read(recognizer, crops, time_s, both_ways=True)
            truth += [place] * len(one)
            turns += list(one)
            both += list(two)
            unit_gaps.append(np.abs(one_units - two_units))
    said, wanted, apart = np.array(turns), np.array(truth), np.abs(np.array(turns) - np.array(both))
    yield line("window probability: mean absolute difference", float(apart.mean()), "")
    yield line("window probability: 99th percentile of the difference", float(np.quantile(apart, 0.99)), "")
    gaps = np.concatenate(unit_gaps)
    yield line("unit curves: mean absolute difference", float(np.nanmean(gaps)), "")
    same = float((said.argmax(axis=1) == np.array(both).argmax(axis=1)).mean())
    yield line("windows with the same first class", same, "share")
    for name, score in (("accuracy", lambda k: float((k == wanted).mean())),
                        ("UAR", lambda k: float(recall_score(wanted, k, average="macro")))):  # fmt: skip
        values = [score(np.array(one).argmax(axis=1)) for one in (turns, both)]
        loss = 100 * (values[1] - values[0])
        yield line(f"{name} of {len(wanted)} windows", values[0], "share", peer=values[1],
                   bar=f"at most {LOSS_POINTS:g} point below", held=loss <= LOSS_POINTS)  # fmt: skip


def crops_of(number: int, label: str, detector: FaceDetector, *, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Crops `[T, 1, S, S]` and times `[T]` of one performance in which the face was found."""
    place = EKMAN.index(label)
    rng, time_s = np.random.default_rng([number, place]), np.arange(round(DURATION_S * RATE_HZ)) / RATE_HZ
    performance = perform(label, duration_s=DURATION_S, intensity=float(rng.uniform(0.3, 0.9)), rng=rng)
    images = staged.played(number, performance, time_s)
    tracked = FaceTracker(detector).find(images, time_s)
    rows = [k for k, faces in enumerate(tracked) if faces and faces[0].score >= 0.5]
    return np.stack([to_grey(align(images[k], tracked[k][0].points, size_px=size_px))[None] for k in rows]), time_s[
        rows
    ]


def read(
    recognizer: TemporalMultimodal, crops: np.ndarray, time_s: np.ndarray, *, both_ways: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the windows `[W, 7]` and units `[T, 20]` as the recognizer reads them, or both ways always."""
    slots, waiting, two = people._Slots(people.SightSettings()), people._Waiting(), (people.AS_IT_IS, people.MIRRORED)
    for crop, at_s in zip(crops, time_s, strict=True):
        counts, followed = slots.due("0", float(at_s))
        if counts or followed:
            ways = slots.ways("0", float(at_s)) if counts else (people.AS_IT_IS,)
            ways = two if both_ways else ways
            slots.take("0", float(at_s))
            waiting.add(
                "0", (float(at_s), people.UNREAD, None), crop=crop, counts=counts, ways=two if both_ways else ways
            )
    rows = [row for _, row in people._encoded(waiting, recognizer.face)]
    counting = [row for row in rows if row.token is not None and row.time_s >= ACTED_S - 1e-6]
    windows = []
    for start_s in np.arange(ACTED_S, DURATION_S - recognizer.grid.window_s + 1e-6, 0.1):
        inside = [row for row in counting if start_s <= row.time_s < start_s + recognizer.grid.window_s]
        windows.append((np.stack([row.token for row in inside]), np.array([row.time_s for row in inside])))
    return recognizer._windows(windows), np.stack([row.units for row in rows])


def line(
    name: str, value: float, unit: str, *, peer: float | None = None, bar: str = "", held: bool | None = None
) -> dict:
    """A figure in the form that every benchmark here has; the peer reads both ways in every frame."""
    return {
        "name": f"faces read once, mirrored in turns: {name}", "value": round(value, 5), "unit": unit,
        "peer": "both ways in every frame", "peer_value": None if peer is None else round(peer, 5), "bar": bar,
        "held": held, "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip
