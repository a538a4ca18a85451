"""`vemo-audit ledger`: is the log of decisions whole, and is this decision in it?"""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from vemo_audit.cli import backup, timestamp, witness
from vemo_audit.cli.screen import console, say_json
from vemo_audit.errors import BadInput
from vemo_audit.governance.keys import KeyPair, PublicKey, load_private
from vemo_audit.governance.ledger import verify_proof
from vemo_audit.governance.ledger.check import LedgerReport, verify_ledger
from vemo_audit.governance.ledger.checkpoint import verifier_key
from vemo_audit.governance.ledger.store import Ledger
from vemo_audit.governance.ledger.witnessed import kept_note

app = typer.Typer(help="The log of decisions: verify it, sign it, prove one entry.", no_args_is_help=True)
app.add_typer(witness.app, name="witness")
app.add_typer(timestamp.app, name="timestamp")
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)

LedgerFolder = Annotated[Path, typer.Option("--ledger", help="The ledger's folder.")]
PublicFile = Annotated[
    Path | None, typer.Option("--key", help="The log's public key. Default: keys/log.pub beside the ledger.")
]
SecretFile = Annotated[Path | None, typer.Option("--log-key", help="The log's private key: signs a checkpoint first.")]
Passphrase = Annotated[Path | None, typer.Option("--passphrase-file", help="File with the private key's passphrase.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT = Path("ledger")


@app.command()
def verify(
    ledger: LedgerFolder = DEFAULT,
    key: PublicFile = None,
    remembered: Annotated[
        Path | None,
        typer.Option(help="A checkpoint kept elsewhere: only it reveals an older copy. Default: the cosigned one."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Hash every entry again, check every signature, ciphertext and subject key. Exit code 4: something is broken."""
    out = console(json)
    note = _text(remembered) if remembered else kept_note(ledger)
    with Progress(console=out, transient=True, disable=json) as progress:
        task = progress.add_task("hashing entries", total=None)
        report = verify_ledger(
            ledger, log_public=_public(ledger, key), remembered=note,
            listen=lambda done, total: progress.update(task, completed=done, total=total),
        )  # fmt: skip
    if json:
        say_json({**asdict(report), "root": report.root.hex(), "holds": report.holds, "first_bad": report.first_bad})
    else:
        out.print(_table(report))
        out.print(_verdict(report, told=note is not None))
    if not report.holds:
        raise typer.Exit(4)


@app.command()
def checkpoint(
    log_key: Annotated[Path, typer.Option("--log-key", help="The log's private key.")],
    ledger: LedgerFolder = DEFAULT,
    passphrase_file: Passphrase = None,
    out: Annotated[Path | None, typer.Option(help="Write the note here, too. Keep it on another machine.")] = None,
) -> None:
    """Sign the log as it is now, and print the note."""
    secret = _secret(log_key, passphrase_file)
    now = datetime.now(UTC)
    with Ledger.open(ledger, log_public=secret.public, now=now, log_key=secret) as log:
        note = log.checkpoint(now)
    if out is not None:
        _write(out, note)
    typer.echo(note, nl=False)


@app.command()
def prove(
    decision_id: str,
    out: Annotated[Path | None, typer.Option(help="Where to write. Default: <decision_id>.tlog-proof")] = None,
    ledger: LedgerFolder = DEFAULT,
    key: PublicFile = None,
    log_key: SecretFile = None,
    passphrase_file: Passphrase = None,
) -> None:
    """Write the proof that a decision is in the log: a small file that anybody can check offline."""
    secret = _secret(log_key, passphrase_file) if log_key else None
    public = secret.public if secret else _public(ledger, key)
    now = datetime.now(UTC)
    with Ledger.open(ledger, log_public=public, now=now, log_key=secret) as log:
        found = log.find(decision_id)
        if not found:
            raise BadInput(f"no decision {decision_id!r}", where=str(ledger), advice="`ledger stats` shows the newest.")
        if secret is not None:
            log.checkpoint(now)
        text, origin = log.prove(found[0].index).to_text(), log.origin
    path = out or Path(f"{decision_id}.tlog-proof")
    _write(path, text)
    screen = console()
    screen.print(f"Wrote [bold]{escape(str(path))}[/]: entry {found[0].index} of {escape(origin)}.")
    screen.print("Anybody can check it with this package, or with verify_proof.py alone and plain Python:")
    screen.print(f"  python {escape(str(verify_proof.__file__))} {escape(str(path))} --key", end=" ")
    screen.print(escape(verifier_key(origin, public)), markup=False)


@app.command("check-proof")
def check_proof(
    file: Path,
    key: Annotated[str, typer.Option(help="The log's public key: a file, a C2SP verifier key or hex digits.")],
    origin: Annotated[str, typer.Option(help="The name that the log must have.")] = "",
    checkpoint: Annotated[Path | None, typer.Option(help="A checkpoint of the same size, kept elsewhere.")] = None,
    decision: Annotated[str, typer.Option(help="The decision_id that the entry must have.")] = "",
    json: AsJson = False,
) -> None:
    """Check a .tlog-proof or a checkpoint offline, with the very code of verify_proof.py. Exit code 4: broken."""
    text, kept = _text(file), _text(checkpoint) if checkpoint else ""
    try:
        raw, name = verify_proof.read_key(_text(Path(key)) if Path(key).is_file() else key)
    except (ValueError, OSError) as error:
        raise BadInput(str(error), where="--key") from error
    try:
        found = verify_proof.check_file(text, raw, origin or name, kept=kept, decision=decision)
    except verify_proof.ProofError as error:
        if json:
            say_json({"holds": False, "why": str(error)})
        else:
            console().print(f"[bold red]DOES NOT HOLD.[/] {escape(str(error))}.")
        raise typer.Exit(4) from error
    if json:
        say_json(found)
    else:
        console().print(escape(verify_proof.words(found)))


@app.command()
def stats(ledger: LedgerFolder = DEFAULT, key: PublicFile = None, json: AsJson = False) -> None:
    """What is in the log, in numbers."""
    with Ledger.open(ledger, log_public=_public(ledger, key), now=datetime.now(UTC)) as log:
        facts: dict[str, Any] = {
            "origin": log.origin, "entries": log.size, "signed": log.signed_size, "root": log.root.hex(),
            "bytes": sum(path.stat().st_size for path in ledger.glob("*.db*")), **_counts(log),
        }  # fmt: skip
    if json:
        say_json(facts)
        return
    table = Table("what", "how many", title=f"Ledger {escape(facts['origin'])}", title_justify="left")
    for name in ("entries", "signed", "bytes", "first", "last", "newest decision"):
        table.add_row(name, escape(str(facts[name])))
    for group in ("phases", "decisions", "rules"):
        for word, count in facts[group].items():
            table.add_row(f"{group}: {escape(word)}", str(count))
    console().print(table)


def _counts(log: Ledger) -> dict[str, Any]:
    phases, decisions, rules = Counter[str](), Counter[str](), Counter[str]()
    first, last, newest = "", "", ""
    for entry in log.entries():
        header = entry.header
        phases[str(header.get("phase", "-"))] += 1
        decisions[str(header.get("decision", "-"))] += 1
        rules.update(str(rule) for rule in header.get("rule_ids", ()))
        first = first or str(header.get("wall_time", ""))
        last, newest = str(header.get("wall_time", "")), str(header["decision_id"])
    return {
        "first": first, "last": last, "newest decision": newest, "phases": dict(phases.most_common()),
        "decisions": dict(decisions.most_common()), "rules": dict(rules.most_common(20)),
    }  # fmt: skip


def _table(report: LedgerReport) -> Table:
    table = Table("check", "", "found", title=f"Ledger {escape(report.origin)}", title_justify="left")
    for check in report.checks:
        state = "[green]holds[/]" if check.holds else "[bold red]BROKEN[/]"
        table.add_row(check.name, state if check.checked else "[yellow]not checked[/]", escape(check.detail))
    return table


def _verdict(report: LedgerReport, *, told: bool) -> str:
    if not report.holds:
        place = "" if report.first_bad is None else f" The first bad index is {report.first_bad}."
        return f"[bold red]The ledger is broken.[/]{place} Stop serving from it and keep the files as evidence."
    said = f"[bold green]The ledger holds:[/] {report.size} entries, {report.signed} signed, root {report.root.hex()}."
    for check in report.checks:
        said += "" if check.checked else f"\nNot checked: {check.name}. See why above."
    if told:
        return said
    return f"{said}\nNot checked: a return to an older copy. Give --remembered a checkpoint that was kept elsewhere."


def _public(ledger: Path, key: Path | None) -> PublicKey:
    return PublicKey.load(key or ledger.resolve().parent / "keys" / "log.pub", name="log")


def _secret(path: Path, passphrase_file: Path | None) -> KeyPair:
    passphrase = _text(passphrase_file).rstrip("\n").encode() if passphrase_file else None
    return load_private(path, passphrase, name="log")


def _text(path: Path) -> str:
    """The file's text; bytes that are no text stay visible as such, and then fail the check that follows."""
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError as error:
        raise BadInput(f"the file cannot be read ({error.strerror})", where=str(path)) from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise BadInput(f"the file cannot be written ({error.strerror})", where=str(path)) from error
