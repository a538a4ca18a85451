"""`vemo-audit train`: makes weights and their card from a recipe; an interrupted run goes on where it was."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from vemo_audit.cli.screen import console, say_json


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe, e.g. models/recipes/face-ferplus.toml.")],
    data: Annotated[Path, typer.Option(help="Folder that holds the recipe's data sets under their names.")],
    out: Annotated[Path, typer.Option(help="Folder for NAME.safetensors and NAME.card.toml.")],
    device: Annotated[str, typer.Option(help="'auto', 'cpu', 'cuda' or 'mps'.")] = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, even if an interrupted run could go on.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the card's figures as JSON.")] = False,
) -> None:
    """Trains an expert and writes weights and card; the card's figures are measured on held-out data.

    Progress is kept beside the weights: after an interruption, the same command goes on from there.
    """
    from vemo_audit.audit import held_out
    from vemo_audit.recognition.network import devices
    from vemo_audit.recognition.training import card, landing, ranges
    from vemo_audit.recognition.training import recipe as recipes

    chosen, digest = recipes.read(recipe)
    ranges.demand(chosen, where=str(recipe))
    devices.chosen(device)
    keep = landing.place(out) / f".{chosen.name}-{digest[:12]}.checkpoint.safetensors"
    if fresh:
        keep.unlink(missing_ok=True)
    elif keep.is_file():
        console(json).print(f"going on from {keep}")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(json)) as bars:
        trained = trained_by(chosen, data, device=device, keep=keep, bars=Bars(bars, chosen.name))
    figures = held_out.figures(trained.held_out, recognizer=chosen.name) if trained.held_out else ()
    weights, written = card.write(out, chosen, digest, trained, figures)
    keep.unlink(missing_ok=True)
    if json:
        say_json({"weights": str(weights), "card": str(written), "figures": [card.figure(one) for one in figures]})
        return
    for one in figures:
        low, high = (one.interval.low, one.interval.high) if one.interval else (float("nan"), float("nan"))
        console(json).print(f"{one.metric:18} {one.slice:14} {one.value:.3f}  [{low:.3f}, {high:.3f}]  {one.state}")
    console(json).print(f"written: {weights}, {written}")


class Bars:
    """One progress bar per part of the work: preparing each data set, then learning."""

    def __init__(self, bars: Progress, name: str) -> None:
        self.bars, self.name = bars, name
        self.tasks: dict[str, TaskID] = {}

    def told(self, what: str, done: int, total: int) -> None:
        """Of `what`, so many are done."""
        if what not in self.tasks:
            self.tasks[what] = self.bars.add_task(what, total=None)
        self.bars.update(self.tasks[what], completed=done, total=total or None)

    def learned(self, progress: Any) -> None:
        """What the training loop says after each step."""
        self.told(f"training {self.name}", progress.step, progress.steps)


def trained_by(chosen: Any, data: Path, *, device: str, keep: Path, bars: Bars) -> Any:
    """What the trainer of the recipe's kind leaves behind."""
    from vemo_audit.errors import BadInput
    from vemo_audit.recognition.network import devices
    from vemo_audit.recognition.training import loop
    from vemo_audit.recognition.training import recipe as recipes
    from vemo_audit.recognition.training.clips import train_clips
    from vemo_audit.recognition.training.face import train_face
    from vemo_audit.recognition.training.voice import train_voice

    if not isinstance(chosen, recipes.FaceRecipe | recipes.ClipsRecipe) and device not in ("auto", "cpu"):
        raise BadInput(f"--device {device} for a {chosen.kind} recipe", expected="auto or cpu",
                       advice="It learns from small tables; only faces and clips use another.")  # fmt: skip
    if isinstance(chosen, recipes.TemporalRecipe | recipes.FusionRecipe):
        return over_tokens(chosen, data, cache=keep.parent / ".cache", bars=bars)
    if isinstance(chosen, recipes.ClipsRecipe):
        source = chosen.data.source
        return train_clips(
            chosen, data / source, keep.parent / ".cache" / f"{source}-crops",
            machine=loop.Machine(device=devices.chosen(device)), keep=keep, told=bars.told, listener=bars.learned,
        )  # fmt: skip
    if isinstance(chosen, recipes.FaceRecipe):
        from vemo_audit.recognition.training import sources

        sources.demand_files(chosen.data, data)
        machine = loop.Machine(device=devices.chosen(device))
        return train_face(
            chosen, data, rendered=rendered(bars.told), machine=machine, keep=keep, told=bars.told,
            listener=bars.learned,
        )  # fmt: skip
    return train_voice(chosen, data / chosen.data.source, listener=bars.learned)


def over_tokens(chosen: Any, data: Path, *, cache: Path, bars: Bars) -> Any:
    """Trains on the tokens of the shipped face expert; what has to be rendered or encoded is kept in `cache`."""
    from vemo_audit.audit.performances import Rehearsal, rehearse
    from vemo_audit.recognition.recognizers import experts
    from vemo_audit.recognition.training import fusion_run, recipe, sources, temporal_run

    sources.demand_file(data / "ferplus" / "train.parquet", source="ferplus")
    face = experts.load_face(chosen.data.face)
    if isinstance(chosen, recipe.FusionRecipe):
        _, kept = temporal_run.kept_stills(
            face.network, data, data=chosen.data, seed=chosen.seed, cache=cache, told=bars.told
        )
        return fusion_run.run(
            face.network, kept, data, face_heat=face.temperature, data=chosen.data, settings=chosen.fit,
            voice_fit=chosen.voice, seed=chosen.seed, listener=bars.learned,
        )  # fmt: skip
    settings = Rehearsal(crop_px=face.size_px)
    at = data / "rendered" / f"{settings.digest[:16]}.npz"
    at = at if at.is_file() else cache / at.name
    sequences = temporal_run.kept_or_played(
        at, lambda: rehearse(settings, listener=lambda done, clips: bars.told("playing", done, clips))
    )
    return temporal_run.run(
        face.network, sequences, data, recipe=chosen, heat=face.temperature, cache=cache, told=bars.told,
        listener=lambda module, progress: bars.told(f"training {module}", progress.step, progress.steps),
    )  # fmt: skip


def rendered(told: Callable[[str, int, int], None]) -> Iterator[tuple[int, Any, Any]]:
    """Rendered people for a recipe that asks for them; nothing is rendered before the first is taken."""
    from vemo_audit.probe import faces

    settings = faces.FacesSettings()
    for number, pictures, units in faces.faces(settings):
        yield number, pictures, units
        told("rendering people", number + 1, settings.identities)
