"""Clips before a real gate: who has no valid consent is never seen, and what was kept out is counted by rule."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest
import typer
from fakes import NameReader
from throwaway import NOON, AlwaysOne, Throwaway, build
from typer.testing import CliRunner

from vemo_audit.audit import export
from vemo_audit.audit import predict as module
from vemo_audit.audit.plan import read_plan
from vemo_audit.audit.run import run_audit
from vemo_audit.cli import audit as cli
from vemo_audit.errors import BadInput, Refused
from vemo_audit.governance.forms import ManifestForm
from vemo_audit.records.audit_run import AuditRun, GateEvidence, RefusalCount
from vemo_audit.records.digest import sha256_hex
from vemo_audit.tables.read import read_predictions

STATED = {
    "purposes": ("dataset_audit", "research"),
    "bindings": ("dataset_release", "participant_stream", "seat_zone", "single_subject_device"),
}
PEOPLE = [f"{sex}{k}" for sex in ("female", "male") for k in range(7)]
PLAN = """
title = "A recognizer behind the gate"
question = "Who is let in?"
draws = 100

[dataset]
name = "folder"
path = "data"

[[recognizer]]
plugin = "fakes:NameReader"
options = { wrong_on = "male0" }

[gate]
deployment = "gate/deployment.toml"
consents = ["consents"]
purpose = "research"

[slices]
traits = ["sex"]

