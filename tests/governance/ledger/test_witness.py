"""A witness cosigns growth and nothing else, remembers it through everything, and says why in the codes of the form."""

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import KeyPair, generate
from vemo_audit.governance.ledger import witness
from vemo_audit.governance.ledger.checkpoint import Checkpoint, sign_checkpoint
from vemo_audit.governance.ledger.merkle import consistency_path, fold, leaf_hash, root_of
from vemo_audit.governance.ledger.witness import Answer, Submission, add_checkpoint, create_witness, seen, trust_log

ORIGIN = "example.org/vemo-audit/2026-11"


@dataclass
class Log:
    """A log in memory that signs whatever a test wants."""

    key: KeyPair
    entries: list[bytes]

    def node(self, height: int, k: int) -> bytes:
        return fold([leaf_hash(entry) for entry in self.entries[k << height : (k + 1) << height]])

    def note(self, size: int) -> str:
        return sign_checkpoint(Checkpoint(ORIGIN, size, root_of(size, self.node)), self.key)

    def ask(self, old: int, size: int) -> Submission:
        path = consistency_path(old, size, self.node) if 0 < old <= size else []
        return Submission(old, tuple(path), self.note(size))


@pytest.fixture
def log() -> Log:
    return Log(generate("log"), [b"entry %d" % k for k in range(40)])


@pytest.fixture
def place(tmp_path: Path, log: Log) -> Path:
    create_witness(tmp_path / "witness", logs={ORIGIN: log.key.public})
    return tmp_path / "witness"


@pytest.fixture
def ask(place: Path, now: datetime) -> Callable[[Submission | str], Answer]:
    key = generate("witness")
    return lambda sent: add_checkpoint(
        place, sent if isinstance(sent, str) else sent.to_text(), key=key, name="witness.example/w1", now=now
    )


def test_growth_is_cosigned_and_remembered(log: Log, place: Path, ask: Any) -> None:
    for old, size in ((0, 7), (7, 7), (7, 20), (20, 39)):
        assert (ask(log.ask(old, size)).status, seen(place)[ORIGIN][0]) == (200, size)


def test_the_request_reads_as_it_was_written(log: Log) -> None:
    sent = log.ask(5, 20)
    assert Submission.from_text(sent.to_text()) == sent


def test_refusals_carry_the_codes_of_the_form(log: Log, place: Path, ask: Any) -> None:
    assert ask(log.ask(0, 20)).status == 200
    fork = Log(log.key, [b"other", *log.entries[1:]])
    stranger = Log(generate("log"), log.entries)
    elsewhere = sign_checkpoint(Checkpoint("elsewhere", 1, bytes(32)), log.key)
    cases: dict[str, tuple[int, Any]] = {
        "an unknown log": (404, Submission(20, (), elsewhere)),
        "another key": (403, stranger.ask(20, 30)),
        "a changed size": (403, replace(log.ask(20, 30), note=log.note(30).replace("\n30\n", "\n31\n"))),
        "an old size above the new": (400, log.ask(25, 24)),
        "no request": (400, "old 020\n\n"),
        "no checkpoint": (400, "old 20\n\nnonsense\n"),
        "a proof line that is no hash": (400, f"old 20\nAAAA\n\n{log.note(30)}"),
        "too many proof lines": (400, replace(log.ask(20, 30), proof=(bytes(32),) * 64)),
        "rollback": (409, log.ask(10, 15)),
        "rollback with the right old size": (400, Submission(20, (), log.note(15))),
        "from the start again": (409, log.ask(0, 30)),
        "another root for the size": (409, fork.ask(20, 20)),
        "a fork that grew": (422, fork.ask(20, 30)),
        "a proof cut short": (422, replace(log.ask(20, 30), proof=log.ask(20, 30).proof[:-1])),
        "a proof where none belongs": (422, replace(log.ask(20, 20), proof=(bytes(32),))),
    }
    for name, (status, sent) in cases.items():
        answer = ask(sent)
        assert (answer.status, answer.line) == (status, ""), (name, answer)
        if status == 409:
            assert answer.body == "20\n", name
    assert seen(place)[ORIGIN] == (20, root_of(20, log.node).hex())


def test_a_first_checkpoint_needs_no_proof_and_takes_none(log: Log, ask: Any) -> None:
    assert ask(Submission(0, (bytes(32),), log.note(3))).status == 422
    wrong = sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), log.key)
    assert ask(Submission(0, (), wrong)).status == 409
    assert ask(log.ask(0, 0)).status == 200
    assert ask(log.ask(0, 3)).status == 200


