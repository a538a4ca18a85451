"""What somebody with the files, but without the log key, could do to a ledger of 300 entries, 280 of them signed."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vemo_audit.governance.keys import KeyPair, generate
from vemo_audit.governance.ledger.checkpoint import Checkpoint, sign_checkpoint
from vemo_audit.governance.ledger.merkle import leaf_hash
from vemo_audit.governance.ledger.tiles import Edge
from vemo_audit.records.digest import canonical_json

ORIGIN = "example.org/vemo-audit/2026-11"


@dataclass(frozen=True)
class Attack:
    """`broken`: the checks that must find it. `first_bad`: the index that must be named."""

    name: str
    act: Callable[[sqlite3.Connection, Path], None]
    broken: tuple[str, ...]
    first_bad: int | None
    at_start: bool = True  # found by the startup checks, too


def rebuild(sql: sqlite3.Connection) -> None:
    """Makes leaves and tiles fit the headers again, as a careful attacker would."""
    edge, tiles = Edge(0, ()), dict[tuple[int, int], bytes]()
    rows = sql.execute("SELECT idx, header FROM entry ORDER BY idx").fetchall()
    for idx, header in rows:
        sql.execute("UPDATE entry SET leaf=? WHERE idx=?", (leaf_hash(header), idx))
        for new in edge.append(leaf_hash(header)):
            key = (new.level, new.index // 256)
            tiles[key] = tiles.get(key, b"") + new.hash
    sql.execute("DELETE FROM tile")
    sql.executemany("INSERT INTO tile VALUES(?,?,?)", [(*key, hashes) for key, hashes in tiles.items()])


def _edit(sql: sqlite3.Connection, _: Path) -> None:
    (header,) = sql.execute("SELECT header FROM entry WHERE idx=41").fetchone()
    sql.execute("UPDATE entry SET header=? WHERE idx=41", (header.replace(b"allow", b"deny_"),))


def _edit_carefully(sql: sqlite3.Connection, folder: Path) -> None:
    _edit(sql, folder)
    rebuild(sql)


def _delete(sql: sqlite3.Connection, _: Path) -> None:
    sql.execute("DELETE FROM entry WHERE idx=100")


def _delete_carefully(sql: sqlite3.Connection, _: Path) -> None:
    sql.execute("DELETE FROM entry WHERE idx=100")
    for idx in range(101, 300):
        sql.execute("UPDATE entry SET idx=? WHERE idx=?", (idx - 1, idx))
    rebuild(sql)


def _reorder(sql: sqlite3.Connection, _: Path) -> None:
    for old, new in ((7, -1), (8, 7), (-1, 8)):
        sql.execute("UPDATE entry SET idx=? WHERE idx=?", (new, old))
    rebuild(sql)


def _insert_before(sql: sqlite3.Connection, _: Path) -> None:
    header = b'{"decision_id":"x"}'
    sql.execute("INSERT INTO entry VALUES(-1,?,?,'x')", (header, leaf_hash(header)))


def _truncate(sql: sqlite3.Connection, _: Path) -> None:
    sql.execute("DELETE FROM entry WHERE idx>=270")


def _swap_ciphertexts(sql: sqlite3.Connection, folder: Path) -> None:
    with sqlite3.connect(folder / "payload.db") as payload:
        (a, one), (b, two) = payload.execute("SELECT ct_sha256, ct FROM payload ORDER BY rowid LIMIT 2").fetchall()
        payload.executemany("UPDATE payload SET ct=? WHERE ct_sha256=?", [(two, a), (one, b)])
    payload.close()


def _lose_ciphertext(sql: sqlite3.Connection, folder: Path) -> None:
    with sqlite3.connect(folder / "payload.db") as payload:
        payload.execute("DELETE FROM payload WHERE rowid=(SELECT min(rowid) FROM payload)")
    payload.close()


def _lose_keys(sql: sqlite3.Connection, folder: Path) -> None:
    with sqlite3.connect(folder / "keys.db") as keys:
        keys.execute("DELETE FROM dek")
    keys.close()


def _blank_keys(sql: sqlite3.Connection, folder: Path) -> None:
    with sqlite3.connect(folder / "keys.db") as keys:
        keys.execute("UPDATE dek SET wrapped=zeroblob(length(wrapped))")
    keys.close()


def _cut_key(sql: sqlite3.Connection, folder: Path) -> None:
    with sqlite3.connect(folder / "keys.db") as keys:
        keys.execute("UPDATE dek SET wrapped=x'00' WHERE dek_id=1")
    keys.close()


def _swap_checkpoint(sql: sqlite3.Connection, _: Path) -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, 280, bytes(32)), generate("log"))
    sql.execute("UPDATE checkpoint SET note=?, root=zeroblob(32) WHERE size=280", (note,))


def _replay_checkpoint(sql: sqlite3.Connection, _: Path) -> None:
    sql.execute("UPDATE checkpoint SET note=(SELECT note FROM checkpoint WHERE size=100) WHERE size=280")


def _sign_anew(sql: sqlite3.Connection, folder: Path) -> None:
    """A whole history of one's own, under a key of one's own."""
    sign_anew(sql, folder, generate("log"))


def sign_anew(sql: sqlite3.Connection, folder: Path, key: KeyPair) -> None:
    _edit_carefully(sql, folder)
    edge = Edge(0, ())
    for (leaf,) in sql.execute("SELECT leaf FROM entry ORDER BY idx").fetchall():
        edge.append(leaf)
    note = sign_checkpoint(Checkpoint(ORIGIN, 300, edge.root()), key)
    sql.execute("DELETE FROM checkpoint")
    sql.execute("INSERT INTO checkpoint VALUES(300,?,?,NULL)", (edge.root(), note))


def _unsign(sql: sqlite3.Connection, _: Path) -> None:
    sql.execute("DELETE FROM checkpoint")


def _edit_tile(sql: sqlite3.Connection, _: Path) -> None:
    sql.execute("UPDATE tile SET hashes=zeroblob(32)")


def _set_clock_back(sql: sqlite3.Connection, _: Path) -> None:
    """In the tail that nobody signed yet: as if the machine's clock had been set back between two entries."""
    for idx, at in ((290, "2026-11-23T12:00:00.000Z"), (291, "2026-11-23T11:00:00.000Z")):
        (header,) = sql.execute("SELECT header FROM entry WHERE idx=?", (idx,)).fetchone()
        sql.execute(
            "UPDATE entry SET header=? WHERE idx=?", (canonical_json({**json.loads(header), "wall_time": at}), idx)
        )
    rebuild(sql)


