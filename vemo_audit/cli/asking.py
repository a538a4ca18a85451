"""What the commands that ask the gate share: the case that options state, and how a decision is told."""

import os
from pathlib import Path

import typer

from vemo_audit.cli.screen import console, say_json
from vemo_audit.errors import BadInput
from vemo_audit.governance import manifest
from vemo_audit.governance.gate import Case
from vemo_audit.records.decision import Decision, Outcome


def case_of(
    deployment: Path, purpose: str, modality: list[str] | None = None, output: list[str] | None = None, *,
    consent: list[Path] | None = None, release: Path | None = None, model_digest: str = "",
) -> Case:  # fmt: skip
    """The case that a command line states. What it leaves out is all that the manifest names."""
    scope = manifest.read(deployment).scope
    return Case(
        purpose, frozenset(modality or scope.modalities), frozenset(output or scope.outputs),
        tuple(read_bytes(path) for path in consent or ()), read_bytes(release) if release else None, model_digest,
    )  # fmt: skip


def tell(decision: Decision, *, json: bool) -> None:
    """Prints a decision; ends with exit code 3 when it denies."""
    if json:
        say_json(
            {
                "decision_id": decision.decision_id, "decision": str(decision.outcome), "action": decision.action,
                "rules": [{"rule_id": r.rule_id, "ref": r.ref, "message": r.message} for r in decision.rules],
                "next_step": decision.advice, "obligations": list(decision.obligations),
                "log_index": decision.log_index, "log_origin": decision.log_origin,
            }
        )  # fmt: skip
    else:
        out = console()
        colour = "green" if decision.allowed else "red"
        out.print(f"[bold {colour}]{decision.outcome}[/]  decision {decision.decision_id}, entry {decision.log_index}")
        for rule in decision.rules:
            out.print(f"  {rule.rule_id} [{rule.ref}]\n    {rule.message}", markup=False)
        for word in decision.obligations:
            out.print(f"  note: {word}", markup=False)
        if decision.advice:
            out.print(f"Next: {decision.advice}", markup=False)
    if decision.outcome is not Outcome.ALLOW:
        raise typer.Exit(3)


def passphrase(path: Path | None) -> bytes | None:
    """The first line of a passphrase file; None without one."""
    return None if path is None else read_bytes(path).split(b"\n")[0] or None


def read_bytes(path: Path) -> bytes:
    """What a file holds. Raises BadInput when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"the file cannot be read ({error.strerror})", where=str(path)) from error


def demand_place(path: Path) -> None:
    """Raises BadInput when a file could not be written at `path`."""
    folder = path.resolve().parent
    if not folder.is_dir() or path.is_dir() or not os.access(folder, os.W_OK):
        raise BadInput("no place for a file", where=str(path), expected="a file in a folder that can be written")


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file. Raises BadInput when it cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BadInput(f"the file cannot be written ({error.strerror})", where=str(path)) from error
