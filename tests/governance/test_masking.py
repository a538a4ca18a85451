"""Nobody who did not agree reaches a recognizer: bystanders wear a sentinel colour, and it must never arrive."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from throwaway import Scripted, build, clip, face

from vemo_audit.errors import Refused
from vemo_audit.governance import masking
from vemo_audit.governance.bindings import Claim
from vemo_audit.governance.masking import FILL, Guard, fill, keep_only
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.consent_terms import BindingMethod as Method

SENTINEL = (255, 0, 255)
SKIN = (200, 150, 120)
W, H, CHUNK = 96, 64, 20


@dataclass
class Lenient:
    """A Watch that allows every tied face and records what it is asked to record."""

    intents: list = field(default_factory=list)
    noted: list = field(default_factory=list)

    def begin(self):
        self.noted.append("begin")

    def judge(self, claim, *, faces_in_view):
        return None

    def intend(self, intents):
        self.intents += intents

    def covered(self):
        self.noted.append("covered")

    def refuse(self, rule_id):
        return masking.refused(rule_id)

    def fail(self, error):
        return masking.refused("x.gate-error", where=type(error).__name__)


def scene(rng, frames):
    """A person in the left seat, and one or two bystanders who walk about and cross them. Returns images and script."""
    images = np.full((frames, H, W, 3), 40, np.uint8)
    script = []
    base = rng.integers(8, 18, 2)
    walks = [
        (rng.uniform(34, 70), rng.uniform(0, H - 20), *rng.uniform(-0.6, 0.6, 2)) for _ in range(rng.integers(1, 3))
    ]
    for k in range(frames):
        x, y = base + rng.integers(-1, 2, 2)
        faces = [face(1, x, y, x + 14, y + 18)]
        images[k, y : y + 18, x : x + 14] = SKIN
        for j, (wx, wy, vx, vy) in enumerate(walks):
            bx, by = (wx + vx * k) % (W - 14), (wy + vy * k) % (H - 18)
            x0, y0 = int(bx), int(by)
            images[k, y0 : y0 + 16, x0 : x0 + 12] = SENTINEL
            faces.append(face(10 + j, x0, y0, x0 + 12, y0 + 16))
        order = rng.permutation(len(faces))
        script.append([faces[i] for i in order])
    return images, script


CLAIMS = {
    "seat": Claim(Method.SEAT_ZONE, (0, 0, 400, 1000)),
    "device": Claim(Method.SINGLE_SUBJECT_DEVICE),
    "stream": Claim(Method.PARTICIPANT_STREAM),
}


def released(seed: int, claim: Claim, *, miss: Callable[[list], list] | None = None):
    """Guarded frames of one made-up scene, with what the guard was told."""
    rng = np.random.default_rng(seed)
    images, script = scene(rng, 3 * CHUNK)
    finder = Scripted([miss(faces) if miss else faces for faces in script])
    watch = Lenient()
    guard = Guard(watch, [claim], finder=finder, modalities=frozenset({"face"}), strict=False)
    out = []
    for start in range(0, len(images), CHUNK):
        times = np.arange(start, start + CHUNK) / 25
        out += guard.release(images[start : start + CHUNK].copy(), times, start)
    return out, watch


def leaks(frames) -> int:
    return sum(int(np.all(frame.image == SENTINEL, axis=2).sum()) for frame in frames)


def run_taint(seeds, **how):
    leaked = shown = 0
    for seed in seeds:
        for claim in CLAIMS.values():
            frames, _ = released(seed, claim, **how)
            leaked += leaks(frames)
            shown += sum(bool(frame.faces) for frame in frames)
    return leaked, shown


def test_no_bystander_pixel_is_released_in_a_thousand_frames():
    leaked, shown = run_taint(range(6))  # 6 scenes x 3 bindings x 60 frames
    assert leaked == 0
    assert shown > 100  # and it is not because everything was filled


def test_filling_after_the_copy_would_be_seen(monkeypatch):
    """Twin: the copy is filled, and the raw buffer is released."""
    real = masking.fill
    monkeypatch.setattr(masking, "fill", lambda image, *boxes, **more: real(image.copy(), *boxes, **more))
    assert run_taint(range(6))[0] > 0


def test_one_missed_box_inside_a_region_would_be_seen():
    """Twin: a finder that never sees the bystanders leaks where they cross the person's own region."""
    leaked, _ = run_taint(range(6), miss=lambda faces: [one for one in faces if one.track == 1])
    assert leaked > 0


def test_a_missed_box_outside_the_regions_leaks_nothing():
    image = np.zeros((H, W, 3), np.uint8)
    image[40:60, 70:90] = SENTINEL
    fill(image, [(10, 10, 24, 28)], [])
    assert not np.all(image == SENTINEL, axis=2).any()


