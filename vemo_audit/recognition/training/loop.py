"""The training loop of the face expert: soft labels, a cosine schedule counted in steps, averaged weights."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vemo_audit.recognition.training.augment import Augmentation, augment


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to learn."""

    epochs: int = 36
    batch: int = 128
    peak_rate: float = 0.1
    warmup_share: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    average_decay: float = 0.998  # of the weights, per step
    class_balance: float = 0.25  # exponent of 1 / class frequency in the loss; 0 is plain


@dataclass(frozen=True, slots=True)
class Progress:
    """What the loop tells its listener after each step."""

    step: int
    steps: int
    loss: float


def train(
    network: nn.Module,
    faces: Tensor,
    targets: Tensor,
    *,
    schedule: Schedule,
    augmentation: Augmentation,
    seed: int,
    listener: Callable[[Progress, nn.Module], None] = lambda progress, averaged: None,
) -> nn.Module:
    """Faces `[N, S, S]` uint8 and vote shares `[N, K]` to the network with exponentially averaged weights.

    The order of the data, the augmentation and so the result depend on `seed` alone (on one machine and thread count).
    """
    rng = torch.Generator().manual_seed(seed)
    network = network.to(memory_format=torch.channels_last)
    averaged = copy.deepcopy(network).eval()
    weights = class_weights(targets, schedule.class_balance)
    optimizer = torch.optim.SGD(
        parameter_groups(network, schedule.weight_decay),
        lr=schedule.peak_rate, momentum=schedule.momentum, nesterov=True,
    )  # fmt: skip
    per_epoch = len(faces) // schedule.batch
    steps = per_epoch * schedule.epochs
    step = 0
    network.train()
    for _ in range(schedule.epochs):
        order = torch.randperm(len(faces), generator=rng)
        for k in range(per_epoch):
            chosen = order[k * schedule.batch : (k + 1) * schedule.batch]
            batch = faces[chosen].unsqueeze(1).float() / 127.5 - 1
            batch = augment(batch, augmentation, rng).contiguous(memory_format=torch.channels_last)
            for group in optimizer.param_groups:
                group["lr"] = schedule.peak_rate * rate_share(step, steps, schedule.warmup_share)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = network(batch)
            loss = soft_cross_entropy(logits.float(), targets[chosen], weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average(averaged, network, min(schedule.average_decay, (1 + step) / (10 + step)))
            step += 1
            listener(Progress(step, steps, float(loss.detach())), averaged)
    return averaged


def soft_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Mean cross-entropy against shares `[N, K]`, each class weighed by `weights [K]`."""
    return -(targets * weights * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()


def class_weights(targets: Tensor, exponent: float) -> Tensor:
    """Weights `[K]` that grow for rare classes and average to 1 over the data."""
    share = targets.mean(dim=0)
    weights = share.clamp_min(1e-6) ** -exponent
    return weights / (weights * share).sum()


def rate_share(step: int, steps: int, warmup_share: float) -> float:
    """Share of the peak learning rate: linear warm-up, then half a cosine. Source: Loshchilov & Hutter 2017."""
    warmup = max(1, round(steps * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weight decay on matrices only, none on biases and normalisation."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]


@torch.no_grad()
def average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """Moves the averaged weights a little towards the current ones; normalisation statistics likewise."""
    for mean, current in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(current, 1 - decay)
        else:
            mean.copy_(current)
