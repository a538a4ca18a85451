"""The result folder of an audit: written beside its place, then put there whole."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

from vemo_audit.audit.export import TABLES, csv_tables, run_bytes
from vemo_audit.errors import BadInput
from vemo_audit.records.audit_run import AuditRun

OURS = frozenset({"report.html", "audit.json", "run.json", "tables", "predictions"})
"""All that an audit writes; a folder with anything else in it is never replaced."""
SEAL = frozenset({"audit.json", "run.json", "report.html"})
"""What every audit writes: a folder without one of these was made by somebody else."""


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `out` when the block ends well, and is gone when it does not.

    Raises BadInput, before anything is done, when `out` is a file, holds what no audit wrote or cannot be written.
    """
    out = out.resolve()
    _check_place(out)
    made = [parent for parent in (out.parent, *out.parent.parents) if not parent.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise BadInput(
            f"nothing can be written there ({error.strerror or error})",
            where=str(out),
            expected="a folder to write at --out",
        ) from error
    try:
        fresh.chmod(0o755)
        yield fresh
        _land(fresh, out)
    except BaseException:
        rmtree(fresh, ignore_errors=True)
        _remove_empty(made)
        raise


def _land(fresh: Path, out: Path) -> None:
    """Puts the new folder where the old one was; the old one comes back when the new one cannot land."""
    old = fresh.with_name(f"{fresh.name}.old")
    try:
        if out.exists():
            out.rename(old)
        fresh.rename(out)
    except OSError as error:
        if old.exists():
            old.rename(out)
        raise BadInput(
            f"a folder that cannot be replaced ({error.strerror or error})", where=str(out),
            expected="a folder inside another",
            advice="Where --out is a mounted folder, choose a new folder inside it. Nothing was written.",
        ) from error  # fmt: skip
    rmtree(old, ignore_errors=True)


def _check_place(out: Path) -> None:
    """Raises BadInput where a folder may not be replaced: what is in it was not written by an audit."""
    if out.exists() and not out.is_dir():
        raise BadInput("a file", where=str(out), expected="a folder, or nothing, at --out")
    if not out.is_dir():
        return
    if out == Path.cwd():
        raise BadInput(
            "the current folder", where=str(out), expected="another folder at --out",
            advice="An audit replaces its folder whole, and you would stand in one that is gone.",
        )  # fmt: skip
    inside = {entry.name for entry in out.iterdir()}
    foreign = sorted(inside - OURS) or sorted(_foreign_tables(out)) or (sorted(inside) if not inside >= SEAL else [])
    if inside and foreign:
        raise BadInput(
            f"'{foreign[0]}' in the folder", where=str(out), expected="an empty folder, or one with an earlier audit",
            advice="Choose another folder: an audit replaces its folder whole.",
        )  # fmt: skip


def _foreign_tables(out: Path) -> set[str]:
    """What lies in the inner folders and is no table of an audit."""
    known = {"tables": ".csv", "predictions": ".parquet"}
    return {
        f"{name}/{entry.name}"
        for name, suffix in known.items()
        if (out / name).is_dir()
        for entry in (out / name).iterdir()
        if entry.suffix != suffix or not entry.is_file() or (name == "tables" and entry.stem not in TABLES)
    }


def _remove_empty(folders: list[Path]) -> None:
    """Takes away folders that were made for nothing, the innermost first."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def write_run(folder: Path, run: AuditRun, *, content: dict[str, Any], html: str) -> None:
    """Writes report.html, audit.json (`content`), run.json and the CSV tables into an open folder."""
    (folder / "report.html").write_text(html, encoding="utf-8")
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "audit.json").write_text(text + "\n", encoding="utf-8")
    (folder / "run.json").write_bytes(run_bytes(run))
    (folder / "tables").mkdir()
    for name, table in csv_tables(run).items():
        (folder / "tables" / name).write_text(table, encoding="utf-8")
