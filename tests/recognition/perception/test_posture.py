"""Posture from keypoints, worked by hand, in both skeletons, turned and scaled; and nothing without keypoints."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vemo_audit.recognition.perception.keypoints import COUNT, Keypoints
from vemo_audit.recognition.perception.posture import PLACES, Posture, posture

#                nose      ears: l, r          shoulders: l, r       elbows: l, r         wrists: l, r
HANGING = [(200, 100), (215, 100), (185, 100), (250, 160), (150, 160), (260, 230), (140, 230), (255, 300), (145, 300)]
CROSSED = [*HANGING[:5], (260, 220), (140, 220), (165, 215), (235, 215)]
AT_FACE = [*HANGING[:7], (210, 130), (145, 300)]


def people(*bodies, skeleton="coco17", hidden=()):
    xy = np.zeros((len(bodies), COUNT[skeleton], 2))
    xy[:, list(PLACES[skeleton])] = bodies
    score = np.ones(xy.shape[:2])
    for place in hidden:
        score[:, PLACES[skeleton][place]] = 0.2
    return Keypoints(xy, score, skeleton)


@pytest.mark.parametrize("skeleton", ["coco17", "blazepose33"])
def test_a_body_by_hand(skeleton: str) -> None:
    of = posture(people(HANGING, CROSSED, AT_FACE, skeleton=skeleton))
    assert of.shoulder_slope_deg == pytest.approx([0, 0, 0])
    assert of.head_height == pytest.approx([0.6, 0.6, 0.6])  # 60 px over shoulders that are 100 px apart
    assert of.arms_crossed.tolist() == [0, 1, 0]
    assert of.hand_to_face.tolist() == [0, 0, 1]
    assert of.openness == pytest.approx([1.2, 1.2, 1.2])


def test_the_lower_shoulder_has_the_sign() -> None:
    body = [*HANGING]
    body[3] = (250, 180)  # the person's left one
    assert posture(people(body)).shoulder_slope_deg[0] == pytest.approx(np.degrees(np.arctan2(20, 100)))


@settings(max_examples=40, deadline=None)
@given(st.floats(-40, 40), st.floats(0.2, 4), st.floats(-100, 100), st.sampled_from([HANGING, CROSSED, AT_FACE]))
def test_turning_and_scaling_the_picture_changes_the_slope_only(turn_deg, scale, shift, body) -> None:
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    here = posture(people(body))
    there = posture(people(np.array(body) @ np.array([[c, s], [-s, c]]) * scale + shift))
    for name in ("head_height", "arms_crossed", "hand_to_face", "openness"):
        assert getattr(there, name) == pytest.approx(getattr(here, name), abs=1e-6)
    assert there.shoulder_slope_deg == pytest.approx(here.shoulder_slope_deg + turn_deg, abs=1e-6)


def test_what_is_not_seen_is_not_known() -> None:
    of = posture(people(AT_FACE, HANGING, hidden=[8]))  # the right wrist
    assert np.isnan(of.arms_crossed).all() and np.isnan(of.openness).all()
    assert of.hand_to_face[0] == 1 and np.isnan(of.hand_to_face[1])  # one hand at the face is enough; one away is not
    assert np.isnan(posture(people(HANGING, hidden=[1])).head_height).all()
    gone = posture(people(HANGING, hidden=[3]))
    assert all(np.isnan(getattr(gone, f.name)).all() for f in fields(Posture))


def test_without_keypoints_nothing_is_said() -> None:
    none = Posture.unobserved(3)
    assert all(np.isnan(getattr(none, f.name)).tolist() == [True] * 3 for f in fields(Posture))
    assert Posture.unobserved(0).openness.shape == (0,)
