"""`vemo-audit audit`: from a plan to a report, in one folder that is written whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from vemo_audit.audit.export import as_json
from vemo_audit.audit.folder import whole_folder, write_run
from vemo_audit.audit.judge import most_important
from vemo_audit.audit.measure import Listener
from vemo_audit.audit.plan import AuditPlan, read_plan
from vemo_audit.audit.run import run_audit
from vemo_audit.audit.verdicts import exit_code
from vemo_audit.audit.wording import WORDS
from vemo_audit.cli.asking import passphrase
from vemo_audit.cli.clocks import boottime_ns, wall_clock
from vemo_audit.cli.screen import console, say_json
from vemo_audit.records.audit_run import AuditRun
from vemo_audit.records.finding import Verdict

TOLD = 3
"""Findings that are told in the terminal."""


def audit(
    plan: Annotated[Path, typer.Argument(help="An audit plan. `vemo-audit plan new plan.toml` writes one.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; an earlier audit in it is replaced.")],
    layout: Annotated[str, typer.Option(help="Layout of the report.")] = "audit",
    passphrase_file: Annotated[Path | None, typer.Option(help="File with the passphrase of the gate's keys.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print audit.json on standard output.")] = False,
) -> None:
    """Measure a recognizer by subject and slice, judge it by the plan, and write report.html, audit.json and tables.

    Exit codes: 0 met, 1 missed or undecided, 2 bad input, 3 refused, 4 evidence broken.
    """
    screen = console(json)
    chosen = read_plan(plan)
    secret = passphrase(passphrase_file)
    with whole_folder(out) as folder, progress(screen) as listener, open_gate(chosen, secret=secret) as gate:
        run, content = audit_into(folder, chosen, gate=gate, layout=layout, now=wall_clock(), listener=listener)
    if json:
        say_json(content)
    tell(screen, chosen, run, report=out / "report.html")
    code = content["exit_code"]
    if code:
        raise typer.Exit(code)


def audit_into(
    folder: Path, plan: AuditPlan, *, gate: Any, layout: str, now: datetime, listener: Listener
) -> tuple[AuditRun, dict[str, Any]]:
    """Runs an audit and writes all of its files into an open folder; the run, and the content of audit.json.

    `gate` is an open gate; None for a historic plan.
    """
    from vemo_audit.report.page import page
    from vemo_audit.report.render import render

    rng = np.random.default_rng(plan.seed)
    run = run_audit(plan, gate=gate, folder=folder, now=now, rng=rng, listener=listener)
    code = exit_code([run.verdict(c.id) for c in plan.criteria], undecided=plan.undecided)
    content = as_json(run, criteria=plan.criteria, exit_code=code)
    listener("writing the report", 0, 1)
    html = render(page(run, below=plan.k), layout=layout)
    write_run(folder, run, content=content, html=html)
    listener("writing the report", 1, 1)
    return run, content


@contextmanager
def open_gate(plan: AuditPlan, *, secret: bytes | None = None) -> Iterator[Any]:
    """The gate of the plan's deployment; None when the plan says historic."""
    if plan.gate.deployment is None:
        yield None
        return
    from vemo_audit.cli.infer import face_finder
    from vemo_audit.governance.gate import Gate

    plugins = [one for one in plan.recognizers if one.plugin]
    finder = face_finder(plugins[0].options) if plugins else None  # one search for all of them
    with Gate.open(
        plan.gate.deployment, clock=wall_clock, boottime_ns=boottime_ns, make_finder=finder, passphrase=secret
    ) as gate:
        yield gate


@contextmanager
def progress(screen: Console) -> Iterator[Listener]:
    """A listener that draws one bar for each stage."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen) as bars:
        stages: dict[str, Any] = {}

        def listener(stage: str, done: int, total: int) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(escape(stage), total=total or None)
            bars.update(stages[stage], completed=done, total=total or None)

        yield listener


def tell(screen: Console, plan: AuditPlan, run: AuditRun, *, report: Path) -> None:
    """The verdicts, the most important findings and where the report lies."""
    screen.print()
    for finding in most_important(run.findings, gaps=run.gaps, measurements=run.measurements)[:TOLD]:
        who = f"{finding.recognizer}: " if len(run.recognizers) > 1 else ""
        screen.print(f"- {escape(who)}{escape(finding.sentence)}")
    screen.print()
    verdicts = {criterion.id: run.verdict(criterion.id) for criterion in plan.criteria}
    told = [f"{escape(key)} {WORDS[verdict].lower()}" for key, verdict in verdicts.items()]
    screen.print(f"Criteria: {', '.join(told)}.")
    undecided = [key for key, verdict in verdicts.items() if verdict is Verdict.UNDECIDED]
    if undecided and plan.undecided == "warn":
        warning = f"Undecided, and let pass by the plan: {', '.join(undecided)}."
        Console(stderr=True).print(escape(warning))
    if run.gate.asked > run.gate.admitted:
        refused = run.gate.asked - run.gate.admitted
        screen.print(f"The gate refused {refused:,} of {run.gate.asked:,} clips.")
    screen.print(f"Report: {escape(str(report))}")
