"""The whole command on a vendor's tables: what it writes, what it says and how it ends."""

import csv
import hashlib
import io
import json
import re
from pathlib import Path

import jsonschema
import pytest
import typer
from fakes import PLAN, vendor
from typer.testing import CliRunner

from vemo_audit.audit import export, folder
from vemo_audit.cli import audit, plan, table
from vemo_audit.errors import VemoError

app = typer.Typer()
app.command("audit")(audit.audit)
app.add_typer(plan.app, name="plan")
app.add_typer(table.app, name="table")
ALL = ["audit.json", "report.html", "run.json", "tables"]


def run(*arguments: str) -> tuple[int, str, VemoError | None]:
    """Exit code, output and error, as `main` would turn them into an end."""
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, VemoError):
        return result.exception.exit_code, result.output, result.exception
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output, None


def audited(path: Path, out: Path) -> tuple[int, str, dict]:
    code, told, error = run("audit", str(path), "--out", str(out))
    assert error is None, error
    return code, told, json.loads((out / "audit.json").read_text())


def test_an_audit_of_a_vendors_table_needs_no_gate_and_tells_its_findings(tmp_path: Path) -> None:
    code, told, found = audited(vendor(tmp_path), tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ALL
    assert code == found["exit_code"] == 1 and found["undecided"] == ["sex-gap"]
    words = re.sub(r"\s+", " ", told)
    assert "Undecided. The difference between women and men in accuracy is +10.0 points" in words
    assert "Criteria: sex-gap undecided." in words and "report.html" in words
    assert found["gate"]["basis"].startswith("historic")
    assert any("historic" in limit for limit in found["limits"])


@pytest.mark.parametrize(
    ("limit", "right", "code", "verdict"),
    [(0.6, {"female": 0.8, "male": 0.8}, 0, "met"), (0.05, {"female": 0.9, "male": 0.2}, 1, "missed")],
)
def test_exit_codes_of_decided_audits(
    limit: float, right: dict[str, float], code: int, verdict: str, tmp_path: Path
) -> None:
    path = vendor(tmp_path, right=right, plan=PLAN.replace("limit = 0.05", f"limit = {limit}"))
    ended, _, found = audited(path, tmp_path / "out")
    assert ended == code and found["criteria"][0]["verdict"] == verdict


def test_undecided_passes_only_where_the_plan_says_so_and_stays_undecided(tmp_path: Path) -> None:
    path = vendor(tmp_path, plan=PLAN.replace("draws = 200", 'draws = 200\nundecided = "warn"'))
    code, told, found = audited(path, tmp_path / "out")
    assert code == 0 and found["undecided"] == ["sex-gap"] and "Undecided" in told


def test_a_family_that_is_all_hidden_ends_with_3(tmp_path: Path) -> None:
    code, _, found = audited(vendor(tmp_path, people=4), tmp_path / "out")
    assert code == 3 and found["criteria"][0]["verdict"] == "refused"
    assert all(g["value"] is None and g["subjects_a"] is None for g in found["gaps"])


def test_the_json_has_the_published_form(tmp_path: Path) -> None:
    _, _, found = audited(vendor(tmp_path), tmp_path / "out")
    schema = json.loads(Path(export.__file__).with_name("audit.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema)
    for key in (
        "recognizer",
        "dataset",
        "metric",
        "slice",
        "value",
        "low",
        "high",
        "level",
        "rows",
        "subjects",
        "state",
    ):
        assert key in found["measurements"][0]
    for key in ("recognizer", "dataset", "metric", "trait", "a", "b", "value", "low", "high", "level", "verdict"):
        assert key in found["gaps"][0]
    found["measurements"][0]["value"] = "high"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, schema)


def test_the_run_digest_is_that_of_the_file_beside_it(tmp_path: Path) -> None:
    _, _, found = audited(vendor(tmp_path), tmp_path / "out")
    data = (tmp_path / "out" / "run.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() == found["run_digest"]
    assert found["run_digest"] in (tmp_path / "out" / "report.html").read_text()
    assert hashlib.sha256(data.replace(b"0", b"1", 1)).hexdigest() != found["run_digest"]


def test_the_tables_say_what_the_json_says(tmp_path: Path) -> None:
    _, _, found = audited(vendor(tmp_path), tmp_path / "out")
    text = (tmp_path / "out" / "tables" / "measurements.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(found["measurements"])
    for row, m in zip(rows, found["measurements"], strict=True):
        assert (row["metric"], row["slice"], row["state"]) == (m["metric"], m["slice"], m["state"])
        assert (float(row["value"]) if row["value"] else None) == m["value"]


def test_no_clip_and_no_subject_is_named_in_any_result(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    for file in (tmp_path / "data" / "labels.csv", tmp_path / "data" / "traits.csv", tmp_path / "predictions.csv"):
        file.write_text(file.read_text().replace("female3", "canary-subject-77"))
    audited(path, tmp_path / "out")
    for file in (tmp_path / "out").rglob("*"):
        if file.is_file():
            assert "canary" not in file.read_text(), file.name
            assert str(tmp_path) not in file.read_text(), file.name


def test_names_that_a_spreadsheet_would_run_are_made_safe(tmp_path: Path) -> None:
    path = vendor(tmp_path, plan=PLAN.replace('name = "vendor"', 'name = "=HYPERLINK(1)"'))
    audited(path, tmp_path / "out")
    for file in (tmp_path / "out" / "tables").iterdir():
        for row in csv.reader(io.StringIO(file.read_text())):
            for cell in row:
                assert not cell.startswith(("=", "@", "\t")), (file.name, cell)


def test_the_twin_without_the_guard_lets_the_formula_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vemo_audit.tables.write.guard", lambda text: text)
    audited(vendor(tmp_path, plan=PLAN.replace('name = "vendor"', 'name = "=HYPERLINK(1)"')), tmp_path / "out")
    assert "\n=HYPERLINK" in (tmp_path / "out" / "tables" / "measurements.csv").read_text()


def replaced(file: str, old: str, new: str):  # type: ignore[no-untyped-def]
    def spoil(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))

    return spoil


def emptied(folder: Path) -> None:
    (folder / "predictions.csv").write_text("clip,p_calm,p_tense\n")


BAD = {
    "missing column": (replaced("predictions.csv", "p_tense", "q_tense"), "columns p_<label>", "predictions.csv"),
    "unknown label": (replaced("data/labels.csv", ",calm,", ",angry,"), "p_angry", "predictions.csv"),
    "no distribution": (replaced("predictions.csv", ".8,.2", ".8,.4"), "sum to 1.2", "row 1"),
    "duplicate row": (replaced("predictions.csv", "female0-tense-1,", "female0-calm-0,"), "the same clip", "row 2"),
    "two values of a trait": (replaced("data/traits.csv", "male1,male", "female0,male"), "is 'male' here", "row 8"),
    "empty table": (emptied, "without rows", "predictions.csv"),
    "unknown key": (replaced("plan.toml", "draws = 200", "drawz = 200"), "unknown key 'drawz'", "plan.toml"),
    "unknown trait": (replaced("plan.toml", '["sex"]', '["sex", "age"]'), "the trait 'age'", "plan.toml"),
    "unknown metric": (
        replaced("plan.toml", "draws = 200", 'draws = 200\nmetrics = ["accuracy", "auc"]'), "the metric 'auc'", ""
    ),
    "unknown plug-in": (replaced("plan.toml", 'name = "folder"', 'name = "foldr"'), "the dataset 'foldr'", ""),
    "unknown option": (
        replaced("plan.toml", 'path = "data"', 'path = "data"\noptions = { lable = "x" }'), "does not take", "[dataset]"
    ),
    "published by nobody": (
        replaced("plan.toml", 'table = "predictions.csv"', 'published = "x"'), "published = 'x'", "vendor"
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_bad_input_ends_with_2_and_writes_nothing(fault: str, tmp_path: Path) -> None:
    spoil, found, place = BAD[fault]
    path = vendor(tmp_path)
    spoil(tmp_path)
    before = sorted(p.name for p in tmp_path.iterdir())
    code, _, error = run("audit", str(path), "--out", str(tmp_path / "out"))
    assert code == 2 and error is not None
    assert found in error.found and place in f"{error.where} {error.found}"
    assert error.expected
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_failed_audit_leaves_the_earlier_one_as_it_was(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    audited(path, tmp_path / "out")
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.is_file()}
    emptied(tmp_path)
    assert run("audit", str(path), "--out", str(tmp_path / "out"))[0] == 2
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.is_file()} == before


def test_an_earlier_audit_is_replaced_whole(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    audited(path, tmp_path / "out")
    (tmp_path / "out" / "tables" / "gaps.csv").write_text("old")
    audited(path, tmp_path / "out")
    assert (tmp_path / "out" / "tables" / "gaps.csv").read_text() != "old"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_folder_with_other_things_is_never_replaced(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    code, _, error = run("audit", str(path), "--out", str(tmp_path / "out"))
    assert code == 2 and error is not None and "thesis.tex" in error.found
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"
    assert run("audit", str(path), "--out", str(path))[0] == 2


def test_the_twin_that_knows_no_foreign_files_would_delete_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = vendor(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    monkeypatch.setattr(folder, "OURS", folder.OURS | {"thesis.tex"})
    monkeypatch.setattr(folder, "SEAL", frozenset())
    audited(path, tmp_path / "out")
    assert not (tmp_path / "out" / "thesis.tex").exists()


@pytest.mark.parametrize("place", ["tables/mine.csv", "predictions/mine.csv", "predictions/raw/clip.parquet"])
@pytest.mark.parametrize("audited_before", [False, True])
def test_a_folder_that_only_looks_like_an_audit_is_never_replaced(
    place: str, audited_before: bool, tmp_path: Path
) -> None:
    path, out = vendor(tmp_path), tmp_path / "out"
    if audited_before:
        audited(path, out)
    (out / place).parent.mkdir(parents=True, exist_ok=True)
    (out / place).write_text("years of work")
    code, _, error = run("audit", str(path), "--out", str(out))
    assert code == 2 and error is not None and place.split("/")[0] in error.found
    assert (out / place).read_text() == "years of work"


def test_the_current_folder_is_not_pulled_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = vendor(tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    code, _, error = run("audit", str(path), "--out", ".")
    assert code == 2 and error is not None and error.found == "the current folder"


def test_a_place_that_cannot_be_written_is_bad_input_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = vendor(tmp_path)
    code, _, error = run("audit", str(path), "--out", str(path / "out"))
    assert code == 2 and error is not None and str(path / "out") in error.where
    (tmp_path / "predictions.csv").unlink()
    assert run("audit", str(path), "--out", str(tmp_path / "a" / "b" / "out"))[0] == 2
    assert not (tmp_path / "a").exists()


def test_a_mounted_folder_that_cannot_be_moved_keeps_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = vendor(tmp_path), tmp_path / "out"
    audited(path, out)
    rename = Path.rename

    def busy(self: Path, target: Path) -> Path:
        if self == out:
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", busy)
    code, _, error = run("audit", str(path), "--out", str(out))
    assert code == 2 and error is not None and "busy" in error.found and "mounted" in str(error)
    assert sorted(p.name for p in out.iterdir()) == ALL
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_json_goes_to_standard_output_alone(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["audit", str(vendor(tmp_path)), "--out", str(tmp_path / "out"), "--json"])
    assert json.loads(result.stdout)["schema"] == export.SCHEMA
    assert "Undecided" in result.stderr


def test_two_runs_of_one_plan_differ_in_their_time_alone(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    _, _, first = audited(path, tmp_path / "one")
    _, _, second = audited(path, tmp_path / "two")
    different = {key for key in first if first[key] != second[key]}
    assert different == {"started", "run_digest"}


def test_plan_new_writes_a_plan_and_never_over_a_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "plan.toml"
    assert run("plan", "new", str(path))[0] == 0
    before = path.read_text()
    assert run("plan", "new", str(path))[0] == 2
    assert path.read_text() == before


def test_plan_check_opens_all_that_an_audit_would(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    code, told, _ = run("plan", "check", str(path))
    assert code == 0 and "vendor on made-up" in told and "sex-gap" in told
    emptied(tmp_path)
    assert run("plan", "check", str(path))[0] == 2
    code, told, _ = run("plan", "check", str(vendor(tmp_path)), "--json")
    assert json.loads(told)["recognizers"] == ["vendor"]


def test_table_check_lists_what_is_wrong(tmp_path: Path) -> None:
    vendor(tmp_path)
    table = str(tmp_path / "predictions.csv")
    assert run("table", "check", table)[0] == 0
    assert run("table", "check", table, "--labels", "calm, tense")[0] == 0
    code, told, _ = run("table", "check", table, "--labels", "calm,happy", "--json")
    problems = json.loads(told)["problems"]
    assert code == 2 and {p["column"] for p in problems} == {"p_happy", "p_tense"}
    code, told, _ = run("table", "check", str(tmp_path / "absent.csv"))
    assert code == 2


def test_an_earlier_audit_comes_back_when_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = vendor(tmp_path)
    audited(path, tmp_path / "out")
    before = (tmp_path / "out" / "run.json").read_bytes()
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if target.name == "out" and not self.name.endswith(".old"):
            raise OSError("no space")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    code, _, error = run("audit", str(path), "--out", str(tmp_path / "out"))
    assert code == 2 and error is not None and "no space" in error.found
    assert (tmp_path / "out" / "run.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_dataset_of_a_few_people_tells_no_count_of_them(tmp_path: Path) -> None:
    _, _, found = audited(vendor(tmp_path, people=2), tmp_path / "out")
    assert found["datasets"][0]["subjects"] is None and found["datasets"][0]["rows"] is None
    whole = json.loads((tmp_path / "out" / "run.json").read_text())
    assert whole["datasets"][0]["subjects"] is None
    assert all(m["subjects"] is None for m in whole["measurements"])
    _, _, found = audited(vendor(tmp_path, people=3), tmp_path / "out")
    assert found["datasets"][0]["subjects"] == 6


def test_no_bin_of_a_few_rows_is_told(tmp_path: Path) -> None:
    path = vendor(tmp_path, people=6)
    table = tmp_path / "predictions.csv"
    head, first, *rows = table.read_text().splitlines()
    name = first.split(",")[0]
    table.write_text("\n".join([head, f"{name},0.55,0.45", *rows]))
    audited(path, tmp_path / "out")
    whole = json.loads((tmp_path / "out" / "run.json").read_text())
    told = [rows for drawn in whole["reliabilities"] for rows in drawn["rows"]]
    text = (tmp_path / "out" / "tables" / "reliabilities.csv").read_text()
    listed = [row["rows"] for row in csv.DictReader(io.StringIO(text))]
    assert [str("" if rows is None else rows) for rows in told] == listed
    assert None in told and all(rows is None or rows == 0 or rows >= 5 for rows in told)
