"""A ledger that was set back or forked does not open where a cosigned checkpoint is kept; nothing else could tell."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.governance.ledger.attacks import roll_back
from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import KeyPair, generate
from vemo_audit.governance.ledger import reader, witnessed
from vemo_audit.governance.ledger.cosignature import witness_vkey
from vemo_audit.governance.ledger.store import Draft, Ledger
from vemo_audit.governance.ledger.verify_proof import Policy
from vemo_audit.governance.ledger.witness import add_checkpoint, create_witness
from vemo_audit.governance.ledger.witnessed import (
    install_policy,
    keep,
    load_policy,
    policy_beside,
    witnessed_beside,
)

NAMES = ("w1", "w2", "w3")


class Watched:
    """A ledger of 40 entries and three witnesses, two of whom must cosign."""

    def __init__(self, made: Any, folder: Path, now: datetime) -> None:
        self.made, self.folder, self.now = made, folder, now
        self.keys: dict[str, KeyPair] = {name: generate(name) for name in NAMES}
        self.places = {name: folder / name for name in NAMES}
        for place in self.places.values():
            create_witness(place, logs={made.origin: made.key.public})
        lines = [f"witness {name} {witness_vkey(name, key.public)}" for name, key in self.keys.items()]
        self.policy = "\n".join([*lines, "group g 2 w1 w2 w3", "quorum g", ""]).encode()

    def read_policy(self) -> Policy:
        path = self.folder / "policy"
        path.write_bytes(self.policy)
        return load_policy(path)

    def witness(self, *names: str) -> dict[str, int]:
        """Signs, asks the witnesses, keeps their lines."""
        with self.made.write() as log:
            note = log.checkpoint(self.now)
            text = log.submission().to_text()
        lines = ""
        for name in names:
            answer = add_checkpoint(self.places[name], text, key=self.keys[name], name=name, now=self.now)
            assert answer.status == 200, answer
            lines += answer.line
        return keep(
            self.made.folder, note, lines, policy=self.read_policy(), origin=self.made.origin,
            key=self.made.key.public,
        )  # fmt: skip


@pytest.fixture
def watched(made: Any, some: Callable[..., list[Draft]], tmp_path: Path, now: datetime) -> Watched:
    with made.write() as log:
        log.append_many(some(40))
    return Watched(made, tmp_path, now)


def grow(made: Any, word: str, now: datetime) -> None:
    with made.write() as log:
        log.append({"decision_id": word})
        log.checkpoint(now)


def test_a_witnessed_ledger_opens_and_grows(watched: Watched) -> None:
    assert watched.witness("w1", "w3") == {"w1": int(watched.now.timestamp()), "w3": int(watched.now.timestamp())}
    install_policy(watched.made.folder, watched.policy)
    grow(watched.made, "more", watched.now)
    watched.made.read().close()
    assert set(watched.witness("w1", "w3")) == {"w1", "w3"}


def set_back(watched: Watched) -> None:
    """An older copy of every file of the ledger."""
    shutil.copytree(watched.made.folder, watched.folder / "older")
    grow(watched.made, "unwelcome", watched.now)
    watched.witness("w1", "w2")
    roll_back(watched.made.folder, watched.folder / "older")


def fork(watched: Watched) -> None:
    """Another history from the same beginning, signed by the log's own key."""
    set_back(watched)
    for word in ("welcome", "more"):
        with _unwatched(watched) as log:
            log.append({"decision_id": word})
            log.checkpoint(watched.now)


def _unwatched(watched: Watched) -> Ledger:
    """Somebody who holds the log key simply looks away."""
    path = witnessed_beside(watched.made.folder)
    note = path.read_bytes()
    path.unlink()
    log = watched.made.write()
    path.write_bytes(note)
    return log


