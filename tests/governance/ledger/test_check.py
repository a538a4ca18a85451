"""Every way to change the past is found by the check that is meant to find it, and by nothing when that is off."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.governance.ledger.attacks import ATTACKS, Attack, commit_attack, roll_back
from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import generate
from vemo_audit.governance.ledger import check
from vemo_audit.governance.ledger.check import Check, LedgerReport, verify_ledger
from vemo_audit.governance.ledger.store import Draft, Ledger

BY_NAME = {
    "entries": "_check_entries",
    "tree": "_check_tiles",
    "times": "_check_times",
    "checkpoints": "_check_notes",
    "private parts": "_check_private",
    "subject keys": "_check_subject_keys",
    "remembered checkpoint": "_check_remembered",
}
NAMES = [attack.name for attack in ATTACKS]


@pytest.fixture
def full(made: Any, some: Callable[..., list[Draft]], now: datetime) -> Any:
    """300 entries, checkpoints at 0, 100 and 280."""
    with made.write() as log:
        for count in (100, 180):
            log.append_many(some(count, first=log.size))
            log.checkpoint(now)
        log.append_many(some(20, first=280))
    return made


def seen(made: Any, remembered: str | None = None) -> LedgerReport:
    return verify_ledger(made.folder, log_public=made.key.public, remembered=remembered)


def broken(report: LedgerReport) -> tuple[str, ...]:
    return tuple(c.name for c in report.checks if not c.holds)


def switch_off(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    for name in names:
        monkeypatch.setattr(check, BY_NAME[name], lambda *_, name=name: Check(name, True, "not looked at"))
    if "checkpoints" in names:
        real = check._read_notes
        monkeypatch.setattr(check, "_read_notes", lambda *args: (real(*args)[0], None))


def test_a_sound_ledger_holds_and_progress_is_told(full: Any) -> None:
    told: list[tuple[int, int]] = []
    report = verify_ledger(full.folder, log_public=full.key.public, listen=lambda *step: told.append(step))
    assert (report.holds, report.first_bad, report.size, report.signed, report.erased) == (True, None, 300, 280, 0)
    assert broken(report) == ()
    assert told[-1] == (300, 300)


def test_an_empty_ledger_holds(made: Any) -> None:
    assert (seen(made).holds, seen(made).size) == (True, 0)


def test_a_ledger_can_be_verified_while_it_is_written(full: Any) -> None:
    with full.write() as log:
        log.append({"decision_id": "now"})
        assert seen(full).holds


@pytest.mark.parametrize("attack", ATTACKS, ids=NAMES)
def test_an_attack_is_found_and_placed(full: Any, attack: Attack) -> None:
    commit_attack(attack, full.folder)
    report = seen(full)
    assert (broken(report), report.first_bad) == (attack.broken, attack.first_bad)


@pytest.mark.parametrize("attack", ATTACKS, ids=NAMES)
def test_twin_without_its_checks_the_attack_is_not_found(
    full: Any, attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch_off(monkeypatch, attack.broken)
    commit_attack(attack, full.folder)
    assert seen(full).holds


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.at_start], ids=lambda a: a.name)
def test_nothing_is_served_after_an_attack_on_the_log(full: Any, attack: Attack) -> None:
    full.read().close()
    commit_attack(attack, full.folder)
    for opened in (full.read, full.write):
        with pytest.raises(EvidenceBroken):
            opened()


def test_a_return_to_an_older_copy_is_found_by_a_remembered_checkpoint_alone(
    full: Any, tmp_path: Path, now: datetime
) -> None:
    shutil.copytree(full.folder, tmp_path / "older")
    with full.write() as log:
        log.append({"decision_id": "unwelcome"})
        remembered = log.checkpoint(now)
    assert seen(full, remembered).holds
    roll_back(full.folder, tmp_path / "older")
    report = seen(full, remembered)
    assert (broken(report), report.first_bad) == (("remembered checkpoint",), 300)
    assert seen(full).holds  # the twin: without it, nobody could tell


def test_a_fork_is_found_by_a_remembered_checkpoint_alone(full: Any, tmp_path: Path, now: datetime) -> None:
    shutil.copytree(full.folder, tmp_path / "fork")
    notes = []
    for folder, word in ((full.folder, "here"), (tmp_path / "fork", "there")):
        with Ledger.open(folder, log_public=full.key.public, now=now, log_key=full.key) as log:
            log.append({"decision_id": word})
            notes.append(log.checkpoint(now))
    assert seen(full, notes[0]).holds
    assert broken(seen(full, notes[1])) == ("remembered checkpoint",)
    assert seen(full).holds


def test_a_remembered_checkpoint_must_itself_be_signed(full: Any) -> None:
    assert broken(seen(full, "nonsense")) == ("remembered checkpoint",)


def test_another_key_finds_no_checkpoint(full: Any) -> None:
    report = verify_ledger(full.folder, log_public=generate("log").public)
    assert (report.holds, report.signed) == (False, 0)


def test_a_long_unsigned_tail_means_that_checkpoints_were_removed(full: Any, some: Callable[..., list[Draft]]) -> None:
    with full.write() as log:
        log.append_many(some(1100, first=300))
    commit_attack(
        Attack("", lambda sql, _: sql.execute("DELETE FROM checkpoint WHERE size>0") and None, (), 0), full.folder
    )
    assert broken(seen(full)) == ("checkpoints",)


def test_damaged_pages_are_found(full: Any) -> None:
    path = full.folder / "ledger.db"
    data = bytearray(path.read_bytes())
    at = data.index(b'{"decision":"allow","decision_id":"d41"')
    page = at // 4096 * 4096
    data[page : page + 8] = bytes(8)
    path.write_bytes(data)
    with pytest.raises(EvidenceBroken, match=r"ledger.db"):
        seen(full)


def test_no_ledger_is_bad_input(tmp_path: Path, full: Any) -> None:
    with pytest.raises(BadInput, match="no ledger here"):
        verify_ledger(tmp_path, log_public=full.key.public)


def subject_keys(made: Any) -> Check:
    return next(check for check in seen(made).checks if check.name == "subject keys")


def test_without_the_wrapping_key_subject_keys_count_as_not_checked(full: Any) -> None:
    assert (subject_keys(full).checked, subject_keys(full).detail) == (True, "3 unwrap under ledger.kek")
    kek = full.folder.with_name("ledger.kek")
    kek.chmod(0o644)
    assert (subject_keys(full).checked, "mode 0644" in subject_keys(full).detail) == (False, True)
    kek.unlink()
    found = subject_keys(full)
    assert (found.holds, found.checked, "3 not checked" in found.detail) == (True, False, True)


def test_the_first_damaged_subject_key_is_named_with_its_first_entry(full: Any) -> None:
    """Entries 0, 2, 4 are the first of keys 1 to 3, as `drafts` hands them out."""
    with sqlite3.connect(full.folder / "keys.db") as keys:
        keys.execute("UPDATE dek SET wrapped=randomblob(length(wrapped)) WHERE dek_id>=2")
    keys.close()
    found = subject_keys(full)
    assert (found.holds, found.first_bad, "key 2 in keys.db" in found.detail) == (False, 2, True)


def test_another_wrapping_key_opens_no_subject_key(full: Any) -> None:
    full.folder.with_name("ledger.kek").write_bytes(bytes(32))
    assert not subject_keys(full).holds
    full.folder.with_name("ledger.kek").write_bytes(bytes(31))
    assert "31 bytes" in subject_keys(full).detail and not subject_keys(full).holds


@pytest.fixture(autouse=True)
def no_file_left_open(recwarn: pytest.WarningsRecorder) -> Iterator[None]:
    yield
    assert not [w for w in recwarn if issubclass(w.category, ResourceWarning)]
