"""Pictures without labels through a real gate: who is refused, who is not read, and what is not looked at twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from throwaway import Clock

from vemo_audit.audit.pictures import COVERED, PARTS, UNSEEN, Looked, OneLook, look, reasons
from vemo_audit.audit.stage import PURPOSE, Vouched, set_stage
from vemo_audit.governance.gate import Case, Gate
from vemo_audit.media import decode
from vemo_audit.media.probe import probe
from vemo_audit.records.clip import AdmittedClip, FoundFace
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span
from vemo_audit.records.truth import DatasetClip

CARD = RecognizerCard("guest", "1", EKMAN, ("face", "voice"), "a still", "none", "none", "00" * 32)


def face(track: int, x0: float, side: float) -> FoundFace:
    """A face in the diagonal of the picture, with eyes, nose and mouth where they belong."""
    points = x0 + side * np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.8], [0.65, 0.8]], np.float32)
    return FoundFace(track, (x0, x0, x0 + side, x0 + side), points, 0.99)


ONE, TWO = (face(1, 40, 50),), (face(1, 10, 40), face(2, 60, 50))


class Guest:
    """Answers for whoever the guard shows it, and counts how often it was asked."""

    card = CARD

    def __init__(self) -> None:
        self.asked = 0

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        self.asked += 1
        whole, shown = Span(0.0, 0.04), [face for frame in decode.frames(clip) for face in frame.faces]
        if not shown:
            yield Prediction(clip.clip.name, "", whole, None, reason="nobody was seen")
        for one in shown:
            p = np.array([0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], np.float32)
            yield Prediction(clip.clip.name, str(one.track), whole, p, units={"au12": 0.25})


class Script:
    """Finds what is written for a picture, told apart by its first pixel."""

    def __init__(self, faces: dict[int, tuple[FoundFace, ...]]) -> None:
        self.faces, self.searched = faces, 0

    def find(self, images: np.ndarray, time_s: np.ndarray) -> list[tuple[FoundFace, ...]]:
        self.searched += 1
        return [self.faces[round(float(image[:8, :8].mean()) / 60)] for image in images]


def stage(folder: Path, clips: list[DatasetClip], *, minors: int = 0) -> tuple[Path, Path, Clock]:
    """A deployment in which the last `minors` clips are not said to show adults."""
    clock = Clock(datetime(2026, 11, 23, 12, tzinfo=UTC))
    told = [sha256_hex(clip.path.read_bytes()) for clip in clips]
    cut = len(told) - minors
    vouched = [Vouched("made-up", "CC0", "said so", tuple(told[:cut]), role="other")]
    if minors:
        vouched.append(Vouched("made-up-minors", "CC0", "said so", tuple(told[cut:]), role="other", adults_only=False))
    return *set_stage(folder / "dep", vouched, modalities=("face",), now=clock.now), clock


def pictures(folder: Path, count: int) -> list[DatasetClip]:
    """Grey pictures of levels 0, 60, 120, ..."""
    rng = np.random.default_rng(0)
    for k in range(count):
        image = np.clip(60 * k + rng.integers(0, 3, (128, 128, 3)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{k}.png"), image)
    return [DatasetClip(f"p{k}", folder / f"{k}.png", f"p{k}") for k in range(count)]


def looked_at(
    folder: Path, clips: list[DatasetClip], script: Script, guest: Guest, *, key: str = "a", minors: int = 0
) -> Looked:
    manifest, releases, clock = stage(folder, clips, minors=minors)
    finder = OneLook(lambda: script)
    with Gate.open(manifest, clock=clock, boottime_ns=clock.boottime_ns, make_finder=finder) as gate:
        return look(
            clips, guest, gate, finder, releases=releases, kept=folder / "kept.parquet", key=key,
            listener=lambda *_: None,
        )  # fmt: skip


def test_found_unseen_and_covered_pictures_are_told_apart(tmp_path: Path) -> None:
    script, guest = Script({0: ONE, 1: (), 2: TWO}), Guest()
    looked = looked_at(tmp_path, pictures(tmp_path, 3), script, guest)
    assert looked.faces.tolist() == [1, 0, 2] and looked.answered.tolist() == [True, False, False]
    assert dict(reasons(looked)) == {UNSEEN: 1, COVERED: 1}
    assert looked.probability[0, 0] == pytest.approx(0.4) and np.isnan(looked.probability[1:]).all()
    assert looked.units[0, 8] == 0.25 and np.isfinite(looked.units).sum() == 1
    assert looked.quality.shape == (3, len(PARTS)) and np.isfinite(looked.quality[0, -1])
    assert script.searched == 3, "each picture was searched once, though it was decoded twice"


def test_who_may_be_a_minor_is_refused_and_never_searched(tmp_path: Path) -> None:
    script, guest = Script({0: ONE, 1: ONE}), Guest()
    looked = looked_at(tmp_path, pictures(tmp_path, 2), script, guest, minors=1)
    assert looked.ids == ("p0",) and guest.asked == 1 and script.searched == 1
    ((rule, count),) = looked.refused.items()
    assert "minor" in rule and count == 1


def test_the_same_gate_without_the_guard_of_minors_would_look(tmp_path: Path) -> None:
    """The twin: the same picture, said to show an adult, is let in. So it was the release that kept it out."""
    script, guest = Script({0: ONE, 1: ONE}), Guest()
    assert looked_at(tmp_path, pictures(tmp_path, 2), script, guest).ids == ("p0", "p1")


def test_what_was_looked_at_by_the_same_weights_is_not_looked_at_again(tmp_path: Path) -> None:
    clips, guest = pictures(tmp_path, 2), Guest()
    first = looked_at(tmp_path, clips[:1], Script({0: ONE}), guest)
    second = looked_at(tmp_path, clips, Script({0: ONE, 1: ONE}), guest)
    assert guest.asked == 2 and second.ids == ("p0", "p1")
    np.testing.assert_array_equal(first.probability[0], second.probability[0])
    looked_at(tmp_path, clips, Script({0: ONE, 1: ONE}), guest, key="other weights")
    assert guest.asked == 4


@pytest.mark.parametrize(
    ("change", "rule"),
    [({"purpose": "research"}, "o.purpose"), ({"modalities": frozenset({"voice"})}, "o.scope")],
)
def test_the_stage_opens_for_an_audit_of_its_modality_and_nothing_else(
    tmp_path: Path, change: dict[str, Any], rule: str
) -> None:
    clips = pictures(tmp_path, 1)
    manifest, releases, clock = stage(tmp_path, clips)
    (release,) = (file.read_bytes() for file in releases.glob("*.json"))
    wish: dict[str, Any] = {
        "purpose": PURPOSE, "modalities": frozenset({"face"}), "outputs": frozenset({"expression_label"}),
        "release": release, "model_digest": CARD.digest,
    }  # fmt: skip
    with Gate.open(manifest, clock=clock, boottime_ns=clock.boottime_ns, make_finder=lambda: Script({0: ONE})) as gate:
        assert isinstance(gate.admit(probe(clips[0].path), Case(**wish)), AdmittedClip)
        refused = gate.admit(probe(clips[0].path), Case(**(wish | change)))
        assert not isinstance(refused, AdmittedClip) and refused.rules[0].rule_id == rule


def test_a_stage_that_holds_keeps_its_keys_and_one_that_does_not_is_made_again(tmp_path: Path) -> None:
    clips = pictures(tmp_path, 1)
    manifest, _, clock = stage(tmp_path, clips)
    before = manifest.read_bytes()
    stage(tmp_path, clips)
    assert manifest.read_bytes() == before
    manifest.write_bytes(before.replace(b'"face"', b'"voice"'))  # no longer what was signed
    stage(tmp_path, clips)
    assert manifest.read_bytes() != before and b'"face"' in manifest.read_bytes()
    assert clock.now == datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_many_digests_stand_in_several_releases(tmp_path: Path) -> None:
    told = tuple(sha256_hex(bytes([k % 256, k // 256])) for k in range(1_700))
    _, releases = set_stage(
        tmp_path / "dep", [Vouched("many", "CC0", "said so", told)], modalities=("voice",),
        now=datetime(2026, 11, 23, tzinfo=UTC),
    )  # fmt: skip
    assert len(list(releases.glob("*.json"))) == 3
