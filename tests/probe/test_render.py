"""Rendered frames and their truth; the fast path against the reference."""

from dataclasses import replace

import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.probe import raster_numba, raster_numpy
from vemo_audit.probe.expression import Performance
from vemo_audit.probe.figure import build
from vemo_audit.probe.identity import Identity
from vemo_audit.probe.render import draw, pose, render, rotation
from vemo_audit.probe.rig import load
from vemo_audit.probe.scene import Scene, backdrop, light_table, project

RIG = load()
PERSON = Identity(morph=(0.0, 0.4, 0.6), sex=0.2, age=0.1, skin=5, hair="long", seed=4)
FIGURE = build(RIG, PERSON)
SCENE = Scene(width=96, height=96)
ACT = Performance("surprise", 0.9, 1.0, 0.0, 0.3, 1.0, 0.3, 0.05, (), 8)


def frames(*, figure=FIGURE, scene=SCENE, act=ACT, path="numba", at=(0.0, 0.5), seed=1):
    made = render(RIG, figure, performance=act, scene=scene, times_s=np.array(at), path=path, seed=seed)
    return [(image.astype(float), truth) for image, truth in made]


def facts(truth):
    return [truth.time_s, *truth.weights, *truth.aus, *truth.head_deg, *truth.skin_box, *truth.face_box,
            *truth.landmarks.ravel(), truth.ita_albedo_deg]  # fmt: skip


def test_the_fast_path_gives_the_reference_picture_and_the_same_truth():
    for (fast, a), (slow, b) in zip(frames(), frames(path="numpy"), strict=True):
        assert np.abs(fast - slow).mean() <= 0.5
        assert facts(a) == facts(b)
        assert a.ita_rendered_deg == pytest.approx(b.ita_rendered_deg, abs=0.02)


def test_a_fault_in_the_fast_path_is_seen(monkeypatch):
    """Seeded fault: a shader that forgets the hollows must not pass as equal."""
    whole = raster_numba.shade
    monkeypatch.setattr(
        raster_numba, "shade", lambda *a, **k: whole(*a, **(k | {"openness": np.ones_like(k["openness"])}))
    )
    (fast, _), (slow, _) = frames(at=(0.5,))[0], frames(at=(0.5,), path="numpy")[0]
    assert np.abs(fast - slow).mean() > 0.5


def test_both_paths_see_the_same_triangles_bit_for_bit():
    rng = np.random.default_rng(0)
    place = rng.uniform(-5, 45, (60, 2))
    closeness = rng.uniform(0.1, 1, 60)
    triangles = rng.integers(0, 60, (200, 3)).astype(np.int32)
    fast = raster_numba.visible(place, closeness, triangles, height=32, width=40)
    slow = raster_numpy.visible(place, closeness, triangles, height=32, width=40)
    assert all(np.array_equal(a, b) for a, b in zip(fast, slow, strict=True))
    assert (fast[0] >= 0).mean() > 0.5


def test_visibility_agrees_with_looking_at_one_pixel_at_a_time():
    place = np.array([[0.0, 0], [0, 8], [8, 0], [0, 0], [0, 8], [8, 8]])
    closeness = np.array([0.5, 0.5, 0.5, 0.2, 0.9, 0.2])
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    seen, _, _ = raster_numpy.visible(place, closeness, triangles, height=8, width=8)
    for row in range(8):
        for column in range(8):
            x, y = column + 0.5, row + 0.5
            in_first, in_second = x + y <= 8, x <= y
            depth = 0.2 + 0.7 * (y - x) / 8  # of the second: 0.2 on its diagonal, 0.9 in the lower left corner
            expected = 1 if in_second and (not in_first or depth > 0.5) else 0 if in_first else -1
            assert seen[row, column] == expected, (row, column)


def test_zero_weights_and_a_still_head_give_the_neutral_figure():
    posed = pose(RIG, FIGURE, weights=np.zeros(52), head_deg=np.zeros(3))
    assert np.array_equal(posed, FIGURE.neutral)


