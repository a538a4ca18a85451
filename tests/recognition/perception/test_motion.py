"""Tests of motion: where it leads, who is who by place and size alone, and what a search corrects."""

import math

import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.motion import MotionSettings, Track, matches

RULES = MotionSettings()
POINTS = np.array([[-8, -5], [8, -5], [0, 2], [-6, 9], [6, 9]], float)


def track(x, y, *, side=40.0, velocity=(0.0, 0.0), seen_s=0.0, lost=False):
    return Track(
        0, np.array([x, y], float), np.full(2, side), POINTS, seen_s, np.zeros(4), seen_s,
        velocity=np.array(velocity, float), lost=lost,
    )  # fmt: skip


def boxes(*centres, side=40.0):
    return np.array([[x - side / 2, y - side / 2, x + side / 2, y + side / 2] for x, y in centres], float)


def test_motion_leads_on_and_comes_to_rest():
    one = track(100, 50, velocity=(30, -10))
    assert one.expected(0.0, 1.0).tolist() == [80, 30, 120, 70]
    travelled = 1 - math.exp(-0.5)
    assert one.expected(0.5, 1.0) == pytest.approx(np.array([80, 30, 120, 70]) + np.tile([30, -10], 2) * travelled)
    assert one.expected(100.0, 1.0)[:2] == pytest.approx([110, 20]), "v * coast in all"


def test_velocity_is_a_mean_over_its_memory():
    one = track(0, 0)
    for k in range(1, 101):
        one.moved(boxes((2.0 * k, 0))[0], POINTS + np.array([2.0 * k, 0]), k / 25, RULES.velocity_s)
    assert one.velocity == pytest.approx([50, 0], rel=1e-6) and one.points == pytest.approx(POINTS)
    still = track(0, 0)
    still.moved(boxes((5, 0))[0], POINTS, 0.0, RULES.velocity_s)
    assert still.velocity.tolist() == [0, 0], "no time passed"


def test_the_square_to_look_at_lies_about_the_face_as_before():
    one = track(100, 50)
    one.looked = np.array([-0.1, -0.2, 0.3, 0.1])
    square = one.to_look(0.0, 1.0)
    assert square == pytest.approx([76, 20, 132, 76]) and square[2] - square[0] == pytest.approx(square[3] - square[1])


def test_a_search_corrects_what_the_last_network_says_alone():
    one = track(100, 50)
    box, points = boxes((100, 50))[0], POINTS + np.array([100, 50])
    assert one.corrected(box, points)[0] == pytest.approx(box)
    one.box_offset, one.points_offset = np.array([0.1, 0, -0.1, 0.2]), np.full((5, 2), 0.05)
    moved, places = one.corrected(box, points)
    assert moved == pytest.approx(box + np.array([4, 0, -4, 8])) and places == pytest.approx(points + 2)


def _the_way_decides(velocity):
    """Two who passed each other: by where motion leads, not by who is nearest now."""
    left, right = track(100, 50, velocity=(200, 0)), track(150, 50, velocity=velocity)
    assert matches([left, right], boxes((146, 50), (104, 50)), 0.25, RULES) == {0: 0, 1: 1}


def test_two_who_pass_each_other_keep_their_tracks():
    _the_way_decides((-200, 0))


def test_twin_without_velocity_they_are_exchanged():
    with pytest.raises(AssertionError):
        left, right = track(100, 50), track(150, 50)
        assert matches([left, right], boxes((146, 50), (104, 50)), 0.25, RULES) == {0: 0, 1: 1}


def test_too_far_or_too_large_is_somebody_else():
    here = [track(100, 50)]
    assert matches(here, boxes((100 + 0.6 * 40, 50)), 0.0, RULES) == {0: 0}
    assert matches(here, boxes((100 + 1.3 * 40, 50)), 0.0, RULES) == {}
    assert matches(here, boxes((100, 50), side=79), 0.0, RULES) == {0: 0}
    assert matches(here, boxes((100, 50), side=81), 0.0, RULES) == {}


def test_reach_grows_while_a_face_is_not_seen():
    far = boxes((100 + 1.1 * 40, 50))
    assert matches([track(100, 50)], far, 0.0, RULES) == {}
    assert matches([track(100, 50, lost=True)], far, 0.9, RULES) == {0: 0}


def test_who_was_seen_just_now_chooses_before_who_was_lost():
    lost, seen = track(100, 50, lost=True), track(108, 50)
    assert matches([lost, seen], boxes((100, 50)), 0.04, RULES) == {0: 1}


def test_nobody_and_nothing():
    assert matches([], boxes((1, 1)), 0.0, RULES) == {} and matches([track(1, 1)], np.zeros((0, 4)), 0.0, RULES) == {}


def test_impossible_rules_are_refused():
    with pytest.raises(BadInput, match="size ratio"):
        MotionSettings(size_ratio=0.5)
