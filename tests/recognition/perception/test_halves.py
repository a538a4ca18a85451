"""Tests of halves: each is the mean of four pixels, no frame sees its neighbour, and no side falls below one."""

import numpy as np
import pytest

from vemo_audit.recognition.perception.halves import Halves

NOISE = np.random.default_rng(6).integers(0, 256, (3, 37, 52, 3), dtype=np.uint8)


def _is_the_mean_of_four(half, image):
    four = image.astype(float).reshape(image.shape[0] // 2, 2, image.shape[1] // 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(half - four).max() <= 0.5


def test_half_by_hand():
    image = np.array([[0, 10, 100, 100], [20, 30, 100, 200]], np.uint8)[None, :, :, None].repeat(3, 3)
    assert Halves(image).level(1)[0, :, :, 0].tolist() == [[15, 125]]


def test_half_is_the_mean_of_four_pixels():
    image = NOISE[0, :36]
    _is_the_mean_of_four(Halves(image[None]).level(1)[0], image)


def test_twin_a_thinned_picture_is_not():
    image = NOISE[0, :36]
    with pytest.raises(AssertionError):
        _is_the_mean_of_four(image[::2, ::2], image)


def test_frames_of_odd_height_do_not_mix():
    together = Halves(NOISE)
    for k in range(3):
        alone = Halves(NOISE[k : k + 1])
        for halvings in range(4):
            assert np.array_equal(together.level(halvings)[k], alone.level(halvings)[0])
        assert np.array_equal(together.resized(20, 14, frame=k), alone.resized(20, 14, frame=0))


def test_sides_end_at_one_pixel():
    assert [Halves(NOISE).level(k).shape[1:3] for k in (0, 1, 5, 6, 8)] == [(37, 52), (18, 26), (1, 1), (1, 1), (1, 1)]


@pytest.mark.parametrize("size", [(52, 37), (51, 36), (26, 18), (13, 9), (7, 5), (1, 1)])
def test_every_smaller_size_keeps_the_mean(size):
    soft = np.full((1, 37, 52, 3), 80, np.uint8)
    soft[:, :, 26:] = 160
    small = Halves(soft).resized(*size, frame=0)
    assert small.shape == (size[1], size[0], 3) and small.mean() == pytest.approx(120, abs=3)
