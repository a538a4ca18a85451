"""A plan that does not fit its dataset or tables is refused before anything is measured, by check and audit alike."""

from pathlib import Path

import pytest
from fakes import PLAN, vendor
from typer.testing import CliRunner

from vemo_audit.cli.app import app
from vemo_audit.errors import BadInput


def refusals(plan: Path, out: Path) -> list[BadInput]:
    """The errors of `plan check` and of `audit`."""
    runner = CliRunner()
    found = [
        runner.invoke(app, ["plan", "check", str(plan)]),
        runner.invoke(app, ["audit", str(plan), "--out", str(out)]),
    ]
    for result in found:
        assert isinstance(result.exception, BadInput), (result.output, result.exception)
    assert not out.exists()
    return [result.exception for result in found if isinstance(result.exception, BadInput)]


@pytest.mark.parametrize(
    ("old", "new", "found", "where"),
    [
        ('draws = 200', 'metrics = ["accuracy", "tpr_joy"]', "the metric 'tpr_joy'", "metrics"),
        ('draws = 200', 'metrics = ["accuracy", "acuracy"]', "the metric 'acuracy'", "metrics"),
        ('traits = ["sex"]', 'traits = ["sex", "gender"]', "the trait 'gender'", "slices.traits"),
        ('path = "data"', 'path = "data"\nmapping = { calm = "calm" }', "the label 'tense'", "dataset.mapping"),
        (
            'path = "data"', 'path = "data"\nmapping = { calm = "calm", tense = "tense", clam = "calm" }',
            "the label 'clam'", "dataset.mapping",
        ),
        (
            'path = "data"', 'path = "data"\nmapping = { calm = "calm", tense = "tense" }\ndrop = ["bored"]',
            "the label 'bored'", "dataset.drop",
        ),
        ('name = "folder"', 'name = "os:system"', "'os:system', which is no class", "dataset"),
        ('name = "folder"', 'name = "subprocess:Popen"', "'subprocess:Popen' without clips", "dataset"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_its_place(old: str, new: str, found: str, where: str, tmp_path: Path) -> None:
    assert old in PLAN
    plan = vendor(tmp_path, plan=PLAN.replace(old, new, 1))
    for error in refusals(plan, tmp_path / "out"):
        assert found in error.found and where in error.where and str(plan) in error.where


def test_a_trait_of_one_value_has_nobody_to_compare(tmp_path: Path) -> None:
    plan = vendor(tmp_path)
    traits = tmp_path / "data" / "traits.csv"
    traits.write_text(traits.read_text().replace(",female", ",male"))
    for error in refusals(plan, tmp_path / "out"):
        assert "nobody to compare by 'sex'; its values are: male" in error.found and "sex-gap" in error.where


def test_tables_without_a_common_clip_are_refused(tmp_path: Path) -> None:
    plan = vendor(tmp_path)
    table = tmp_path / "predictions.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([head, *("x" + row for row in rows)]))
    for error in refusals(plan, tmp_path / "out"):
        assert error.where.endswith(table.name) and "no clip of the dataset" in error.found


def test_a_deployment_that_is_not_there_is_named(tmp_path: Path) -> None:
    gated = PLAN.replace("historic = true", 'deployment = "d.toml"\npurpose = "dataset_audit"')
    for error in refusals(vendor(tmp_path, plan=gated), tmp_path / "out"):
        assert "d.toml" in error.where


def test_a_plug_in_that_is_no_plug_in_is_never_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr("os.system", lambda *given: called.append(given))
    refusals(vendor(tmp_path, plan=PLAN.replace('name = "folder"', 'name = "os:system"')), tmp_path / "out")
    assert not called


@pytest.mark.parametrize("name", [":", ":Folder", "vemo_audit.datasets.folder:", "..x:Y"])
def test_a_broken_name_of_a_plug_in_is_bad_input(name: str, tmp_path: Path) -> None:
    for error in refusals(vendor(tmp_path, plan=PLAN.replace('name = "folder"', f'name = "{name}"')), tmp_path / "out"):
        assert name in error.found


def test_a_new_plan_is_written_whole_or_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in ("file", "file/plan.toml"):
        result = CliRunner().invoke(app, ["plan", "new", str(tmp_path / place)])
        assert isinstance(result.exception, BadInput)
    assert (tmp_path / "file").read_text() == "mine"
    assert CliRunner().invoke(app, ["plan", "new", str(tmp_path / "a" / "plan.toml")]).exit_code == 0
