"""Backup and restore from the command line: one command each, and an older backup takes two people and a reason."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.cli.test_witness import ORIGIN, grow, key, place, round_trip  # noqa: F401
from vemo_audit.cli.ledger import app
from vemo_audit.errors import BadInput, EvidenceBroken, Refused
from vemo_audit.governance.keys import KeyPair
from vemo_audit.governance.ledger.store import Ledger


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


@pytest.mark.usefixtures("place")
def test_a_backup_comes_back_whole() -> None:
    assert "Backed up 1 entries" in run("backup", "copy").output
    assert json.loads(run("backup", "second", "--json").stdout)["origin"] == ORIGIN
    assert isinstance(run("restore", "copy").exception, BadInput)
    shutil.rmtree("ledger")
    assert "Restored 1 entries" in run("restore", "copy").output
    assert run("verify").exit_code == 0


@pytest.mark.usefixtures("place")
def test_an_older_backup_takes_two_people_a_reason_and_the_key(key: KeyPair) -> None:  # noqa: F811
    round_trip("--policy", "policy")
    run("backup", "copy")
    grow(key, "second")
    round_trip()
    shutil.rmtree("ledger")
    key.save(Path("log.key"), None)
    act = ("restore", "copy", "--accept-older", "the disk burnt", "--log-key", "log.key")
    assert isinstance(run("restore", "copy").exception, EvidenceBroken)
    assert isinstance(run(*act, "--approver", "a").exception, Refused)
    assert isinstance(run(*act, "--approver", "a", "--approver", " A").exception, Refused)
    assert isinstance(run(*act[:4], "--approver", "a", "--approver", "b").exception, BadInput)
    assert not Path("ledger").exists()
    done = run(*act, "--approver", "a", "--approver", "b", "--json")
    assert (done.exit_code, json.loads(done.stdout)["lost"]["size"]) == (0, 2)
    with Ledger.open(Path("ledger"), log_public=key.public, now=None) as log:  # type: ignore[arg-type]
        last = list(log.entries())[-1].header
    assert (last["phase"], last["reason"], last["approvers"]) == ("override", "the disk burnt", ["a", "b"])
