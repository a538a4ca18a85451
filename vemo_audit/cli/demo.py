"""`vemo-audit demo`: the whole road on rendered people, from consents to one report."""

import os
import shutil
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from vemo_audit.cli.audit import audit_into, open_gate, progress, tell
from vemo_audit.cli.clocks import wall_clock
from vemo_audit.cli.screen import console, say_json

RATE_HZ = 10.0
SIDE_PX = 144
ADULTS = 40
"""With four of them refused, every pair of traits still has five people or more."""
MOMENT = timedelta(seconds=1)
"""Consents are given a moment before they are used."""


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything that the demo makes.")] = Path("reports/runs/demo"),
    adults: Annotated[int, typer.Option(min=22, max=200, help="Rendered adults; one child comes on top.")] = ADULTS,
    json: Annotated[bool, typer.Option("--json", help="Print audit.json on standard output.")] = False,
) -> None:
    """Render people, ask their consent, let the gate decide, recognize, audit, and write one report. No download.

    Nobody in it exists. Some withdrew, some consents expired or are for another purpose, one is a minor's: the gate
    refuses those clips. Exit codes as for `vemo-audit audit`.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # its pictures are too small to be worth splitting over cores
    from vemo_audit.audit.folder import whole_folder
    from vemo_audit.audit.plan import read_plan
    from vemo_audit.demo.film import film
    from vemo_audit.demo.stage import set_stage
    from vemo_audit.probe.cast import cast
    from vemo_audit.probe.dataset import Shoot

    screen = console(json)
    screen.print("Rendered people, real rules: nobody in this demo exists, and every decision is made as for a human.")
    players = cast(adults=adults, minors=1)
    out.mkdir(parents=True, exist_ok=True)
    plan_file = out / "plan.toml"
    plan_file.write_bytes(files("vemo_audit.demo").joinpath("plan.toml").read_bytes())
    now = wall_clock()
    with progress(screen) as listener:
        film(out / "clips", players, Shoot(rate_hz=RATE_HZ, side_px=SIDE_PX), listener=listener)
        listener("asking for consent", 0, len(players))
        set_stage(out / "deployment", [player.subject for player in players], now=now - MOMENT)
        listener("asking for consent", len(players), len(players))
        plan = read_plan(plan_file)
        with open_gate(plan) as gate, whole_folder(out / "audit") as folder:
            run, content = audit_into(folder, plan, gate=gate, layout="audit", now=now, listener=listener)
    shutil.copyfile(out / "audit" / "report.html", out / "report.html")
    if json:
        say_json(content)
    tell(screen, plan, run, report=out / "report.html")
    screen.print(f"Every decision: vemo-audit ledger verify --ledger {escape(str(out / 'deployment' / 'ledger'))}")
    if code := content["exit_code"]:
        raise typer.Exit(code)
