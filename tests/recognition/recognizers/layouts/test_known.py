"""Foreign tables: known by their exact header, read by hand-worked cells, and refused with what was found."""

import json
from pathlib import Path

import foreign_tables as tables
import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.layouts import known
from vemo_audit.recognition.recognizers.layouts.clips import foreign_table
from vemo_audit.recognition.recognizers.layouts.known import Choice
from vemo_audit.records.labels import EKMAN, LabelMapping

RENAMED = {"Neutral": "calm", "Happiness": "calm", "Sadness": "tense", "Surprise": "tense", "Fear": "tense",
           "Disgust": "tense", "Anger": "tense"}  # fmt: skip


def test_pyfeat(tmp_path: Path) -> None:
    faces = [("/data/one.mp4", 0, "Person_0", tables.HAPPY), (r"F:\data\one.mp4", 1, "", None)]
    rows, labels = known.read(tables.pyfeat(tmp_path / "fex.csv", faces), Choice())
    assert labels == EKMAN and rows.clip == ("one", "one") and rows.person == ("Person_0", "")
    assert rows.probability[0].tolist() == pytest.approx(list(tables.HAPPY)) and np.isnan(rows.probability[1]).all()
    assert rows.reason == ("", "py-feat found no face in this frame") and rows.frame.tolist() == [0, 1]
    assert rows.units["au12"][0] == 0.5 and np.isnan(rows.units["au12"][1]) and rows.quality[0] == 0.9
    assert any("mix people up" in limit for limit in rows.limits)


def test_pyfeat_that_answers_for_an_empty_picture_has_no_answer(tmp_path: Path) -> None:
    path = tables.pyfeat(
        tmp_path / "a.csv", [("a.mp4", 0, "Person_0", tables.HAPPY)], more=["FrameHeight", "FrameWidth"]
    )
    path.write_text(path.read_text().replace("0.0,10,10,10,10,0.9", "0.0,,,,,0.0"))
    rows, _ = known.read(path, Choice())
    assert rows.person == ("",) and "no face" in rows.reason[0] and np.isnan(rows.probability).all()


def test_pyfeat_of_version_2_has_other_words(tmp_path: Path) -> None:
    box = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    words = ["Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger", "Contempt"]
    header = [*box, "mesh_x_0", "AU12", *words, "valence", "arousal", "gaze_pitch", "input", "frame"]
    path = tables.write(
        tmp_path / "v2.csv", header, [[1, 1, 1, 1, 1, 5, 0.25, 0, 1, *(0,) * 6, 0.5, -0.5, 0, "a.mp4", 0]]
    )
    rows, labels = known.read(path, Choice())
    assert labels.names == (*EKMAN.names, "contempt")
    assert rows.probability[0, labels.index("happiness")] == 1
    assert rows.affect is not None and rows.affect[0].tolist() == [0.5, -0.5]


def test_openface_reads_units_and_no_class_unless_a_rule_is_chosen(tmp_path: Path) -> None:
    path = tables.openface(tmp_path / "talk.csv", [(0.0, 1, {6: 4.0, 12: 5.0}), (0.033, 0, {12: 5.0})])
    assert path.read_text().startswith("frame, face_id, timestamp")
    rows, labels = known.read(path, Choice())
    assert labels == EKMAN and rows.clip == ("talk", "talk") and rows.frame.tolist() == [0, 1]
    assert rows.units["au12"][0] == 1.0 and rows.units["au6"][0] == 0.8 and np.isnan(rows.units["au12"][1])
    assert rows.time_s.tolist() == [0.0, 0.033] and np.isnan(rows.probability).all()
    assert "no rule" in rows.reason[0] and "did not follow" in rows.reason[1]
    ruled, _ = known.read(path, Choice(classes="emfacs"))
    assert ruled.reason[0] == "" and ruled.probability[0].argmax() == EKMAN.index("happiness")
    assert any("not calibrated" in limit for limit in ruled.limits)


def test_libreface(tmp_path: Path) -> None:
    rows, labels = known.read(tables.libreface(tmp_path / "a.csv", [(0.0, "Happiness"), (40.0, "Contempt")]), Choice())
    assert labels.names == (*EKMAN.names, "contempt") and rows.time_s.tolist() == [0.0, 0.04]
    assert rows.probability[0, labels.index("happiness")] == 1 and rows.probability[1, labels.index("contempt")] == 1
    assert (rows.units["au12"][0], rows.units["au7"][0]) == (0.5, 1.0)


def test_deepface_is_in_percent_and_does_not_say_who_is_who(tmp_path: Path) -> None:
    path = tables.deepface(tmp_path / "a.json", [[tables.HAPPY], [tables.HAPPY, tables.SAD]])
    rows, labels = known.read(path, Choice())
    assert labels == EKMAN and rows.probability[0].tolist() == pytest.approx(list(tables.HAPPY))
    assert rows.reason == ("", known.CROWDED, known.CROWDED)
    unseen, _ = known.read(tables.deepface(tmp_path / "b.json", [[tables.HAPPY]], confidence=0), Choice())
    assert "no face" in unseen.reason[0] and np.isnan(unseen.probability).all()


