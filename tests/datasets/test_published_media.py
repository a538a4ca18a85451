"""Published layouts: a tree as published is read as it is, and each kind of damage is refused or counted."""

from pathlib import Path

import numpy as np
import published_trees as trees
import pytest

from vemo_audit.datasets.affectnet import AffectNet
from vemo_audit.datasets.cremad_media import CremaDMedia
from vemo_audit.datasets.dfew import Dfew
from vemo_audit.datasets.interface import Dataset
from vemo_audit.datasets.mafw import Mafw
from vemo_audit.datasets.rafdb import RafDb
from vemo_audit.datasets.ravdess_media import RavdessMedia
from vemo_audit.errors import BadInput
from vemo_audit.records.labels import EKMAN

SETS = {"dfew": Dfew, "mafw": Mafw, "cremad": CremaDMedia, "ravdess": RavdessMedia, "rafdb": RafDb,
        "affectnet": AffectNet}  # fmt: skip


def truths(dataset) -> dict[str, str]:
    return {truth.clip: truth.label for truth in dataset.labels()}


@pytest.mark.parametrize("name", SETS)
def test_every_set_keeps_the_seam(tmp_path: Path, name: str) -> None:
    dataset = SETS[name](getattr(trees, name)(tmp_path))
    assert isinstance(dataset, Dataset) and dataset.card.digest and dataset.card.licence
    clips = {clip.name: clip for clip in dataset.clips()}
    assert clips and all(clip.path.is_file() for clip in clips.values())
    for truth in dataset.labels():
        assert truth.clip in clips and truth.label in dataset.label_set.names
        mapped = dataset.ekman(truth.label)
        assert mapped is None or mapped in EKMAN.names
    named = {trait.name for trait in dataset.card.traits}
    assert all(set(row.traits) == named for row in dataset.traits())
    assert any("no copy of it was seen" in limit for limit in dataset.card.limits)


@pytest.mark.parametrize("name", SETS)
def test_an_unknown_choice_and_an_absent_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        SETS[name](tmp_path / "absent")
    option = {"cremad": "media", "ravdess": "media"}.get(name, "split")
    with pytest.raises(BadInput, match="'nonsense'"):
        SETS[name](getattr(trees, name)(tmp_path), **{option: "nonsense"})


def test_dfew_numbers_are_labels_in_published_order(tmp_path: Path) -> None:
    root = trees.dfew(tmp_path, train=7, test=2)
    assert list(truths(Dfew(root, split="train")).values()) == [
        "happy", "sad", "neutral", "angry", "surprise", "disgust", "fear",
    ]  # fmt: skip
    assert list(truths(Dfew(root))) == ["00008", "00009"]


def test_ravdess_names_say_actor_sex_and_conditions(tmp_path: Path) -> None:
    dataset = RavdessMedia(trees.ravdess(tmp_path))
    assert {row.subject: row.traits["sex"] for row in dataset.traits()} == {
        "1": "male", "2": "female", "3": "male", "4": "female",
    }  # fmt: skip
    assert truths(dataset)["01-01-05-01-01-01-03"] == "angry"
    assert dataset.items[0].conditions == {"intensity": "normal", "sentence": "kids", "repetition": "1"}
    assert {item.subject for item in RavdessMedia(tmp_path, actors=(2, 4)).items} == {"2", "4"}


def test_cremad_truth_is_the_intent_or_the_crowd_without_ties(tmp_path: Path) -> None:
    root = trees.cremad(tmp_path)
    assert set(truths(CremaDMedia(root)).values()) == {"happy", "sad", "anger"}
    crowd = CremaDMedia(root, truth="crowd")
    assert set(truths(crowd).values()) == {"happy", "anger"}  # sad and neutral tie
    assert any(limit.startswith("4 clips without a single winner") for limit in crowd.card.limits)
    heard = CremaDMedia(trees.cremad(tmp_path, suffix=".wav", folder="AudioWAV"), media="audio", truth="crowd")
    assert set(truths(heard).values()) == {"fear"}
    assert {row.traits["race"] for row in CremaDMedia(root).traits()} == {"Caucasian", "Asian", None}


def test_rafdb_traits_are_those_that_annotators_perceived(tmp_path: Path) -> None:
    dataset = RafDb(trees.rafdb(tmp_path), split="train")
    assert list(truths(dataset).values()) == ["surprise", "fear", "disgust", "happiness"]
    assert next(iter(dataset.traits())).traits == {"gender": "female", "race": "Asian", "age": "40 to 69"}


def test_affectnet_reads_numbers_and_texts_and_keeps_what_nobody_stated_unknown(tmp_path: Path) -> None:
    dataset = AffectNet(trees.affectnet(tmp_path))
    assert list(truths(dataset).values()) == ["neutral", "happy", "sad"]
    np.testing.assert_array_equal(dataset.valence_arousal(), np.array([[0.5, 0.25], [np.nan, 0.25], [0.5, 0.25]]))


def test_mafw_keeps_eleven_classes_or_seven(tmp_path: Path) -> None:
    root = trees.mafw(tmp_path)
    assert list(truths(Mafw(root)).values()) == ["happiness", "neutral", "contempt"]
    seven = Mafw(root, classes="seven")
    assert list(truths(seven).values()) == ["happiness", "neutral"] and seven.label_set == EKMAN
    assert any(limit.startswith("1 clips of contempt") for limit in seven.card.limits)


LISTINGS = {
    "dfew": "EmoLabel_DataSplit/test(single-labeled)/set_1.csv",
    "mafw": "Train & Test Set/single/no_caption/set_1/test.txt",
    "rafdb": "basic/EmoLabel/list_patition_label.txt",
    "cremad": "VideoDemographics.csv",
}


