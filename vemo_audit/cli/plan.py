"""`vemo-audit plan`: a plan to start from, and whether a plan holds together."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from vemo_audit.audit.answers import open_dataset
from vemo_audit.audit.fitting import check_answers
from vemo_audit.audit.plan import AuditPlan, read_plan
from vemo_audit.audit.plan_template import TEMPLATE
from vemo_audit.cli.screen import console, say_json
from vemo_audit.errors import BadInput
from vemo_audit.tables.write import write_whole

app = typer.Typer(help="Audit plans: write one to start from, check one.", no_args_is_help=True)


@app.command()
def new(file: Annotated[Path, typer.Argument(help="Where to write the plan, e.g. plan.toml.")]) -> None:
    """Write a commented plan to start from."""
    if file.exists():
        raise BadInput("a file that exists", where=str(file), expected="a new name", advice="Nothing was written.")
    try:
        write_whole(file, TEMPLATE.encode())
    except OSError as error:
        raise BadInput(
            f"nothing can be written there ({error.strerror})", where=str(file), expected="a place to write"
        ) from error
    console().print(f"Written: {escape(str(file))}. Fill it in, then: vemo-audit plan check {escape(str(file))}")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A plan in TOML.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read a plan, its dataset and its tables; say what an audit would do. Exit code 2 when something is wrong."""
    plan = read_plan(file)
    dataset = open_dataset(plan.dataset, where=str(file))
    check_answers(plan, dataset)
    if json:
        say_json({
            "file": str(file), "digest": plan.digest, "dataset": dataset.card.name,
            "recognizers": [one.name for one in plan.recognizers], "metrics": list(plan.metrics),
            "traits": list(plan.traits), "criteria": [one.id for one in plan.criteria],
        })  # fmt: skip
        return
    for line in _told(plan, dataset.card.name):
        console().print(escape(line))


def _told(plan: AuditPlan, dataset: str) -> list[str]:
    recognizers = ", ".join(one.name for one in plan.recognizers)
    basis = "historic tables, no gate" if plan.gate.historic else f"behind the gate, for {plan.gate.purpose}"
    criteria = [
        f"  {c.id}: {c.metric} {c.kind} {c.limit:g} over {c.over}"
        + (f" ({', '.join(c.recognizers)})" * bool(c.recognizers))
        for c in plan.criteria
    ]
    return [
        f"{plan.title}: {plan.question}",
        f"{recognizers} on {dataset}; {basis}",
        f"metrics: {', '.join(plan.metrics)}; compared by: {', '.join(plan.traits) or 'nothing'}",
        *criteria,
        f"plan digest {plan.digest}",
    ]
