"""Trains a face expert on the sources of its recipe, and answers on faces that nothing was fitted on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.face_expert import FaceExpert
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.training import sources
from vemo_audit.recognition.training.calibrate import temperature
from vemo_audit.recognition.training.corpus import Corpus, joined
from vemo_audit.recognition.training.loop import Machine, Progress, train
from vemo_audit.recognition.training.outcome import HeldOut, Trained
from vemo_audit.recognition.training.recipe import FaceRecipe
from vemo_audit.recognition.training.sources import LabelledFaces, Source
from vemo_audit.records.labels import EKMAN

HOLD_OUT_FROM = 140
"""Rendered people from this number on are never learned from."""


def prepare(
    recipe: FaceRecipe, folder: Path, *, rendered: sources.Rendered = (), told: sources.Told = lambda *_: None
) -> tuple[Corpus, Source]:
    """All that is learned from, and the source that is scored. Raises BadInput for an unknown source."""
    detector, size_px, found = FaceDetector(), recipe.network.size_px, []
    for name in recipe.data.sources:
        if name == "rendered":
            found.append(sources.rendered_source(rendered, detector, size_px=size_px, hold_out_from=HOLD_OUT_FROM))
        elif name in SOURCES:
            found.append(SOURCES[name](folder, recipe.data, detector, size_px=size_px, told=told))
        else:
            raise BadInput(f"the source '{name}'", expected=f"one of {', '.join((*SOURCES, 'rendered'))}")
    scored = next((one for one in found if one.held_out is not None), found[0])
    return joined([one.learn for one in found]), scored


SOURCES = {"ferplus": sources.ferplus_source, "fairface": sources.fairface_source}
"""Sources by the name that a recipe uses; 'rendered' people are passed in."""


def train_face(
    recipe: FaceRecipe, folder: Path, *, rendered: sources.Rendered = (), machine: Machine | None = None,
    keep: Path | None = None, told: sources.Told = lambda *_: None,
    listener: Callable[[Progress], None] = lambda progress: None,
) -> Trained:  # fmt: skip
    """Trains as the recipe says on the data sets in `folder`. The shipped recipe takes an hour on two cores.

    With `keep`, the run goes on from that file after an interruption.
    """
    corpus, scored = prepare(recipe, folder, rendered=rendered, told=told)
    torch.manual_seed(recipe.seed)
    network = FaceExpert(recipe.network)
    averaged = train(
        network, corpus, schedule=recipe.schedule, augmentation=recipe.augmentation, seed=recipe.seed,
        machine=machine or Machine(),
        keep=keep, listener=lambda progress, _: listener(progress),
    )  # fmt: skip
    return finish(recipe, averaged, scored, rows=len(corpus))


def finish(recipe: FaceRecipe, network: FaceExpert, scored: Source, *, rows: int) -> Trained:
    """Rounds the weights to half precision as they ship, finds the temperature, and answers on the held-out faces."""
    network = network.half().float().eval().to(memory_format=torch.channels_last)
    heat, held_out = 1.0, None
    if scored.kept_back is not None and scored.held_out is not None and recipe.network.classes:
        majority = functional.one_hot(torch.from_numpy(scored.kept_back.truth), len(EKMAN)).float()
        heat = temperature(logits(network, scored.kept_back.faces), majority)
        held_out = answers(network, scored.held_out, heat, dataset=scored.dataset, split=scored.split)
    header = {
        "kind": "face", "encoder": recipe.network.encoder, "temporal": recipe.network.temporal,
        "size_px": str(recipe.network.size_px), "labels": ",".join(EKMAN.names) if recipe.network.classes else "",
        "units": str(recipe.network.units), "temperature": f"{heat:.4f}",
    }  # fmt: skip
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    return Trained(weights, header, held_out, rows)


def answers(network: FaceExpert, faces: LabelledFaces, heat: float, *, dataset: str, split: str) -> HeldOut:
    """Calibrated probabilities of held-out faces, with their truth."""
    probability = torch.softmax(logits(network, faces.faces) / heat, dim=1).numpy()
    return HeldOut(
        dataset, split, faces.ids, faces.subjects, EKMAN.names, faces.truth.astype(np.int16), probability,
        dict(faces.traits),
    )  # fmt: skip


def logits(network: FaceExpert, images: NDArray[np.uint8], *, batch: int = 256) -> Tensor:
    """Logits `[N, K]` of grey images `[N, S, S]` uint8, each image a window of one frame."""
    parts = []
    for start in range(0, len(images), batch):
        tokens = network.tokens(torch.from_numpy(images[start : start + batch]).unsqueeze(1)).unsqueeze(1)
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool)
        parts.append(network.window_logits(tokens, mask, torch.zeros(tokens.shape[:2]))[0])
    return torch.cat(parts)