def test_what_the_log_signed_against_its_past_is_kept_as_evidence(log: Log, place: Path, ask: Any) -> None:
    ask(log.ask(0, 20))
    ask(log.ask(10, 15))
    assert not list(place.glob("refused-*"))
    fork = Log(log.key, [b"other", *log.entries[1:]])
    for sent in (fork.ask(20, 30), fork.ask(20, 20), fork.ask(20, 20)):
        ask(sent)
    kept = {path.read_text() for path in place.glob("refused-*")}
    assert kept == {fork.ask(20, 30).to_text(), fork.ask(20, 20).to_text()}


@pytest.mark.parametrize("check", ["rollback", "fork"])
def test_twin_without_its_judgement_rollback_and_fork_are_cosigned(
    log: Log, ask: Any, check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "judge", lambda *_, **__: None)
    ask(log.ask(0, 20))
    fork = Log(log.key, [b"other", *log.entries[1:]])
    assert ask(log.ask(10, 15) if check == "rollback" else fork.ask(20, 30)).status == 200


def test_the_memory_is_durable_before_the_cosignature_is_made(
    log: Log, place: Path, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> str:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(witness, "cosign", fail)
        with pytest.raises(OSError, match="power cut"):
            ask(log.ask(0, 20))
    assert seen(place)[ORIGIN][0] == 20
    assert ask(log.ask(20, 20)).status == 200  # the line is simply asked for again


def test_a_full_disk_cosigns_nothing_and_leaves_the_memory_whole(
    log: Log, place: Path, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(log.ask(0, 20))
    with monkeypatch.context() as patch:
        patch.setattr(witness.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(EvidenceBroken, match="No space left"):
            ask(log.ask(20, 30))
    assert seen(place)[ORIGIN][0] == 20
    assert ask(log.ask(20, 30)).status == 200


def test_of_two_forks_at_once_one_is_cosigned(log: Log, place: Path, now: datetime) -> None:
    fork = Log(log.key, [b"other", *log.entries[1:]])
    key, answers, gate = generate("witness"), list[int](), threading.Barrier(8)

    def one(which: Log) -> None:
        gate.wait()
        answers.append(add_checkpoint(place, which.ask(0, 20).to_text(), key=key, name="w", now=now).status)

    threads = [threading.Thread(target=one, args=(which,)) for which in (log, fork) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * 7


def test_a_witness_never_begins_anew_by_itself(log: Log, place: Path, ask: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="exists already"):
        create_witness(place, logs={})
    (place / "witness.json").unlink()
    with pytest.raises(BadInput, match="memory"):
        ask(log.ask(0, 20))
    with pytest.raises(BadInput, match="no witness here"):
        add_checkpoint(tmp_path / "none", log.ask(0, 3).to_text(), key=log.key, name="w", now=datetime.now())


def test_a_damaged_memory_is_broken_evidence(log: Log, place: Path, ask: Any) -> None:
    path = place / "witness.json"
    sound = json.loads(path.read_text())
    (entry,) = sound["logs"].values()
    for bad in (
        "", "[]", "{}", "null", json.dumps({**sound, "format": 2}), json.dumps({**sound, "more": 1}),
        *(json.dumps({**sound, "logs": {ORIGIN: {**entry, **wrong}}}) for wrong in
          ({"size": -1}, {"size": True}, {"size": "0"}, {"root": "00"}, {"key": "zz"}, {"root": None}, {"x": 1})),
    ):  # fmt: skip
        path.write_text(bad)
        with pytest.raises(EvidenceBroken):
            ask(log.ask(0, 20))


def test_a_second_log_is_trusted_once(log: Log, place: Path) -> None:
    trust_log(place, "other", generate("log").public)
    assert set(seen(place)) == {ORIGIN, "other"}
    with pytest.raises(BadInput, match="known already"):
        trust_log(place, ORIGIN, log.key.public)


def test_a_copied_memory_that_is_older_refuses_instead_of_cosigning_twice(
    log: Log, place: Path, ask: Any, tmp_path: Path
) -> None:
    """Set back, it answers 409 to a log that grew on; only a fork from the older state could get a line."""
    ask(log.ask(0, 20))
    shutil.copy(place / "witness.json", tmp_path / "older")
    ask(log.ask(20, 30))
    shutil.copy(tmp_path / "older", place / "witness.json")
    assert ask(log.ask(30, 35)).status == 409


def test_times_without_a_place_are_refused(log: Log, place: Path, now: datetime) -> None:
    with pytest.raises(BadInput, match="the time"):
        add_checkpoint(
            place, log.ask(0, 3).to_text(), key=log.key, name="w", now=now - timedelta(days=60 * 365)
        )  # fmt: skip
