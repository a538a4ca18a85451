"""Prediction, label and trait tables: what is read is what was written, and every fault is named by its place."""

import math
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vemo_audit.errors import BadInput
from vemo_audit.records.labels import EKMAN, LabelSet
from vemo_audit.records.prediction import Prediction
from vemo_audit.records.span import Span
from vemo_audit.tables import check as check_module
from vemo_audit.tables import read as read_module
from vemo_audit.tables.check import check
from vemo_audit.tables.read import read_labels, read_predictions, read_traits
from vemo_audit.tables.write import csv_text, guard, write_predictions, write_whole

TWO = LabelSet(("calm", "tense"))
HEAD = "clip,start_s,end_s,p_calm,p_tense"
FAULTS = {
    "no rows": ("clip,p_calm,p_tense\n", "a table without rows", ""),
    "no clip": ("name,p_calm,p_tense\na,.5,.5\n", "no such column", "'clip'"),
    "one probability": ("clip,p_calm\na,1\n", "1 columns p_<label>", ""),
    "logits": (HEAD + "\na,0,1,.5,.5\nb,0,1,2.5,-1.5\n", "2.5", "row 2, column 'p_calm'"),
    "sum": (HEAD + "\na,0,1,.5,.5\nb,0,1,.5,.5\nc,0,1,.5,.4\n", "sum to 0.9", "row 3, column 'p_*'"),
    "not a number": (HEAD + "\na,0,1,.5,.5\nb,0,1,half,.5\n", "'half'", "row 2, column 'p_calm'"),
    "NaN": (HEAD + "\na,0,1,nan,.5\n", "no number", "row 1, column 'p_calm'"),
    "silent without a reason": (HEAD + "\na,0,1,,\n", "no number", "row 1"),
    "infinite": (HEAD + "\na,0,1,inf,.5\n", "inf", "row 1, column 'p_calm'"),
    "twice": (HEAD + "\na,0,1,.5,.5\nb,0,1,.5,.5\na,0,1,.4,.6\n", "the same clip, start_s, end_s as row 1", "row 3"),
    "backwards": (HEAD + "\na,2,1,.5,.5\n", "a window from 2 to 1 s", "row 1, column 'start_s'"),
    "half a window": ("clip,start_s,p_calm,p_tense\na,0,.5,.5\n", "no such column", "'end_s'"),
    "before the start": (HEAD + "\na,-1,1,.5,.5\n", "a window from -1 to 1 s", "row 1"),
    "nameless": (HEAD + "\n,0,1,.5,.5\n", "an empty cell", "row 1, column 'clip'"),
    "flag": ("clip,p_calm,p_tense,abstained\na,.5,.5,maybe\n", "'maybe'", "row 1, column 'abstained'"),
    "valence": ("clip,p_calm,p_tense,valence\na,.5,.5,3\n", "3", "row 1, column 'valence'"),
    "weight": ("clip,p_calm,p_tense,weight\na,.5,.5,.5\n", "0.5", "row 1, column 'weight'"),
    "heavy": ("clip,p_calm,p_tense,weight\na,.5,.5,1e18\n", "1e+18", "row 1, column 'weight'"),
    "ragged": (HEAD + "\na,0,1,.5,.5\nb,0,1,.5\n", "4 cells", "row 2"),
    "too wide": (HEAD + "\na,0,1,.5,.5,1\n", "6 cells", "row 1"),
    "semicolons": ("clip;p_calm;p_tense\na;.5;.5\n", "columns separated by semicolons", ""),
    "tabs": ("clip\tp_calm\tp_tense\na\t.5\t.5\n", "columns separated by tabs", ""),
    "long label": (f"clip,p_{'x' * 10_000},p_tense\na,.5,.5\n", "a name of 10,000 characters", "column 'xxx"),
    "unprintable label": ("clip,p_ca\u202elm,p_tense\na,.5,.5\n", "cannot be printed", "column 'ca"),
    "column twice": ("clip,clip,p_calm,p_tense\na,a,.5,.5\n", "the column 'clip' twice", ""),
    "empty file": ("", "an empty file", ""),
}