@pytest.mark.parametrize("scale", [0.01, 0.999])
def test_deepface_that_is_not_in_percent_is_refused(tmp_path: Path, scale: float) -> None:
    path = tables.deepface(tmp_path / "a.json", [[[scale * share for share in tables.HAPPY]]])
    with pytest.raises(BadInput, match="percentages that sum to"):
        known.read(path, Choice())


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda face: face | {"mood": 1}, "mood"), (lambda face: face | {"emotion": {"joy": 100}}, "joy"),
        (lambda face: [face], "none"), (lambda face: {"emotion": face["emotion"]}, "dominant_emotion"),
    ],
)  # fmt: skip
def test_other_json_is_refused_with_its_keys(tmp_path: Path, change, found: str) -> None:
    path = tables.deepface(tmp_path / "a.json", [[tables.HAPPY]])
    told = json.loads(path.read_text())
    told[0][0] = change(told[0][0])
    path.write_text(json.dumps(told))
    with pytest.raises(BadInput, match=found):
        known.read(path, Choice())


def test_an_unknown_header_is_refused_with_what_was_found_and_the_nearest(tmp_path: Path) -> None:
    strange = tables.pyfeat(tmp_path / "a.csv", [("a.mp4", 0, "", tables.HAPPY)], more=["mood_index"])
    with pytest.raises(BadInput, match=r"Nearest is pyfeat, with the unknown 'mood_index'"):
        known.layout_of(strange)
    with pytest.raises(BadInput, match=r"Expected the exact header of pyfeat, openface, libreface"):
        known.layout_of(tables.write(tmp_path / "b.csv", ["time", "joy"], [[0, 1]]))
    renamed = tmp_path / "c.csv"
    renamed.write_text(tables.openface(tmp_path / "d.csv", [(0, 1, {})]).read_text().replace("AU12_r", "AU12_x"))
    with pytest.raises(BadInput, match=r"Nearest is openface, without 'AU12_r' and with the unknown 'AU12_x'"):
        known.layout_of(renamed)
    with pytest.raises(BadInput, match="layout of pyfeat"):
        known.layout_of(tables.pyfeat(tmp_path / "e.csv", [("a.mp4", 0, "", tables.HAPPY)]), "openface")


def test_a_wrong_cell_is_named_by_row_and_column(tmp_path: Path) -> None:
    path = tables.openface(tmp_path / "a.csv", [(0.0, 1, {}), (0.1, 1, {4: 7.0})])
    with pytest.raises(BadInput, match=r"row 2, column 'AU04_r': 7"):
        known.read(path, Choice())
    path = tables.libreface(tmp_path / "b.csv", [(0.0, "Joy")])
    with pytest.raises(BadInput, match=r"row 1, column 'facial_expression': 'Joy'"):
        known.read(path, Choice())
    path = tables.pyfeat(tmp_path / "c.csv", [("a.mp4", 0, "", (0.5,) * 7)])
    with pytest.raises(BadInput, match=r"row 1: .* sum to 3.5"):
        known.read(path, Choice())


def test_an_unmapped_label_is_an_error_and_a_dropped_one_has_its_reason(tmp_path: Path) -> None:
    path = tables.libreface(tmp_path / "a.csv", [(0.0, "Happiness"), (40.0, "Contempt")])
    with pytest.raises(BadInput, match="the label 'Contempt'"):
        known.read(path, Choice(mapping=LabelMapping(tuple(RENAMED.items()))))
    rows, labels = known.read(path, Choice(mapping=LabelMapping(tuple(RENAMED.items()), ("Contempt",))))
    assert labels.names == ("calm", "tense") and rows.probability[0].tolist() == [1, 0]
    assert rows.reason == ("", "the label 'Contempt' is dropped by the mapping") and np.isnan(rows.probability[1]).all()


def test_dropping_an_unlikely_label_scales_the_others(tmp_path: Path) -> None:
    pairs = {name: name for name in tables.EMOTIONS if name != "neutral"}
    path = tables.pyfeat(tmp_path / "a.csv", [("a.mp4", 0, "", tables.HAPPY)])
    rows, labels = known.read(path, Choice(mapping=LabelMapping(tuple(pairs.items()), ("neutral",))))
    assert "neutral" not in labels.names and rows.probability[0].sum() == pytest.approx(1)
    assert rows.probability[0, labels.index("happiness")] == pytest.approx(0.7 / 0.9)


def test_a_table_without_clips_is_one_row_for_each_person_and_clip(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    for name, word in (("one", "Happiness"), ("two", "Sadness")):
        tables.libreface(folder / f"{name}.csv", [(0.0, word), (40.0, "Neutral")])
    foreign = foreign_table(folder, {"layout": "libreface"})
    assert foreign.table.clip.tolist() == ["one", "two"] and np.isnan(foreign.table.start_s).all()
    assert foreign.table.probability[0, EKMAN.index("happiness")] == 0.5 and any(
        "AU23" in one for one in foreign.limits
    )
    with pytest.raises(BadInput, match="option 'speed'"):
        foreign_table(folder, {"speed": 1})
    tables.openface(folder / "three.csv", [(0, 1, {})])
    with pytest.raises(BadInput, match="layout of openface"):
        foreign_table(folder, {"layout": "auto"})
