"""Units by a user's own landmarker: against a fake of its surface, and against the real one in its own Python."""

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import fake_mediapipe
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.landmarker import (
    POINTS,
    FaceLandmarkerUnits,
    LandmarkerSettings,
    estimates,
    framed,
)
from vemo_audit.records.units import UNITS

FACE = np.array([[40, 40], [80, 40], [60, 60], [45, 80], [75, 80]], np.float32)


@pytest.fixture
def script(monkeypatch):
    script = fake_mediapipe.Script()
    monkeypatch.setitem(sys.modules, "mediapipe", fake_mediapipe.module(script))
    return script


@pytest.fixture
def task(tmp_path: Path) -> Path:
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(b"PK\x03\x04 a zip, as far as the fake looks")
    return path


def marks(points, image, settings):
    """Landmarks [478, 2] in 0-1 of a face that lies at these points, as the landmarker would give them."""
    _, there = framed(image, FACE.astype(float), wide_px=settings.margin * 40, side_px=settings.side_px)
    scale = settings.side_px / (settings.margin * 40)
    wanted = there + (points - FACE) * scale
    all_marks = np.zeros((478, 2))
    all_marks[list(POINTS)] = wanted / settings.side_px
    return all_marks


def test_units_are_the_largest_of_their_scores_and_each_the_mean_of_its_sides() -> None:
    scores = dict.fromkeys(fake_mediapipe.FACE_UNIT_NAMES, 0.0)
    scores |= {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.4, "browInnerUp": 0.3, "jawOpen": 0.2}
    scores |= {"mouthUpperUpLeft": 0.6, "mouthUpperUpRight": 0.0}
    units = dict(zip(UNITS, estimates(scores).tolist(), strict=True))
    assert units["au12"] == pytest.approx(0.6) and units["au1"] == pytest.approx(0.3)
    assert units["au26"] == pytest.approx(0.2) and units["au25"] == pytest.approx(0.3) and units["au4"] == 0
    del scores["browInnerUp"]
    with pytest.raises(BadInput, match="browInnerUp"):
        estimates(scores)


def test_a_face_is_read_where_it_was_said_to_be_and_nowhere_else(script, task) -> None:
    settings = LandmarkerSettings()
    images = np.zeros((4, 120, 120, 3), np.uint8)
    scores = {"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5, "cheekSquintLeft": 0.9}
    script.faces = [
        (marks(FACE, images[0], settings), scores), None, (marks(FACE + 30, images[0], settings), scores),
    ]  # fmt: skip
    points = np.stack([FACE, FACE, FACE, np.full((5, 2), np.nan, np.float32)])
    with FaceLandmarkerUnits(task) as provider:
        found = provider.units(images, points)
    assert found.shape == (4, 20) and found[0, UNITS.index("au12")] == pytest.approx(0.5)
    assert np.isnan(found[1:]).all()  # not found, somebody else's face, no points
    assert np.isnan(found[0, UNITS.index("au6")]) and np.isnan(found[0, UNITS.index("au9")])  # not read, not 0
    assert np.isfinite(found[0]).sum() == 18 and len(script.asked) == 3 and script.closed == 1
    assert script.asked[0].shape == (256, 256, 3) and len(provider.sha256) == 64


def test_the_seeded_fault_of_believing_any_face_would_read_the_neighbour(script, task) -> None:
    images = np.zeros((1, 120, 120, 3), np.uint8)
    script.faces = [(marks(FACE + 30, images[0], LandmarkerSettings()), {"jawOpen": 1.0})]
    provider = FaceLandmarkerUnits(task, LandmarkerSettings(farthest=100.0))
    assert np.isfinite(provider.units(images, FACE[None])).any()


def test_a_missing_extra_file_or_wrong_file_is_said(script, task, tmp_path, monkeypatch) -> None:
    with pytest.raises(BadInput, match="give your own copy"):
        FaceLandmarkerUnits(tmp_path / "nothing.task")
    wrong = tmp_path / "wrong.task"
    wrong.write_bytes(b"no zip")
    with pytest.raises(BadInput, match="not a task file"):
        FaceLandmarkerUnits(wrong)
    with pytest.raises(BadInput, match="uint8"):
        FaceLandmarkerUnits(task).units(np.zeros((1, 9, 9, 3)), FACE[None])
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(BadInput, match=r"vemo-audit\[mediapipe\]"):
        FaceLandmarkerUnits(task)
    with pytest.raises(BadInput, match="names of"):
        LandmarkerSettings(blind=("au99",))


def test_no_pictures_give_no_rows(script, task) -> None:
    empty = FaceLandmarkerUnits(task).units(np.zeros((0, 8, 8, 3), np.uint8), np.zeros((0, 5, 2), np.float32))
    assert empty.shape == (0, 20)


CODE = """
import sys, json
from pathlib import Path
import numpy as np
from vemo_audit.recognition.perception.landmarker import FaceLandmarkerUnits
held = np.load(sys.argv[2])
with FaceLandmarkerUnits(Path(sys.argv[1])) as provider:
    units = provider.units(held["images"], held["points"])
    elsewhere = provider.units(held["images"][:4], held["points"][:4] + 90)
assert "torch" not in sys.modules
np.savez(sys.argv[3], units=units, elsewhere=elsewhere)
"""


@pytest.mark.real_data
def test_the_real_landmarker_agrees_with_its_own_scores_on_photographs(shared_data, root, tmp_path) -> None:
    python = os.environ.get("VEMO_MEDIAPIPE")
    task = shared_data / "models" / "face_landmarker.task"
    if not python or not task.is_file():
        pytest.skip("VEMO_MEDIAPIPE names no Python with mediapipe, or there is no face_landmarker.task")
    rows = pq.read_table(shared_data / "fairface" / "val_224.parquet").slice(0, 40).to_pylist()
    table = pq.read_table(shared_data / "fairface" / "blendshapes.parquet").to_pylist()
    known = {row["image_id"]: row for row in table}
    rows = [row for row in rows if known[row["image_id"]]["face_found"]]
    images = np.stack([np.asarray(Image.open(BytesIO(row["jpeg"])).convert("RGB")) for row in rows])
    names = ("right_eye", "left_eye", "nose_tip", "mouth_right", "mouth_left")
    points = [[[known[r["image_id"]][f"{name}_{axis}"] for axis in "xy"] for name in names] for r in rows]
    want = np.stack([
        estimates({k[3:]: float(v) for k, v in known[r["image_id"]].items() if k.startswith("bs_")}) for r in rows
    ])  # fmt: skip
    np.savez(tmp_path / "in.npz", images=images, points=np.array(points, np.float32))
    subprocess.run(
        [python, "-c", CODE, str(task), str(tmp_path / "in.npz"), str(tmp_path / "out.npz")],
        check=True, env={"PYTHONPATH": str(root), "PATH": os.environ["PATH"]}, capture_output=True,
    )  # fmt: skip
    held = np.load(tmp_path / "out.npz")
    seen = np.isfinite(held["units"]).any(axis=1)
    assert seen.mean() > 0.9 and np.isnan(held["elsewhere"]).all()
    live = [k for k in range(20) if np.isfinite(held["units"][seen][:, k]).all()]
    assert len(live) == 18
    r = [np.corrcoef(held["units"][seen, k], want[seen, k])[0, 1] for k in live]
    print(
        json.dumps({"name": "landmarker provider against its scores on whole pictures", "value": round(np.mean(r), 3)})
    )
    assert np.mean(r) > 0.8
