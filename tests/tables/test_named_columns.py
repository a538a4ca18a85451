"""Numbers by name in a table: their columns stand in order, empty where unknown, and come back as they went."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_door
import pyarrow.parquet
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.replay import Replay
from vemo_audit.records.event import Event
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction
from vemo_audit.records.span import Span
from vemo_audit.records.units import UNITS
from vemo_audit.tables.read import named_numbers, read_predictions
from vemo_audit.tables.write import write_events, write_predictions

PROBABILITY = np.array([0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], np.float32)
SMILE = Event("au12", 0.25, 0.5, math.nan, 0.75)


def rows(clip: str = "film") -> list[Prediction]:
    """A full row, a silent one that still moved, and a bare one."""
    return [
        Prediction(
            clip, "1", Span(0, 1), PROBABILITY, 0.25, -0.5, 0.125, 0.75, {"yaw_deg": -12.5, "exposure": 0.5},
            "face+voice", {"face": 1.5, "voice": -0.25}, {"face": 0.5, "voice": 1.0},
            {unit: k / 32 for k, unit in enumerate(reversed(UNITS))}, {"frustration build-up": 0.375}, (SMILE,),
        ),
        Prediction(clip, "1", Span(1, 2), None, units={"au4": 0.5}, reason="voice lost"),
        Prediction(clip, "2", Span(0, 1), PROBABILITY),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_units_stand_in_the_order_of_their_numbers_and_unknown_is_empty(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write_predictions(path, rows(), labels=EKMAN, dataset="", metadata={})
    if name.endswith("csv"):
        with path.open(newline="") as file:
            told = list(csv.DictReader(file))
        columns = list(told[0])
        assert (told[1]["au4_estimate"], told[1]["au12_estimate"], told[2]["quality_yaw_deg"]) == ("0.5", "", "")
    else:
        table = pyarrow.parquet.read_table(path)
        columns = table.column_names
        assert table.column("au12_estimate").to_pylist()[1:] == [None, None], "unknown is null, not 0 and not NaN"
    found = [column for column in columns if column.endswith("_estimate")]
    assert found == [f"{unit}_estimate" for unit in UNITS]
    assert [c for c in columns if c.startswith(("present_", "contribution_", "index_", "quality_"))] == [
        "contribution_face", "contribution_voice", "present_face", "present_voice", "quality_exposure",
        "quality_yaw_deg", "index_frustration_build-up",
    ]  # fmt: skip


def test_a_table_without_such_numbers_has_no_such_columns(tmp_path: Path) -> None:
    write_predictions(tmp_path / "t.parquet", rows()[2:], labels=EKMAN, dataset="", metadata={})
    names = pyarrow.parquet.read_table(tmp_path / "t.parquet").column_names
    assert not [name for name in names if name.endswith("_estimate") or name.startswith(("index_", "present_"))]


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_what_stands_in_our_own_table_comes_back_through_replay(name: str, tmp_path: Path) -> None:
    write_predictions(tmp_path / name, rows(), labels=EKMAN, dataset="", metadata={})
    found = list(Replay(tmp_path / name).recognize(open_door.admit(open_door.film(tmp_path / "film.mkv"))))
    for back, gone in zip(found, rows(), strict=True):
        for field in ("units", "quality_parts", "present", "contribution", "indices"):
            assert dict(getattr(back, field)) == pytest.approx(dict(getattr(gone, field))), field
        for field in ("valence", "arousal", "dominance", "quality"):
            assert getattr(back, field) == pytest.approx(getattr(gone, field), nan_ok=True), field
        assert (back.modality, back.person, back.span) == (gone.modality, gone.person, gone.span)


def test_a_vendors_text_under_such_a_name_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "clip,p_calm,p_tense,quality_note,au12_estimate,sales_estimate,au12_estimates\n"
        "film,.5,.5,good light,.25,9,1\nother,.5,.5,,,,\n"
    )
    table = read_predictions(path)
    found = named_numbers(table)
    assert table.optional["quality_note"][0] == "good light" and found["quality_parts"] == {}
    assert list(found["units"]) == ["au12"] and found["units"]["au12"][0] == 0.25
    assert math.isnan(found["units"]["au12"][1])


def test_events_are_a_row_each_with_empty_cells_for_what_was_not_seen(tmp_path: Path) -> None:
    formula = Prediction("=1+1", "@a", Span(0, 1), PROBABILITY, events=(Event("-x", math.nan, 1.0, math.nan, 0.5),))
    assert write_events(tmp_path / "events.csv", [*rows(), formula]) == 2
    lines = (tmp_path / "events.csv").read_text().splitlines()
    assert lines == [
        "clip,person,kind,onset_s,apex_s,offset_s,peak,area,rise_per_s,fall_per_s,asymmetry",
        "film,1,au12,0.25,0.5,,0.75,,,,",
        "'=1+1,'@a,'-x,,1.0,,0.5,,,,",
    ]


def test_decided_labels_stand_in_a_column_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    told = [replace(row, decided_label="fear" if row.probability is not None else "") for row in rows()]
    write_predictions(path, told, labels=EKMAN, dataset="", metadata={})
    assert read_predictions(path).optional["decided_label"].tolist() == ["fear", "", "fear"]
    write_predictions(path, rows(), labels=EKMAN, dataset="", metadata={})
    assert "decided_label" not in pyarrow.parquet.read_table(path).column_names


@pytest.mark.parametrize(("row", "label"), [(0, "joy"), (1, "fear")], ids=["no label of the card", "no answer"])
def test_a_label_that_nobody_knows_or_that_answers_nothing_is_refused(row: int, label: str, tmp_path: Path) -> None:
    told = [replace(rows()[row], decided_label=label)]
    with pytest.raises(BadInput, match=f"the decided label '{label}'"):
        write_predictions(tmp_path / "t.parquet", told, labels=EKMAN, dataset="", metadata={})
