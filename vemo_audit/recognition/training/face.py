"""Trains the face expert on FER+ votes and answers on the validation split, which nothing is fitted on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vemo_audit.datasets import ferplus
from vemo_audit.recognition.network.face_expert import FaceExpert
from vemo_audit.recognition.training.calibrate import temperature
from vemo_audit.recognition.training.loop import Progress, train
from vemo_audit.recognition.training.outcome import HeldOut, Trained
from vemo_audit.recognition.training.recipe import FaceRecipe
from vemo_audit.records.labels import EKMAN


def split(recipe: FaceRecipe, folder: Path) -> tuple[ferplus.VotedFaces, ferplus.VotedFaces]:
    """The faces to learn from, and those of the training split that are kept back for the temperature."""
    faces = ferplus.seven_classes(ferplus.load(folder, "train"), least_votes=recipe.data.least_votes)
    order = np.random.default_rng(recipe.data.split_seed).permutation(len(faces))
    kept = int(len(faces) * recipe.data.held_back_share)
    return faces.where(order[kept:]), faces.where(order[:kept])


def train_face(
    recipe: FaceRecipe, folder: Path, *, listener: Callable[[Progress], None] = lambda progress: None
) -> Trained:
    """Trains as the recipe says on the FER+ tables in `folder`. Takes about half an hour on two cores."""
    learn, _ = split(recipe, folder)
    torch.manual_seed(recipe.seed)
    network = FaceExpert(recipe.network)
    averaged = train(
        network, torch.from_numpy(learn.images), torch.from_numpy(learn.shares), schedule=recipe.schedule,
        augmentation=recipe.augmentation, seed=recipe.seed, listener=lambda progress, _: listener(progress),
    )  # fmt: skip
    return finish(recipe, folder, averaged)


def finish(recipe: FaceRecipe, folder: Path, network: FaceExpert) -> Trained:
    """Rounds the weights to half precision as they ship, finds the temperature, and answers on the validation split."""
    network = network.half().float().eval().to(memory_format=torch.channels_last)
    learn, kept = split(recipe, folder)
    majority = functional.one_hot(torch.from_numpy(kept.majority), len(EKMAN)).float()
    heat = temperature(logits(network, kept.images), majority)
    valid = ferplus.seven_classes(ferplus.load(folder, "valid"))
    probability = torch.softmax(logits(network, valid.images) / heat, dim=1).numpy()
    held_out = HeldOut(
        "FER+", "the official validation split; majority label, seven classes; nothing is fitted on it", valid.ids,
        valid.ids,
        EKMAN.names, valid.majority.astype(np.int16), probability, {},
    )  # fmt: skip
    header = {
        "kind": "face", "encoder": recipe.network.encoder, "temporal": recipe.network.temporal,
        "size_px": str(recipe.network.size_px), "labels": ",".join(EKMAN.names), "temperature": f"{heat:.4f}",
    }  # fmt: skip
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    return Trained(weights, header, held_out, len(learn))


def logits(network: FaceExpert, images: np.ndarray, *, batch: int = 256) -> Tensor:
    """Logits `[N, K]` of grey images `[N, S, S]` uint8, each image a window of one frame."""
    parts = []
    for start in range(0, len(images), batch):
        tokens = network.tokens(torch.from_numpy(images[start : start + batch]).unsqueeze(1)).unsqueeze(1)
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool)
        parts.append(network.window_logits(tokens, mask, torch.zeros(tokens.shape[:2]))[0])
    return torch.cat(parts)