[[criterion]]
id = "accuracy"
metric = "accuracy"
kind = "at_least"
limit = 0.5
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen people with a picture each; consents for all but one, one withdrawn, one for another subject."""
    folder = tmp_path_factory.mktemp("world")
    made = build(folder / "gate", **STATED)
    data = folder / "data"
    data.mkdir()
    (folder / "consents").mkdir()
    rows = ["clip,label,subject"]
    for k, name in enumerate(PEOPLE):
        label = ("calm", "tense")[k % 2]
        clip = f"{name}-{label}-0"
        cv2.imwrite(str(data / f"{clip}.png"), np.full((24, 32, 3), 10 * k, np.uint8))
        rows.append(f"{clip},{label},{name}")
        record_id, envelope = made.give(name)
        if name != "female5":
            (folder / "consents" / f"{name}.json").write_bytes(envelope)
        if name == "male5":
            made.withdraw(record_id)
        if name == "male6":
            forged = envelope.replace(b'"sig":"', b'"sig":"AAAA', 1)
            assert forged != envelope
            (folder / "consents" / "male6.json").write_bytes(forged)
    (data / "labels.csv").write_text("\n".join(rows) + "\n")
    traits = [f"{name},{name.rstrip('0123456789')}" for name in PEOPLE]
    (data / "traits.csv").write_text("\n".join(["subject,sex", *traits]) + "\n")
    (folder / "plan.toml").write_text(PLAN)
    return folder


def deployment(folder: Path) -> Throwaway:
    form = ManifestForm(
        deployment_id="throwaway", controller="lab", controller_name="The Lab", contact="lab@example.org",
        operator="tester", overseer="Olga", **STATED,
    )  # fmt: skip
    return Throwaway(folder / "gate", form)


def audited(folder: Path, out: Path, *, plan: str = "") -> AuditRun:
    if plan:
        (folder / "plan.toml").write_text(plan)
    NameReader.seen.clear()
    chosen = read_plan(folder / "plan.toml")
    with deployment(folder).gate() as gate:
        return run_audit(
            chosen, gate=gate, folder=out, now=NOON, rng=np.random.default_rng(0),
            listener=lambda stage, done, total: None,
        )  # fmt: skip


@pytest.fixture(scope="module")
def run(world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[AuditRun, Path, list[str]]:
    out = tmp_path_factory.mktemp("out")
    return audited(world, out), out, list(NameReader.seen)


def test_nobody_without_valid_consent_is_seen(run: tuple[AuditRun, Path, list[str]]) -> None:
    _, _, seen = run
    kept_out = {"female5", "male5", "male6"}
    assert {name.split("-")[0] for name in seen} == set(PEOPLE) - kept_out


def test_refusals_are_counted_by_rule(run: tuple[AuditRun, Path, list[str]]) -> None:
    gate = run[0].gate
    assert (gate.basis, gate.purpose, gate.asked, gate.admitted) == ("gated inference", "research", 14, 11)
    assert sum(refusal.clips for refusal in gate.refusals) == 3
    assert len({refusal.rule_id for refusal in gate.refusals}) == 3
    assert all(refusal.ref and refusal.message for refusal in gate.refusals)
    assert gate.ledger_size > 0 and gate.checkpoint
    assert any("3 of 14 clips were refused" in limit for limit in run[0].limits)


def test_the_table_holds_what_was_let_out_with_its_decisions(run: tuple[AuditRun, Path, list[str]]) -> None:
    table = read_predictions(run[1] / "predictions" / "fakes_NameReader.parquet")
    assert sorted(table.clip) == sorted(run[2])
    assert all(table.decision) and len(set(table.decision)) == 11
    assert table.metadata["version"] == "1" and len(table.metadata["digest"]) == 64


def test_the_numbers_are_of_those_who_were_let_in(run: tuple[AuditRun, Path, list[str]]) -> None:
    (accuracy,) = (m for m in run[0].measurements if (m.metric, m.slice) == ("accuracy", "overall"))
    assert accuracy.subjects == 11 and accuracy.value == pytest.approx(10 / 11)
    assert dict(run[0].datasets[0].unjoined) == {"label without a prediction": 3}


def test_when_nobody_is_let_in_nothing_is_measured(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world, tmp_path / "world")
    (tmp_path / "none").mkdir()
    plan = PLAN.replace('consents = ["consents"]', 'consents = ["../none"]')
    with pytest.raises(Refused, match="not one of 14 clips was let in") as refusal:
        audited(tmp_path / "world", tmp_path / "out", plan=plan)
    assert refusal.value.exit_code == 3 and refusal.value.rule_id and refusal.value.ref
    assert not (tmp_path / "out").exists() and not NameReader.seen


def test_a_consent_that_ends_while_the_clip_is_looked_at_lets_nothing_out(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(world, tmp_path / "world")
    made = deployment(tmp_path / "world")
    with made.store() as store:
        subjects = {one.subject_ref: one.record_id for one in store.all(now=NOON) if one.in_force}
    watched = NameReader.recognize

    def withdraws(self: NameReader, clip):  # type: ignore[no-untyped-def]
        if clip.clip.name.startswith("female1-"):
            made.withdraw(subjects["female1"])
        yield from watched(self, clip)

    monkeypatch.setattr(NameReader, "recognize", withdraws)
    found = audited(tmp_path / "world", tmp_path / "out")
    table = read_predictions(tmp_path / "out" / "predictions" / "fakes_NameReader.parquet")
    assert not any(name.startswith("female1-") for name in table.clip)
    assert (found.gate.asked, found.gate.admitted) == (14, 10)
    assert sum(refusal.clips for refusal in found.gate.refusals) == 4


def test_the_twin_that_writes_what_was_not_emitted_lets_it_out(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(world, tmp_path / "world")
    made = deployment(tmp_path / "world")
    with made.store() as store:
        subjects = {one.subject_ref: one.record_id for one in store.all(now=NOON) if one.in_force}

    def broken(gate, recognizer, clip):  # type: ignore[no-untyped-def]
        if clip.clip.name.startswith("female1-"):
            made.withdraw(subjects["female1"])
        return [replace(one, decision=clip.permit.decision_id) for one in recognizer.recognize(clip)]

    monkeypatch.setattr(module, "_look", broken)
    audited(tmp_path / "world", tmp_path / "out")
    table = read_predictions(tmp_path / "out" / "predictions" / "fakes_NameReader.parquet")
    assert any(name.startswith("female1-") for name in table.clip)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("fakes:NameReader", "fakes:Nobody", "cannot be loaded"),
        ("fakes:NameReader", "nobody", "the recognizer 'nobody'"),
        ("wrong_on", "rong_on", "does not take"),
        ('plugin = "fakes:NameReader"\noptions = { wrong_on = "male0" }', 'plugin = "fakes:NoRecognizer"', "NoRecog"),
        ('consents = ["consents"]', 'consents = ["absent"]', "no such file or folder"),
    ],
)
def test_faults_of_the_plan_are_bad_input(world: Path, tmp_path: Path, old: str, new: str, found: str) -> None:
    shutil.copytree(world, tmp_path / "world")
    assert old in PLAN
    with pytest.raises(BadInput, match=found):
        audited(tmp_path / "world", tmp_path / "out", plan=PLAN.replace(old, new))


TABLE = """[[recognizer]]
name = "vendor"
table = "vendor.csv"
"""


def with_table(world: Path, folder: Path, *, listed: bool) -> Path:
    """The same world, with a vendor's table and a dataset release that lists it, or another one."""
    shutil.copytree(world, folder / "world")
    lines = ["clip,p_calm,p_tense"]
    for k, name in enumerate(PEOPLE):
        lines.append(f"{name}-{('calm', 'tense')[k % 2]}-0,{'.9,.1' if k % 2 == 0 or k == 3 else '.1,.9'}")
    table = folder / "world" / "vendor.csv"
    table.write_text("\n".join(lines) + "\n")
    digest = sha256_hex(table.read_bytes()) if listed else sha256_hex(b"another table")
    made = deployment(folder / "world")
    (folder / "world" / "release.json").write_bytes(made.release([digest]))
    start, end = PLAN.index("[[recognizer]]"), PLAN.index("[gate]")
    plan = PLAN[:start] + TABLE + PLAN[end:]
    plan = plan.replace('["consents"]', '["release.json"]').replace('"research"', '"dataset_audit"')
    (folder / "world" / "plan.toml").write_text(plan)
    return folder / "world"


