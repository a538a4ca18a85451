"""The way of a checkpoint over files: request, cosign, keep; and what each step refuses."""

import json
import shutil
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vemo_audit.cli.ledger import app
from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import KeyPair, generate
from vemo_audit.governance.ledger.checkpoint import verifier_key
from vemo_audit.governance.ledger.store import Ledger

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORIGIN, NAME = "example.org/vemo-audit/2026-11", "witness.example/w1"


@pytest.fixture
def key() -> KeyPair:
    return generate("log")


@pytest.fixture
def place(tmp_path: Path, key: KeyPair, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of one signed entry, and a witness that knows it."""
    monkeypatch.chdir(tmp_path)
    Path("keys").mkdir()
    key.public.save(Path("keys/log.pub"))
    Ledger.create(Path("ledger"), origin=ORIGIN, log_key=key, now=NOW).close()
    grow(key, "first")
    done = run("init", "--name", NAME, "--log", verifier_key(ORIGIN, key.public), "--json")
    Path("policy").write_text(json.loads(done.stdout)["policy"])
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["witness", *map(str, arguments)], env={"COLUMNS": "200"})


def grow(key: KeyPair, word: str) -> None:
    with Ledger.open(Path("ledger"), log_public=key.public, now=NOW, log_key=key) as log:
        log.append({"decision_id": word})
        log.checkpoint(NOW)


def round_trip(*more: str) -> None:
    for step in (
        ("request", "--out", "request"),
        ("cosign", "request", "--name", NAME, "--out", "answer"),
        ("keep", "request", "answer", *more),
    ):
        done = run(*step)
        assert done.exit_code == 0, (step, done.output, done.exception)


def test_a_checkpoint_goes_round_and_the_ledger_is_held_to_it(place: Path, key: KeyPair) -> None:
    round_trip("--policy", "policy")
    shutil.copytree("ledger", "older")
    grow(key, "second")
    round_trip()  # the policy is in force by now
    verified = CliRunner().invoke(app, ["verify", "--json"])
    assert (verified.exit_code, "remembered checkpoint" in verified.stdout) == (0, True)
    shutil.rmtree("ledger")
    shutil.copytree("older", "ledger")
    assert isinstance(run("request").exception, EvidenceBroken)
    verified = CliRunner().invoke(app, ["verify", "--json"])
    assert (verified.exit_code, "rolled back" in verified.stdout) == (4, True)


def test_a_refusal_ends_with_three_and_says_its_code(place: Path, key: KeyPair) -> None:
    round_trip("--policy", "policy")
    sent = Path("request").read_text()
    done = run("cosign", "request", "--name", NAME)
    assert (done.exit_code, "409: 1 entries were cosigned last, not 0" in done.output) == (3, True)
    Path("request").write_text(sent.replace(ORIGIN, "elsewhere"))
    done = run("cosign", "request", "--name", NAME, "--json")
    assert (done.exit_code, json.loads(done.stdout)["status"]) == (3, 404)


def test_an_answer_that_does_not_meet_the_policy_is_not_kept(place: Path) -> None:
    run("request", "--out", "request")
    Path("answer").write_text("")
    done = run("keep", "request", "answer", "--policy", "policy")
    assert isinstance(done.exception, EvidenceBroken)
    assert not Path("ledger.witnesses").exists() and not Path("ledger.witnessed").exists()
    assert isinstance(run("keep", "request", "answer").exception, BadInput)  # and there is no policy


def test_a_witness_learns_another_log_once(place: Path) -> None:
    other = verifier_key("other", generate("log").public)
    assert set(json.loads(run("trust", "--log", other, "--json").stdout)) == {ORIGIN, "other"}
    assert isinstance(run("trust", "--log", other).exception, BadInput)
    assert isinstance(run("trust", "--log", "nonsense").exception, BadInput)


def test_it_is_served_as_well(place: Path) -> None:
    text = run("request").stdout
    start = "from vemo_audit.cli.ledger import app; app()"
    command = [sys.executable, "-u", "-c", start, "witness", "serve", "--name", NAME, "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["address"]
            with urllib.request.urlopen(address, data=text.encode(), timeout=20) as answer:  # noqa: S310
                assert answer.read().decode().startswith(f"— {NAME} ")
            assert json.loads(server.stdout.readline())["status"] == 200
        finally:
            server.terminate()


def test_without_a_file_it_is_printed(place: Path) -> None:
    text = run("request").stdout
    assert text.startswith("old 0\n\n" + ORIGIN)
    assert json.loads(run("request", "--json").stdout)["request"] == text
