"""`vemo-audit table`: what is wrong with a table, before anything runs."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from vemo_audit.cli.screen import console, say_json
from vemo_audit.records.labels import LabelSet
from vemo_audit.tables.check import check as problems_of

app = typer.Typer(help="Prediction, label and trait tables.", no_args_is_help=True)
SHOWN = 20
"""Problems that are printed for a person; `--json` gives all."""


@app.callback()
def tables() -> None:
    """Prediction, label and trait tables."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A .parquet or .csv table of predictions, labels, subjects or traits.")],
    labels: Annotated[str, typer.Option(help="The labels that there must be, separated by commas.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List all that is wrong with a table. Exit code 2 when anything is."""
    wanted = LabelSet(tuple(name.strip() for name in labels.split(","))) if labels else None
    problems = problems_of(file, labels=wanted)
    if json:
        say_json({"file": str(file), "holds": not problems, "problems": [asdict(problem) for problem in problems]})
    elif problems:
        console().print(_listed(file, problems[:SHOWN]))
        if len(problems) > SHOWN:
            console().print(f"... and {len(problems) - SHOWN} more; --json gives all.")
    else:
        console().print(f"{escape(str(file))}: nothing wrong was found.")
    if problems:
        raise typer.Exit(2)


def _listed(file: Path, problems: list) -> Table:  # type: ignore[type-arg]
    table = Table("Row", "Column", "Found", "Expected", title=escape(str(file)), title_justify="left")
    for one in problems:
        row = "" if one.row is None else str(one.row)
        table.add_row(row, escape(one.column), escape(one.found), escape(one.expected))
    return table