def written(folder: Path, text: str, *, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_prediction_table_is_refused_with_file_and_place(fault: str, tmp_path: Path) -> None:
    text, found, place = FAULTS[fault]
    path = written(tmp_path, text)
    with pytest.raises(BadInput) as refusal:
        read_predictions(path)
    assert found in refusal.value.found
    assert str(path) in refusal.value.where and place in refusal.value.where
    assert refusal.value.expected
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("broken", "fault"),
    [("check_probabilities", "sum"), ("check_probabilities", "logits"), ("check_times", "backwards"),
     ("check_unique", "twice")],
)  # fmt: skip
def test_the_twin_without_the_guard_lets_the_fault_in(
    broken: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_module, broken, lambda *_, **__: None)
    assert len(read_predictions(written(tmp_path, FAULTS[fault][0]))) > 0


def test_check_lists_every_problem_and_not_just_the_first(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "\na,0,1,.5,.4\nb,3,1,.5,.5\nb,3,1,.5,.5\n,0,1,x,.5\n")
    problems = check(path)
    assert [p.row for p in problems] == sorted(p.row or 0 for p in problems)
    assert {(p.row, p.column) for p in problems} >= {
        (1, "p_*"),
        (2, "start_s"),
        (3, "clip"),
        (4, "clip"),
        (4, "p_calm"),
    }
    with pytest.raises(BadInput, match="more of these"):
        read_predictions(path)


def test_labels_of_the_plan_must_be_the_labels_of_the_table(tmp_path: Path) -> None:
    path = written(tmp_path, "clip,p_calm,p_happy\na,.5,.5\n")
    found = {(p.column, p.found) for p in check(path, labels=TWO)}
    assert found == {("p_tense", "no such column"), ("p_happy", "the unknown label 'happy'")}


def test_the_order_of_the_given_labels_wins_over_the_order_of_the_columns(tmp_path: Path) -> None:
    table = read_predictions(written(tmp_path, "clip,p_tense,p_calm\na,.9,.1\n"), labels=TWO)
    np.testing.assert_allclose(table.probability, [[0.1, 0.9]])


def test_abstentions_are_kept_with_their_reason(tmp_path: Path) -> None:
    text = "clip,p_calm,p_tense,abstained,reason\na,,,true,nobody in view\nb,,,true,\nc,.2,.8,,\nd,,,,too dark\n"
    table = read_predictions(written(tmp_path, text))
    assert list(table.abstained) == [True, True, False, True]
    assert list(table.reason) == ["nobody in view", "abstained", "", "too dark"]
    assert np.isnan(table.probability[[0, 1, 3]]).all()


def test_unknown_columns_are_kept(tmp_path: Path) -> None:
    table = read_predictions(written(tmp_path, "clip,p_calm,p_tense,vendor_note,quality\na,.5,.5,x,.25\n"))
    assert list(table.optional["vendor_note"]) == ["x"]
    assert list(table.optional["quality"]) == [0.25]


def test_a_parquet_column_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pa.table({"clip": [1.5], "p_calm": [0.5], "p_tense": [0.5]}), path)
    with pytest.raises(BadInput, match=r"column 'clip': values of type double"):
        read_predictions(path)


@pytest.mark.parametrize("name", ["absent.csv", "table.xlsx", "broken.parquet"])
def test_files_that_are_no_table_are_bad_input(name: str, tmp_path: Path) -> None:
    if name != "absent.csv":
        (tmp_path / name).write_bytes(b"PK\x03\x04 not a table")
    with pytest.raises(BadInput) as refusal:
        read_predictions(tmp_path / name)
    assert name in refusal.value.where