def _swap_shard(sql: sqlite3.Connection, folder: Path) -> None:
    """Entries, tiles and checkpoints of the same owner's log of another month, under this one's name."""
    other = folder.with_name("another-month")
    sql.commit()
    sql.execute("ATTACH ? AS other", (str(other / "ledger.db"),))
    for table in ("entry", "tile", "checkpoint"):
        sql.execute(f"DELETE FROM {table}")  # noqa: S608
        sql.execute(f"INSERT INTO {table} SELECT * FROM other.{table}")  # noqa: S608


def _refile(sql: sqlite3.Connection, _: Path) -> None:
    sql.execute("UPDATE entry SET decision_id='d9' WHERE idx=41")


ATTACKS = (
    Attack("edit", _edit, ("entries", "tree", "checkpoints"), 41),
    Attack("edit carefully", _edit_carefully, ("checkpoints",), 0),
    Attack("delete", _delete, ("entries", "tree", "checkpoints"), 100),
    Attack("delete carefully", _delete_carefully, ("checkpoints",), 100),
    Attack("reorder", _reorder, ("checkpoints",), 0),
    Attack("insert before", _insert_before, ("entries", "tree", "checkpoints"), 0),
    Attack("truncate", _truncate, ("checkpoints",), 270),
    Attack("swap ciphertexts", _swap_ciphertexts, ("private parts",), 0, at_start=False),
    Attack("lose ciphertext", _lose_ciphertext, ("private parts",), 0, at_start=False),
    Attack("lose keys", _lose_keys, ("private parts",), 0, at_start=False),
    Attack("blank keys", _blank_keys, ("subject keys",), 0, at_start=False),
    Attack("cut key", _cut_key, ("subject keys",), 0, at_start=False),
    Attack("swap checkpoint", _swap_checkpoint, ("checkpoints",), None),
    Attack("replay checkpoint", _replay_checkpoint, ("checkpoints",), None),
    Attack("sign anew", _sign_anew, ("checkpoints",), None),
    Attack("unsign", _unsign, ("checkpoints",), None),
    Attack("edit tile", _edit_tile, ("tree",), 0),
    Attack("refile", _refile, ("entries",), 41),
    Attack("clock", _set_clock_back, ("times",), 291, at_start=False),
)


SWAP_SHARD = Attack("swap shard", _swap_shard, ("checkpoints", "private parts"), None)
"""Needs a second ledger, `another-month`, beside the first."""
TWELVE = {
    "edit": "edit carefully", "delete": "delete carefully", "reorder": "reorder", "truncate": "truncate",
    "re-sign": "sign anew", "swap ciphertext": "swap ciphertexts", "swap shard": SWAP_SHARD.name,
    "replay checkpoint": "replay checkpoint", "clock": "clock",
}  # fmt: skip
"""Nine of the twelve attacks that must be found, by the one here that stands for each. The three others (rollback,
fork, swap key) leave a ledger that is whole in itself: only what is kept outside it finds them."""


def commit_attack(attack: Attack, folder: Path) -> None:
    with sqlite3.connect(folder / "ledger.db") as sql:
        attack.act(sql, folder)
    sql.close()


def roll_back(folder: Path, older: Path) -> None:
    """Puts an older copy of the whole folder in place."""
    shutil.rmtree(folder)
    shutil.copytree(older, folder)
