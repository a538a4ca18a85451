"""`vemo-audit consent`: give, show, list and withdraw consents, and mint grants."""

import json as jsonlib
import os
import time
from dataclasses import fields
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from vemo_audit.cli.asking import demand_place, passphrase, read_bytes, write_bytes
from vemo_audit.cli.clocks import boottime_ns, wall_clock
from vemo_audit.cli.screen import console, say_json
from vemo_audit.errors import BadInput
from vemo_audit.governance import deployment as on_disk
from vemo_audit.governance import forms, grants, manifest, withdrawal
from vemo_audit.governance.consents import ConsentStore
from vemo_audit.governance.forms import ConsentForm
from vemo_audit.governance.keys import KeyPair
from vemo_audit.governance.manifest import Manifest
from vemo_audit.records.consent import Controller
from vemo_audit.records.consent_terms import Actor, Channel, State
from vemo_audit.records.digest import sha256_hex

app = typer.Typer(help="Consents: give, show, list, withdraw; mint grants.", no_args_is_help=True)

Deployment = Annotated[Path, typer.Option("--deployment", help="The signed manifest.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Passphrase = Annotated[Path | None, typer.Option("--passphrase-file", help="File with the private keys' passphrase.")]
DEFAULT = Path("deployment.toml")
Word = TypeVar("Word", bound=StrEnum)
WAIT_S = 5.0
"""How long `withdraw` waits for a running gate to write the leaf. The withdrawal itself is in force before."""
FORM_FIELDS = tuple(f.name for f in fields(ConsentForm) if f.name not in {"subject_ref", "lasts"})
"""What a JSON form may state, besides `subject` and `hours`."""


@app.command()
def give(
    subject: Annotated[str, typer.Option(help="The person's name or number; only a pseudonym is kept.")] = "",
    purpose: Annotated[list[str] | None, typer.Option(help="Agreed to. May be repeated.")] = None,
    refuse: Annotated[list[str] | None, typer.Option(help="A purpose refused. May be repeated.")] = None,
    modality: Annotated[list[str] | None, typer.Option(help="face, body, voice. May be repeated.")] = None,
    output: Annotated[list[str] | None, typer.Option(help="What may be said. May be repeated.")] = None,
    role: Annotated[str, typer.Option(help="Who the person is to the controller.")] = "participant",
    age_band: Annotated[str, typer.Option(help="adult, 16-17, 13-15, under-13 or unknown.")] = "adult",
    guardian: Annotated[str, typer.Option(help="Name of the guardian who agrees for a minor.")] = "",
    guardian_evidence: Annotated[Path | None, typer.Option(help="What shows it; only its SHA-256 is kept.")] = None,
    assent: Annotated[bool | None, typer.Option(help="Whether the minor agrees, too.")] = None,
    binding: Annotated[str, typer.Option(help="How the consent is tied to a face.")] = "single_subject_device",
    zone: Annotated[str, typer.Option(help="For seat_zone: x0,y0,x1,y1 in per mille of the picture.")] = "",
    max_faces: Annotated[int, typer.Option(help="How many faces may be in view.")] = 1,
    hours: Annotated[float, typer.Option(help="How long it holds.")] = 24.0,
    form: Annotated[Path | None, typer.Option(help="A JSON form instead of options.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the signed record goes. Default: <record id>.json")] = None,
    deployment: Deployment = DEFAULT, passphrase_file: Passphrase = None, json: AsJson = False,
) -> None:  # fmt: skip
    """Record a person's answers, signed. Run it after the person has seen the notice and answered."""
    named, ring = manifest.load(deployment)
    base, now = deployment.parent, wall_clock()
    secret = on_disk.pseudonym_key(base, named.stores)
    stated: dict[str, Any] = {
        "purposes": tuple(purpose or ()), "refused_purposes": tuple(refuse or ()), "role": role, "age_band": age_band,
        "assent": assent, "binding": binding, "zone": _zone(zone), "max_faces": max_faces,
        "jurisdictions": named.scope.places,
    }  # fmt: skip
    stated |= {"modalities": tuple(modality)} if modality else {}
    stated |= {"outputs": tuple(output)} if output else {}
    if guardian:
        stated["guardian_ref"] = forms.pseudonym(secret, guardian)
        stated["guardian_evidence"] = sha256_hex(read_bytes(guardian_evidence) if guardian_evidence else b"")
    if form is not None:
        stated, subject, hours = _form(form)
    if not subject:
        raise BadInput("no subject", where=str(form or "--subject"), expected="a name or number for the person")
    try:
        stated |= {"subject_ref": forms.pseudonym(secret, subject), "lasts": timedelta(hours=hours)}
        record = forms.new_record(ConsentForm(**stated), _controller(named), now=now, entropy=os.urandom)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInput(str(error), where=str(form or "consent give"), advice="See `consent give --help`.") from error
    target = out or Path(f"{record.record_id}.json")
    if target.exists():
        raise BadInput("a file that exists", where=str(target), expected="a new name: it may be another's record",
                       advice="Nothing was given.")  # fmt: skip
    demand_place(target)  # before the consent is in force: what was given must reach the person, too
    with on_disk.consent_store(deployment, named, ring) as store:
        write_bytes(target, withdrawal.give(record, store, key=_issuer(deployment, named, passphrase_file), now=now))
    if json:
        say_json({"record_id": record.record_id, "file": str(target), "expires_at": record.validity.expires_at})
        return
    console().print(f"Consent [bold]{record.record_id}[/bold] in {escape(str(target))}, until {_until(record)}.")
    console().print(f"To end it, in one step: vemo-audit consent withdraw {record.record_id}", markup=False)


@app.command()
def withdraw(
    record_id: str, deployment: Deployment = DEFAULT,
    by: Annotated[str, typer.Option(help="subject, guardian or representative.")] = "subject",
    method: Annotated[str, typer.Option(help="ui, e-signature, paper or voice; as it was given by default.")] = "",
    passphrase_file: Passphrase = None, json: AsJson = False,
) -> None:  # fmt: skip
    """End a consent. In force when this returns: nothing is admitted, and what is under way is dropped."""
    named, ring = manifest.load(deployment)
    who = _word(Actor, by, "--by")
    with on_disk.consent_store(deployment, named, ring) as store:
        channel = _word(Channel, method, "--method") if method else store.record(record_id).event.method
        record = withdrawal.change(
            store, record_id, State.WITHDRAWN, key=_issuer(deployment, named, passphrase_file), by=who,
            method=channel, now=wall_clock(), steps=1,
        )  # fmt: skip
        index = _log(deployment, store, record_id, passphrase_file)
    if json:
        say_json({"record_id": record_id, "state": str(record.event.state), "version": record.version, "log": index})
        return
    console().print(f"Withdrawn: {record_id}. No output about this person leaves the gate from now on.")
    if index is None:
        console().print("A running gate holds the ledger; it writes the entry with its next step.")


@app.command()
def show(
    record_id: str, deployment: Deployment = DEFAULT,
    out: Annotated[Path | None, typer.Option(help="Write the signed record here.")] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """The newest version of a record, and where it stands now."""
    named, ring = manifest.load(deployment)
    with on_disk.consent_store(deployment, named, ring) as store:
        record, envelope = store.record(record_id), store.envelope(record_id)
        standing = store.standing(record_id, now=wall_clock())
    if out is not None:
        write_bytes(out, envelope)
    assert standing is not None  # noqa: S101 - for the type checker: the record was found
    if json:
        say_json({"state": str(standing.state), "epoch": standing.epoch, "record": record.to_payload()})
        return
    console().print(f"[bold]{standing.state}[/bold], version {record.version}, until {_until(record)}")
    console().print(jsonlib.dumps(record.to_payload(), indent=2, ensure_ascii=False), markup=False)


@app.command("list")
def list_(deployment: Deployment = DEFAULT, json: AsJson = False) -> None:
    """Every record and where it stands now."""
    named, ring = manifest.load(deployment)
    with on_disk.consent_store(deployment, named, ring) as store:
        standings = store.all(now=wall_clock())
    rows = [
        {"record_id": s.record_id, "subject_ref": s.subject_ref, "state": str(s.state), "version": s.version,
         "epoch": s.epoch, "expires_at": s.expires_at}
        for s in standings
    ]  # fmt: skip
    if json:
        say_json(rows)
        return
    table = Table(title=f"{len(rows)} consents")
    table.add_column("record", no_wrap=True, min_width=36)  # it is what `withdraw` is given
    for name in ("person", "state", "version", "until"):
        table.add_column(name)
    for s in standings:
        table.add_row(s.record_id, s.subject_ref[:8], str(s.state), str(s.version), f"{s.expires_at:%Y-%m-%d %H:%M}")
    console().print(table)


@app.command()
def grant(
    record_id: str,
    purpose: Annotated[str, typer.Option(help="The one purpose that it is for.")],
    out: Annotated[Path, typer.Option(help="Where to write the grant.")],
    seconds: Annotated[int, typer.Option(min=1, max=60, help="How long it holds.")] = 60,
    deployment: Deployment = DEFAULT, passphrase_file: Passphrase = None, json: AsJson = False,
) -> None:  # fmt: skip
    """Mint a grant: a consent made usable once, here, for at most a minute."""
    named, ring = manifest.load(deployment)
    now = wall_clock()
    with on_disk.consent_store(deployment, named, ring) as store:
        record, standing = store.record(record_id), store.standing(record_id, now=now)
    if standing is None or not standing.in_force:
        raise BadInput(f"a consent that is {standing.state if standing else 'unknown'}", where=record_id)
    envelope = grants.mint(
        record, standing.epoch, purpose=purpose, audience=named.deployment.id, session_id="cli",
        key=_issuer(deployment, named, passphrase_file), now=now, entropy=os.urandom, lasts=timedelta(seconds=seconds),
    )  # fmt: skip
    write_bytes(out, envelope)
    if json:
        say_json({"file": str(out), "expires_at": now + timedelta(seconds=seconds)})
        return
    console().print(f"Grant in {escape(str(out))}, for {seconds} s and one use.")


def _log(deployment: Path, store: ConsentStore, record_id: str, passphrase_file: Path | None) -> int | None:
    """Writes the leaf, or waits for the gate that holds the ledger to write it; None when it has not yet."""
    give_up = time.monotonic() + WAIT_S
    secret = passphrase(passphrase_file)
    while any(one.record_id == record_id for one in store.unlogged()):
        try:
            journal = on_disk.pen(deployment, clock=wall_clock, boottime_ns=boottime_ns, passphrase=secret)
        except BadInput:
            if time.monotonic() > give_up:
                return None
            time.sleep(0.05)
            continue
        with journal.ledger:
            written = withdrawal.log_endings(store, journal)
        return next((decision.log_index for one, decision in written if one.record_id == record_id), None)
    return store.logged_at(record_id)


def _issuer(deployment: Path, named: Manifest, passphrase_file: Path | None) -> KeyPair:
    return on_disk.private_key(deployment.parent, named.stores, "issuer", passphrase(passphrase_file))


def _controller(named: Manifest) -> Controller:
    who = named.deployment
    return Controller(who.controller, who.controller_name, who.contact)


def _zone(text: str) -> tuple[int, int, int, int] | None:
    if not text:
        return None
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() for part in parts):
        raise BadInput(f"zone {text!r}", where="--zone", expected="four whole numbers: x0,y0,x1,y1 in per mille")
    x0, y0, x1, y1 = (int(part) for part in parts)
    return x0, y0, x1, y1


def _form(path: Path) -> tuple[dict[str, Any], str, float]:
    """Fields, subject and hours of a JSON form. Raises BadInput for an unknown key."""
    try:
        stated = jsonlib.loads(read_bytes(path))
    except ValueError as error:
        raise BadInput(f"not JSON ({error})", where=str(path)) from error
    if not isinstance(stated, dict):
        raise BadInput("no object", where=str(path), expected='{"subject": ..., "purposes": [...]}')
    unknown = sorted(set(stated) - {*FORM_FIELDS, "subject", "hours"})
    if unknown:
        expected = ", ".join(("subject", "hours", *FORM_FIELDS))
        raise BadInput(f"the unknown key {unknown[0]!r}", where=str(path), expected=expected)
    subject, hours = str(stated.pop("subject", "")), stated.pop("hours", 24)
    stated.setdefault("purposes", [])
    return {k: tuple(v) if isinstance(v, list) else v for k, v in stated.items()}, subject, hours


def _word(words: type[Word], given: str, option: str) -> Word:
    """The word of a list. Raises BadInput when the list does not hold it."""
    try:
        return words(given)
    except ValueError as error:
        raise BadInput(repr(given), where=option, expected=", ".join(words)) from error


def _until(record: Any) -> str:
    return f"{record.validity.expires_at:%Y-%m-%d %H:%M} UTC"
