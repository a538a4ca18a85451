"""`vemo-audit gate`: make a deployment, sign its manifest, ask the gate without opening it, stop it."""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from vemo_audit.cli.asking import case_of, passphrase, tell
from vemo_audit.cli.clocks import boottime_ns, wall_clock
from vemo_audit.cli.screen import console, say_json
from vemo_audit.errors import BadInput, Refused, VemoError
from vemo_audit.governance import deployment as on_disk
from vemo_audit.governance import forms, manifest, stopping
from vemo_audit.governance.forms import ManifestForm
from vemo_audit.governance.gate import Gate
from vemo_audit.governance.ledger.store import Ledger
from vemo_audit.governance.policy.packs import load_bundle
from vemo_audit.governance.selfcheck import Check, selfcheck_deployment
from vemo_audit.media.probe import probe
from vemo_audit.records.clip import FaceFinder
from vemo_audit.resources import places

app = typer.Typer(help="The gate: make a deployment, sign it, ask it, stop it.", no_args_is_help=True)
manifest_app = typer.Typer(help="The deployment manifest.", no_args_is_help=True)
app.add_typer(manifest_app, name="manifest")

Deployment = Annotated[Path, typer.Option("--deployment", help="The signed manifest.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Passphrase = Annotated[Path | None, typer.Option("--passphrase-file", help="File with the private keys' passphrase.")]
Purpose = Annotated[str, typer.Option("--purpose", help="What the result is wanted for.")]
Modalities = Annotated[list[str] | None, typer.Option("--modality", help="face, body or voice. Default: all named.")]
Outputs = Annotated[list[str] | None, typer.Option("--output", help="What may be said. Default: all named.")]
DEFAULT = Path("deployment.toml")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    controller: Annotated[
        str, typer.Option(help="Short id of whoever answers for the processing.")
    ] = "my-organisation",
    controller_name: Annotated[str, typer.Option(help="Its name.")] = "My Organisation",
    contact: Annotated[str, typer.Option(help="Where people turn to.")] = "privacy@example.org",
    operator: Annotated[str, typer.Option(help="Who runs it.")] = "operator",
    overseer: Annotated[str, typer.Option(help="The person who can stop it.")] = "overseer",
    id_: Annotated[str, typer.Option("--id", help="Name of the deployment. Default: the folder's.")] = "",
    place: Annotated[list[str] | None, typer.Option(help="Country, or EU. May be repeated.")] = None,
    use_area: Annotated[str, typer.Option(help="Where it is used.")] = "research",
    purpose: Annotated[list[str] | None, typer.Option(help="A purpose. May be repeated.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="Who comes into the picture. May be repeated.")] = None,
    modality: Annotated[list[str] | None, typer.Option(help="face, body, voice. May be repeated.")] = None,
    output: Annotated[list[str] | None, typer.Option(help="What may be said. May be repeated.")] = None,
    binding: Annotated[list[str] | None, typer.Option(help="How consent is tied to a face. May be repeated.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="SHA-256 of a model, or any. May be repeated.")] = None,
    mode: Annotated[str, typer.Option(help="keep_only or strict.")] = "keep_only",
    days: Annotated[int, typer.Option(help="How long the manifest holds.")] = 365,
    passphrase_file: Passphrase = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="Sign the manifest at once: for scripts that fill in all.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make keys, an empty ledger, an empty consent store and a manifest to read, fill in and sign."""
    defaults: dict[str, Any] = {
        "places": place, "purposes": purpose, "roles": role, "modalities": modality, "outputs": output,
        "bindings": binding, "models": model,
    }  # fmt: skip
    stated: dict[str, Any] = {name: tuple(words) for name, words in defaults.items() if words}
    form = ManifestForm(
        deployment_id=id_ or folder.resolve().name, controller=controller, controller_name=controller_name,
        contact=contact, operator=operator, overseer=overseer, use_area=use_area, mode=mode,
        lasts=_term(days), **stated,
    )  # fmt: skip
    now, secret = wall_clock(), passphrase(passphrase_file)
    bundle = load_bundle(places.folder("policies"))
    _rehearse(form, bundle.digest, now)
    origin = f"{form.deployment_id}/vemo-audit/{now:%Y-%m}"
    try:
        kids = on_disk.create(folder, origin=origin, now=now, passphrase=secret)
    except OSError as error:
        raise BadInput(f"the folder cannot be made ({error.strerror})", where=str(folder)) from error
    path = folder / "deployment.toml"
    path.write_text(forms.manifest_text(form, kids=kids, bundle_digest=bundle.digest, now=now), "utf-8")
    manifest.read(path)
    if sign:
        manifest.sign(path, key=on_disk.private_key(folder, on_disk.STORES, "policy", secret))
    if json:
        say_json({"manifest": str(path), "signed": sign, "kids": kids})
        return
    out = console()
    out.print(f"Made [bold]{escape(str(path))}[/bold] with keys, ledger and consent store beside it.")
    if not secret:
        out.print("The private keys are not encrypted: keep the folder to yourself, or use --passphrase-file.")
    if not sign:
        out.print(f"Next: read and fill it in, then `vemo-audit gate manifest sign {escape(str(path))}`.")


@manifest_app.command("sign")
def manifest_sign(
    path: Annotated[Path, typer.Argument(help="The manifest.")],
    passphrase_file: Passphrase = None,
    json: AsJson = False,
) -> None:
    """Sign the manifest as it is now. Anything changed later breaks the signature."""
    named, now = manifest.read(path), wall_clock()
    bundle = load_bundle(places.folder("policies"))
    if named.trust.bundle_digest != bundle.digest:
        raise BadInput(
            f"bundle_digest {named.trust.bundle_digest}", where=str(path), expected=bundle.digest,
            advice="The policies changed: review them (`vemo-audit policy packs`), then put this digest in.",
        )  # fmt: skip
    if not named.holds_at(now):
        raise BadInput("a manifest out of its term", where=str(path), expected=f"a term that holds at {now:%Y-%m-%d}")
    key = on_disk.private_key(path.parent, named.stores, "policy", passphrase(passphrase_file))
    target = manifest.sign(path, key=key)
    if json:
        say_json({"signature": str(target), "digest": named.digest})
        return
    console().print(f"Signed: {escape(str(target))}")


@app.command()
def screen(
    purpose: Purpose, deployment: Deployment = DEFAULT, modality: Modalities = None, output: Outputs = None,
    model_digest: Annotated[str, typer.Option(help="SHA-256 of the model.")] = "", passphrase_file: Passphrase = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Would the law and the manifest allow this purpose at all? No file, no person, no pixel."""
    with _open(deployment, passphrase_file) as gate:
        decision = gate.screen(case_of(deployment, purpose, modality, output, model_digest=model_digest))
    tell(decision, json=json)


@app.command()
def admit(
    clip: Annotated[Path, typer.Argument(help="A video, sound or picture file.")], purpose: Purpose,
    consent: Annotated[list[Path] | None, typer.Option(help="A signed consent or grant. May be repeated.")] = None,
    release: Annotated[Path | None, typer.Option(help="A signed dataset manifest.")] = None,
    deployment: Deployment = DEFAULT, modality: Modalities = None, output: Outputs = None,
    model_digest: Annotated[str, typer.Option(help="SHA-256 of the model.")] = "", passphrase_file: Passphrase = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Would the gate let this file in? A rehearsal that decodes nothing, but counts.

    The decision is recorded in the ledger, and an allowed rehearsal spends a grant: a grant opens once, so it cannot
    be used again for `infer`. To ask without a file and without spending anything, use `gate screen`.
    """
    case = case_of(deployment, purpose, modality, output, consent=consent, release=release, model_digest=model_digest)
    with _open(deployment, passphrase_file) as gate:
        decision = gate.rehearse(probe(clip), case)
    tell(decision, json=json)


@app.command()
def why(decision_id: str, deployment: Deployment = DEFAULT, json: AsJson = False) -> None:
    """What was decided, by which rules, and what can be done."""
    named, ring = manifest.load(deployment)
    folder = deployment.parent / named.stores.ledger
    with Ledger.open(folder, log_public=ring.key_of("log"), now=wall_clock()) as ledger:
        found = ledger.find(decision_id)
    if not found:
        raise BadInput(f"no decision {decision_id!r}", where=str(folder), advice="See `vemo-audit ledger stats`.")
    header = found[-1].header
    rules = stopping.rules_of(header, load_bundle(places.folder("policies")))
    if json:
        say_json({"index": found[-1].index, "header": header, "rules": rules})
        return
    out = console()
    out.print(f"[bold]{header['decision']}[/bold] {header['action']} at {header['wall_time']}, entry {found[-1].index}")
    for rule in rules:
        out.print(f"  {escape(rule['rule_id'])} [{escape(rule['ref'])}]", markup=False)
        out.print(f"    {escape(rule['message'])}", markup=False)
    for word in header["obligations"]:
        out.print(f"  note: {escape(word)}")
    if rules:
        out.print(f"Next: {escape(rules[0]['next_step'])}")


@app.command()
def selfcheck(deployment: Deployment = DEFAULT, json: AsJson = False) -> None:
    """Check signature, keys, policies, stores, ledger and jail. Exit code 4 when evidence is broken, 3 when shut."""
    checks = selfcheck_deployment(deployment, now=wall_clock())
    if json:
        names = ("holds", "checked", "found", "exit_code")
        say_json([{"check": c.name} | {name: getattr(c, name) for name in names} for c in checks])
    else:
        console().print(_table(checks))
    worst = max((check.exit_code for check in checks if not check.holds), default=0)
    if worst:
        raise typer.Exit(worst)


@app.command()
def stop(
    deployment: Deployment = DEFAULT,
    by: Annotated[str, typer.Option(help="Who stops it.")] = "overseer",
    passphrase_file: Passphrase = None,
    json: AsJson = False,
) -> None:
    """Stop everything, now: nothing is admitted, decoded further or emitted until it is resumed."""
    stop_file = stopping.stop(deployment, by=by)
    logged = _logged(deployment, passphrase_file, "stop", [by])
    if json:
        say_json({"stopped": True, "stop_file": str(stop_file), "logged": logged})
        return
    console().print(f"[bold]Stopped.[/bold] {escape(str(stop_file))}" + ("" if logged else "; " + BUSY))


@app.command()
def resume(
    approver: Annotated[list[str], typer.Option(help="Two different people, one option each.")],
    deployment: Deployment = DEFAULT, passphrase_file: Passphrase = None, json: AsJson = False,
) -> None:  # fmt: skip
    """Lift a stop. Two approvers; the resumption is in the ledger before it is in force."""
    if len({name.strip().casefold() for name in approver if name.strip()}) < 2:
        raise Refused(
            f"{len(approver)} approver(s)", rule_id="o.killswitch", ref="AI Act art. 14(4)(e)",
            advice="Two different people: --approver A --approver B.",
        )  # fmt: skip
    journal = on_disk.pen(deployment, clock=wall_clock, boottime_ns=boottime_ns, passphrase=passphrase(passphrase_file))
    with journal.ledger:
        stopping.resume(deployment, journal, approvers=approver)
    if json:
        say_json({"stopped": False, "approvers": approver})
        return
    console().print("Resumed.")


LONGEST_DAYS = 3650
"""The longest term of a manifest made here. It is to be reviewed at its end."""
BUSY = "a running gate holds the ledger: run `gate stop` again afterwards to have it logged"


class _NobodyLooks:
    """Stands for the face finder in a rehearsal, in which no frame is ever seen."""

    def find(self, images: Any, time_s: Any) -> Any:
        raise VemoError("a rehearsal that decodes", advice="Report this: it must not happen.")


def _term(days: int) -> timedelta:
    if not 1 <= days <= LONGEST_DAYS:
        raise BadInput(f"{days} days", where="--days", expected=f"1 to {LONGEST_DAYS}")
    return timedelta(days=days)


def _rehearse(form: ManifestForm, bundle_digest: str, now: datetime) -> None:
    """Raises BadInput for options that make no manifest, before there is a folder that a second try would meet."""
    kids = {owner: f"{k:016x}" for k, owner in enumerate(on_disk.OWNERS, start=1)}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "deployment.toml"
        path.write_text(forms.manifest_text(form, kids=kids, bundle_digest=bundle_digest, now=now), "utf-8")
        try:
            manifest.check_words(manifest.read(path).scope)
        except BadInput as error:
            raise BadInput(
                error.found, where=error.where.replace(str(path), "gate init"), expected=error.expected,
                advice=error.advice,
            ) from error  # fmt: skip


def _open(deployment: Path, passphrase_file: Path | None) -> Gate:
    def make_finder() -> FaceFinder:
        return _NobodyLooks()

    return Gate.open(
        deployment, clock=wall_clock, boottime_ns=boottime_ns, make_finder=make_finder,
        passphrase=passphrase(passphrase_file),
    )  # fmt: skip


def _logged(deployment: Path, passphrase_file: Path | None, action: str, people: list[str]) -> bool:
    try:
        secret = passphrase(passphrase_file)
        journal = on_disk.pen(deployment, clock=wall_clock, boottime_ns=boottime_ns, passphrase=secret)
    except BadInput:
        return False
    with journal.ledger:
        stopping.log(journal, action, people)
    return True


def _table(checks: list[Check]) -> Table:
    table = Table("check", "holds", "found")
    for check in checks:
        state = "[green]yes[/]" if check.holds else "[bold red]no[/]"
        table.add_row(check.name, state if check.checked else "[yellow]?[/]", escape(check.found))
    return table
