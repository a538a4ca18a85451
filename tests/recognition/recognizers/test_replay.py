"""A table behind the seam: its rows come back for the clip they speak of, and only for an admitted one."""

from pathlib import Path
from typing import Any

import foreign_tables as tables
import open_door
import pytest
import throwaway

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.replay import Replay
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction

TABLE = """clip,person,start_s,end_s,p_calm,p_tense,abstained,reason
one,1,0,1,0.25,0.75,false,
one,1,1,2,,,true,face lost
two,,,,0.5,0.5,false,
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    return path


def replayed(tmp_path: Path, table: Path, name: str) -> list[Prediction]:
    house = throwaway.build(tmp_path / "dep", modalities=("face",))
    _, consent = house.give(modalities=("face",))
    with house.gate() as gate:
        admitted = gate.admit(throwaway.clip(name), house.case(consent))
        assert isinstance(admitted, AdmittedClip)
        return list(Replay(table).recognize(admitted))


def test_rows_come_back_with_their_spans_and_reasons(tmp_path: Path, table: Path) -> None:
    first, second = replayed(tmp_path, table, "one.mp4")
    assert first.probability is not None and first.probability.tolist() == [0.25, 0.75]
    assert (second.probability, second.reason, second.span.start_s) == (None, "face lost", 1.0)
    assert first.decision and first.decision == second.decision


def test_a_row_without_times_stands_for_the_whole_clip(tmp_path: Path, table: Path) -> None:
    (only,) = replayed(tmp_path, table, "two.mp4")
    assert (only.span.start_s, only.span.end_s) == (0.0, 2.0)


def test_a_clip_that_the_table_does_not_know_is_said_so(tmp_path: Path, table: Path) -> None:
    (only,) = replayed(tmp_path, table, "three.mp4")
    assert only.probability is None and "no row" in only.reason


def test_a_file_that_is_no_prediction_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="clip"):
        Replay(tmp_path / "other.csv")


def foreign(path: Path, clip: AdmittedClip, **options: Any) -> list[Prediction]:
    return list(Replay(path, **options).recognize(clip))


def test_frames_become_time_by_the_stated_rate_by_pts_or_by_the_table(tmp_path: Path) -> None:
    clip = open_door.admit(open_door.film(tmp_path / "film.mp4"), "face")  # ten frames at 10 a second
    fex = tables.pyfeat(
        tmp_path / "fex.csv",
        [("film.mp4", k, "Person_0", tables.HAPPY if k < 5 else tables.SAD) for k in range(10)],
    )
    for options in ({}, {"rate_hz": 10.0}, {"times": "pts"}):
        first, second = foreign(fex, clip, window_s=0.5, **options)
        assert first.probability is not None and first.probability.argmax() == EKMAN.index("happiness"), options
        assert second.probability is not None and second.probability.argmax() == EKMAN.index("sadness"), options
    assert len(foreign(fex, clip, window_s=0.5, rate_hz=5.0)) == 4
    stated = tables.openface(tmp_path / "film.csv", [(0.1, 1, {12: 5.0}), (0.7, 1, {12: 0.0})])
    first, second = foreign(stated, clip, window_s=0.5)
    assert (first.units["au12"], second.units["au12"]) == (1.0, 0.0) and first.reason and second.reason


def test_a_frame_that_the_clip_does_not_have_is_an_error(tmp_path: Path) -> None:
    clip = open_door.admit(open_door.film(tmp_path / "film.mp4"), "face")
    fex = tables.pyfeat(tmp_path / "fex.csv", [("film.mp4", 99, "", tables.HAPPY)])
    with pytest.raises(BadInput, match="frame 99"):
        foreign(fex, clip, window_s=0.5, times="pts")


def test_people_are_as_given_and_the_card_says_not_to_trust_them(tmp_path: Path) -> None:
    clip = open_door.admit(open_door.film(tmp_path / "film.mp4"), "face")
    faces = [("film.mp4", k, f"Person_{p}", (tables.HAPPY, tables.SAD)[p]) for k in range(3) for p in (0, 1)]
    replay = Replay(tables.pyfeat(tmp_path / "fex.csv", faces))
    assert [one.person for one in replay.recognize(clip)] == ["Person_0", "Person_1"]
    assert any("mix people up" in limit for limit in replay.card.limits)
    unnamed = tables.pyfeat(tmp_path / "unnamed.csv", faces, identity=False)
    (only,) = foreign(unnamed, clip)
    assert only.probability is None and "whose answer is whose" in only.reason


def test_a_face_table_says_nothing_where_the_face_is_not_permitted(tmp_path: Path) -> None:
    clip = open_door.admit(open_door.film(tmp_path / "film.mp4", sound_s=1.0), "voice")
    (only,) = foreign(tables.libreface(tmp_path / "film.csv", [(0.0, "Fear")]), clip)
    assert only.probability is None and "permit" in only.reason


def test_options_of_others_are_refused_for_our_own_table(table: Path) -> None:
    with pytest.raises(BadInput, match="tables of others"):
        Replay(table, classes="emfacs")
    with pytest.raises(BadInput, match="one of auto, own, pyfeat"):
        Replay(table, layout="facet")


def test_a_time_outside_the_clip_is_refused_by_its_row(tmp_path: Path, monkeypatch) -> None:
    clip = open_door.admit(open_door.film(tmp_path / "film.mp4"), "face")  # one second
    path = tables.openface(tmp_path / "film.csv", [(0.0, 1, {12: 3}), (500.0, 1, {12: 3})])
    for window_s in (0.0, 1.0):
        with pytest.raises(BadInput, match=r"row 2: a frame at 500 s.*1\.00 s of film\.mp4"):
            foreign(path, clip, classes="emfacs", window_s=window_s)
    fex = tables.pyfeat(tmp_path / "fex.csv", [("film.mp4", k, "Person_0", tables.HAPPY) for k in (0, 10**9)])
    with pytest.raises(BadInput, match="at this rate"):
        foreign(fex, clip, window_s=1.0)
    monkeypatch.setattr(Replay, "_within", staticmethod(lambda clip, rows, mine, times: times))
    assert len(foreign(path, clip, classes="emfacs", window_s=1.0)) > 400  # the twin: answers about what is not there


def test_rows_of_which_some_have_a_time_are_refused(tmp_path: Path) -> None:
    clip = open_door.admit(open_door.film(tmp_path / "film.mp4"), "face")
    path = tables.openface(tmp_path / "film.csv", [(0.0, 1, {12: 3}), (float("nan"), 1, {12: 3})])
    with pytest.raises(BadInput, match="row 2: no time"):
        foreign(path, clip, classes="emfacs", window_s=1.0)


@pytest.mark.parametrize("times", ["500,501", "0,900"])
def test_our_own_table_must_speak_of_the_clip_too(tmp_path: Path, times: str) -> None:
    clip = open_door.admit(open_door.film(tmp_path / "film.mp4"), "face")
    path = tmp_path / "own.csv"
    path.write_text(f"clip,person,start_s,end_s,p_calm,p_tense\nfilm,1,{times},0.25,0.75\n")
    with pytest.raises(BadInput, match="row 1"):
        foreign(path, clip)
    path.write_text(path.read_text().replace(times, "0,1"))
    assert len(foreign(path, clip)) == 1
