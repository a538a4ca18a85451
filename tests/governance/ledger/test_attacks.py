"""Twelve ways to falsify a ledger: twelve of twelve are found, three of them by what is kept outside it."""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.governance.ledger.attacks import ATTACKS, SWAP_SHARD, TWELVE, Attack, commit_attack, roll_back, sign_anew
from vemo_audit.errors import EvidenceBroken
from vemo_audit.governance.keys import generate
from vemo_audit.governance.ledger import check, reader
from vemo_audit.governance.ledger.check import Check, verify_ledger
from vemo_audit.governance.ledger.cosignature import witness_vkey
from vemo_audit.governance.ledger.store import Draft, Ledger
from vemo_audit.governance.ledger.verify_proof import read_policy
from vemo_audit.governance.ledger.witness import add_checkpoint, create_witness
from vemo_audit.governance.ledger.witnessed import keep, witnessed_beside

BY_NAME = {attack.name: attack for attack in (*ATTACKS, SWAP_SHARD)}
OUTSIDE = ("rollback", "fork", "swap key")


class Target:
    """300 entries, 280 signed and witnessed, and a second ledger of the same owner beside it."""

    def __init__(self, made: Any, folder: Path, some: Callable[..., list[Draft]], now: datetime) -> None:
        self.made, self.folder, self.now, self.key = made, folder, now, made.key.public
        self.witness, self.place = generate("witness"), folder / "witness"
        create_witness(self.place, logs={made.origin: self.key})
        with made.write() as log:
            log.append_many(some(100))
            log.checkpoint(now)
            log.append_many(some(180, first=100))
            log.checkpoint(now)
            log.append_many(some(20, first=280))
        self.cosign()
        other = made.folder.with_name("another-month")
        with Ledger.create(other, origin="example.org/vemo-audit/2026-10", log_key=made.key, now=now) as log:
            log.append_many(some(300))
            log.checkpoint(now)

    def cosign(self) -> None:
        with self.made.read() as log:
            note, text = log.last_checkpoint, log.submission().to_text()
        answer = add_checkpoint(self.place, text, key=self.witness, name="w", now=self.now)
        policy = read_policy(f"witness w {witness_vkey('w', self.witness.public)}\nquorum w\n".encode())
        keep(self.made.folder, note, answer.line, policy=policy, origin=self.made.origin, key=self.key)

    def found(self) -> bool:
        """Whether the owner, with the public key that lies there, learns of it: at the start, or by `ledger verify`."""
        try:
            Ledger.open(self.made.folder, log_public=self.key, now=self.now).close()
        except EvidenceBroken:
            return True
        note = witnessed_beside(self.made.folder)
        remembered = note.read_text() if note.exists() else None
        return not verify_ledger(self.made.folder, log_public=self.key, remembered=remembered).holds

    def act(self, name: str) -> None:
        if name in TWELVE:
            commit_attack(BY_NAME[TWELVE[name]], self.made.folder)
        elif name == "swap key":
            self.swap_key()
        else:
            self.set_back(fork=name == "fork")

    def set_back(self, *, fork: bool) -> None:
        shutil.copytree(self.made.folder, self.folder / "older")
        with self.made.write() as log:
            log.append({"decision_id": "unwelcome"})
            log.checkpoint(self.now)
        self.cosign()
        roll_back(self.made.folder, self.folder / "older")
        if fork:
            kept = witnessed_beside(self.made.folder).rename(self.folder / "kept")
            with self.made.write() as log:
                log.append_many([Draft({"decision_id": word}) for word in ("welcome", "more")])
                log.checkpoint(self.now)
            kept.rename(witnessed_beside(self.made.folder))

    def swap_key(self) -> None:
        """A history of one's own, signed by a key of one's own that takes the place of the public key."""
        thief = generate("log")
        commit_attack(Attack("swap key", lambda sql, folder: sign_anew(sql, folder, thief), (), None), self.made.folder)
        self.key = thief.public


@pytest.fixture
def target(made: Any, some: Callable[..., list[Draft]], tmp_path: Path, now: datetime) -> Target:
    return Target(made, tmp_path, some, now)


def test_the_target_is_sound_before_any_attack(target: Target) -> None:
    assert not target.found()


def test_there_are_twelve() -> None:
    assert len({*TWELVE, *OUTSIDE}) == 12
    assert set(TWELVE.values()) <= set(BY_NAME)


@pytest.mark.parametrize("name", [*TWELVE, *OUTSIDE])
def test_each_of_the_twelve_is_found(target: Target, name: str) -> None:
    target.act(name)
    assert target.found()


@pytest.mark.parametrize("name", OUTSIDE)
def test_twin_with_the_witness_off_these_slip_through(
    target: Target, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "check_witnessed", lambda *_, **__: None)
    target.act(name)
    witnessed_beside(target.made.folder).unlink()
    assert not target.found()


@pytest.mark.parametrize("name", sorted(TWELVE))
def test_twin_without_its_checks_each_other_slips_through(
    target: Target, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = BY_NAME[TWELVE[name]]
    checks = {"checkpoints": "_check_notes", "private parts": "_check_private", "times": "_check_times"}
    target.act(name)
    for word in attack.broken:
        monkeypatch.setattr(check, checks[word], lambda *_, word=word: Check(word, True, "not looked at"))
    real = check._read_notes
    monkeypatch.setattr(check, "_read_notes", lambda *args: (real(*args)[0], None))
    assert verify_ledger(target.made.folder, log_public=target.key).holds
