"""What is expected of every recognizer, ours and anybody's. Each expectation has a twin that breaks it."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import foreign_tables as tables
import guests
import open_door
import pytest

from vemo_audit.recognition.recognizers.command import Command
from vemo_audit.recognition.recognizers.http import Http
from vemo_audit.recognition.recognizers.mini_xception import MiniXceptionZoo
from vemo_audit.recognition.recognizers.replay import Replay
from vemo_audit.recognition.recognizers.temporal_multimodal import TemporalMultimodal
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction

OWN = "clip,person,start_s,end_s,p_calm,p_tense,abstained,reason\nfilm,1,0,1,.25,.75,false,\nfilm,1,1,2,,,true,lost\n"


def own_table(folder: Path) -> Replay:
    (folder / "own.csv").write_text(OWN)
    return Replay(folder / "own.csv")


def zoo(folder: Path) -> MiniXceptionZoo:
    path = tables.keras_file(folder / "weights.hdf5")
    return MiniXceptionZoo(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def openface(folder: Path, **options: Any) -> Replay:
    frames = [(0.1 * k, 1 - (k == 3), {6: 3.0, 12: 4.0}) for k in range(10)]
    return Replay(tables.openface(folder / "film.csv", frames), window_s=0.5, **options)


MAKERS: dict[str, Callable[[Path, str], Any]] = {
    "replay own": lambda folder, _: own_table(folder),
    "replay pyfeat": lambda folder, _: Replay(
        tables.pyfeat(folder / "fex.csv", [("film.mp4", k, "Person_0", tables.HAPPY) for k in range(10)])
    ),
    "replay openface": lambda folder, _: openface(folder, classes="emfacs"),
    "replay openface, units only": lambda folder, _: openface(folder),
    "replay libreface": lambda folder, _: Replay(
        tables.libreface(folder / "film.csv", [(100.0 * k, "Happiness") for k in range(10)]), window_s=0.5
    ),
    "replay deepface": lambda folder, _: Replay(
        tables.deepface(folder / "film.json", [[tables.HAPPY]] * 10), window_s=0.5
    ),
    "command": lambda folder, _: Command(guests.program(folder), labels=EKMAN.names),
    "http": lambda _, url: Http(url, labels=EKMAN.names, window_s=0.5, frames_per_part=4),
    "mini_xception": lambda folder, _: zoo(folder),
    "temporal_multimodal": lambda _, __: TemporalMultimodal(),
    "foreign class": lambda _, __: guests.Foreign(),
}
SEEING = ("command", "http", "mini_xception", "temporal_multimodal", "foreign class")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with open_door.endpoint(guests.Honest) as address:
        yield address


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same person beside two strangers, another person, a picture with sound, and sound alone."""
    folder = tmp_path_factory.mktemp("clips")
    made = {
        "film": {}, "stranger": {"stranger": 1}, "other": {"seed": 1}, "talking": {"sound_s": 1.0},
        "voice": {"frames": 0, "sound_s": 1.0},
    }  # fmt: skip
    found = {}
    for name, how in made.items():
        (folder / name).mkdir()
        found[name] = open_door.film(folder / name / "film.mp4", **how)
    return found


@pytest.fixture(params=list(MAKERS))
def recognizer(request: pytest.FixtureRequest, tmp_path: Path, url: str) -> Any:
    return MAKERS[request.param](tmp_path, url)


def said(recognizer: Any, path: Path, *modalities: str, present: bool = True) -> list[Prediction]:
    return list(recognizer.recognize(open_door.admit(path, *modalities, present=present)))


def facts(found: list[Prediction]) -> list[tuple[Any, ...]]:
    """Everything of a prediction but its trace, which names the clip that it was made of."""
    return [
        (one.person, one.span, None if one.probability is None else one.probability.tobytes(), one.reason,
         repr((one.valence, one.arousal, one.quality)), repr(sorted(one.units.items())))
        for one in found
    ]  # fmt: skip


def holds_together(recognizer: Any, found: list[Prediction]) -> None:
    assert found, "silence: a clip without an answer is a Prediction with a reason"
    places = [(one.person, one.span.start_s, one.span.end_s) for one in found]
    assert len(set(places)) == len(places)
    for person in {one.person for one in found}:
        starts = [one.span.start_s for one in found if one.person == person]
        assert starts == sorted(starts)
    for one in found:
        assert one.clip == "film.mp4"
        assert (one.probability is None) == bool(one.reason)
        assert one.probability is None or one.probability.shape == (len(recognizer.card.labels),)


def sees_no_stranger(recognizer: Any, clips: dict[str, Path]) -> None:
    """What somebody without consent displays changes nothing."""
    assert facts(said(recognizer, clips["film"])) == facts(said(recognizer, clips["stranger"]))


def says_the_same_again(recognizer: Any, clips: dict[str, Path]) -> None:
    assert facts(said(recognizer, clips["film"])) == facts(said(recognizer, clips["film"]))


def test_the_card_says_who_answers_and_never_changes(recognizer: Any, clips: dict[str, Path]) -> None:
    before = recognizer.card
    assert before.name and before.window and before.training_data and before.licence and len(before.labels) >= 2
    assert set(before.modalities) <= {"face", "body", "voice"}
    found = said(recognizer, clips["film"])
    assert recognizer.card == before
    holds_together(recognizer, found)


def test_the_same_clip_gives_the_same_answers(recognizer: Any, clips: dict[str, Path]) -> None:
    says_the_same_again(recognizer, clips)


def test_nobody_outside_the_permit_is_seen(recognizer: Any, clips: dict[str, Path]) -> None:
    sees_no_stranger(recognizer, clips)


@pytest.mark.parametrize("name", SEEING)
def test_who_looks_sees_the_admitted_person(name: str, tmp_path: Path, url: str, clips: dict[str, Path]) -> None:
    seeing = MAKERS[name](tmp_path, url)
    assert facts(said(seeing, clips["film"])) != facts(said(seeing, clips["other"]))


def test_a_clip_without_anybody_is_said_to_be_one(recognizer: Any, clips: dict[str, Path]) -> None:
    holds_together(recognizer, said(recognizer, clips["film"], present=False))


def test_a_clip_without_a_picture_and_a_permit_without_the_face(recognizer: Any, clips: dict[str, Path]) -> None:
    for clip in ("voice", "talking"):
        found = said(recognizer, clips[clip], "voice")
        holds_together(recognizer, found)
        if recognizer.card.modalities == ("face",):
            assert all(one.reason for one in found)


@pytest.mark.parametrize("name", SEEING)
def test_sound_is_never_opened_without_the_voice(name: str, tmp_path: Path, url: str, clips: dict[str, Path]) -> None:
    seeing = MAKERS[name](tmp_path, url)
    guards: list[open_door.Guard] = []
    list(seeing.recognize(open_door.admit(clips["talking"], "face", guards=guards)))
    assert sum(guard.heard for guard in guards) == 0 and sum(guard.released for guard in guards) == 10


def test_the_twins_that_peep_and_change_their_mind_are_caught(clips: dict[str, Path]) -> None:
    with pytest.raises(AssertionError):
        sees_no_stranger(guests.Peeping(), clips)
    with pytest.raises(AssertionError):
        says_the_same_again(guests.Moody(), clips)
