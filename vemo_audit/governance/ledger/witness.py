"""The witness: it remembers the newest checkpoint of each log, and cosigns only what begins with that one."""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance import strict_base64
from vemo_audit.governance.keys import KeyPair, PublicKey, write_new
from vemo_audit.governance.ledger.checkpoint import Checkpoint, check_origin, read_checkpoint, verify_checkpoint
from vemo_audit.governance.ledger.cosignature import cosign
from vemo_audit.governance.ledger.merkle import EMPTY_ROOT, extends

FORMAT = 1
STATE, LOCK = "witness.json", "witness.lock"
MAX_PROOF_LINES = 63
"""Source: c2sp.org/tlog-witness."""
MAX_REQUEST_BYTES = 32 * 1024
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Answer:
    """What add-checkpoint answers. Source: c2sp.org/tlog-witness.

    200: `line` is the cosignature. 400: no such request. 403: not signed by the log. 404: an unknown log. 409: not what
    was cosigned last, of which `size` is the size. 422: the proof shows no growth from there.
    """

    status: int
    reason: str
    line: str = ""
    size: int = 0  # what the witness cosigned last

    @property
    def body(self) -> str:
        """The body as it goes over the wire."""
        if self.status == 200:
            return self.line
        return f"{self.size}\n" if self.status == 409 else f"{self.reason}\n"


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint, and the proof that it begins with the tree of `old` leaves."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    def to_text(self) -> str:
        """The body of add-checkpoint. Source: c2sp.org/tlog-witness."""
        lines = "".join(f"{strict_base64.encode(hash_)}\n" for hash_ in self.proof)
        return f"old {self.old}\n{lines}\n{self.note}"

    @classmethod
    def from_text(cls, text: str) -> "Submission":
        """Reads what `to_text` wrote; nothing is verified yet. Raises BadInput for another form."""
        head, gap, note = text.partition("\n\n")
        lines = head.split("\n")
        old = _OLD.fullmatch(lines[0])
        if not gap or old is None or len(lines) > 1 + MAX_PROOF_LINES or len(text) > MAX_REQUEST_BYTES:
            raise BadInput("not an add-checkpoint request", expected="'old N', a proof, an empty line, a checkpoint")
        try:
            proof = tuple(strict_base64.decode(line) for line in lines[1:])
        except ValueError as error:
            raise BadInput("a proof line that is not base64", expected="standard base64 with padding") from error
        if any(len(hash_) != 32 for hash_ in proof):
            raise BadInput("a hash of another length", expected="32 bytes")
        return cls(int(old[1]), proof, note)


def create_witness(folder: Path, *, logs: dict[str, PublicKey]) -> None:
    """Makes the state of a witness that has seen nothing yet. Raises BadInput when there is one: it never forgets."""
    for origin in logs:
        check_origin(origin)
    seen = {origin: {"key": key.raw.hex(), "size": 0, "root": EMPTY_ROOT.hex()} for origin, key in logs.items()}
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_new(folder / STATE, _encode({"format": FORMAT, "logs": seen}), mode=0o600)
    _sync_folder(folder)


def trust_log(folder: Path, origin: str, key: PublicKey) -> None:
    """Adds a log to those that the witness knows. Raises BadInput when the origin is known already."""
    check_origin(origin)
    with _held(folder) as state:
        if origin in state["logs"]:
            raise BadInput(f"the log {origin!r} is known already", where=str(folder), expected="a new origin")
        state["logs"][origin] = {"key": key.raw.hex(), "size": 0, "root": EMPTY_ROOT.hex()}
        _store(folder, state)


