"""`vemo-audit ledger witness`: somebody else remembers how long the log was, and says so with a key of their own."""

import json as jsonlib
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from vemo_audit.cli.asking import passphrase, read_bytes, write_bytes
from vemo_audit.cli.clocks import wall_clock
from vemo_audit.cli.screen import console, say_json, shown
from vemo_audit.errors import BadInput
from vemo_audit.governance.keys import PublicKey, generate, load_private
from vemo_audit.governance.ledger import verify_proof, witnessed
from vemo_audit.governance.ledger.cosignature import witness_vkey
from vemo_audit.governance.ledger.store import Ledger
from vemo_audit.governance.ledger.witness import Submission, add_checkpoint, create_witness, seen, trust_log
from vemo_audit.governance.ledger.witness_http import serve_witness

app = typer.Typer(help="A witness keeps what the log cannot take back. Run it in other hands.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option("--witness", help="The witness's own folder: key and memory.")]
LedgerFolder = Annotated[Path, typer.Option("--ledger", help="The ledger's folder.")]
PublicFile = Annotated[
    Path | None, typer.Option("--key", help="The log's public key. Default: keys/log.pub beside the ledger.")
]
Out = Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")]
Name = Annotated[str, typer.Option(help="The witness's name: an address without scheme, say witness.example/w1.")]
Passphrase = Annotated[Path | None, typer.Option("--passphrase-file", help="File with the private key's passphrase.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LEDGER, WITNESS, KEY = Path("ledger"), Path("witness"), "witness.key"


@app.command()
def init(
    name: Name,
    log: Annotated[list[str], typer.Option(help="A log's C2SP verifier key (name+hash+key). May be repeated.")],
    witness: Folder = WITNESS,
    passphrase_file: Passphrase = None,
    json: AsJson = False,
) -> None:
    """Make a witness: a key of its own, and the memory of logs of which it has seen nothing yet."""
    logs = dict(_log_key(text) for text in log)
    key = generate("witness")
    vkey = witness_vkey(name, key.public)
    create_witness(witness, logs=logs)
    key.save(witness / KEY, passphrase(passphrase_file))
    key.public.save(witness / "witness.pub")
    policy = f"witness w1 {vkey}\nquorum w1\n"
    if json:
        say_json({"witness": str(witness), "vkey": vkey, "logs": sorted(logs), "policy": policy})
        return
    out = console()
    out.print(f"Made a witness of {len(logs)} log(s) in {escape(str(witness))}. The smallest policy that demands it:")
    out.print(policy, markup=False, end="")


@app.command()
def trust(
    log: Annotated[list[str], typer.Option(help="A log's C2SP verifier key. May be repeated.")],
    witness: Folder = WITNESS, json: AsJson = False,
) -> None:  # fmt: skip
    """Add a log, say the one of a new month, to those that the witness knows."""
    for text in log:
        trust_log(witness, *_log_key(text))
    known = {origin: {"size": size, "root": root} for origin, (size, root) in seen(witness).items()}
    if json:
        say_json(known)
        return
    for origin, last in known.items():
        console().print(f"{origin}: {last['size']} entries", markup=False)


@app.command()
def request(ledger: LedgerFolder = LEDGER, key: PublicFile = None, out: Out = None, json: AsJson = False) -> None:
    """Write what the witness needs: the newest checkpoint, and the proof that it extends the one cosigned last."""
    with Ledger.open(ledger, log_public=_public(ledger, key), now=wall_clock()) as log:
        text = log.submission().to_text()
    if out is not None:
        write_bytes(out, text.encode())
    if json:
        say_json({"request": text})
    elif out is None:
        typer.echo(text, nl=False)


@app.command()
def cosign(
    request: Annotated[Path, typer.Argument(help="What `ledger witness request` wrote.")], name: Name,
    witness: Folder = WITNESS, passphrase_file: Passphrase = None, out: Out = None, json: AsJson = False,
) -> None:  # fmt: skip
    """Cosign a checkpoint that extends the last one, and remember it. Exit code 3: refused, with the reason's code."""
    key = load_private(witness / KEY, passphrase(passphrase_file), name="witness")
    text = read_bytes(request).decode(errors="replace")
    answer = add_checkpoint(witness, text, key=key, name=name, now=wall_clock())
    if answer.status == 200 and out is not None:
        write_bytes(out, answer.line.encode())
    if json:
        say_json(
            {"status": answer.status, "reason": answer.reason, "cosignature": answer.line, "last_size": answer.size}
        )
    elif answer.status != 200:
        said = f"[bold red]refused[/]  {answer.status}: {escape(answer.reason)}"
        console().print(f"{said}\nNext: keep the request; a log that forks or shrinks must be explained.")
    elif out is None:
        typer.echo(answer.line, nl=False)
    if answer.status != 200:
        raise typer.Exit(3)


@app.command()
def keep(
    request: Annotated[Path, typer.Argument(help="What was handed to the witness.")],
    answer: Annotated[list[Path], typer.Argument(help="What each witness answered.")],
    policy: Annotated[
        Path | None, typer.Option(help="Whose word is demanded (C2SP tlog-policy). Once kept, it stays in force.")
    ] = None,
    ledger: LedgerFolder = LEDGER, key: PublicFile = None, json: AsJson = False,
) -> None:  # fmt: skip
    """Keep a cosigned checkpoint beside the ledger, which from then on opens only as the witnesses saw it."""
    note = Submission.from_text(read_bytes(request).decode(errors="replace")).note
    lines = "".join(read_bytes(path).decode(errors="replace") for path in answer)
    demanded = policy or witnessed.policy_beside(ledger)
    known = witnessed.load_policy(demanded)
    public = _public(ledger, key)
    with Ledger.open(ledger, log_public=public, now=wall_clock()) as log:
        origin = log.origin
    names = witnessed.keep(ledger, note, lines, policy=known, origin=origin, key=public)
    if policy is not None:
        witnessed.install_policy(ledger, read_bytes(policy))
    if json:
        say_json({"kept": str(witnessed.witnessed_beside(ledger)), "cosigned": names})
        return
    console().print(f"Kept {escape(str(witnessed.witnessed_beside(ledger)))}, cosigned by {', '.join(sorted(names))}.")


@app.command()
def serve(
    name: Name,
    witness: Folder = WITNESS,
    host: Annotated[
        str, typer.Option(help="Address to listen at. Put TLS in front of any but this one.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8441,
    passphrase_file: Passphrase = None,
    json: AsJson = False,
) -> None:
    """Answer add-checkpoint over HTTP (c2sp.org/tlog-witness) until it is interrupted."""
    key = load_private(witness / KEY, passphrase(passphrase_file), name="witness")
    known = seen(witness)

    def tell(status: int, reason: str) -> None:
        typer.echo(jsonlib.dumps({"status": status, "reason": reason}) if json else f"{status} {shown(reason)}")

    server = serve_witness(
        lambda text: add_checkpoint(witness, text, key=key, name=name, now=wall_clock()), host=host, port=port,
        told=tell,
    )  # fmt: skip
    address = f"http://{host}:{server.server_address[1]}/add-checkpoint"
    typer.echo(
        jsonlib.dumps({"address": address, "logs": len(known)})
        if json
        else f"Witness of {len(known)} log(s) at {address}"
    )
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


def _log_key(text: str) -> tuple[str, PublicKey]:
    try:
        name, raw = verify_proof.read_vkey(text, b"\x01")
    except ValueError as error:
        raise BadInput(str(error), where="--log", expected="name+hash+key, as `ledger prove` prints it") from error
    return name, PublicKey(name, raw)


def _public(ledger: Path, key: Path | None) -> PublicKey:
    return PublicKey.load(key or ledger.resolve().parent / "keys" / "log.pub", name="log")
