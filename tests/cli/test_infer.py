"""`vemo-audit infer` on what users really give: odd names, folders of their own, and files that fail among others."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import throwaway
from throwaway import Throwaway

from vemo_audit.cli import infer
from vemo_audit.cli.screen import shown
from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance import manifest
from vemo_audit.media.encode import VideoWriter
from vemo_audit.media.probe import probe
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span
from vemo_audit.serving.clip import Service, demand_room
from vemo_audit.serving.finder import Remembered


class Mute:
    """A recognizer that sees nobody."""

    card = RecognizerCard("mute", "1", EKMAN, ("face",), "clip", "none", "none", "e" * 64)

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        yield Prediction(clip.clip.name, "", Span(0, 1), None, reason="nobody was seen")


@pytest.fixture
def house(tmp_path: Path) -> Throwaway:
    return throwaway.build(tmp_path / "dep", modalities=("face",))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "clip.mp4", width=64, height=48, rate_hz=10) as writer:
        for k in range(3):
            writer.write(np.full((48, 64, 3), 90, np.uint8), k / 10)
    return tmp_path / "clip.mp4"


def row(house: Throwaway, path: Path, folder: Path, *consents: bytes) -> dict[str, object]:
    """How `infer` ends for one file."""
    named, _ = manifest.load(house.path)
    finders = Remembered(throwaway.AlwaysOne)
    with house.gate(finders) as gate:
        return infer.one(
            Service(gate, Mute(), "throwaway", named.digest, {}, finders), path, folder, house.case(*consents)
        )


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("...mp4", "clip"), ("..mp4", "clip"), (".hidden.mp4", "hidden"), ("two words ü.mp4", "two words ü"),
        ("new\nline.mp4", "new\ufffdline"), ("l" * 251 + ".mp4", "l" * 200), ("ü" * 120 + ".mp4", "ü" * 100),
        (os.fsdecode(b"inv\xff.mp4"), "inv\ufffd"),
    ],
)  # fmt: skip
def test_a_file_name_becomes_the_name_of_a_folder_of_its_own(name: str, stem: str) -> None:
    assert list(infer.folders([Path(name)])) == [stem]


def test_files_of_one_stem_get_numbers_and_one_file_is_taken_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = [Path("a.mp4"), tmp_path / "a.mp4", Path("b/a.mp4"), Path("a.mov"), Path("a-2.wav")]
    assert list(infer.folders(files)) == ["a", "a-2", "a-3", "a-2-2"]


@pytest.mark.parametrize("consented", [True, False])
def test_a_folder_that_holds_other_files_is_never_touched(
    house: Throwaway, video: Path, tmp_path: Path, consented: bool
) -> None:
    consents = [house.give(modalities=("face",))[1]] if consented else []
    folder = tmp_path / "clip"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    told = row(house, video, folder, *consents)
    assert told["outcome"] == "failed" and told["exit_code"] == 2 and "thesis.txt" in str(told["error"])
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]
    (folder / "thesis.txt").unlink()
    assert row(house, video, folder, *consents)["exit_code"] == (0 if consented else 3), "an empty one is taken"
    assert row(house, video, folder, *consents)["exit_code"] == (0 if consented else 3), "and one of an earlier run"


def test_results_do_not_replace_a_file_or_what_a_link_points_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(BadInput, match="--out"):
            demand_room(tmp_path / name)


def test_a_place_that_cannot_be_written_is_a_row_not_a_crash(house: Throwaway, video: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    told = row(house, video, tmp_path / "file" / "clip")
    assert told["outcome"] == "failed" and told["exit_code"] == 2 and "--out" in str(told["error"])


def test_a_name_that_is_no_text_is_served_like_any_other(house: Throwaway, video: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"inv\xff\xfe.mp4")
    shutil.copy(video, odd)
    assert probe(odd).name == "inv\ufffd\ufffd.mp4"
    told = row(house, odd, tmp_path / "out", house.give(modalities=("face",))[1])
    assert told["outcome"] == "allow" and infer.line(told).encode()
    assert shown("a\x1b[31m\nb") == "a\ufffd[31m\ufffdb"


def test_broken_evidence_is_told_for_its_file(house: Throwaway, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(self: Service, *_: object) -> None:
        raise EvidenceBroken("the file was written to while it was read", where="clip.mp4")

    monkeypatch.setattr(Service, "_infer", changed)
    told = row(house, video, video.parent / "out")
    assert told["exit_code"] == 4 and "[red]failed" in infer.line(told) and "written to" in infer.line(told)


def told(*words: str) -> tuple[int, str]:
    """Exit code and words of the command."""
    from typer.testing import CliRunner

    from vemo_audit.cli.app import app

    result = CliRunner().invoke(app, ["infer", *words])
    if isinstance(result.exception, BadInput):
        return 2, str(result.exception)
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--modality", "smell"], "--modality 'smell'. Expected body, face, voice"),
        (["--output", "truth"], "--output 'truth'. Expected action_units"),
        (["--option", "window_s"], "--option 'window_s'. Expected name=value"),
        (["--option", "=2"], "--option '=2'"),
        (["--option", "a=1", "--option", "a=2"], "--option a twice"),
        (["--transcript", "absent.srt"], "no readable transcript"),
        (["--transcript", "absent.srt", "--modality", "face"], "a transcript without --modality voice"),
        (["--option", "transcript=a.srt"], "--option transcript. Expected --transcript"),
    ],
)
def test_a_word_that_nobody_knows_is_named_before_anything_opens(video: Path, more: list[str], says: str) -> None:
    place = ["--deployment", "nowhere.toml", "--purpose", "research", "--out", str(video.parent / "out")]
    code, words = told(str(video), *place, *more)
    assert code == 2 and says in words
    assert not (video.parent / "out").exists()


def test_the_language_of_an_srt_file_is_asked_for(video: Path) -> None:
    path = video.parent / "words.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\nGood.\n")
    place = ["--deployment", "nowhere.toml", "--purpose", "research", "--out", str(video.parent / "out")]
    code, words = told(str(video), *place, "--transcript", str(path))
    assert code == 2 and "an SRT file without its language" in words and "--language en" in words
    code, words = told(str(video), *place, "--transcript", str(path), "--language", "en")
    assert code == 2 and "nowhere.toml" in words


def test_one_transcript_is_for_one_file(video: Path) -> None:
    shutil.copy(video, video.parent / "other.mp4")
    (video.parent / "words.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nGood.\n")
    place = ["--deployment", "nowhere.toml", "--purpose", "research", "--out", str(video.parent / "out")]
    code, words = told(str(video.parent), *place, "--transcript", str(video.parent / "words.srt"))
    assert code == 2 and "one transcript for 2 files" in words and "once for each file" in words


def test_an_option_that_the_recognizer_does_not_have_is_named(house: Throwaway) -> None:
    with (
        pytest.raises(BadInput, match=r"the option 'rate'\. Expected one of face"),
        infer.open_service(house.path, "temporal_multimodal", {"rate": 25}),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "value"),
    [("window_s=2", 2), ("a=0.5", 0.5), ("face=face-ferplus", "face-ferplus"), ("a=true", True), ("a=[1, 2]", [1, 2]),
     ("path=a=b.srt", "a=b.srt"), ("a=", "")],
)  # fmt: skip
def test_an_option_is_read_as_a_number_a_list_or_a_text(text: str, value: object) -> None:
    name, _, _ = text.partition("=")
    assert infer.setting(text) == (name, value)


def test_what_was_left_out_is_told_in_the_line_and_the_row() -> None:
    people = [{"person": "Person 1", "top_share": {"happiness": 1.0}, "events": {"au12": 2, "nod": 1}}]
    row = {"file": "a.mp4", "outcome": "allow", "exit_code": 0, "done_before": False, "covered_frames": {},
           "nobody": False, "people": people, "folder": "out", "outputs_withheld": ["action_units"]}  # fmt: skip
    words = infer.line(row)
    assert "mostly happiness, 3 events" in words and "do not cover it: action_units" in words
    assert "left out" not in infer.line(row | {"outputs_withheld": []})
    assert {"outputs_withheld", "micro_expressions", "people"} <= set(infer.TOLD)