def test_the_box_contains_all_visible_skin_and_no_less():
    light, behind = light_table(SCENE), backdrop(SCENE)
    posed = pose(RIG, FIGURE, weights=np.zeros(52), head_deg=np.array([20.0, 5, 3]))
    seen, _ = draw(raster_numpy, FIGURE, posed, scene=SCENE, light=light, behind=behind)
    rows, columns = np.nonzero((seen >= 0) & FIGURE.shown_skin[seen])
    from vemo_audit.probe.render import box

    x0, y0, x1, y1 = (2 * side for side in box(FIGURE.shown_skin, seen, SCENE))
    assert (x0, y0, x1, y1) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert box(np.zeros_like(FIGURE.face), seen, SCENE) != pytest.approx((x0, y0, x1, y1))


def test_landmarks_land_on_the_rendered_features():
    """Eyes on eye triangles, the nose tip on the face, mouth corners on the face beside the lips."""
    for yaw in (-15.0, 0.0, 15.0):
        posed = pose(RIG, FIGURE, weights=np.zeros(52), head_deg=np.array([yaw, 0, 0]))
        seen, _ = draw(raster_numpy, FIGURE, posed, scene=SCENE, light=light_table(SCENE), behind=backdrop(SCENE))
        marks = project(SCENE, posed[RIG.landmarks].mean(axis=1, dtype=float))[0]
        for k, (x, y) in enumerate(marks):
            around = seen[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].ravel()
            assert (around >= 0).all()
            if k < 2:
                assert (FIGURE.part[around] == 4).any(), "no eye where the eye should be"
            else:
                assert FIGURE.face[around].any()


def test_head_turns_go_where_their_names_say():
    front = np.array([0.0, 0, 1])
    assert (rotation(np.array([10.0, 0, 0])) @ front)[0] > 0.1  # yaw: to the person's left
    assert (rotation(np.array([0, 10.0, 0])) @ front)[1] > 0.1  # pitch: up
    assert (rotation(np.array([0, 0, 10.0])) @ np.array([0, 1.0, 0]))[0] > 0.1  # roll: to the person's left
    turn = rotation(np.array([12.0, -7, 5]))
    assert np.allclose(turn @ turn.T, np.eye(3)) and np.linalg.det(turn) == pytest.approx(1)


def test_light_changes_the_rendered_tone_and_never_the_albedo():
    bright, dim = frames(at=(0.5,))[0][1], frames(at=(0.5,), scene=replace(SCENE, key=0.2, ambient=0.1))[0][1]
    assert bright.ita_albedo_deg == dim.ita_albedo_deg
    assert dim.ita_rendered_deg < bright.ita_rendered_deg - 10


def test_skin_changes_the_tone_and_nothing_else_of_the_truth():
    dark = build(RIG, PERSON.but(skin=9).identity)
    a, b = frames(at=(0.5,))[0][1], frames(at=(0.5,), figure=dark)[0][1]
    assert facts(a)[:-1] == facts(b)[:-1]
    assert b.ita_albedo_deg < a.ita_albedo_deg and b.ita_rendered_deg < a.ita_rendered_deg


def test_a_wide_open_mouth_is_darker_than_a_closed_one():
    still = replace(ACT, label="neutral", intensity=0.0)
    (open_image, truth), (shut_image, _) = frames(at=(0.5,))[0], frames(at=(0.5,), act=still)[0]
    x = int(truth.landmarks[3:, 0].mean())
    y = int(truth.landmarks[3:, 1].mean())
    spot = (slice(y, y + 5), slice(x - 2, x + 3))
    assert open_image[spot].mean() < shut_image[spot].mean() - 10


def test_the_same_seed_gives_the_same_bytes():
    assert np.array_equal(frames()[1][0], frames()[1][0])
    assert not np.array_equal(frames()[1][0], frames(seed=2)[1][0])


def test_an_unknown_path_is_refused():
    with pytest.raises(BadInput, match="numba, numpy"):
        frames(path="torch")
