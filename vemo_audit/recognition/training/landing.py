"""Puts what training leaves behind on disk: each file whole or not at all, and a full disk told in words."""

from pathlib import Path

from vemo_audit.errors import BadInput


def place(folder: Path) -> Path:
    """The folder, made if need be. Raises BadInput, before an hour is spent, when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / ".vemo-trial.part"
        trial.write_bytes(b"\0")
        trial.unlink()
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def land(path: Path, content: bytes) -> None:
    """Writes the file, in place of an earlier one. Raises BadInput when it cannot; then nothing is left of it."""
    half_written = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half_written.write_bytes(content)
        half_written.replace(path)
    except OSError as error:
        _taken_away(half_written)
        raise _unwritable(path, error) from error


def _taken_away(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # the folder itself is gone or closed: there is nothing to take away


def _unwritable(path: Path, error: OSError) -> BadInput:
    return BadInput(
        f"it cannot be written ({error.strerror or error})", where=str(path), expected="a folder with room at --out",
        advice="Make room or choose another --out; an interrupted run goes on where it was.",
    )  # fmt: skip
