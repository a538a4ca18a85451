"""Appends to a ledger until it is killed, and writes down each acknowledgement: the other half of test_crash.py."""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from vemo_audit.governance.keys import load_private
from vemo_audit.governance.ledger.rows import LogRows
from vemo_audit.governance.ledger.store import Ledger


def main(folder: Path, key_path: Path, ack_path: Path, mode: str) -> None:
    """Modes: honest | early (acknowledges before COMMIT); with '-die' the process kills itself at the fifth COMMIT."""
    key = load_private(key_path, None)
    ack = os.open(ack_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    log = Ledger.open(folder, log_public=key.public, now=datetime.now(UTC), log_key=key)
    start = log.size
    if mode.endswith("-die"):
        add = LogRows.add_entries

        def add_then_die(self: LogRows, rows: list[tuple[int, bytes, bytes, str]], hashes: list[object]) -> None:
            add(self, rows, hashes)  # type: ignore[arg-type]
            if rows[0][0] - start == 4:
                os.kill(os.getpid(), signal.SIGKILL)

        LogRows.add_entries = add_then_die  # type: ignore[method-assign,assignment]
    for k in range(start, start + 100_000):
        if mode.startswith("early"):
            os.write(ack, b"%d d%d\n" % (k, k))
        entry = log.append({"decision_id": f"d{k}"}, private=b"private", subject_ref=f"s{k % 3}")
        if mode.startswith("honest"):
            os.write(ack, f"{entry.index} {entry.header['decision_id']}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
