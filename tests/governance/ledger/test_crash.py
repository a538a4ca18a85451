"""What was acknowledged is there after the process was killed, and after the WAL was torn at any place."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from vemo_audit.errors import VemoError
from vemo_audit.governance.ledger.check import verify_ledger
from vemo_audit.governance.ledger.store import Draft, Ledger

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WRITER = Path(__file__).with_name("crash_writer.py")


class Victim:
    """A ledger, and a process that appends to it and notes its acknowledgements."""

    def __init__(self, made: Any, folder: Path) -> None:
        self.made, self.key, self.acks = made, folder / "log.pem", folder / "acks"
        made.key.save(self.key, None)

    def start(self, mode: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, str(WRITER), str(self.made.folder), str(self.key), str(self.acks), mode]
        )

    def acknowledged(self) -> list[str]:
        text = self.acks.read_text() if self.acks.exists() else ""
        return text[: text.rfind("\n") + 1].splitlines()

    def lost(self) -> list[str]:
        """Acknowledged, but not in the ledger. The ledger itself must hold and can be written again."""
        with self.made.write() as log:
            kept = {f"{entry.index} {entry.header['decision_id']}" for entry in log.entries()}
            assert all(log.read_private(k) == b"private" for k in range(max(0, log.size - 5), log.size))
        assert verify_ledger(self.made.folder, log_public=self.made.key.public).holds
        return [line for line in self.acknowledged() if line not in kept]


@pytest.fixture
def victim(made: Any, tmp_path: Path) -> Victim:
    return Victim(made, tmp_path)


def kill_often(victim: Victim, times: int) -> list[str]:
    """Kills the writer at a different moment each time; what was lost over all of them."""
    lost: list[str] = []
    for k in range(times):
        before, writer = len(victim.acknowledged()), victim.start("honest")
        deadline = time.monotonic() + 60
        while len(victim.acknowledged()) < before + 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.0137 * (k % 7))
        writer.kill()
        assert writer.wait() == -9
        assert len(victim.acknowledged()) > before
        lost += victim.lost()
    return lost


def test_a_killed_writer_loses_nothing_that_it_acknowledged(victim: Victim) -> None:
    assert kill_often(victim, 10) == []


@pytest.mark.long
def test_a_thousand_kills_lose_nothing(victim: Victim) -> None:
    assert kill_often(victim, 1000) == []


def test_a_writer_killed_just_before_commit_loses_nothing(victim: Victim) -> None:
    assert victim.start("honest-die").wait() == -9
    assert (len(victim.acknowledged()), victim.lost()) == (4, [])


def test_twin_an_acknowledgement_before_commit_is_lost(victim: Victim) -> None:
    assert victim.start("early-die").wait() == -9
    assert victim.lost() == ["4 d4"]


@dataclass
class Torn:
    """Where each entry's commit ended in the WAL, and what was found after cutting it: (cut, entries or -1)."""

    ends: list[int]
    found: list[tuple[int, int]]

    def lost(self, ends: list[int]) -> list[str]:
        """Cuts after which an entry is missing whose commit ended, so it is said, before the cut."""
        kept = [(cut, sum(end <= cut for end in ends), size) for cut, size in self.found]
        return [f"cut at {cut}: {size} entries of {least}" for cut, least, size in kept if size < least]


def tear(made: Any, drafts: list[Draft], folder: Path, *, every: int) -> Torn:
    """Cuts the WAL at every `every` bytes, as a power cut may, with the bytes after the cut gone or garbled.

    With synchronous=FULL the WAL up to the end of a commit was on disk when COMMIT returned, so a cut behind that end
    must keep the entry, and any cut must leave a ledger that passes its startup checks.
    """
    torn, wal, cut_off = Torn([], []), made.folder / "ledger.db-wal", folder / "cut"
    with made.write() as log:
        log._rows.sql.execute("PRAGMA wal_autocheckpoint=0")
        for draft in drafts:
            log.append_many([draft])
            torn.ends.append(wal.stat().st_size)
        shutil.copytree(made.folder, cut_off)
    data, pristine = (cut_off / "ledger.db-wal").read_bytes(), (cut_off / "ledger.db").read_bytes()
    for cut in range(0, len(data) + every, every):
        for rest in (b"", bytes(512), b"\xa5" * 512):
            (cut_off / "ledger.db").write_bytes(pristine)
            (cut_off / "ledger.db-wal").write_bytes(data[:cut] + rest)
            (cut_off / "ledger.db-shm").unlink(missing_ok=True)
            try:
                with Ledger.open(cut_off, log_public=made.key.public, now=NOW, log_key=made.key) as log:
                    torn.found.append((cut, log.size))
            except VemoError:
                torn.found.append((cut, -1))
    return torn


Some = Callable[..., list[Draft]]


def test_a_torn_wal_keeps_every_acknowledged_entry(made: Any, some: Some, tmp_path: Path) -> None:
    torn = tear(made, some(6), tmp_path, every=2560)
    assert len(torn.found) > 60
    assert torn.lost(torn.ends) == []


@pytest.mark.long
def test_a_wal_torn_at_every_sector_keeps_every_acknowledged_entry(made: Any, some: Some, tmp_path: Path) -> None:
    torn = tear(made, some(40), tmp_path, every=512)
    assert len(torn.found) > 1500
    assert torn.lost(torn.ends) == []


def test_twin_an_acknowledgement_before_the_wal_was_written_is_lost(made: Any, some: Some, tmp_path: Path) -> None:
    """What synchronous=NORMAL amounts to: each entry acknowledged when only its predecessor was on disk."""
    torn = tear(made, some(6), tmp_path, every=2560)
    assert torn.lost([0, *torn.ends[:-1]])
