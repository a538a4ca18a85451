"""A table behind the seam: its rows come back for the clip they speak of, and only for an admitted one."""

from pathlib import Path

import pytest
import throwaway

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.replay import Replay
from vemo_audit.records.clip import AdmittedClip
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
