"""`vemo-audit train`: makes the shipped weights again from a recipe."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from vemo_audit.cli.screen import console, say_json


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, e.g. models/recipes/face-ferplus.toml.")],
    data: Annotated[Path, typer.Option(help="Folder that holds the recipe's data set under its name.")],
    out: Annotated[Path, typer.Option(help="Folder for NAME.safetensors and NAME.card.toml.")],
    json: Annotated[bool, typer.Option("--json", help="Print the card's figures as JSON.")] = False,
) -> None:
    """Trains an expert and writes weights and card; the card's figures are measured on held-out data."""
    from vemo_audit.audit import held_out
    from vemo_audit.recognition.training import card
    from vemo_audit.recognition.training import recipe as recipes
    from vemo_audit.recognition.training.face import train_face
    from vemo_audit.recognition.training.voice import train_voice

    chosen, digest = recipes.read(recipe)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(json)) as bars:
        bar = bars.add_task(f"training {chosen.name}", total=None)

        def show(progress: object) -> None:
            bars.update(bar, completed=progress.step, total=progress.steps, description=f"{chosen.name}")

        if isinstance(chosen, recipes.FaceRecipe):
            trained = train_face(chosen, data / chosen.data.source, listener=show)
        else:
            trained = train_voice(chosen, data / chosen.data.source, listener=show)
    figures = held_out.figures(trained.held_out, recognizer=chosen.name)
    weights, written = card.write(out, chosen, digest, trained, figures)
    if json:
        say_json({"weights": str(weights), "card": str(written), "figures": [card.figure(one) for one in figures]})
        return
    for one in figures:
        low, high = (one.interval.low, one.interval.high) if one.interval else (float("nan"), float("nan"))
        console(json).print(f"{one.metric:18} {one.slice:14} {one.value:.3f}  [{low:.3f}, {high:.3f}]  {one.state}")
    console(json).print(f"written: {weights}, {written}")
