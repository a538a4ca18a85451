"""The body of each person in a clip: nods through rendered pixels, rows of a window, absence, and any cutting."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from vemo_audit.probe import rig as rigs
from vemo_audit.probe.expression import Performance
from vemo_audit.probe.figure import build
from vemo_audit.probe.identity import Identity
from vemo_audit.probe.render import best_path, render
from vemo_audit.probe.scene import Scene
from vemo_audit.recognition.perception.body import NAMES, BodyReader, summarise
from vemo_audit.records.clip import Covered, FoundFace, GuardedFrame

POINTS = np.array([[300, 100], [340, 100], [320, 124], [304, 144], [336, 144]], np.float32)
BOX = (280.0, 70.0, 360.0, 170.0)
RATE_HZ = 25.0


def frame(k, *, faces=None, covered=(), image=None, rate_hz=RATE_HZ):
    plain = np.random.default_rng(k % 3).integers(0, 255, (360, 640, 3), np.uint8) if image is None else image
    faces = (FoundFace(0, BOX, POINTS, 0.99),) if faces is None else faces
    return GuardedFrame(k, k / rate_hz, plain, faces, covered)


def nodding(k, *, degrees=7.0, hz=2.0):
    """A face whose nose goes up and down between 2 and 3.5 s: 1 px of the nose is about 3.3 degrees of pitch."""
    t = k / RATE_HZ
    points = POINTS.copy()
    if 2.0 <= t <= 3.5:
        points[2, 1] += degrees / 3.3 * math.sin(2 * math.pi * hz * (t - 2.0))
    return frame(k, faces=(FoundFace(0, BOX, points, 0.99),), image=STILL)


STILL = np.random.default_rng(9).integers(0, 255, (360, 640, 3), np.uint8)


def read(frames, reader=None):
    reader = reader or BodyReader()
    samples = {}
    for one in frames:
        for person, sample in reader.step(one).items():
            samples.setdefault(person, []).append(sample)
    return samples, reader.finish()


def test_a_nod_is_told_with_the_sample_that_knows_it_and_counts_where_it_was() -> None:
    samples, left = read(nodding(k) for k in range(200))
    (nod,) = [g for s in samples["0"] for g in s.head_gestures]
    assert nod.event.kind == "nod" and nod.event.onset_s == pytest.approx(2.0, abs=0.1)
    assert nod.frequency_hz == pytest.approx(2.0, rel=0.1) and left == {"0": ()}
    row = dict(zip(NAMES, summarise(samples["0"], 0.0, 4.0).tolist(), strict=True))
    assert row["nods"] == pytest.approx(15.0) and row["shakes"] == 0 and row["head_hz"] == pytest.approx(2.0, rel=0.1)
    assert row["still_share"] == pytest.approx(1.0) and row["energy"] < 0.05 and row["gestures"] == 0
    assert row["pitch_sd"] > 2 > row["yaw_sd"] and math.isnan(row["gesture_s"])
    later = dict(zip(NAMES, summarise(samples["0"], 4.0, 8.0).tolist(), strict=True))
    assert later["nods"] == 0 and math.isnan(later["head_hz"]) and later["lean"] == pytest.approx(0, abs=0.01)


def test_a_nod_that_ends_with_the_clip_is_told_at_the_end() -> None:
    samples, left = read(nodding(k) for k in range(88))
    assert not [g for s in samples["0"] for g in s.head_gestures]
    assert [event.kind for event in left["0"]] == ["nod"]


def test_who_is_not_seen_has_no_body() -> None:
    doubtful = (FoundFace(-1, BOX, POINTS, 0.99), FoundFace(1, BOX, POINTS, 0.3))
    samples, left = read(frame(k, faces=doubtful) for k in range(20))
    assert samples == {} and left == {}
    samples, _ = read(frame(k) for k in range(20))
    assert summarise(samples["0"], 5.0, 9.0) is None and summarise([], 0.0, 4.0) is None
    row = summarise(samples["0"][:1], 0.0, 4.0)  # one frame: an angle, and no movement yet
    named = dict(zip(NAMES, row.tolist(), strict=True))
    assert math.isfinite(named["yaw_mean"]) and math.isnan(named["energy"]) and math.isnan(named["gestures"])


def test_a_window_is_the_same_however_the_clip_came() -> None:
    frames = [nodding(k) for k in range(150)]
    whole, _ = read(frames)
    reader, pieces = BodyReader(), []
    for start in range(0, 150, 7):
        for one in frames[start : start + 7]:
            pieces += reader.step(one).values()
    a, b = summarise(whole["0"], 0.0, 4.0), summarise(pieces, 0.0, 4.0)
    assert np.array_equal(a, b, equal_nan=True)


def test_half_the_frames_give_the_same_row_within_reason() -> None:
    frames = [nodding(k) for k in range(150)]
    whole, _ = read(frames)
    half, _ = read(frames[::2])
    a, b = summarise(whole["0"], 0.0, 4.0), summarise(half["0"], 0.0, 4.0)
    columns = [NAMES.index(name) for name in ("yaw_mean", "pitch_mean", "nods", "shakes", "still_share", "lean")]
    assert a[columns] == pytest.approx(b[columns], abs=0.15)


def test_covered_strangers_reach_the_flow_as_covered() -> None:
    samples, _ = read(frame(k, covered=(Covered((300.0, 180.0, 400.0, 320.0), "b.unbound-mask"),)) for k in range(8))
    shares = [s.motion.seen_share for s in samples["0"] if s.motion]
    open_samples, _ = read(frame(k) for k in range(8))
    open_shares = [s.motion.seen_share for s in open_samples["0"] if s.motion]
    assert max(shares) < min(open_shares) - 0.15


@dataclass(frozen=True, slots=True)
class Nodding(Performance):
    """A performance with a planted gesture of the head: column 0 shakes, 1 nods, 2 tilts."""

    column: int = 1
    hz: float = 1.8
    degrees: float = 8.0

    def head_deg(self, time_s):
        angle = np.zeros((len(time_s), 3))
        t = time_s - 1.0
        angle[:, self.column] = np.where((t >= 0) & (t <= 3 / self.hz), np.sin(2 * np.pi * self.hz * t), 0)
        return self.degrees * angle


@pytest.mark.long
def test_recognition_of_planted_nods_shakes_and_tilts_through_pixels() -> None:
    from vemo_audit.recognition.perception.tracks import FaceTracker

    try:
        from vemo_audit.recognition.perception.faces import FaceDetector
    except ImportError as error:
        pytest.skip(f"no detector: {error}")
    rig = rigs.load()
    hits = told = 0
    scene = Scene(width=320, height=240, view_dm=4.6, oversampling=1)
    for k in range(6):
        person = build(rig, Identity(morph=(0.3, 0.3, 0.4), sex=float(k % 2), age=0.3, skin=3 + k, seed=k))
        played = Nodding("neutral", 0.0, 4.0, 0.1, 1.0, 1.0, 1.0, 0.0, (), k, column=k % 3)
        times_s = np.arange(100) / RATE_HZ
        images = np.stack([
            image for image, _ in render(
                rig, person, performance=played, scene=scene, times_s=times_s, path=best_path(), seed=k
            )
        ])  # fmt: skip
        faces = FaceTracker(FaceDetector()).find(images, times_s)
        frames = [GuardedFrame(j, float(times_s[j]), images[j], faces[j], ()) for j in range(len(images))]
        samples, left = read(frames)
        found = [g.event for s in samples.get("0", []) for g in s.head_gestures] + list(left.get("0", ()))
        kinds = [e.kind for e in found if e.kind != "gesture"]
        told += len(kinds)
        hits += ("shake", "nod", "tilt")[k % 3] in kinds
    for what, value in (("precision", hits / max(told, 1)), ("recall", hits / 6)):
        print(json.dumps({"name": f"head gestures through rendered pixels, {what}", "value": round(value, 3), "n": 6}))
    assert hits >= 5 and told <= hits + 1  # five points from pixels are noisier than planted angles
