"""Tests of align: the best similarity, crops that average, and a quality that falls with each fault."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import perception as oracle
from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception import align


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_similarity_agrees_with_umeyama(seed):
    rng = np.random.default_rng(seed)
    points, target = rng.normal(size=(4, 5, 2)) * 50 + 100, rng.normal(size=(5, 2)) * 10
    got = align.similarity(points, target)
    for k in range(4):
        want = oracle.umeyama(points[k], target)
        turn = want[:, :2] / np.sqrt(np.linalg.det(want[:, :2]))
        assert np.linalg.det(turn) == pytest.approx(1)
        assert got[k] == pytest.approx(want, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.floats(-3, 3), st.floats(0.2, 5), st.floats(-50, 50), st.floats(-50, 50))
def test_similarity_undoes_turn_size_and_shift(turn, scale, x, y):
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = align.TEMPLATE @ rotation.T + (x, y)
    matrix = align.similarity(points[None], align.TEMPLATE)[0]
    assert points @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(align.TEMPLATE, abs=1e-6)


def _face(size: int, turn_deg: float, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """A grey field with a white dot at each of five points."""
    radians = np.deg2rad(turn_deg)
    rotation = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    points = ((align.TEMPLATE - 0.5) * scale) @ rotation.T + size / 2
    image = np.full((size, size, 3), 80, np.uint8)
    for px, py in points:
        cv2.circle(image, (round(float(px)), round(float(py))), max(1, round(scale / 24)), (255, 255, 255), -1)
    return image, points.astype(np.float32)


@pytest.mark.parametrize("turn_deg", [0, 30, -75, 180])
@pytest.mark.parametrize("scale", [60, 200])
def test_points_land_on_the_template(turn_deg, scale):
    image, points = _face(400, turn_deg, scale)
    crop = align.align(image, points, size_px=64)
    assert crop.shape == (64, 64, 3) and crop.dtype == np.uint8
    for px, py in align.TEMPLATE * 64 - 0.5:
        assert crop[round(float(py)), round(float(px)), 0] > 160
    assert crop[32, 10, 0] == 80


def test_a_large_face_is_averaged():
    image = np.zeros((800, 800, 3), np.uint8)
    image[::2] = 255
    _, points = _face(800, 0, 300)
    crop = align.align(image, points)
    assert np.all(np.abs(crop.astype(int) - 127) < 40)


def test_a_crop_of_the_same_size_is_the_picture():
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    crop = align.align(image, align.TEMPLATE * 48 - 0.5)
    assert np.abs(crop.astype(int) - image).max() <= 1


@pytest.mark.parametrize("points", [np.ones((5, 2)), np.full((5, 2), np.nan)])
def test_impossible_points_are_an_error(points):
    with pytest.raises(BadInput, match="coincide or are not finite"):
        align.align(np.zeros((50, 50, 3), np.uint8), points.astype(np.float32))


def _good() -> tuple[np.ndarray, np.ndarray, tuple[float, float, float, float]]:
    rng = np.random.default_rng(1)
    crop = cv2.GaussianBlur(rng.integers(40, 216, (48, 48, 3), dtype=np.uint8), (0, 0), 1.0)
    crop = cv2.normalize(crop, None, 40, 210, cv2.NORM_MINMAX)
    return crop, align.TEMPLATE * 100, (0.0, 0.0, 100.0, 100.0)


def test_quality_falls_with_each_fault():
    crop, points, box = _good()
    best = align.quality(crop, points, box)
    assert best.score == 1 and best.inter_eye_px == pytest.approx(37.8) and abs(best.yaw_deg) < 1e-4
    assert best.pitch_ratio == pytest.approx((0.601 - 0.386) / (0.784 - 0.386))
    blurred = align.quality(cv2.GaussianBlur(crop, (0, 0), 4), points, box)
    dark = align.quality((crop // 12), points, box)
    burnt = align.quality(np.clip(crop.astype(int) * 4, 0, 255).astype(np.uint8), points, box)
    small = align.quality(crop, points / 9, box)
    turned = points.copy()
    turned[2, 0] += 40
    aside = align.quality(crop, turned, box)
    assert blurred.sharpness < best.sharpness and aside.yaw_deg > 40
    for worse in (blurred, dark, burnt, small, aside):
        assert 0 <= worse.score < 0.9


def test_a_flat_or_dark_crop_has_no_quality_and_no_nan():
    for level in (0, 128, 255):
        found = align.quality(np.full((48, 48, 3), level, np.uint8), np.zeros((5, 2), np.float32), (0, 0, 0, 0))
        assert found.score == 0 and found.sharpness == 0


def test_low_contrast_alone_is_not_called_blur():
    crop, points, box = _good()
    soft = (crop.astype(float) * 0.3 + 70).astype(np.uint8)
    assert align.quality(soft, points, box).sharpness == pytest.approx(
        align.quality(crop, points, box).sharpness, rel=0.15
    )


def test_what_is_covered_by_a_flat_thing_counts_as_solid_by_hand():
    grey = np.arange(64, dtype=np.float32).reshape(8, 8) * 3
    assert align.solid(grey) == 0
    grey[:4] = 90
    assert align.solid(grey) == 0.5 and align.solid(grey[:2]) == 0  # less than one patch says nothing
    grey[:4, ::2] += 1  # one level is rounding, two are structure
    assert align.solid(grey) == 0.5
    grey[:4, ::2] += 1
    assert align.solid(grey) == 0


def test_a_covered_face_loses_quality_and_keeps_its_parts():
    crop, points, box = _good()
    covered = crop.copy()
    covered[20:] = 128
    best, worse = align.quality(crop, points, box, confidence=0.99), align.quality(covered, points, box)
    assert best.solid_share == 0 and best.confidence == 0.99
    assert worse.solid_share > 0.5 and worse.score < 0.3
