"""`vemo-audit ledger timestamp`: a third party's clock over a checkpoint, by RFC 3161."""

from pathlib import Path
from typing import Annotated

import typer

from vemo_audit.cli.asking import read_bytes, write_bytes
from vemo_audit.cli.screen import console, say_json
from vemo_audit.governance.ledger import timestamps

app = typer.Typer(help="A third party's clock over a checkpoint (RFC 3161).", no_args_is_help=True)

Note = Annotated[Path, typer.Argument(help="A checkpoint, as `ledger checkpoint --out` writes it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def request(
    checkpoint: Note,
    out: Annotated[Path | None, typer.Option(help="Where to write. Default: the checkpoint's name and .tsq")] = None,
    json: AsJson = False,
) -> None:
    """Write the request for an authority. Keep the checkpoint as it is: the answer is about these bytes."""
    made = timestamps.request(_text(checkpoint))
    path = out or checkpoint.with_name(f"{checkpoint.name}.tsq")
    write_bytes(path, made.der)
    if json:
        say_json({"request": str(path), "nonce": str(made.nonce)})
        return
    out_ = console()
    out_.print(f"Wrote {path}. Send it with the content type application/timestamp-query, then:", markup=False)
    out_.print(
        f"  vemo-audit ledger timestamp check {checkpoint} ANSWER --roots CA.pem --nonce {made.nonce}", markup=False
    )


@app.command()
def check(
    checkpoint: Note,
    answer: Annotated[Path, typer.Argument(help="What the authority answered (application/timestamp-reply).")],
    roots: Annotated[Path, typer.Option(help="Trusted certificates, PEM.")],
    nonce: Annotated[str, typer.Option(help="The number that the request carried.")] = "",
    json: AsJson = False,
) -> None:
    """When did this checkpoint exist, at the latest? Exit code 4: the answer does not show it."""
    wanted = int(nonce) if nonce.isascii() and nonce.isdigit() else None
    if nonce and wanted is None:
        raise typer.BadParameter("a decimal number", param_hint="--nonce")
    stamp = timestamps.check(read_bytes(answer), _text(checkpoint), roots=read_bytes(roots), nonce=wanted)
    facts = {"at": stamp.at.isoformat(), "policy": stamp.policy, "serial": str(stamp.serial)}
    if json:
        say_json(facts)
        return
    console().print(f"The checkpoint existed at {facts['at']} (policy {facts['policy']}, serial {facts['serial']}).")


def _text(path: Path) -> str:
    return read_bytes(path).decode(errors="replace")
