"""The `vemo-audit` command: mounts one noun per file, and ends every error in its words and exit code."""

import errno
import os
import sys
import traceback
from typing import Annotated

import typer

from vemo_audit.cli import audit, consent, demo, gate, infer, ledger, plan, policy, table, train
from vemo_audit.errors import BadInput, VemoError

app = typer.Typer(
    name="vemo-audit",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Audits video emotion recognition by subject and slice, and serves it only behind consent and policy. "
    "It estimates *displayed* expressions; it does not read what a person feels. Emotion recognition for employment "
    "screening, student monitoring and criminal justice is refused.",
    epilog="Exit codes: 0 met or done · 1 missed or undecided · 2 bad input · 3 refused · 4 evidence broken",
)

app.command("demo")(demo.demo)
app.command("infer")(infer.infer)
app.command("audit")(audit.audit)
app.command("train")(train.train)
for noun in (plan, table, gate, consent, policy, ledger):
    app.add_typer(noun.app, name=noun.__name__.rpartition(".")[2])


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"vemo-audit {version('vemo-audit')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Audits video emotion recognition, and serves it only behind consent and policy."""


def main() -> None:
    """Runs the command line and exits with its code; an error of ours ends in its words, without a traceback.

    What nobody foresaw ends with its traceback and the code of bad input.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads leave the cores to others
    try:
        app()
    except VemoError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno == errno.EPIPE:  # who listened has heard enough
            raise
        typer.echo(f"Error: {error.filename or 'a file'}: {error.strerror or error}. Nothing more was done.", err=True)
        sys.exit(BadInput.exit_code)
    except Exception as error:  # exit code 1 would read as a criterion that is missed
        traceback.print_exc()
        typer.echo(f"Error: an unexpected {type(error).__name__}. Nothing that was to be decided is decided.", err=True)
        sys.exit(BadInput.exit_code)