def test_fill_by_hand():
    """A box of 10 by 10 keeps half of itself around it: 20 by 20 pixels stay, all else is one colour."""
    image = np.full((60, 60, 3), 7, np.uint8)
    fill(image, [(20, 20, 30, 30)], [(34, 20, 40, 30)])
    kept = np.all(image == 7, axis=2)
    # the region is 15..35; the stranger's box with a quarter around it is 32.5..41.5 by 17.5..32.5: cut from it
    expected = np.zeros((60, 60), bool)
    expected[15:35, 15:35] = True
    expected[17:33, 32:42] = False
    assert np.array_equal(kept, expected)
    assert np.all(image[~kept] == FILL)


def oracle(image, bound, strangers):
    """The slow way: every pixel asks whether it lies in a region and in no stranger's box."""
    out = np.full_like(image, FILL)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            inside = any(
                np.floor(x0 - 0.5 * (x1 - x0)) <= x < np.ceil(x1 + 0.5 * (x1 - x0))
                and np.floor(y0 - 0.5 * (y1 - y0)) <= y < np.ceil(y1 + 0.5 * (y1 - y0))
                for x0, y0, x1, y1 in bound
            )
            covered = any(
                np.floor(x0 - 0.25 * (x1 - x0)) <= x < np.ceil(x1 + 0.25 * (x1 - x0))
                and np.floor(y0 - 0.25 * (y1 - y0)) <= y < np.ceil(y1 + 0.25 * (y1 - y0))
                for x0, y0, x1, y1 in strangers
            )
            if inside and not covered:
                out[y, x] = image[y, x]
    return out


@pytest.mark.parametrize("seed", range(8))
def test_fill_agrees_with_the_slow_way(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (24, 32, 3)).astype(np.uint8)

    def boxes(count):
        corner = rng.uniform(-5, 28, (count, 2))
        return [(x, y, x + w, y + h) for (x, y), (w, h) in zip(corner, rng.uniform(1, 12, (count, 2)), strict=True)]

    bound, strangers = boxes(rng.integers(0, 3)), boxes(rng.integers(0, 3))
    expected = oracle(image, bound, strangers)
    fill(image, bound, strangers)
    assert np.array_equal(image, expected)


def test_without_anybody_bound_nothing_is_left():
    images = np.full((2, 8, 8, 3), 9, np.uint8)
    keep_only(images, [])
    assert np.all(images == FILL)


def test_outside_the_zone_is_filled_before_faces_are_looked_for():
    seen = []

    class Looks:
        def find(self, images, time_s):
            seen.append(images.copy())
            return [()] * len(images)

    images = np.full((2, H, W, 3), 255, np.uint8)
    guard = Guard(Lenient(), [CLAIMS["seat"]], finder=Looks(), modalities=frozenset({"face"}), strict=False)
    guard.release(images, np.array([0.0, 0.04]), 0)
    assert np.all(seen[0][:, :, 38:] == FILL) and np.all(seen[0][:, :, :38] == 255)  # 400 per mille of 96 is 38.4


def test_the_intent_comes_before_the_frames_and_once_for_each_cell():
    frames, watch = released(0, CLAIMS["seat"])
    cells = {(one.claim, one.cell) for one in watch.intents}
    assert len(cells) == len(watch.intents)
    for frame in frames:
        if frame.faces:
            assert (0, int(frame.time_s)) in cells


def test_strict_stops_at_the_first_bystander_and_fills_the_buffer():
    rng = np.random.default_rng(0)
    images, script = scene(rng, 5)
    guard = Guard(Lenient(), [CLAIMS["seat"]], finder=Scripted(script), modalities=frozenset({"face"}), strict=True)
    with pytest.raises(Refused) as refusal:
        guard.release(images, np.arange(5) / 25, 0)
    assert refusal.value.rule_id == "b.strict" and np.all(images == FILL)


def test_whatever_breaks_inside_releases_nothing():
    class Breaks:
        def find(self, images, time_s):
            raise RuntimeError("weights on fire")

    images = np.full((2, H, W, 3), 255, np.uint8)
    guard = Guard(Lenient(), [CLAIMS["seat"]], finder=Breaks(), modalities=frozenset({"face"}), strict=False)
    with pytest.raises(Refused) as refusal:
        guard.release(images, np.array([0.0, 0.04]), 0)
    assert refusal.value.rule_id == "x.gate-error" and np.all(images == FILL)


def test_released_frames_cannot_be_written_to():
    frames, _ = released(0, CLAIMS["seat"])
    with pytest.raises(ValueError, match="read-only"):
        frames[0].image[0, 0] = 0


def test_a_real_gate_covers_bystanders_and_says_so(tmp_path):
    world = build(tmp_path / "dep")
    _, consent = world.give(binding="seat_zone", zone=(0, 0, 400, 1000), max_faces=3)
    images, script = scene(np.random.default_rng(0), CHUNK)
    with world.gate(lambda: Scripted(script)) as gate:
        admitted = gate.admit(clip(width=W, height=H), world.case(consent))
        assert isinstance(admitted, AdmittedClip)
        frames = admitted.open_guard().release(images, np.arange(CHUNK) / 25, 0)
        assert leaks(frames) == 0 and any(frame.faces for frame in frames)
        rules = {one.rule_id for frame in frames for one in frame.covered}
        assert "b.unbound-mask" in rules and gate.masked(admitted)
        assert gate.evidence(purpose="research").masked == 1
