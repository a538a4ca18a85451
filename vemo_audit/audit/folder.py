"""The result folder of an audit: written beside its place, then put there whole."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

from vemo_audit.audit.export import csv_tables, run_bytes
from vemo_audit.errors import BadInput
from vemo_audit.records.audit_run import AuditRun

OURS = frozenset({"report.html", "audit.json", "run.json", "tables", "predictions"})
"""All that an audit writes; a folder with anything else in it is never replaced."""


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `out` when the block ends well, and is gone when it does not.

    Raises BadInput, before anything is done, when `out` is a file or holds what no audit wrote.
    """
    out = out.resolve()
    if out.exists() and not out.is_dir():
        raise BadInput("a file", where=str(out), expected="a folder, or nothing, at --out")
    foreign = sorted(entry.name for entry in out.iterdir() if entry.name not in OURS) if out.is_dir() else []
    if foreign:
        raise BadInput(
            f"'{foreign[0]}' in the folder", where=str(out), expected="an empty folder, or one with an earlier audit",
            advice="Choose another folder: an audit replaces its folder whole.",
        )  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        fresh.chmod(0o755)
        yield fresh
        old = fresh.with_name(f"{fresh.name}.old")
        if out.exists():
            out.rename(old)
        try:
            fresh.rename(out)
        except OSError:
            if old.exists():
                old.rename(out)
            raise
        rmtree(old, ignore_errors=True)
    finally:
        rmtree(fresh, ignore_errors=True)


def write_run(folder: Path, run: AuditRun, *, content: dict[str, Any], html: str) -> None:
    """Writes report.html, audit.json (`content`), run.json and the CSV tables into an open folder."""
    (folder / "report.html").write_text(html, encoding="utf-8")
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "audit.json").write_text(text + "\n", encoding="utf-8")
    (folder / "run.json").write_bytes(run_bytes(run))
    (folder / "tables").mkdir()
    for name, table in csv_tables(run).items():
        (folder / "tables" / name).write_text(table, encoding="utf-8")
