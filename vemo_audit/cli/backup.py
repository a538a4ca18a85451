"""`vemo-audit ledger backup` and `restore`: the stores are copied and come back without losing a proof."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from vemo_audit.cli.asking import passphrase
from vemo_audit.cli.clocks import wall_clock
from vemo_audit.cli.screen import console, say_json
from vemo_audit.errors import BadInput, Refused
from vemo_audit.governance.keys import PublicKey, load_private
from vemo_audit.governance.ledger.backup import Loss, back_up
from vemo_audit.governance.ledger.backup import restore as put_back
from vemo_audit.records.strict import time_text, uuid7

LedgerFolder = Annotated[Path, typer.Option("--ledger", help="The ledger's folder.")]
PublicFile = Annotated[
    Path | None, typer.Option("--key", help="The log's public key. Default: keys/log.pub beside the ledger.")
]
Consents = Annotated[Path | None, typer.Option(help="The consent store. Default: consents.db beside the ledger.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LEDGER = Path("ledger")


def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder, on another disk.")],
    ledger: LedgerFolder = LEDGER, key: PublicFile = None, consents: Consents = None, json: AsJson = False,
) -> None:  # fmt: skip
    """Copy ledger, ciphertexts, wrapped keys and consents, also while a gate runs. The wrapping key stays out."""
    beside = ledger.resolve().parent / "consents.db"
    store = consents or (beside if beside.exists() else None)
    made = back_up(ledger, folder, log_public=_public(ledger, key), now=wall_clock(), consents=store)
    if json:
        say_json({"backup": str(folder), "origin": made.origin, "size": made.size, "root": made.root,
                  "files": made.files})  # fmt: skip
        return
    out = console()
    out.print(
        f"Backed up [bold]{made.size}[/] entries of {escape(made.origin)} to {escape(str(folder))}, and verified."
    )
    out.print("Not in it, keep apart: the wrapping key, the keys folder, the manifest. Destroy it within 30 days.")


def restore(
    folder: Annotated[Path, typer.Argument(help="What `ledger backup` made.")],
    ledger: LedgerFolder = LEDGER, key: PublicFile = None, consents: Consents = None,
    accept_older: Annotated[
        str, typer.Option(help="Why a backup older than what witnesses saw is taken. Is recorded.")
    ] = "",
    approver: Annotated[list[str] | None, typer.Option(help="Two different people, one option each.")] = None,
    log_key: Annotated[Path | None, typer.Option("--log-key", help="The log's private key: signs the record.")] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option("--passphrase-file", help="File with the private key's passphrase.")
    ] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Put a backup where the stores were. Nothing is written over; older than what witnesses saw: only on record."""
    loss = _loss(accept_older, approver or [], log_key, passphrase(passphrase_file)) if accept_older else None
    held = (folder / "consents.db").exists()
    store = consents or (ledger.resolve().parent / "consents.db" if held else None)
    done = put_back(folder, ledger, log_public=_public(ledger, key), consents=store, loss=loss)
    lost = None if done.lost is None else {"size": done.lost.size, "root": done.lost.root.hex()}
    if json:
        say_json({"ledger": str(ledger), "origin": done.backup.origin, "size": done.backup.size, "lost": lost})
        return
    out = console()
    out.print(f"Restored {done.backup.size} entries of {escape(done.backup.origin)} to {escape(str(ledger))}.")
    if lost:
        out.print(
            f"[bold red]Lost and on record:[/] the entries up to {lost['size']} that witnesses saw. They will not"
        )
        out.print("cosign this log again: begin a new origin, and tell those who hold proofs of the lost entries.")


def _loss(reason: str, people: list[str], log_key: Path | None, secret: bytes | None) -> Loss:
    """The record of the act. Raises Refused without two people, BadInput without the log's key."""
    if len({name.strip().casefold() for name in people if name.strip()}) < 2:
        raise Refused(
            f"{len(people)} approver(s)", rule_id="o.restore-older", ref="AI Act art. 12(1)",
            advice="Two different people: --approver A --approver B.",
        )  # fmt: skip
    if log_key is None:
        raise BadInput("no log key", where="--accept-older", expected="--log-key, which signs the record of it")
    now = wall_clock()
    header: dict[str, Any] = {
        "schema": "vemo.decision/1", "decision_id": uuid7(now, os.urandom(10)), "wall_time": time_text(now),
        "decision": "allow", "approvers": [name[:200] for name in people], "reason": reason[:500],
    }  # fmt: skip
    return Loss(load_private(log_key, secret, name="log"), header, now)


def _public(ledger: Path, key: Path | None) -> PublicKey:
    return PublicKey.load(key or ledger.resolve().parent / "keys" / "log.pub", name="log")
