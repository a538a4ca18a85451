"""The ledger command says what is wrong in words and in its exit code."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.governance.ledger.attacks import ATTACKS, Attack, commit_attack
from vemo_audit.cli.ledger import app
from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import generate
from vemo_audit.governance.ledger.store import Draft, Ledger

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with keys/ and ledger/, as `gate init` lays them out: 300 entries, checkpoints at 0, 100 and 280."""
    (tmp_path / "keys").mkdir()
    key = generate("log")
    key.save(tmp_path / "keys" / "log.pem", b"secret")
    key.public.save(tmp_path / "keys" / "log.pub")
    (tmp_path / "passphrase").write_text("secret\n")
    folder = tmp_path / "ledger"
    with Ledger.create(folder, origin="example.org/vemo-audit/2026-11", log_key=key, now=NOW) as log:
        for first, count in ((0, 100), (100, 180), (280, 20)):
            headers = [
                {
                    "decision_id": f"d{k}",
                    "phase": "intent",
                    "decision": ("allow", "deny")[k % 7 == 3],
                    "rule_ids": ["r"],
                }
                for k in range(first, first + count)
            ]
            log.append_many([Draft(header, b"private", "subject") for header in headers])
            if first < 280:
                log.checkpoint(NOW)
    return tmp_path


def run(place: Path, *arguments: object, ledger: bool = True) -> Result:
    more = ["--ledger", str(place / "ledger")] if ledger else []
    return CliRunner().invoke(app, [*map(str, arguments), *more], env={"COLUMNS": "200"})


def log_key(place: Path) -> list[str]:
    return ["--log-key", str(place / "keys/log.pem"), "--passphrase-file", str(place / "passphrase")]


def test_a_sound_ledger_verifies(place: Path) -> None:
    done = run(place, "verify")
    assert done.exit_code == 0
    assert "The ledger holds: 300 entries, 280 signed" in done.output
    report = json.loads(run(place, "verify", "--json").stdout)
    assert (report["holds"], report["size"], report["signed"], report["first_bad"]) == (True, 300, 280, None)


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_a_broken_ledger_ends_with_four_and_a_place(place: Path, attack: Attack) -> None:
    commit_attack(attack, place / "ledger")
    done = run(place, "verify")
    assert done.exit_code == 4
    assert "The ledger is broken." in done.output
    if attack.first_bad is not None:
        assert f"The first bad index is {attack.first_bad}." in done.output
    assert json.loads(run(place, "verify", "--json").stdout)["first_bad"] == attack.first_bad


def test_without_the_wrapping_key_verify_says_what_it_did_not_check(place: Path) -> None:
    (place / "ledger.kek").unlink()
    done = run(place, "verify")
    assert (done.exit_code, "Not checked: subject keys." in done.output) == (0, True)
    (last,) = [c for c in json.loads(run(place, "verify", "--json").stdout)["checks"] if not c["checked"]]
    assert "ledger.kek" in last["detail"]


def test_a_ledger_is_verified_from_inside_its_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place / "ledger")
    done = run(place, "verify", "--ledger", ".", ledger=False)
    assert (done.exit_code, "1 unwrap under ledger.kek" in done.output) == (0, True)


def test_a_rollback_is_found_with_a_remembered_note(place: Path) -> None:
    note = place / "note"
    assert run(place, "checkpoint", *log_key(place), "--out", note).exit_code == 0
    assert run(place, "verify", "--remembered", note).exit_code == 0
    with sqlite3.connect(place / "ledger/ledger.db") as sql:  # the newest entries and their checkpoint, gone
        sql.execute("DELETE FROM entry WHERE idx>=290")
        sql.execute("DELETE FROM checkpoint WHERE size>280")
    sql.close()
    assert run(place, "verify").exit_code == 0
    done = run(place, "verify", "--remembered", note)
    assert (done.exit_code, "rolled back" in done.output) == (4, True)


def test_a_decision_is_proved_and_checked(place: Path) -> None:
    out = place / "d77.tlog-proof"
    done = run(place, "prove", "d77", "--out", out)
    assert done.exit_code == 0
    assert "entry 77" in done.output
    public = str(place / "keys/log.pub")
    checked = run(place, "check-proof", out, "--key", public, "--decision", "d77", ledger=False)
    assert (checked.exit_code, "HOLDS" in checked.output) == (0, True)
    out.write_text(out.read_text().replace("index 77", "index 78"))
    checked = run(place, "check-proof", out, "--key", public, ledger=False)
    assert (checked.exit_code, "DOES NOT HOLD" in checked.output) == (4, True)
    assert json.loads(run(place, "check-proof", out, "--key", public, "--json", ledger=False).stdout)["holds"] is False


def test_an_unsigned_decision_is_signed_first_when_the_key_is_there(place: Path) -> None:
    out = place / "new.tlog-proof"
    refused = run(place, "prove", "d299", "--out", out)
    assert isinstance(refused.exception, BadInput)
    assert "newer than the last checkpoint" in str(refused.exception)
    assert not out.exists()
    assert run(place, "prove", "d299", "--out", out, *log_key(place)).exit_code == 0
    assert run(place, "check-proof", out, "--key", place / "keys/log.pub", ledger=False).exit_code == 0


def test_stats_count(place: Path) -> None:
    facts = json.loads(run(place, "stats", "--json").stdout)
    assert (facts["entries"], facts["signed"], facts["phases"]) == (300, 280, {"intent": 300})
    assert facts["decisions"] == {"allow": 257, "deny": 43}
    assert facts["newest decision"] == "d299"
    assert "d299" in run(place, "stats").output


def test_bad_input_is_named(place: Path, tmp_path: Path) -> None:
    cases = {
        "no decision 'nobody'": run(place, "prove", "nobody"),
        "no ledger here": run(
            place, "verify", "--ledger", tmp_path / "nowhere", "--key", place / "keys/log.pub", ledger=False
        ),
        "no readable public key": run(place, "verify", "--key", tmp_path / "absent.pub"),
        "does not open": run(place, "checkpoint", "--log-key", place / "keys/log.pem"),
        "cannot be read": run(place, "check-proof", tmp_path / "absent", "--key", "00", ledger=False),
        "cannot be written": run(place, "prove", "d1", "--out", tmp_path / "no" / "such" / "folder"),
    }
    for words, done in cases.items():
        assert isinstance(done.exception, BadInput), (words, done)
        assert words in str(done.exception)
        assert done.exception.exit_code == 2


def test_another_log_key_signs_nothing(place: Path) -> None:
    generate("log").save(place / "other.pem", None)
    done = run(place, "checkpoint", "--log-key", place / "other.pem")
    assert isinstance(done.exception, EvidenceBroken)
