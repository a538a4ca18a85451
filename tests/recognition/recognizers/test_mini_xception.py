"""The zoo as recognizers: what a crop is, which files are known, and the order of accuracy on real faces."""

import hashlib
from pathlib import Path

import cv2
import foreign_tables as tables
import numpy as np
import open_door
import pytest

from vemo_audit.datasets import ferplus
from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.recognition.network.mini_xception import CLASSES
from vemo_audit.recognition.recognizers.mini_xception import KNOWN, MAPPING, ORDER, MiniXceptionZoo, squared
from vemo_audit.records.labels import EKMAN


def made_up(folder: Path, **options: object) -> MiniXceptionZoo:
    path = tables.keras_file(folder / "w.hdf5")
    return MiniXceptionZoo(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), **options)


def test_the_labels_come_in_our_order() -> None:
    assert [MAPPING(CLASSES[k]) for k in ORDER] == list(EKMAN.names)


def test_a_square_around_a_box_shows_what_is_in_it() -> None:
    image = np.zeros((100, 160, 3), np.uint8)
    image[20:60, 70:90] = 255  # a box of 20 x 40 becomes a square of 40: a white pillar in the middle half
    for size_px in (40, 64, 10):
        crop = squared(image, (70, 20, 90, 60), 0.0, size_px=size_px)
        inside = crop[2:-2, round(size_px * 0.3) : round(size_px * 0.7)]  # the rim shares pixels with what is outside
        assert crop.shape == (size_px, size_px) and inside.min() == 255
        assert crop[:, : round(size_px * 0.2)].max() == crop[:, -round(size_px * 0.2) :].max() == 0
    wider = squared(image, (70, 20, 90, 60), 0.5, size_px=40)  # the square of 80 shows it at half the size
    assert wider.mean() == pytest.approx(crop.mean() / 4, rel=0.1)
    beyond = squared(np.full((10, 10, 3), 200, np.uint8), (-20.0, -20.0, 30.0, 30.0), 0.0, size_px=16)
    assert (beyond == 200).all()


def test_windows_are_means_over_frames(tmp_path: Path) -> None:
    clip = open_door.admit(open_door.film(tmp_path / "film.mp4"), "face")
    recognizer = made_up(tmp_path, window_s=0.5)
    first, second = recognizer.recognize(clip)
    guard = clip.open_guard()
    from vemo_audit.media import decode

    crops = np.stack([recognizer.cut(frame.image, frame.faces[0]) for frame in decode.frames(clip)])
    shares = recognizer.probabilities(crops)
    assert guard.modalities == {"face"}
    assert first.probability == pytest.approx(shares[:5].mean(axis=0), abs=1e-5)
    assert second.probability == pytest.approx(shares[5:].mean(axis=0), abs=1e-5)


def test_a_file_that_nobody_knows_needs_its_digest(tmp_path: Path) -> None:
    path = tables.keras_file(tmp_path / "fer2013_mini_XCEPTION.97-0.65.hdf5")
    with pytest.raises(BadInput, match="one of the known checkpoints"):
        MiniXceptionZoo(path)
    with pytest.raises(EvidenceBroken):
        MiniXceptionZoo(path, sha256=next(iter(KNOWN)))
    with pytest.raises(BadInput, match="crop 'round'"):
        made_up(tmp_path, crop="round")


@pytest.fixture(scope="module")
def faces(shared_data: Path) -> ferplus.VotedFaces:
    """240 FER+ validation faces on whose class at least 7 of 10 voters agreed."""
    seven = ferplus.seven_classes(ferplus.load(shared_data / "ferplus", "valid"))
    clear = seven.where(seven.votes[:, : len(EKMAN)].max(axis=1) >= 7)
    return clear.where(np.sort(np.random.default_rng(0).permutation(len(clear))[:240]))


def accuracy(folder: Path, name: str, faces: ferplus.VotedFaces) -> float:
    recognizer = MiniXceptionZoo(next((folder / "models" / "zoo").glob(f"*.{name}.hdf5")))
    assert recognizer.card.version == name
    crops = np.stack([cv2.resize(image, (recognizer.size_px,) * 2) for image in faces.images])
    return float(np.mean(recognizer.probabilities(crops).argmax(axis=1) == faces.majority))


@pytest.mark.real_data
def test_the_zoo_keeps_its_order_on_real_faces(shared_data: Path, faces: ferplus.VotedFaces) -> None:
    first, middle, last = (accuracy(shared_data, name, faces) for name in ("00-0.47", "08-0.57", "97-0.65"))
    print({"first": first, "middle": middle, "last": last})
    assert first < middle < last
    assert first == pytest.approx(0.58, abs=0.06) and last == pytest.approx(0.80, abs=0.06)


@pytest.mark.real_data
def test_the_twin_with_another_scaling_or_order_loses_it(
    shared_data: Path, faces: ferplus.VotedFaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vemo_audit.recognition.recognizers import mini_xception

    best = accuracy(shared_data, "97-0.65", faces)
    dark = ferplus.VotedFaces(faces.ids, faces.images // 16, faces.votes)  # what 0 to 1 in place of -1 to 1 is like
    assert accuracy(shared_data, "97-0.65", dark) < best - 0.1
    monkeypatch.setattr(mini_xception, "ORDER", list(range(7))[::-1])
    assert accuracy(shared_data, "97-0.65", faces) < 0.5
