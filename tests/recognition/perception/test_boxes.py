"""Tests of boxes: overlap by hand, suppression against the greedy loop, crops against plain slices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import perception as oracle
from vemo_audit.recognition.perception.boxes import BORDER, Crops, overlap, refined, squared, suppress


def test_overlap_by_hand():
    a = np.array([[0, 0, 4, 4], [0, 0, 0, 0]], np.float32)
    b = np.array([[2, 0, 6, 4], [1, 1, 3, 3], [9, 9, 10, 10], [0, 0, 0, 0]], np.float32)
    assert overlap(a, b)[0] == pytest.approx([8 / 24, 4 / 16, 0, 0])
    assert overlap(a, b, share_of_smaller=True)[0] == pytest.approx([8 / 16, 1, 0, 0])
    assert overlap(a, b)[1].tolist() == [0, 0, 0, 0]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 15), st.integers(1, 15), st.integers(0, 2)),
        max_size=40,
    ),
    st.sampled_from([0.0, 0.3, 0.5, 0.7]),
    st.randoms(use_true_random=False),
)
def test_suppression_is_the_greedy_answer(rows, limit, random):
    box = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in rows], np.float32).reshape(-1, 4)
    group = np.array([g for *_, g in rows], np.int64)
    score = np.array(random.sample(range(1, 1000), len(rows)), np.float32) / 1000  # no ties
    got = suppress(box, score, group, limit=limit)
    assert got.tolist() == oracle.greedy(box.tolist(), score.tolist(), group.tolist(), limit)


def test_a_chain_comes_back_as_in_the_loop():
    """Second is hidden by first, and so cannot hide third: only greedy order gets this right."""
    box = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]], np.float32)
    assert suppress(box, np.array([0.9, 0.8, 0.7], np.float32), np.zeros(3, np.int64), limit=0.3).tolist() == [0, 2]


def test_only_the_strongest_of_a_group_are_looked_at():
    box = np.array([[10 * k, 0, 10 * k + 5, 5] for k in range(6)], np.float32)
    score = np.arange(6, dtype=np.float32) / 10
    assert suppress(box, score, np.array([0, 0, 0, 1, 1, 1]), limit=0.5, most=2).tolist() == [2, 1, 5, 4]


def test_refined_and_squared_by_hand():
    box = np.array([[10, 20, 30, 60]], np.float32)
    assert refined(box, np.array([[0.1, -0.1, 0, 0.5]], np.float32)).tolist() == [[12, 16, 30, 80]]
    assert squared(box).tolist() == [[0, 20, 40, 60]]


def test_crops_of_whole_pixels_are_slices():
    images = np.random.default_rng(0).integers(0, 256, (3, 60, 70, 3), dtype=np.uint8)
    box = np.array([[5, 7, 29, 31], [46, 36, 70, 60], [0, 0, 24, 24]], np.float32)
    frame = np.array([2, 1, 0])
    got = Crops(images).cut(box, frame, 24)
    for k, (x0, y0, x1, y1) in enumerate(box.astype(int)):
        assert np.array_equal(got[k], images[frame[k], y0:y1, x0:x1])


def test_crops_average_and_do_not_thin():
    fine = np.zeros((1, 192, 192, 3), np.uint8)
    fine[:, ::2] = 255  # stripes of one pixel: thinning them gives black or white
    got = Crops(fine).cut(np.array([[0, 0, 192, 192]], np.float32), np.array([0]), 24)
    assert np.all(np.abs(got.astype(int) - 127) <= 2)


def test_beyond_the_picture_is_border_and_never_the_next_frame():
    images = np.stack([np.full((30, 30, 3), 10, np.uint8), np.full((30, 30, 3), 250, np.uint8)])
    got = Crops(images).cut(np.array([[10, 10, 50, 50], [-20, -20, 20, 20]], np.float32), np.array([0, 1]), 20)
    assert set(np.unique(got[0])) == {10, BORDER} and set(np.unique(got[1])) == {BORDER, 250}