@pytest.mark.parametrize("name", LISTINGS)
def test_a_missing_listing_is_named(tmp_path: Path, name: str) -> None:
    (getattr(trees, name)(tmp_path) / LISTINGS[name]).unlink()
    with pytest.raises(BadInput) as refusal:
        SETS[name](tmp_path)
    assert LISTINGS[name] in str(refusal.value)


DAMAGE = [
    ("dfew", "video_name,label\n4,9\n", "label '9'"),
    ("dfew", "video_name,label\n../../secret,1\n", "secret"),
    ("dfew", "video_name\n4\n", "no column 'label'"),
    ("dfew", "video_name,label\n4,\n", "empty cell"),
    ("dfew", "video_name,label\n77,1\n", "no media file"),
    ("dfew", "video_name,label\n4,1\n4,2\n", "twice"),
    ("mafw", "00004.mp4 joy\n", "label 'joy'"),
    ("mafw", "../../secret.mp4 anger\n", "secret"),
    ("rafdb", "test_00001.jpg 8\n", "label 8"),
    ("rafdb", "test_../../secret.jpg 1\n", "secret"),
    ("rafdb", "test_00001.jpg\n", "test_00001.jpg"),
    ("cremad", '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n', "actor 1002"),
    ("cremad", '"ActorID","Age","Sex","Race","Ethnicity"\n1001,old,"Male","Caucasian","Hispanic"\n', "age 'old'"),
    (
        "cremad",
        '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","White","Hispanic"\n1001,51,"Female","White","X"\n',
        "actor 1001 twice",
    ),
]


@pytest.mark.parametrize(("name", "words", "found"), DAMAGE)
def test_a_damaged_listing_is_refused_in_words(tmp_path: Path, name: str, words: str, found: str) -> None:
    root = getattr(trees, name)(tmp_path)
    SETS[name](root)  # the twin without the damage is read
    trees.text(root / LISTINGS[name], words)
    with pytest.raises(BadInput, match=found.replace("(", r"\(")):
        SETS[name](root)


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("dfew", "Clip/original/4.mp4"),
        ("mafw", "data/clips/00004.mp4"),
        ("rafdb", "basic/Image/aligned/test_00001_aligned.jpg"),
        ("affectnet", "val_set/images/0.jpg"),
    ],
)
def test_a_listed_clip_without_a_file_is_counted_and_told(tmp_path: Path, name: str, gone: str) -> None:
    root = getattr(trees, name)(tmp_path)
    before = SETS[name](root)
    (root / gone).unlink()
    after = SETS[name](root)
    assert len(after.missing) == 1 and len(after.items) == len(before.items) - 1
    assert any(limit.startswith("1 listed clips have no file") for limit in after.card.limits)


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    root = trees.dfew(tmp_path / "set")
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (root / "Clip/original/4.mp4").unlink()
    (root / "Clip/original/4.mp4").symlink_to(tmp_path / "secret.mp4")
    with pytest.raises(BadInput, match="leads out"):
        Dfew(root)


def test_names_that_do_not_fit_their_folder_are_refused(tmp_path: Path) -> None:
    root = trees.ravdess(tmp_path)
    (root / "Actor_01" / "01-01-04-01-01-01-02.mp4").write_bytes(b"")
    with pytest.raises(BadInput, match="clip of actor 02"):
        RavdessMedia(root)
    (root / "Actor_01" / "01-01-04-01-01-01-02.mp4").rename(root / "Actor_01" / "01-01-09-01-01-01-01.mp4")
    with pytest.raises(BadInput, match="01-01-09"):
        RavdessMedia(root)


def test_flash_video_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="ffmpeg"):
        CremaDMedia(trees.cremad(tmp_path, suffix=".flv"))


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.array({"a": 1}), "not one plain number"),
        (np.array("happy"), "not one plain number"),
        (np.array([1.0, 2.0]), "not one plain number|inf"),
        (np.array(11), "class 11"),
        (np.array(1.5), "class 1.5"),
        (np.array(np.nan), "nan"),
    ],
)
def test_an_annotation_that_is_no_class_is_refused_and_never_unpickled(
    tmp_path: Path, array: np.ndarray, found: str
) -> None:
    root = trees.affectnet(tmp_path)
    np.save(root / "val_set/annotations/0_exp.npy", array, allow_pickle=True)
    with pytest.raises(BadInput, match=found):
        AffectNet(root)


def test_votes_that_are_counted_twice_are_refused(tmp_path: Path) -> None:
    root = trees.cremad(tmp_path)
    CremaDMedia(root, truth="crowd")
    votes = root / "processedResults/tabulatedVotes.csv"
    votes.write_text(votes.read_text() + '"300099",9,0,0,0,0,0,"1001_IEO_HAP_XX"\n')
    with pytest.raises(BadInput, match="1001_IEO_HAP_XX twice"):
        CremaDMedia(root, truth="crowd")


def test_an_archive_or_an_endless_array_is_no_annotation(tmp_path: Path) -> None:
    root = trees.affectnet(tmp_path)
    note = root / "val_set/annotations/0_exp.npy"
    endless = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    with (tmp_path / "archive").open("wb") as file:
        np.savez(file, a=1)
    for content in ((tmp_path / "archive").read_bytes(), b"\x93NUMPY\x01\x00v\x00" + endless, bytes(5000)):
        note.write_bytes(content)
        with pytest.raises(BadInput, match="one plain number"):
            AffectNet(root)


def test_affectnet_leaves_uncertain_pictures_out_and_counts_them(tmp_path: Path) -> None:
    root = trees.affectnet(tmp_path)
    np.save(root / "val_set/annotations/2_exp.npy", np.array(9))
    dataset = AffectNet(root)
    assert len(dataset.items) == 2 and any(
        limit.startswith("1 pictures without a class") for limit in dataset.card.limits
    )
