"""RAVDESS speech and EmoDB as media: what names and tables state, and nothing beyond it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from vemo_audit.datasets.emodb_speech import EmoDbSpeech
from vemo_audit.datasets.interface import Dataset
from vemo_audit.datasets.ravdess_speech import RavdessSpeech
from vemo_audit.errors import BadInput


def ravdess(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / f"Actor_{name[-2:]}" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def emodb(folder: Path, **columns: list[str]) -> Path:
    table = {
        "file": ["utterances/03a01Fa.flac", "utterances/08a01La.flac"], "utterance": ["03a01Fa", "08a01La"],
        "speaker": ["03", "08"], "sex": ["male", "female"], "emotion": ["happiness", "boredom"],
    } | columns  # fmt: skip
    parquet.write_table(pa.table(table), folder / "utterances.parquet")
    (folder / "utterances").mkdir(exist_ok=True)
    for file in table["file"]:
        (folder / file).write_bytes(b"sound")
    return folder


def test_a_ravdess_name_says_emotion_actor_sex_and_sentence(tmp_path: Path) -> None:
    made = RavdessSpeech(ravdess(tmp_path, "03-01-08-02-01-01-02", "03-01-02-01-02-02-01"))
    assert isinstance(made, Dataset)
    calm, surprised = made.labels()
    assert (calm.label, calm.subject) == ("calm", "01") and (surprised.label, surprised.subject) == ("surprised", "02")
    assert dict(surprised.conditions) == {"sentence": "01", "intensity": "strong"}
    assert {one.subject: one.traits["sex"] for one in made.traits()} == {"01": "male", "02": "female"}
    assert [clip.name for clip in made.clips()] == [calm.clip, surprised.clip]


@pytest.mark.parametrize("name", ["03-02-05-01-01-01-01", "01-01-05-01-01-01-01", "03-01-09-01-01-01-01", "noise-01"])
def test_song_pictures_and_strays_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=name):
        RavdessSpeech(ravdess(tmp_path, name))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no sound files"):
        RavdessSpeech(tmp_path)


def test_other_bytes_are_another_dataset(tmp_path: Path) -> None:
    one = RavdessSpeech(ravdess(tmp_path, "03-01-05-01-01-01-01")).card.digest
    (tmp_path / "Actor_01" / "03-01-05-01-01-01-01.wav").write_bytes(b"other")
    assert RavdessSpeech(tmp_path).card.digest != one


def test_emodb_states_speaker_sex_and_its_seven_classes(tmp_path: Path) -> None:
    made = EmoDbSpeech(emodb(tmp_path))
    assert isinstance(made, Dataset)
    assert [(one.clip, one.label, one.subject) for one in made.labels()] == [
        ("03a01Fa", "happiness", "03"), ("08a01La", "boredom", "08"),
    ]  # fmt: skip
    assert {one.subject: one.traits["sex"] for one in made.traits()} == {"03": "male", "08": "female"}
    assert all(clip.path.is_file() for clip in made.clips())


def test_a_speaker_of_two_sexes_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="speaker 03 as female"):
        EmoDbSpeech(emodb(tmp_path, speaker=["03", "03"])).traits()
    made = EmoDbSpeech(emodb(tmp_path))
    (tmp_path / "utterances" / "03a01Fa.flac").unlink()
    with pytest.raises(BadInput, match="no such sound file"):
        made.clips()


@pytest.mark.real_data
def test_the_real_folders_hold_what_their_readme_says(shared_data: Path) -> None:
    speech = RavdessSpeech(shared_data / "ravdess" / "speech")
    assert len(list(speech.clips())) == 960 and len(list(speech.traits())) == 16
    german = EmoDbSpeech(shared_data / "emodb")
    assert len(list(german.clips())) == 535 and len(list(german.traits())) == 10
    assert sum(one.label == "boredom" for one in german.labels()) == 81