def sample(k: int, *, clip: str = "c", reason: str = "") -> Prediction:
    probability = np.full(7, (1 - 0.4) / 6, dtype=np.float32)
    probability[k % 7] = 0.4
    return Prediction(
        clip, f"p{k}", Span(k, k + 2.0), None if reason else probability, valence=0.25, quality=0.5, modality="face",
        contribution={"face": -1.5}, reason=reason, trace="t", decision="d",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_what_is_written_is_what_is_read(name: str, tmp_path: Path) -> None:
    rows = [sample(0), sample(1, clip="=1+1"), sample(2, clip="'=x", reason="-nobody")]
    metadata = {"recognizer": "r", "version": "1"}
    assert write_predictions(tmp_path / name, rows, labels=EKMAN, dataset="@d", metadata=metadata) == 3
    table = read_predictions(tmp_path / name, labels=EKMAN)
    assert list(table.clip) == ["c", "=1+1", "'=x"]
    assert list(table.dataset) == ["@d"] * 3 and list(table.decision) == ["d"] * 3
    assert list(table.reason) == ["", "", "-nobody"]
    np.testing.assert_array_equal(table.start_s, [0, 1, 2])
    for k in (0, 1):
        np.testing.assert_allclose(table.probability[k], rows[k].probability, atol=1e-6)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    if name.endswith("parquet"):
        assert table.metadata["recognizer"] == "r" and table.metadata["labels_digest"] == EKMAN.digest


def test_a_table_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_predictions(path, [sample(0)], labels=EKMAN, dataset="d", metadata={})
    before = path.read_bytes()
    with pytest.raises(BadInput, match="probabilities of shape"):
        write_predictions(path, [sample(0)], labels=TWO, dataset="d", metadata={})
    assert path.read_bytes() == before

    with pytest.raises(TypeError):
        write_whole(path, object())  # type: ignore[arg-type]
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@given(st.text())
def test_no_cell_starts_a_formula(text: str) -> None:
    assert not guard(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_csv_keeps_numbers_as_numbers_and_guards_texts() -> None:
    text = csv_text(["a", "=b"], [["=HYPERLINK(1)", -1.5], ["ok", math.nan], [None, True]])
    assert text == "a,'=b\n'=HYPERLINK(1),-1.5\nok,\n,true\n"


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 3), st.floats(0, 2)), min_size=1, max_size=30))
def test_row_sums_and_duplicates_agree_with_a_plain_loop(rows: list[tuple[int, float]], tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    text = "clip,p_calm,p_tense\n" + "".join(f"c{k},{p!r},{1 - min(p, 1.0)!r}\n" for k, p in rows)
    path = written(tmp_path_factory.mktemp("t"), text)
    seen: set[int] = set()
    expected = set()
    for number, (k, p) in enumerate(rows, start=1):
        if k in seen:
            expected.add((number, "clip"))
        seen.add(k)
        if p > 1 + 1e-4:
            expected.add((number, "p_calm"))
        elif abs(p + 1 - min(p, 1.0) - 1) > 1e-4:
            expected.add((number, "p_*"))
    assert {(problem.row, problem.column) for problem in check(path)} == expected


def test_labels_come_with_their_subject(tmp_path: Path) -> None:
    path = written(tmp_path, "clip,label,subject\na,calm,ann\nb,tense,bob\n")
    assert [(t.clip, t.label, t.subject) for t in read_labels(path, labels=TWO)] == [
        ("a", "calm", "ann"),
        ("b", "tense", "bob"),
    ]


def test_subjects_may_stand_in_a_table_of_their_own(tmp_path: Path) -> None:
    path = written(tmp_path, "clip,person,label\na,p0,calm\na,p1,tense\nb,p0,tense\n")
    subjects = written(tmp_path, "clip,person,subject\na,p0,ann\na,p1,bob\nb,,cy\n", name="subjects.csv")
    assert [t.subject for t in read_labels(path, subjects=subjects)] == ["ann", "bob", "cy"]
    written(tmp_path, "clip,person,subject\na,p0,ann\nb,,cy\n", name="subjects.csv")
    with pytest.raises(BadInput, match="no subject for clip 'a'") as refusal:
        read_labels(path, subjects=subjects)
    assert "row 2" in refusal.value.where


@pytest.mark.parametrize(
    ("text", "found", "place"),
    [
        ("clip,label,subject\na,angry,ann\n", "the unknown label 'angry'", "row 1, column 'label'"),
        ("clip,label,subject\na,calm,ann\na,tense,ann\n", "the same clip as row 1", "row 2"),
        ("clip,label\na,calm\n", "no such column", "'subject'"),
        ("clip,label,subject\na,calm,\n", "no subject for clip 'a'", "row 1"),
        ("clip,subject\na,ann\n", "no such column", "'label'"),
    ],
)
def test_a_faulty_label_table_is_refused(text: str, found: str, place: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refusal:
        read_labels(written(tmp_path, text), labels=TWO)
    assert found in refusal.value.found and place in refusal.value.where


def test_a_subject_with_two_values_of_a_trait_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "subject,sex,age\nann,female,40\nbob,male,\nann,male,40\n")
    with pytest.raises(BadInput) as refusal:
        read_traits(path, dataset="d")
    assert refusal.value.where.endswith("row 3, column 'sex'")
    assert refusal.value.found == "subject 'ann' is 'male' here and 'female' in row 1"


def test_the_twin_that_skips_the_trait_check_would_take_both_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_module, "check_traits", lambda raw: None)
    path = written(tmp_path, "subject,sex\nann,female\nann,male\n")
    assert len({t.traits["sex"] for t in read_traits(path, dataset="d")}) == 2


