"""FairFace as tables and as files: the right rows joined, the teacher mapped to units, nothing that is not stated."""

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from vemo_audit.datasets import fairface
from vemo_audit.datasets.fairface_pictures import ADULT_BANDS, FairFacePictures
from vemo_audit.datasets.interface import Dataset
from vemo_audit.errors import BadInput
from vemo_audit.records.units import FACE_UNITS, UNITS

ONE_SIDED = ("browInnerUp", "mouthShrugLower", "mouthPucker", "mouthFunnel", "jawOpen")
SCORES = [
    f"bs_{name}{side}"
    for name in dict.fromkeys(one for names in FACE_UNITS.values() for one in names)
    for side in (("",) if name in ONE_SIDED else ("Left", "Right"))
]
PLACES = [f"{point}_{axis}" for point in fairface.POINTS for axis in "xy"] + ["box_x0", "box_y0", "box_x1", "box_y1"]


def picture(side: int, grey: int) -> bytes:
    image = np.full((side, side, 3), grey, np.uint8)
    image[:, : side // 2, 0] = 200  # blue in BGR: shows whether channels are turned
    return cv2.imencode(".png", image)[1].tobytes()


def tree(folder: Path, *, teacher_order: int = -1, **scores: float) -> Path:
    """Two training and three validation pictures; the teacher's table is in another order."""
    names = ["train/1.jpg", "train/2.jpg", "val/1.jpg", "val/2.jpg", "val/3.jpg"]
    groups = {"race": ["White", "Black", "Indian", "Black", "White"], "sex": ["male", "female"] * 2 + ["male"]}
    groups["age_band"] = ["20-29", "3-9", "30-39", "10-19", "more than 70"]
    for split, column, rows, side in (("train_128", "image", slice(0, 2), 128), ("val_224", "jpeg", slice(2, 5), 224)):
        images = [picture(side, 40 * k) for k in range(5)][rows]
        told = {"image_id": names[rows], column: images} | {key: value[rows] for key, value in groups.items()}
        parquet.write_table(pa.table(told), folder / f"{split}.parquet")
    found = [True, True, True, False, True]
    columns = {"image_id": names, "split": ["train"] * 2 + ["val"] * 3, "face_found": found}
    columns["detect_pass"] = [1, 2, 1, 0, 2]
    columns |= {name: [112.0, 112.0, 112.0, None, 56.0] for name in PLACES}
    columns |= {"yaw_deg": [0.0, 0, 50, None, -44], "pitch_deg": [0.0, 0, 0, None, 60], "roll_deg": [0.0] * 5}
    for k, name in enumerate(SCORES):
        value = scores.get(name, 0.2 + 0.01 * k)
        columns[name] = pa.array([value, value, value, None, value], pa.float32()).cast(pa.float16())
    table = pa.table(columns)
    parquet.write_table(table.take(list(range(5))[::teacher_order]), folder / "blendshapes.parquet")
    return folder


def test_rows_join_by_name_whatever_the_order_of_the_teacher(tmp_path: Path) -> None:
    faces = fairface.load(tree(tmp_path), "val")
    assert faces.ids == ("val/1.jpg", "val/2.jpg", "val/3.jpg") and faces.size_px == 224
    assert faces.found.tolist() == [True, False, True] and faces.found_first.tolist() == [True, False, False]
    assert faces.race.tolist() == ["Indian", "Black", "White"] and np.isnan(faces.units[1]).all()
    (tmp_path / "again").mkdir()
    same = fairface.load(tree(tmp_path / "again", teacher_order=1), "val")
    np.testing.assert_array_equal(same.units, faces.units)


def test_a_unit_is_the_largest_of_its_face_units_each_the_mean_of_its_sides(tmp_path: Path) -> None:
    scores = {"bs_mouthSmileLeft": 0.9, "bs_mouthSmileRight": 0.5, "bs_jawOpen": 0.75, "bs_mouthUpperUpLeft": 1.0}
    scores |= {"bs_mouthUpperUpRight": 0.25, "bs_mouthLowerDownLeft": 0.0, "bs_mouthLowerDownRight": 0.0}
    faces = fairface.load(tree(tmp_path, **scores), "val")
    told = dict(zip(UNITS, faces.units[0], strict=True))
    assert told["au12"] == pytest.approx(0.7, abs=1e-3)
    assert told["au25"] == told["au26"] == pytest.approx(0.75) and told["au10"] == pytest.approx(0.625)


def test_a_unit_that_the_teacher_cannot_see_in_training_is_no_target_in_validation(tmp_path: Path) -> None:
    faces = fairface.load(tree(tmp_path, bs_cheekSquintLeft=0.05, bs_cheekSquintRight=0.05), "val")
    blind = UNITS.index("au6")
    assert not faces.seen[blind] and faces.seen.sum() == len(UNITS) - 1
    assert np.isfinite(faces.units[0, blind]) and np.isnan(faces.targets[:, blind]).all()


def test_a_face_turned_too_far_is_no_target(tmp_path: Path) -> None:
    faces = fairface.load(tree(tmp_path), "val")
    assert faces.frontal.tolist() == [False, False, True], "yaw 50 is too far, pitch 60 is not asked"
    assert np.isfinite(faces.targets[2]).all() and np.isnan(faces.targets[:2]).all()


def test_points_are_scaled_to_the_pictures_and_pictures_are_rgb(tmp_path: Path) -> None:
    train, val = (fairface.load(tree(tmp_path), split) for split in ("train", "val"))
    assert train.points[0, 0].tolist() == [64, 64] and val.points[0, 0].tolist() == [112, 112]
    assert train.box[0].tolist() == [64] * 4 and train.image(0).shape == (128, 128, 3)
    assert train.image(1)[0, 0].tolist() == [40, 40, 200] and train.images().shape == (2, 128, 128, 3)
    assert train.where(np.array([False, True])).ids == ("train/2.jpg",)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the split 'test'"):
        fairface.load(tree(tmp_path), "test")
    table = parquet.read_table(tmp_path / "blendshapes.parquet")
    parquet.write_table(table.filter([name != "val/3.jpg" for name in table["image_id"].to_pylist()]),
                        tmp_path / "blendshapes.parquet")  # fmt: skip
    with pytest.raises(BadInput, match=r"no row for the image val/3.jpg"):
        fairface.load(tmp_path, "val")
    parquet.write_table(table.drop_columns(["bs_jawOpen"]), tmp_path / "blendshapes.parquet")
    with pytest.raises(BadInput, match="no score 'jawOpen'"):
        fairface.load(tmp_path, "val")


def test_pictures_are_files_with_perceived_groups_and_no_label(tmp_path: Path) -> None:
    made = FairFacePictures(tree(tmp_path), split="val", unpacked=str(tmp_path / "files"))
    assert isinstance(made, Dataset) and made.labels() == ()
    clips = list(made.clips())
    assert [clip.path.read_bytes() for clip in clips] == list(made.faces.encoded)
    assert [one.traits["race"] for one in made.traits()] == ["Indian", "Black", "White"]
    assert all("perceived" in trait.basis for trait in made.card.traits) and "not asked" in made.card.consent_basis
    assert not set(ADULT_BANDS) & {"0-2", "3-9", "10-19"}
    assert FairFacePictures(tmp_path).clips() == ()
    clips[0].path.write_bytes(b"another")
    with pytest.raises(BadInput, match="another picture"):
        made.clips()


@pytest.mark.real_data
def test_the_real_tables_say_what_their_readme_says(shared_data: Path) -> None:
    faces = fairface.load(shared_data / "fairface", "val")
    assert len(faces) == 2500 and faces.image(0).shape == (224, 224, 3)
    assert faces.found_first.mean() == pytest.approx(0.848, abs=5e-4)
    assert faces.found.mean() == pytest.approx(0.925, abs=5e-4)
    assert [unit for unit, seen in zip(UNITS, faces.seen, strict=True) if not seen] == ["au6", "au9"]
    assert faces.frontal.sum() == 2222
