"""A plain folder: its files are its clips, and its data sheet says only what its owner stated."""

from pathlib import Path

import pytest

from vemo_audit.datasets.folder import NOT_STATED, Folder
from vemo_audit.datasets.interface import Dataset
from vemo_audit.errors import BadInput

SHEET = """
name = "lab"
licence = "internal"
labels = ["calm", "tense"]
limits = ["one room"]
[traits]
sex = "self-reported"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "day one").mkdir()
    (tmp_path / "day one" / "b.mp4").write_bytes(b"b")
    (tmp_path / "a.mov").write_bytes(b"a")
    (tmp_path / "notes.txt").write_text("not a clip")
    (tmp_path / "labels.csv").write_text("clip,label,subject\na,calm,ann\nday one/b,tense,bob\n")
    (tmp_path / "traits.csv").write_text("subject,sex,age\nann,female,\nbob,male,40\n")
    (tmp_path / "dataset.toml").write_text(SHEET)
    return tmp_path


def test_clips_labels_and_traits_join_by_name(folder: Path) -> None:
    dataset = Folder(folder)
    assert isinstance(dataset, Dataset)
    assert [(clip.name, clip.subject) for clip in dataset.clips()] == [("a", "ann"), ("day one/b", "bob")]
    assert all(clip.path.is_file() for clip in dataset.clips())
    assert [(t.clip, t.label) for t in dataset.labels()] == [("a", "calm"), ("day one/b", "tense")]
    assert [t.traits["age"] for t in dataset.traits()] == [None, "40"]


def test_what_the_owner_did_not_state_is_not_stated(folder: Path) -> None:
    card = Folder(folder).card
    assert (card.name, card.licence, card.consent_basis) == ("lab", "internal", NOT_STATED)
    assert [(trait.name, trait.basis) for trait in card.traits] == [("sex", "self-reported"), ("age", NOT_STATED)]
    assert card.limits == ("one room",)


def test_the_digest_follows_the_tables(folder: Path) -> None:
    before = Folder(folder).card.digest
    (folder / "labels.csv").write_text("clip,label,subject\na,tense,ann\nday one/b,tense,bob\n")
    assert Folder(folder).card.digest != before


def test_without_a_sheet_the_labels_are_those_of_the_table(folder: Path) -> None:
    (folder / "dataset.toml").unlink()
    assert Folder(folder).label_set.names == ("calm", "tense")
    assert Folder(folder).card.name == folder.name


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("dataset.toml", "colour = 'red'", "the key 'colour'"),
        ("dataset.toml", "name = 3", "name = 3"),
        ("dataset.toml", "labels = ['calm', 3]", "labels = "),
        ("dataset.toml", "name = ", "it cannot be read"),
        ("dataset.toml", "[traits]\nheight = 'measured'", "the trait 'height'"),
        ("dataset.toml", "labels = ['calm', 'angry']", "the unknown label 'tense'"),
        ("traits.csv", "subject,sex\nann,female\nann,male\n", "subject 'ann' is 'male'"),
        ("labels.csv", "clip,label\na,calm\n", "no such column"),
    ],
)
def test_a_faulty_folder_is_refused(folder: Path, file: str, text: str, found: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(BadInput) as refusal:
        Folder(folder)
    assert found in refusal.value.found


def test_two_files_of_one_name_are_refused(folder: Path) -> None:
    (folder / "a.wav").write_bytes(b"a")
    with pytest.raises(BadInput, match=r"a\.mov and a\.wav"):
        Folder(folder).clips()


def test_no_folder_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        Folder(tmp_path / "absent")