def test_an_empty_trait_is_unknown(tmp_path: Path) -> None:
    rows = read_traits(written(tmp_path, "subject,sex,age\n1,female,\n2,,30\n"), dataset="d")
    assert [dict(r.traits) for r in rows] == [{"sex": "female", "age": None}, {"sex": None, "age": "30"}]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("clip,label,subject\na,calm,ann\n", 0),
        ("clip,label,subject\na,calm,ann\na,calm,ann\n", 1),
        ("subject,sex\nann,f\n", 0),
        ("subject,sex\nann,f\nann,m\n", 1),
        ("subject\nann\n", 1),
        ("clip,subject\na,ann\na,bob\n", 1),
        ("x,y\n1,2\n", 1),
    ],
)
def test_check_knows_every_kind_of_table(text: str, fault: int, tmp_path: Path) -> None:
    assert len(check(written(tmp_path, text))) == fault


def test_no_two_byte_text_is_taken_for_a_table(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("clip,p_calm,p_tense\na,.5,.5\n".encode("utf-16"))
    with pytest.raises(BadInput, match="not in UTF-8"):
        read_predictions(path)


def test_what_a_spreadsheet_saves_is_read(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b'\xef\xbb\xbf"clip","p_calm","p_tense"\r\n"a, b",".5",".5"\r\n')
    assert read_predictions(path).clip.tolist() == ["a, b"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([["a"], ["b"]], "list"), ([{"x": 1}, {"x": 2}], "struct"), ([1.5, 2.5], "double"),
        ([b"\xff\xfe", b"b"], "binary"), ([date(2026, 1, 1), date(2026, 1, 2)], "date32"),
    ],
)  # fmt: skip
def test_a_parquet_column_of_a_wrong_type_is_named(values: list[object], kind: str, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pa.parquet.write_table(pa.table({"clip": values, "p_calm": [0.5, 0.5], "p_tense": [0.5, 0.5]}), path)
    with pytest.raises(BadInput) as refusal:
        read_predictions(path)
    assert kind in refusal.value.found and "column 'clip'" in refusal.value.where
    assert check(path)


@pytest.mark.parametrize("value", ["x" * 201, " a", "a\u00a0", "a\nb", "a\x1bb", "a\u202eb", "a\x00b"])
def test_a_name_that_no_report_could_print_is_refused(value: str, tmp_path: Path) -> None:
    traits, labels = tmp_path / "traits.parquet", tmp_path / "labels.parquet"
    pa.parquet.write_table(pa.table({"subject": ["s"], "sex": [value]}), traits)
    pa.parquet.write_table(pa.table({"clip": ["c"], "label": [value], "subject": ["s"]}), labels)
    for read in (lambda: read_traits(traits, dataset="d"), lambda: read_labels(labels)):
        with pytest.raises(BadInput, match="row 1, column") as refusal:
            read()
        assert "printable name" in refusal.value.expected
    pa.parquet.write_table(pa.table({"subject": ["s"], "sex": ["\u0645\u06cc\u200c\u0634"]}), traits)
    assert len(read_traits(traits, dataset="d")) == 1


def test_votes_are_not_labels_for_the_check_either(tmp_path: Path) -> None:
    (found,) = check(written(tmp_path, "clip,subject,v_calm,v_tense,label\na,s,3,4,calm\n"))
    assert found.found == "votes"
    assert any(p.found == "votes" for p in check(written(tmp_path, "clip,subject,v_calm,v_tense\na,s,3,4\n")))


@pytest.mark.parametrize("text", ["subject,a=b\ns,x\n", "subject,a & b\ns,x\n", "subject,sex\ns,x & y=z\n"])
def test_a_trait_that_could_be_read_as_two_groups_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="without"):
        read_traits(written(tmp_path, text), dataset="d")