def test_a_table_is_measured_when_its_release_lists_it(world: Path, tmp_path: Path) -> None:
    found = audited(with_table(world, tmp_path, listed=True), tmp_path / "out")
    assert (found.gate.basis, found.gate.asked, found.gate.admitted) == ("gated table", 1, 1)
    assert found.datasets[0].subjects == 14


def test_a_table_that_no_release_lists_is_refused(world: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        audited(with_table(world, tmp_path, listed=False), tmp_path / "out")
    assert refusal.value.rule_id == "d.release" and refusal.value.exit_code == 3


def test_stopped_clips_stand_among_the_refused_ones() -> None:
    evidence = GateEvidence(
        "gated inference", "d", "research", (), 10, 9, 0, (RefusalCount("a", "art. 1", "no", 1),), 1, 0
    )
    stopped = Counter({("a", "art. 1", "no"): 2, ("b", "art. 2", "late"): 1})
    added = module.Tally(stopped).added_to(evidence)
    assert added.admitted == 6
    assert added.refusals == (RefusalCount("a", "art. 1", "no", 3), RefusalCount("b", "art. 2", "late", 1))
    assert module.Tally(Counter()).added_to(evidence) is evidence


def command(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, Exception | None]:
    """`vemo-audit audit` on a world whose clock stands still, with a finder that finds one face."""
    clock = deployment(folder).clock
    monkeypatch.setattr(cli, "wall_clock", clock)
    monkeypatch.setattr(cli, "boottime_ns", clock.boottime_ns)
    monkeypatch.setattr("vemo_audit.cli.infer.face_finder", lambda *_: AlwaysOne)
    app = typer.Typer()
    app.command()(cli.audit)
    result = CliRunner().invoke(app, [str(folder / "plan.toml"), "--out", str(out)])
    return result.exit_code, result.output, result.exception


def test_the_whole_command_behind_the_gate(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(world, tmp_path / "world")
    (tmp_path / "world" / "plan.toml").write_text(PLAN)
    code, told, _ = command(tmp_path / "world", tmp_path / "out", monkeypatch)
    found = json.loads((tmp_path / "out" / "audit.json").read_text())
    schema = json.loads(Path(export.__file__).with_name("audit.schema.json").read_text())
    jsonschema.validate(found, schema)
    assert code == found["exit_code"] == 0 and "The gate refused 3 of 14 clips." in told
    assert found["gate"]["admitted"] == 11 and len(found["gate"]["ledger_root"]) == 64
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "audit.json", "predictions", "report.html", "run.json", "tables",
    ]  # fmt: skip
    html = (tmp_path / "out" / "report.html").read_text()
    assert all(refusal["rule_id"] in html for refusal in found["gate"]["refusals"])
    assert "female0" not in html and "female0" not in (tmp_path / "out" / "run.json").read_text()


def test_the_whole_command_ends_with_3_when_nobody_is_let_in(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(world, tmp_path / "world")
    (tmp_path / "world" / "none").mkdir()
    (tmp_path / "world" / "plan.toml").write_text(PLAN.replace('["consents"]', '["none"]'))
    _, _, error = command(tmp_path / "world", tmp_path / "out", monkeypatch)
    assert isinstance(error, Refused) and error.exit_code == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["world"]


def test_no_clip_is_seen_without_a_gate(world: Path, tmp_path: Path) -> None:
    (world / "plan.toml").write_text(PLAN)
    NameReader.seen.clear()
    with pytest.raises(BadInput, match="without a gate"):
        run_audit(
            read_plan(world / "plan.toml"), gate=None, folder=tmp_path, now=NOON, rng=np.random.default_rng(0),
            listener=lambda stage, done, total: None,
        )  # fmt: skip
    assert not NameReader.seen
