"""The rig: what is in the file, and what its units move."""

import hashlib
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.probe.rig import PARTS, load, read


def test_zero_weights_give_the_neutral_mesh_exactly():
    rig = load()
    assert np.array_equal(rig.posed(rig.vertices, np.zeros(52)), rig.vertices)


def test_a_unit_moves_its_own_side_only():
    rig = load()
    for name in rig.unit_names:
        if name.endswith(("Left", "Right")) and not name.startswith(("jaw", "mouthLeft", "mouthRight")):
            moved = (rig.units[rig.unit(name)].reshape(-1, 3) ** 2).sum(axis=1)
            side = rig.vertices[:, 0] * (1 if name.endswith("Left") else -1)
            assert moved[side < 0].sum() < 0.15 * moved.sum(), name  # the asset fades out across the middle


def test_twice_the_weight_moves_twice_as_far():
    rig = load()
    weights = np.zeros(52)
    weights[rig.unit("jawOpen")] = 0.4
    once = rig.posed(rig.vertices, weights) - rig.vertices
    twice = rig.posed(rig.vertices, 2 * weights) - rig.vertices
    assert np.allclose(twice, 2 * once, atol=1e-5)
    assert np.abs(twice).max() > 0.2


def test_landmarks_lie_where_a_face_has_them():
    rig = load()
    left, right, nose, corner_left, corner_right = rig.vertices[rig.landmarks].mean(axis=1)
    assert left[0] < -0.25 and right[0] > 0.25  # the picture's left is the person's right
    assert abs(nose[0]) < 0.01 and nose[2] > left[2]
    assert corner_left[0] < 0 < corner_right[0]
    assert left[1] > nose[1] > corner_left[1]
    assert len(PARTS) == rig.part.max() + 1


def test_an_unknown_unit_is_named():
    with pytest.raises(BadInput, match="browDownLeft"):
        load().unit("browMiddle")


def test_a_file_without_arrays_lists_them(tmp_path):
    path = tmp_path / "face_rig.npz"
    np.savez(path, vertices=np.zeros((1, 3)))
    with pytest.raises(BadInput, match="triangles"):
        read(path)
    with pytest.raises(BadInput, match="recipes"):
        read(tmp_path / "absent.npz")


def test_the_card_names_the_file_that_ships(root):
    card = tomllib.loads((root / "models" / "face_rig.card.toml").read_text(encoding="utf-8"))
    assert (
        card["sha256"] == hashlib.sha256((root / "models" / "face_rig.npz").read_bytes()).hexdigest() == load().digest
    )
    assert card["licence"] == "CC0-1.0"


@pytest.mark.real_data
def test_the_recipe_makes_the_rig_again(root, shared_data, tmp_path):
    source = shared_data / "face_rig" / "face_rig.npz"
    recipe = [sys.executable, str(root / "models" / "recipes" / "face_rig.py")]
    subprocess.run([*recipe, "--source", str(source), "--out", str(tmp_path)], check=True, capture_output=True)
    made, shipped = np.load(tmp_path / "face_rig.npz"), np.load(root / "models" / "face_rig.npz")
    assert made.files == shipped.files
    assert all(np.array_equal(made[name], shipped[name]) for name in made.files)
    (tmp_path / "broken.npz").write_bytes(source.read_bytes()[:-1] + b"x")
    failed = subprocess.run(
        [*recipe, "--source", str(tmp_path / "broken.npz"), "--out", str(tmp_path)], capture_output=True
    )
    assert failed.returncode != 0 and b"sha256" in failed.stderr
