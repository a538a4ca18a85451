"""A folder of rendered clips as a dataset, and how it is made."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.probe import truth as tables
from vemo_audit.probe.cast import CHILD, TRAITS, cast
from vemo_audit.probe.dataset import Probe, Shoot, shoot
from vemo_audit.probe.rig import load
from vemo_audit.records.labels import EKMAN

SMALL = Shoot(classes=("happiness", "neutral"), duration_s=0.25, rate_hz=8.0, side_px=48)


def rendered(players, settings=SMALL):
    clips, rows, pictures = [], [], {}
    for clip in shoot(players, settings):
        clips.append(clip.truth)
        for k, (image, truth) in enumerate(clip.frames):
            rows.append(tables.frame_row(clip.name, k, truth, unit_names=load().unit_names))
            pictures[clip.name, k] = image
    return clips, rows, pictures


@pytest.fixture(scope="module")
def made():
    return rendered(cast(adults=2))


@pytest.fixture
def folder(made, tmp_path):
    clips, rows, _ = made
    tables.write(tmp_path, clips, rows)
    for clip in clips:
        (tmp_path / clip.file).write_bytes(b"video")
    return tmp_path


def test_every_player_plays_every_class_with_truth_for_every_frame(made):
    clips, rows, pictures = made
    assert [(c.subject, c.label) for c in clips] == [
        (s, k) for s in ("p01", "p02", CHILD) for k in ("happiness", "neutral")
    ]
    assert len(rows) == len(pictures) == sum(c.frames for c in clips) == 12
    assert all(image.shape == (48, 48, 3) and image.dtype == np.uint8 for image in pictures.values())


def test_equal_seeds_give_equal_clips_wherever_they_stand(made):
    alone = rendered(cast(adults=2)[1:2])
    clips, _, pictures = made
    assert alone[0] == [c for c in clips if c.subject == "p02"]
    assert all(np.array_equal(image, pictures[key]) for key, image in alone[2].items())
    other = next(iter(shoot(cast(adults=1), Shoot(seed=1)))).truth
    assert other.performance_digest not in {c.performance_digest for c in clips}


def test_the_folder_reads_back_as_a_dataset(folder, made):
    dataset = Probe(folder)
    clips = made[0]
    assert [c.name for c in dataset.clips()] == [c.clip for c in clips]
    assert {(t.clip, t.label, t.subject) for t in dataset.labels()} == {(c.clip, c.label, c.subject) for c in clips}
    traits = {t.subject: t.traits for t in dataset.traits()}
    assert set(traits) == {"p01", "p02", CHILD} and traits[CHILD]["age"] == "child"
    assert all(set(values) == set(TRAITS) == {t.name for t in dataset.card.traits} for values in traits.values())
    assert dataset.label_set == EKMAN and "no human subject" in dataset.card.consent_basis


def test_the_frame_table_has_units_action_units_boxes_and_landmarks(folder):
    columns = set(pq.read_table(folder / tables.FRAMES).column_names)
    expected = {"clip", "time_s", "unit_jawOpen", "au12_estimate", "yaw_deg", "skin_x0", "face_y1", "nose_x"}
    assert expected | {"ita_albedo_deg", "ita_rendered_deg"} <= columns
    assert sum(name.startswith("unit_") for name in columns) == 52
    assert sum(name.endswith("_estimate") for name in columns) == 20


def test_a_folder_without_truth_or_without_a_clip_is_refused(folder, tmp_path_factory):
    with pytest.raises(BadInput, match="Render the probe first"):
        Probe(tmp_path_factory.mktemp("empty"))
    dataset = Probe(folder)
    (folder / "p01-neutral.mp4").unlink()
    with pytest.raises(BadInput, match="is gone"):
        list(dataset.clips())


def test_a_cast_of_nobody_and_a_shoot_of_nothing_are_refused():
    with pytest.raises(BadInput, match="at least one player"):
        cast(adults=0, minors=0)
    with pytest.raises(BadInput, match="without clips"):
        Shoot(classes=())
