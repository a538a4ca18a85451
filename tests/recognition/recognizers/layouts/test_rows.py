"""Foreign tables with damage in them: each kind is refused by row and column, none is guessed around."""

from collections.abc import Callable
from pathlib import Path

import foreign_tables as foreign
import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.layouts import known
from vemo_audit.recognition.recognizers.layouts.known import Choice
from vemo_audit.recognition.recognizers.layouts.rows import Rows
from vemo_audit.records.reasons import CROWDED

RULE = Choice(classes="emfacs")


def openface(folder: Path) -> Path:
    return foreign.openface(folder / "a.csv", [(0.0, 1, {12: 3}), (0.1, 1, {12: 3}), (0.2, 1, {4: 3})])


def pyfeat(folder: Path) -> Path:
    return foreign.pyfeat(folder / "a.csv", [("a.mp4", 0, "Person_0", foreign.HAPPY), ("a.mp4", 1, "", None)])


DAMAGE: list[tuple[Callable[[Path], Path], str, str, str]] = [
    (openface, "\n1, 0, 0.0", "\n1, 0, -0.5", "row 1: a frame at -0.5 s"),
    (openface, "\n1, 0, 0.0", "\n1, 0, inf", "column 'timestamp': 'inf'"),
    (openface, "\n1, ", "\n-1, ", "column 'frame': -1"),
    (openface, "\n1, ", "\n1.5, ", "column 'frame': 1.5"),
    (openface, ", ", ";", "separated by semicolons"),
    (openface, ", ", "\t", "separated by tabs"),
    (openface, "0.98", "9" * 200_000, "field larger"),
    (pyfeat, "\n0.0,", "\n1e300,", "column 'frame': 1e\\+300"),
    (pyfeat, "Person_0", '"Per\nson"', "the person"),
    (pyfeat, "Person_0", "P" * 5000, "the person"),
    (pyfeat, "FaceScore", "F" * 100_000, "F{40}"),
]


@pytest.mark.parametrize(("make", "old", "new", "found"), DAMAGE)
def test_damage_is_refused_by_its_place(tmp_path: Path, make, old: str, new: str, found: str) -> None:
    path, choice = make(tmp_path), RULE if make is openface else Choice()
    known.read(path, choice)  # the twin without the damage is read
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BadInput, match=found) as refusal:
        known.read(path, choice)
    assert len(str(refusal.value)) < 2000


def test_a_late_byte_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = openface(tmp_path)
    path.write_bytes(path.read_bytes() + b"\x80,\n" + b"1" * 10)
    with pytest.raises(BadInput, match="cannot be read"):
        known.read(path, RULE)


def test_a_frame_that_stands_twice_for_one_person_has_no_answer(tmp_path: Path, monkeypatch) -> None:
    path = openface(tmp_path)
    path.write_text(path.read_text() + path.read_text().strip().splitlines()[-1] + "\n")
    assert known.read(path, RULE)[0].reason == ("", "", CROWDED, CROWDED)
    monkeypatch.setattr(Rows, "crowded", lambda self: np.zeros(len(self.clip), bool))  # the twin: it counts double
    assert known.read(path, RULE)[0].reason == ("",) * 4


def test_openface_frames_count_from_1_and_those_that_begin_at_0_keep_apart(tmp_path: Path) -> None:
    path = openface(tmp_path)
    assert known.read(path, RULE)[0].frame.tolist() == [0, 1, 2]
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *(f"{k}{line[1:]}" for k, line in enumerate(lines[1:]))]))
    assert known.read(path, RULE)[0].frame.tolist() == [0, 1, 2]


def test_what_windows_writes_for_no_number_is_a_missing_value(tmp_path: Path) -> None:
    path = openface(tmp_path)
    path.write_text(path.read_text().replace("0.98", "-nan(ind)"))
    assert np.isnan(known.read(path, RULE)[0].quality).all()