@pytest.mark.parametrize(("attack", "words"), [(set_back, "rolled back"), (fork, "a fork")])
def test_nothing_is_served_from_a_ledger_that_witnesses_saw_otherwise(
    watched: Watched, attack: Callable[[Watched], None], words: str
) -> None:
    watched.witness("w1", "w2")
    attack(watched)
    for opened in (watched.made.read, watched.made.write):
        with pytest.raises(EvidenceBroken, match=words):
            opened()


@pytest.mark.parametrize("attack", [set_back, fork])
def test_twin_without_the_witness_rollback_and_fork_slip_through(
    watched: Watched, attack: Callable[[Watched], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.witness("w1", "w2")
    attack(watched)
    monkeypatch.setattr(reader, "check_witnessed", lambda *_, **__: None)
    watched.made.read().close()
    watched.made.write().close()


def test_a_fork_gets_no_second_cosignature(watched: Watched) -> None:
    watched.witness("w1", "w2")
    fork(watched)
    witnessed_beside(watched.made.folder).rename(watched.folder / "kept")
    with watched.made.read() as log:
        sent = log.submission().to_text()
    answer = add_checkpoint(watched.places["w1"], sent, key=watched.keys["w1"], name="w1", now=watched.now)
    assert (answer.status, answer.line) == (409, "")


def test_where_witnesses_are_demanded_their_word_may_not_be_taken_away(watched: Watched) -> None:
    watched.witness("w1", "w2")
    install_policy(watched.made.folder, watched.policy)
    witnessed_beside(watched.made.folder).unlink()
    with pytest.raises(EvidenceBroken, match="no cosigned checkpoint"):
        watched.made.read()
    policy_beside(watched.made.folder).unlink()
    watched.made.read().close()  # the twin: without the policy, nobody could tell


def test_how_far_the_witnesses_are_behind_is_told(watched: Watched) -> None:
    folder = watched.made.folder
    assert "no witness" in witnessed.standing(folder, size=40, now=watched.now)
    watched.witness("w1", "w2")
    assert "no policy" in witnessed.standing(folder, size=40, now=watched.now)
    install_policy(folder, watched.policy)
    told = witnessed.standing(folder, size=43, now=watched.now + timedelta(hours=2))
    assert told == "3 not witnessed, the last cosignature is 2.0 h old"


def test_one_witness_of_two_is_not_enough(watched: Watched) -> None:
    with pytest.raises(EvidenceBroken, match="the quorum 'g' is not met"):
        watched.witness("w1")
    assert not witnessed_beside(watched.made.folder).exists()


def test_a_kept_checkpoint_without_its_cosignatures_is_broken(watched: Watched) -> None:
    watched.witness("w1", "w2")
    install_policy(watched.made.folder, watched.policy)
    path = witnessed_beside(watched.made.folder)
    path.write_text("\n".join(path.read_text().split("\n")[:5]) + "\n")
    with pytest.raises(EvidenceBroken, match="quorum"):
        watched.made.read()
    path.write_bytes(b"\xff")
    with pytest.raises(EvidenceBroken, match="not a checkpoint"):
        watched.made.read()


def test_an_older_checkpoint_never_takes_the_place_of_a_newer(watched: Watched) -> None:
    watched.witness("w1", "w2")
    note = witnessed_beside(watched.made.folder).read_text()
    grow(watched.made, "more", watched.now)
    watched.witness("w1", "w2")
    with pytest.raises(BadInput, match="at least the 41"):
        keep(
            watched.made.folder, note, "", policy=watched.read_policy(), origin=watched.made.origin,
            key=watched.made.key.public,
        )  # fmt: skip


def test_whose_word_is_demanded_changes_by_hand_only(watched: Watched) -> None:
    install_policy(watched.made.folder, watched.policy)
    install_policy(watched.made.folder, watched.policy)
    with pytest.raises(BadInput, match="another policy"):
        install_policy(watched.made.folder, b"quorum none\n")
    with pytest.raises(BadInput, match="not in the form"):
        witnessed.load_policy(_write(watched.folder / "bad", "quorum nobody\n"))


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
