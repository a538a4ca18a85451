"""The audit as it is started: the mounted command, its words on the error stream and its exit codes."""

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import PLAN, vendor
from throwaway import AlwaysOne, Throwaway, build

from vemo_audit.cli import app as command

GATED = """
title = "A recognizer behind the gate"
question = "Who is let in?"
draws = 100

[dataset]
name = "folder"
path = "data"

[[recognizer]]
plugin = "fakes:NameReader"
options = { wrong_on = "female0" }

[gate]
deployment = "gate/deployment.toml"
consents = ["consents"]
purpose = "research"

[[criterion]]
id = "accuracy"
metric = "accuracy"
kind = "at_least"
limit = 0.2
"""


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit code of `vemo-audit` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["vemo-audit", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        command.main()
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people with a picture each, all with consent, and a deployment."""
    folder = tmp_path_factory.mktemp("world")
    made = build(folder / "gate", purposes=("research",))
    (folder / "data").mkdir()
    (folder / "consents").mkdir()
    rows = ["clip,label,subject"]
    for k in range(6):
        clip = f"female{k}-{('calm', 'tense')[k % 2]}-0"
        cv2.imwrite(str(folder / "data" / f"{clip}.png"), np.full((24, 32, 3), 10 * k, np.uint8))
        rows.append(f"{clip},{('calm', 'tense')[k % 2]},female{k}")
        (folder / "consents" / f"female{k}.json").write_bytes(made.give(f"female{k}")[1])
    (folder / "data" / "labels.csv").write_text("\n".join(rows) + "\n")
    (folder / "plan.toml").write_text(GATED)
    return folder


@pytest.fixture
def gated(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the world, at the hour in which its consents hold."""
    shutil.copytree(world, tmp_path / "world")
    clock = Throwaway(tmp_path / "world" / "gate", build(tmp_path / "other", purposes=("research",)).form).clock
    monkeypatch.setattr("vemo_audit.cli.audit.wall_clock", clock)
    monkeypatch.setattr("vemo_audit.cli.audit.boottime_ns", clock.boottime_ns)
    monkeypatch.setattr("vemo_audit.cli.infer.face_finder", lambda *_: AlwaysOne)
    return tmp_path / "world"


@pytest.mark.parametrize(
    ("limit", "people", "code"), [(0.6, 6, 0), (0.05, 6, 1), (0.05, 4, 3)], ids=["met", "undecided", "hidden"]
)
def test_verdicts_end_in_their_codes(
    limit: float, people: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    equal = {"female": 0.8, "male": 0.8}
    path = vendor(tmp_path, people=people, right=equal, plan=PLAN.replace("limit = 0.05", f"limit = {limit}"))
    assert ended(monkeypatch, "audit", path, "--out", tmp_path / "out") == code
    assert (tmp_path / "out" / "report.html").exists()


def test_bad_input_ends_with_2_in_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = vendor(tmp_path)
    table = tmp_path / "predictions.csv"
    head, *rows = table.read_text().splitlines()
    table.write_text("\n".join([head, *rows[:4], rows[4].split(",")[0] + ",7.5,-2.5", *rows[5:]]))
    before = sorted(tmp_path.rglob("*"))
    assert ended(monkeypatch, "audit", path, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("Error: ") and "predictions.csv, row 5, column 'p_" in said and "7.5" in said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_gated_audit_ends_with_0(gated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(monkeypatch, "audit", gated / "plan.toml", "--out", gated / "out") == 0
    assert (gated / "out" / "predictions").is_dir()


def test_nobody_let_in_ends_with_3_and_names_rule_and_article(
    gated: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(gated / "consents")
    (gated / "consents").mkdir()
    assert ended(monkeypatch, "audit", gated / "plan.toml", "--out", gated / "out") == 3
    said = capsys.readouterr().err
    assert "not one of 6 clips was let in" in said and "[" in said and ";" in said
    assert not (gated / "out").exists()


def test_a_changed_manifest_ends_with_4_and_nobody_is_seen(
    gated: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = gated / "gate" / "deployment.toml"
    text = manifest.read_text()
    assert "The Lab" in text
    manifest.write_text(text.replace("The Lab", "The Lob"))
    assert ended(monkeypatch, "audit", gated / "plan.toml", "--out", gated / "out") == 4
    assert "Error: " in capsys.readouterr().err and not (gated / "out").exists()
