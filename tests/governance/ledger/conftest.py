"""A small ledger with a throw-away key."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vemo_audit.governance.keys import KeyPair, generate
from vemo_audit.governance.ledger.store import Draft, Ledger

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORIGIN = "example.org/vemo-audit/2026-11"


@dataclass
class Made:
    """A ledger on disk that nobody has open."""

    folder: Path
    key: KeyPair
    origin: str = ORIGIN

    def write(self) -> Ledger:
        return Ledger.open(self.folder, log_public=self.key.public, now=NOW, log_key=self.key)

    def read(self) -> Ledger:
        return Ledger.open(self.folder, log_public=self.key.public, now=NOW)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """An empty ledger."""
    key = generate("log")
    folder = tmp_path / "gate" / "ledger"
    folder.parent.mkdir(exist_ok=True)
    Ledger.create(folder, origin=ORIGIN, log_key=key, now=NOW).close()
    return Made(folder, key)


def drafts(count: int, *, first: int = 0, subjects: int = 3) -> list[Draft]:
    """Headers as the gate writes them; each second one with a private part."""
    return [
        Draft({"decision_id": f"d{k}", "phase": "intent", "decision": "allow", "note": "x" * (k % 50)})
        if k % 2
        else Draft({"decision_id": f"d{k}", "phase": "intent"}, b"private %d" % k, f"subject-{k % subjects}")
        for k in range(first, first + count)
    ]


@pytest.fixture
def some() -> Callable[..., list[Draft]]:
    return drafts