def add_checkpoint(folder: Path, text: str, *, key: KeyPair, name: str, now: datetime) -> Answer:
    """Checks a request against what is remembered; remembers the new checkpoint durably before it cosigns.

    Two requests at once are taken one after the other. Raises EvidenceBroken when the memory is damaged or gone, and
    BadInput when it was never made: a witness that forgot must not go on as if it had seen nothing.
    """
    try:
        asked = Submission.from_text(text)
        claimed, _ = read_checkpoint(asked.note)
    except (BadInput, EvidenceBroken) as error:
        return Answer(400, str(error))
    with _held(folder) as state:
        known = state["logs"].get(claimed.origin)
        if known is None:
            return Answer(404, f"the log {claimed.origin!r} is not known here")
        try:
            verify_checkpoint(
                asked.note, origin=claimed.origin, key=PublicKey(claimed.origin, bytes.fromhex(known["key"]))
            )
        except EvidenceBroken as error:
            return Answer(403, str(error))
        refused = judge(asked, claimed, size=known["size"], root=bytes.fromhex(known["root"]))
        if refused is not None:
            _keep_evidence(folder, asked, refused)
            return refused
        known |= {"size": claimed.size, "root": claimed.root.hex()}
        _store(folder, state)
    line = cosign(claimed, key, name=name, at_s=int(now.timestamp()))
    return Answer(200, "cosigned", line, claimed.size)


def judge(asked: Submission, new: Checkpoint, *, size: int, root: bytes) -> Answer | None:
    """Why a checkpoint that the log signed is not cosigned after one of `size` and `root`; None when it is.

    Source: c2sp.org/tlog-witness, in the order of its demands.
    """
    if asked.old > new.size:
        return Answer(400, f"an old size of {asked.old}, above the checkpoint's {new.size}", size=size)
    if asked.old != size:
        return Answer(409, f"{size} entries were cosigned last, not {asked.old}", size=size)
    if new.size == size and new.root != root:
        return Answer(409, f"another root for the {size} entries that were cosigned: a fork", size=size)
    first = size == 0  # of nothing, no growth can be shown
    grown = not asked.proof if first else extends(size, new.size, asked.proof, old_root=root, new_root=new.root)
    return None if grown else Answer(422, f"no proof that it begins with the {size} entries cosigned last", size=size)


def seen(folder: Path) -> dict[str, tuple[int, str]]:
    """Origin -> (size, root in hex) of what was cosigned last. Raises as `add_checkpoint`."""
    return {origin: (log["size"], log["root"]) for origin, log in _load(folder)["logs"].items()}


@contextmanager
def _held(folder: Path) -> Iterator[dict[str, Any]]:
    """The memory, which nobody else reads or writes meanwhile."""
    if not folder.is_dir():
        raise BadInput("no witness here", where=str(folder), advice="Make one with `vemo-audit ledger witness init`.")
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield _load(folder)
    finally:
        os.close(descriptor)


def _load(folder: Path) -> dict[str, Any]:
    path = folder / STATE
    try:
        state = json.loads(path.read_bytes())
        sound = state["format"] == FORMAT and set(state) == {"format", "logs"}
        for log in state["logs"].values():
            sizes = type(log["size"]) is int and log["size"] >= 0
            lengths = len(bytes.fromhex(log["root"])) == 32 == len(bytes.fromhex(log["key"]))
            sound = sound and sizes and lengths and set(log) == {"key", "size", "root"}
    except FileNotFoundError as error:
        raise BadInput(
            "no memory of a witness", where=str(path), expected="the file that `ledger witness init` made",
            advice="A witness that lost its memory must not go on: retire its key and make a new witness.",
        ) from error  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EvidenceBroken(f"the memory does not read ({type(error).__name__})", where=str(path)) from error
    if not sound:
        raise EvidenceBroken("a memory in another form", where=str(path), expected=f"format {FORMAT}")
    return dict(state)


def _store(folder: Path, state: dict[str, Any]) -> None:
    """Puts the new memory in the place of the old one: whole, durable, or not at all."""
    replace_file(folder / STATE, _encode(state))


def replace_file(path: Path, data: bytes) -> None:
    """Writes a small file in one step that survives a power cut. Raises EvidenceBroken when the disk refuses."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise EvidenceBroken(
            f"not written ({error.strerror})", where=str(path), advice="Nothing was cosigned."
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep_evidence(folder: Path, asked: Submission, refused: Answer) -> None:
    """What the log signed against its own past is the proof of it: kept, where the proof or the root did not hold."""
    if refused.status == 422 or "fork" in refused.reason:
        text = asked.to_text().encode()
        path = folder / f"refused-{hashlib.sha256(text).hexdigest()[:16]}.txt"
        if not path.exists():
            write_new(path, text, mode=0o600)


def _encode(state: dict[str, Any]) -> bytes:
    return (json.dumps(state, indent=1, sort_keys=True) + "\n").encode()
