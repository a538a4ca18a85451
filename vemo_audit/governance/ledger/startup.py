"""What a ledger must show before anything is read from it or added to it."""

from vemo_audit.errors import EvidenceBroken
from vemo_audit.governance.keys import PublicKey
from vemo_audit.governance.ledger.check import header_fault
from vemo_audit.governance.ledger.checkpoint import Checkpoint, verify_checkpoint
from vemo_audit.governance.ledger.merkle import includes, inclusion_path, root_of
from vemo_audit.governance.ledger.rows import LogRows, PrivateRows
from vemo_audit.governance.ledger.sealed import Entropy
from vemo_audit.governance.ledger.tiles import Edge, Tiles

SAMPLE = 1000
"""Signed entries that are hashed again at each start; `ledger verify` hashes all."""


def start(rows: LogRows, private: PrivateRows, tiles: Tiles, *, key: PublicKey, entropy: Entropy) -> Edge:
    """The edge of the stored tree, once files, indices, hashes and the last checkpoint were found sound.

    The pragmas were read back when the files were opened. Raises EvidenceBroken for anything that does not hold.
    """
    for database in (rows, private.payloads, private.keys):
        if fault := database.fault():
            raise _broken(f"damaged: {fault}", database.path.name)
    size = rows.size()
    last = rows.last_checkpoint()
    if last is None:
        raise _broken("no checkpoint", rows.path.name)
    checkpoint = verify_checkpoint(last[2], origin=rows.meta("origin"), key=key)
    if checkpoint.size > size:
        raise _broken(f"{size} entries, but {checkpoint.size} were signed", rows.path.name)
    try:
        edge = tiles.edge(size)
        if root_of(checkpoint.size, tiles.node) != checkpoint.root or last[:2] != (checkpoint.size, checkpoint.root):
            raise _broken(f"the first {checkpoint.size} entries are not those that were signed", rows.path.name)
        _rehash_tail(rows, checkpoint.size)
        _rehash_sample(rows, tiles, checkpoint, entropy=entropy)
    except LookupError as error:
        raise _broken(f"a hash is missing ({error})", rows.path.name) from error
    return edge


def _rehash_tail(rows: LogRows, start: int) -> None:
    while chunk := rows.chunk(start, 1024):
        for row in chunk:
            _rehash(row)
        start = chunk[-1][0] + 1


def _rehash_sample(rows: LogRows, tiles: Tiles, checkpoint: Checkpoint, *, entropy: Entropy) -> None:
    size = checkpoint.size
    picks = range(size) if size <= SAMPLE else {int.from_bytes(entropy(8)) % size for _ in range(SAMPLE)}
    for index in sorted(picks):
        row = rows.chunk(index, 1)[0]
        _rehash(row)
        if not includes(row[2], index, size, inclusion_path(index, size, tiles.node), checkpoint.root):
            raise _broken(f"entry {index} is not in the signed tree", rows.path.name)


def _rehash(row: tuple[int, bytes, bytes, str]) -> None:
    if fault := header_fault(*row[1:]):
        raise _broken(f"entry {row[0]}: {fault}", "ledger.db")


def _broken(found: str, where: str) -> EvidenceBroken:
    return EvidenceBroken(
        found, where=where, expected="the ledger as it was written",
        advice="Nothing is served from it. Run `vemo-audit ledger verify` and keep the files as evidence.",
    )  # fmt: skip
