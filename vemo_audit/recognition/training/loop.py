"""The training loop of the face expert: soft labels and units, a schedule counted in steps, averaged weights."""

import contextlib
import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from vemo_audit.recognition.network.face_expert import FaceExpert
from vemo_audit.recognition.training import checkpoint
from vemo_audit.recognition.training.augment import Augmentation, augment
from vemo_audit.recognition.training.corpus import Corpus


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast to learn."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    epochs: int = 36
    batch: int = 128
    peak_rate: float = 0.1
    warmup_share: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    average_decay: float = 0.998  # of the weights, per step
    class_balance: float = 0.25  # exponent of 1 / class frequency in the loss; 0 is plain
    unit_weight: float = 0.5  # of the loss over units, beside that over classes
    presence_weight: float = 0.3  # within it: of presence, beside intensity


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and how it is computed: nothing here changes what is learned beyond rounding."""

    device: str = "cpu"  # 'cpu', 'cuda', 'mps'
    half: str = "bfloat16"  # 'bfloat16' or 'none'
    compile: str = "none"  # 'none' or a mode of torch.compile, such as 'default'
    checkpoint_steps: int = 200


@dataclass(frozen=True, slots=True)
class Progress:
    """What the loop tells its listener after each step."""

    step: int
    steps: int
    loss: float


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """A corpus as the loss wants it."""

    faces: Tensor  # [N, S, S] uint8
    shares: Tensor  # [N, K]
    units: Tensor  # [N, U]
    class_weights: Tensor  # [K]


def train(
    network: FaceExpert,
    corpus: Corpus,
    *,
    schedule: Schedule,
    augmentation: Augmentation,
    seed: int,
    machine: Machine = Machine(),
    keep: Path | None = None,
    listener: Callable[[Progress, nn.Module], None] = lambda progress, averaged: None,
) -> FaceExpert:
    """The network with exponentially averaged weights, after learning from the corpus.

    Order, augmentation and so the result depend on `seed` alone (on one machine and thread count). With `keep`, the
    state is written there every `checkpoint_steps`, and a run that was interrupted goes on from it to the same weights.
    """
    per_epoch = max(1, len(corpus) // schedule.batch)
    steps = per_epoch * schedule.epochs
    targets = _targets(network, corpus, schedule)
    network = network.to(machine.device, memory_format=torch.channels_last)
    averaged = copy.deepcopy(network).eval()
    optimizer = torch.optim.SGD(
        parameter_groups(network, schedule.weight_decay),
        lr=schedule.peak_rate, momentum=schedule.momentum, nesterov=True,
    )  # fmt: skip
    data = corpus.digest if keep else ""
    step = checkpoint.restore(keep, network, averaged, optimizer, data=data) if keep else 0
    forward = network if machine.compile == "none" else torch.compile(network, mode=machine.compile)
    network.train()
    while step < steps:
        epoch, first = divmod(step, per_epoch)
        order = torch.randperm(len(corpus), generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        for k in range(first, per_epoch):
            chosen = order[k * schedule.batch : (k + 1) * schedule.batch]
            for group in optimizer.param_groups:
                group["lr"] = schedule.peak_rate * rate_share(step, steps, schedule.warmup_share)
            torch.manual_seed(seed * 7_368_787 + step)  # of dropout: a run that goes on draws what it would have drawn
            loss = _loss(forward, network, targets, chosen, schedule, augmentation, machine, seed=seed, step=step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average(averaged, network, min(schedule.average_decay, (1 + step) / (10 + step)))
            step += 1
            if keep and (step % machine.checkpoint_steps == 0 or step == steps):
                checkpoint.keep(keep, network, averaged, optimizer, step=step, data=data)
            listener(Progress(step, steps, float(loss.detach())), averaged)
    return averaged.to("cpu")


def _targets(network: FaceExpert, corpus: Corpus, schedule: Schedule) -> Targets:
    """The corpus as tensors; the scale of its units is written into the unit head."""
    shares, units = torch.from_numpy(corpus.shares), torch.from_numpy(corpus.units)
    if network.unit_head is not None:
        known = torch.isfinite(units)
        count = known.sum(dim=0).clamp_min(1)
        filled = torch.nan_to_num(units)
        mean = filled.sum(dim=0) / count
        spread = (((filled - mean) * known).square().sum(dim=0) / count).sqrt().clamp_min(0.02)
        network.unit_head.mean.copy_(mean)
        network.unit_head.spread.copy_(spread)
        network.unit_head.present_from.copy_(mean + spread)
    labelled = shares[torch.isfinite(shares[:, 0])]
    weights = class_weights(labelled, schedule.class_balance) if len(labelled) else torch.ones(shares.shape[1])
    return Targets(torch.from_numpy(corpus.faces), shares, units, weights)


def _loss(
    forward: Callable, network: FaceExpert, targets: Targets, chosen: Tensor, schedule: Schedule,
    augmentation: Augmentation, machine: Machine, *, seed: int, step: int,
) -> Tensor:  # fmt: skip
    """The loss of one batch: classes where votes are known, units where they are."""
    rng = torch.Generator().manual_seed(seed * 15_485_863 + step)
    batch = targets.faces[chosen].unsqueeze(1).float() / 127.5 - 1
    batch = augment(batch, augmentation, rng).to(machine.device, memory_format=torch.channels_last)
    cast = torch.autocast(machine.device, dtype=torch.bfloat16) if machine.half == "bfloat16" else None
    with cast or contextlib.nullcontext():
        logits, estimates = forward(batch)
    loss = torch.zeros((), device=machine.device)
    shares = targets.shares[chosen]
    rows = torch.isfinite(shares[:, 0])
    if logits is not None and rows.any():
        weights = targets.class_weights.to(machine.device)
        of_rows = soft_cross_entropy(logits.float()[rows.to(machine.device)], shares[rows].to(machine.device), weights)
        loss = loss + of_rows * rows.float().mean()
    if estimates is not None and network.unit_head is not None:
        units = unit_loss(network.unit_head, *estimates, targets.units[chosen].to(machine.device), schedule)
        loss = loss + schedule.unit_weight * units
    return loss


def unit_loss(head: nn.Module, standard: Tensor, presence: Tensor, units: Tensor, schedule: Schedule) -> Tensor:
    """Huber on the standardised intensity and cross-entropy on presence, over the units `[N, U]` that are known.

    Source: Huber 1964, eq. 1.4 (doi:10.1214/aoms/1177703732), with a knee at one standard deviation.
    """
    known = torch.isfinite(units)
    count = known.sum().clamp_min(1)
    wanted = ((torch.nan_to_num(units) - head.mean) / head.spread).clamp(-5, 5)
    intensity = functional.smooth_l1_loss(standard.float(), wanted, reduction="none")
    there = (torch.nan_to_num(units) >= head.present_from).float()
    present = functional.binary_cross_entropy_with_logits(presence.float(), there, reduction="none")
    return ((intensity + schedule.presence_weight * present) * known).sum() / count


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
