"""`vemo-audit policy`: which rules there are, whether they hold what they promise, and why one spoke."""

import json as jsonlib
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.markup import escape
from rich.table import Table

from vemo_audit.cli.screen import console, say_json
from vemo_audit.errors import BadInput
from vemo_audit.governance import refusals
from vemo_audit.governance.keys import PublicKey, load_private
from vemo_audit.governance.ledger.store import Ledger
from vemo_audit.governance.policy.cases import coverage, load_cases, run_cases
from vemo_audit.governance.policy.engine import OWN_RULES, Engine, validation_remarks
from vemo_audit.governance.policy.facts import from_json, to_json
from vemo_audit.governance.policy.lint import WORDS, facts_read, lint_bundle
from vemo_audit.governance.policy.packs import Bundle, Rule, load_bundle, sign_bundle
from vemo_audit.governance.policy.vocabulary import Action, Stage
from vemo_audit.records.decision import RuleHit
from vemo_audit.resources import places

app = typer.Typer(help="The rules that close the gate: list, check, explain, sign.", no_args_is_help=True)

PolicyFolder = Annotated[Path | None, typer.Option("--policies", help="The folder of packs. Default: those installed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SIGNATURE_FILE = Path("bundle.sig.json")
COLOURS = {"allow": "green", "mask": "yellow", "deny": "bold red"}


@app.command()
def packs(policies: PolicyFolder = None, json: AsJson = False) -> None:
    """List the packs, where they apply, and when to look at them again."""
    bundle = _bundle(policies)
    if json:
        say_json({"version": bundle.version, "digest": bundle.digest, "packs": [_facts_of(p) for p in bundle.packs]})
        return
    table = Table("pack", "what it is about", "rules", "applies", "review by", title=f"Policies {bundle.version}")
    for pack in bundle.packs:
        since = "always" if pack.about["applies_from"] == "always" else f"since {pack.about['applies_from']}"
        where = f"{pack.about['jurisdiction']}, {since}" + ("" if pack.enabled else " (not enabled)")
        table.add_row(pack.id, escape(pack.title), str(len(pack.rules)), escape(where), str(pack.review_by))
    console().print(table)
    console().print(f"Digest {bundle.digest}. None of this is legal advice.")


@app.command()
def lint(policies: PolicyFolder = None, json: AsJson = False) -> None:
    """Look for traps that Cedar accepts, rules without cases, and reviews that are due. Exit code 2 if any."""
    bundle = _bundle(policies)
    remarks = lint_bundle(bundle, today=datetime.now(UTC).date()) + validation_remarks(bundle.rules, bundle.schema)
    if not remarks:
        remarks = coverage(bundle, run_cases(bundle, load_cases(bundle)))
    if json:
        say_json({"digest": bundle.digest, "rules": len(bundle.rules), "remarks": list(remarks)})
    for remark in () if json else remarks:
        console().print(f"[bold red]·[/] {escape(remark)}")
    if not json and not remarks:
        console().print(f"[green]Nothing to report[/] on {len(bundle.rules)} rules in {len(bundle.packs)} packs.")
    if remarks:
        raise typer.Exit(2)


@app.command()
def test(policies: PolicyFolder = None, json: AsJson = False) -> None:
    """Run the golden cases of every pack. Exit code 2 if one fails."""
    bundle = _bundle(policies)
    results = tuple(run_cases(bundle, load_cases(bundle)))
    failed = [result for result in results if not result.passed]
    counts = Counter((result.case.pack, result.passed) for result in results)
    if json:
        failures = [
            {"pack": r.case.pack, "case": r.case.name, "source": r.case.source, "why": r.failures} for r in failed
        ]
        say_json({"digest": bundle.digest, "cases": len(results), "failed": failures})
    else:
        table = Table("pack", "cases that hold", "cases that fail")
        for pack in bundle.packs:
            table.add_row(pack.id, str(counts[pack.id, True]), str(counts[pack.id, False]))
        console().print(table)
        for result in failed:
            console().print(
                f"[bold red]{result.case.pack}[/]: {escape(result.case.name)}: {'; '.join(result.failures)}"
            )
    if failed:
        raise typer.Exit(2)


@app.command()
def explain(
    what: Annotated[str, typer.Argument(help="A file of facts (JSON or YAML), or the id of a decision in the ledger.")],
    action: Annotated[Action, typer.Option(help="What is to be done.")] = Action.INFER_EMOTION,
    stage: Annotated[Stage, typer.Option(help="How much is known by then.")] = Stage.FACE,
    ledger: Annotated[Path | None, typer.Option("--ledger", help="The ledger's folder, for a decision id.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="The log's public key. Default: beside the ledger.")] = None,
    policies: PolicyFolder = None,
    json: AsJson = False,
) -> None:
    """Say which rules spoke, by which article, and what they read."""
    bundle = _bundle(policies)
    if ledger is not None:
        told = _from_ledger(bundle, what, ledger, key)
    elif Path(what).is_file():
        told = _from_facts(bundle, Path(what), action, stage=stage)
    else:
        raise BadInput(
            f"no file {what!r}", expected="a file of facts", advice="For a decision id, add --ledger FOLDER."
        )
    if json:
        say_json(told)
    else:
        _print_explanation(told)


@app.command()
def words(json: AsJson = False) -> None:
    """List the words that facts, manifests and consents may use: purposes, areas, roles and the rest."""
    lists = {name: [str(word) for word in listed] for name, listed in WORDS.items() if "." not in name}
    if json:
        say_json(lists)
        return
    table = Table("fact", "words", show_lines=True)
    for name, listed in lists.items():
        table.add_row(name, ", ".join(listed))
    console().print(table)


@app.command()
def sign(
    key: Annotated[Path, typer.Option("--key", help="The private policy key.")],
    passphrase_file: Annotated[Path | None, typer.Option(help="File with the key's passphrase.")] = None,
    out: Annotated[Path, typer.Option(help="Where to write the signature.")] = SIGNATURE_FILE,
    policies: PolicyFolder = None,
    json: AsJson = False,
) -> None:
    """Sign the packs as they are, once lint and cases have nothing to report."""
    bundle = _bundle(policies)
    results = tuple(run_cases(bundle, load_cases(bundle)))
    remarks = lint_bundle(bundle, today=datetime.now(UTC).date()) + coverage(bundle, results)
    remarks += tuple(f"{r.case.pack}: {r.case.name}: {'; '.join(r.failures)}" for r in results if not r.passed)
    if remarks:
        raise BadInput(
            f"{len(remarks)} remarks, first: {remarks[0]}", where=str(bundle.folder), advice="Run `policy lint`."
        )
    secret = load_private(key, _passphrase(passphrase_file), name="policy")
    try:
        out.write_bytes(sign_bundle(bundle, secret))
    except OSError as error:
        raise BadInput(f"the file cannot be written ({error.strerror})", where=str(out)) from error
    signed = {"version": bundle.version, "digest": bundle.digest, "kid": secret.kid, "written": str(out)}
    if json:
        say_json(signed)
    else:
        console().print(f"Signed version {bundle.version}, digest {bundle.digest}, in [bold]{escape(str(out))}[/].")


def _from_facts(bundle: Bundle, path: Path, action: Action, *, stage: Stage) -> dict[str, Any]:
    try:
        text = path.read_bytes()
        given = yaml.safe_load(text) if path.suffix in (".yaml", ".yml") else jsonlib.loads(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadInput(f"no JSON: {error}", where=str(path), expected="a file of facts") from error
    facts = from_json(given, where=str(path))
    engine = Engine(bundle, places=facts.places, as_of=facts.now.date())
    known = to_json(facts) | {"power_imbalance": facts.power_imbalance}
    answer = engine.decide(facts, action=action, stage=stage.value)
    return {
        "outcome": str(answer.outcome), "action": str(action), "stage": str(stage), "as_of": engine.as_of.isoformat(),
        "log_index": None, "packs": list(engine.active_packs),
        "errors": list(answer.errors), "obligations": list(answer.obligations),
        "rules": [_explained(bundle, hit, known) for hit in answer.rules],
    }  # fmt: skip


def _from_ledger(bundle: Bundle, decision_id: str, ledger: Path, key: Path | None) -> dict[str, Any]:
    public = PublicKey.load(key or ledger.resolve().parent / "keys" / "log.pub", name="log")
    with Ledger.open(ledger, log_public=public, now=datetime.now(UTC)) as log:
        found = log.find(decision_id)
    if not found:
        raise BadInput(f"no decision {decision_id!r}", where=str(ledger), advice="`ledger stats` shows the newest.")
    header = found[0].header
    refs = dict(zip(header["rule_ids"], header["refs"], strict=False))
    same = header.get("bundle_digest") in (None, "", bundle.digest)
    return {
        "outcome": header["decision"], "action": header["action"], "stage": header["phase"],
        "as_of": header.get("as_of", header["wall_time"][:10]), "packs": header.get("active_packs", []),
        "errors": header["errors"], "obligations": header["obligations"], "log_index": found[0].index,
        "rules": [_explained(bundle, _hit(bundle, name, ref), {}) for name, ref in refs.items()],
        "note": "" if same else "Decided under other policies than those read here: the messages may differ.",
    }  # fmt: skip


def _hit(bundle: Bundle, rule_id: str, ref: str) -> RuleHit:
    """The rule with the message that it has today; the reference is the recorded one."""
    messages = {rule.id: rule.message for rule in bundle.rules} | {name: said for name, (_, said) in OWN_RULES.items()}
    try:
        return RuleHit(rule_id, ref, messages.get(rule_id) or refusals.hit(rule_id).message)
    except KeyError:
        return RuleHit(rule_id, ref, "")


def _explained(bundle: Bundle, hit: RuleHit, facts: dict[str, Any]) -> dict[str, Any]:
    """A rule that spoke, with each fact that it reads and, where the facts are at hand, its value."""
    rule = next((rule for rule in bundle.rules if rule.id == hit.rule_id), None)
    names = {
        name if not facts or facts.get(name.split(".")[0]) is not None else name.split(".")[0] for name in _reads(rule)
    }
    return {
        **asdict(hit), "pack": rule.pack if rule else "the gate itself", "verified": rule.verified if rule else "",
        "reads": {name: _value(facts, name) for name in sorted(names)},
    }  # fmt: skip


def _reads(rule: Rule | None) -> frozenset[str]:
    return facts_read(rule) if rule else frozenset()


def _value(facts: dict[str, Any], path: str) -> Any:
    value: Any = facts
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _print_explanation(told: dict[str, Any]) -> None:
    out = console()
    colour = COLOURS.get(told["outcome"], "bold")
    out.print(f"[{colour}]{told['outcome']}[/]: {told['action']}, {told['stage']}, rules of {told['as_of']}")
    for rule in told["rules"]:
        out.print(f"\n[bold]{escape(rule['rule_id'])}[/]  {escape(rule['ref'])}")
        out.print(f"  {escape(rule['message'])}")
        if rule["verified"] == "counsel":
            out.print("  Not checked against the official text: check with counsel.")
        for name, value in rule["reads"].items():
            out.print(f"    {name}" + (" = none" if value is None and told["log_index"] is None else ""), end="")
            out.print("" if value is None else f" = {escape(str(value))}")
    for line in (*told["errors"], *told["obligations"], told.get("note", "")):
        if line:
            out.print(f"  {escape(line)}")


def _facts_of(pack: Any) -> dict[str, Any]:
    rules = [
        {"id": r.id, "ref": r.ref, "message": r.message, "stage": r.stage, "verified": r.verified} for r in pack.rules
    ]
    return {**pack.about, "rules": rules}


def _bundle(folder: Path | None) -> Bundle:
    return load_bundle(folder or places.folder("policies"))


def _passphrase(path: Path | None) -> bytes | None:
    try:
        return path.read_bytes().rstrip(b"\n") if path else None
    except OSError as error:
        raise BadInput(f"the file cannot be read ({error.strerror})", where=str(path)) from error
