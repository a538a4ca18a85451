"""Trains feature-level fusion on pairs of a real face and a real voice that show the same class, and were never one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.feature_fusion import FeatureFusion, FusionSettings
from vemo_audit.recognition.network.fusion import Opinion, pool
from vemo_audit.recognition.training.calibrate import temperature
from vemo_audit.recognition.training.compare import Comparison, compare
from vemo_audit.recognition.training.loop import Progress, parameter_groups, rate_share
from vemo_audit.recognition.training.outcome import HeldOut, Trained
from vemo_audit.recognition.training.time_settings import FusionFit
from vemo_audit.records.labels import EKMAN

SPLIT = (
    "a face that the fusion never saw, with a voice of a speaker that neither fusion nor voice expert heard; "
    "paired by label: nobody was ever seen and heard together"
)
PRIOR = np.full(len(EKMAN), 1 / len(EKMAN))


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One modality: what feature-level fusion reads of it, and what its expert says."""

    summary: Tensor  # [N, F]
    probability: NDArray[np.float64]  # [N, K] calibrated, 0 outside the support
    truth: NDArray[np.int64]  # [N]
    group: NDArray[np.str_]  # [N] who; the row itself where nobody knows


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Voices to learn from and voices of other speakers, both answered by experts that never heard their speaker."""

    learn: Side
    held_out: Side


def fit(
    face: Side, voice: Side, mixing: str, *, settings: FusionFit, seed: int,
    listener: Callable[[Progress], None] = lambda progress: None,
) -> FeatureFusion:  # fmt: skip
    """The fusion after learning from pairs of equal label; a class that one side alone knows is learned from it."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 15])
    sizes = (("face", face.summary.shape[1]), ("voice", voice.summary.shape[1]))
    network = FeatureFusion(FusionSettings(sizes, classes=len(EKMAN), mixing=mixing))
    for name, side in (("face", face), ("voice", voice)):
        centre = torch.nanmean(side.summary, dim=0)
        getattr(network, f"mean_{name}").copy_(centre)
        spread = torch.nan_to_num(side.summary - centre).square().mean(dim=0).sqrt()
        getattr(network, f"spread_{name}").copy_(spread.clamp_min(1e-3))
    optimizer = torch.optim.AdamW(parameter_groups(network, settings.weight_decay), lr=settings.peak_rate)
    network.train()
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.peak_rate * rate_share(step, settings.steps, 0.1)
        wanted = rng.integers(len(EKMAN), size=settings.batch)
        rows, known = paired(wanted, face, voice, rng)
        there = torch.from_numpy(dropped(known, settings, rng))
        logits, _ = network({"face": face.summary[rows[0]], "voice": voice.summary[rows[1]]}, there)
        loss = functional.cross_entropy(logits, torch.from_numpy(wanted), label_smoothing=settings.smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        listener(Progress(step + 1, settings.steps, float(loss.detach())))
    return network.half().float().eval()


def paired(
    wanted: NDArray[np.int64], face: Side, voice: Side, rng: np.random.Generator
) -> tuple[list[NDArray[np.int64]], NDArray[np.bool_]]:
    """A random row of each side for each wanted class, and whether the side knows that class `[B, 2]`."""
    rows, known = [], np.ones((len(wanted), 2), bool)
    for column, side in enumerate((face, voice)):
        of = {label: np.flatnonzero(side.truth == label) for label in np.unique(wanted)}
        known[:, column] = [len(of[label]) > 0 for label in wanted]
        rows.append(np.array([rng.choice(of[label]) if len(of[label]) else 0 for label in wanted]))
    return rows, known


def dropped(known: NDArray[np.bool_], settings: FusionFit, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which modalities are left `[B, M]` when some are lost at random; of those known, one at least."""
    count, modalities = known.shape
    left = known & (rng.random(known.shape) >= settings.drop_each)
    only = rng.integers(modalities, size=count)[:, None] == np.arange(modalities)
    left = np.where(rng.random((count, 1)) < settings.drop_all_but_one, known & only, left)
    return np.where(left.any(axis=1, keepdims=True), left, known)


@torch.no_grad()
def logits_of(network: FeatureFusion, face: Tensor, voice: Tensor) -> Tensor:
    """Logits `[N, K]` of pairs."""
    return network({"face": face, "voice": voice}, torch.ones(len(face), 2, dtype=torch.bool))[0]


@dataclass(slots=True)
class Answers:
    """Answers of every way of fusing to the held-out pairs, fold by fold."""

    logits: dict[str, list[NDArray[np.float64]]]
    pools: dict[str, list[NDArray[np.float64]]]
    opinions: list[tuple[Opinion, Opinion]]
    truth: list[int]
    speaker: list[str]
    fold: list[int]


def train_fusion(
    faces: tuple[Side, Side], folds: list[Fold], whole: Side, *, support: NDArray[np.bool_], settings: FusionFit,
    seed: int, header: dict[str, str], listener: Callable[[Progress], None] = lambda progress: None,
) -> Trained:  # fmt: skip
    """Faces to learn from and others to be scored on; folds of voices; and all voices, for the weights that ship.

    Raises BadInput for fewer than two folds.
    """
    if len(folds) < 2:
        raise BadInput(f"{len(folds)} folds of speakers", expected="two or more")
    told = Answers({"attention": [], "mean": []}, {"pool": [], "pool, best weight": []}, [], [], [], [])
    for number, fold in enumerate(folds):
        _examine(told, faces, fold, number, support=support, settings=settings, seed=seed, listener=listener)
    truth, speaker, fold_of = np.array(told.truth), np.array(told.speaker), np.array(told.fold)
    joint, heats = calibrated(np.concatenate(told.logits["attention"]), truth, fold_of)
    mean, _ = calibrated(np.concatenate(told.logits["mean"]), truth, fold_of)
    reliability = float(np.mean([(joint[truth == c].argmax(1) == c).mean() for c in np.unique(truth)]))
    both = np.stack([
        fused({"face": one, "voice": other}, Opinion(row, np.ones(len(EKMAN), bool), reliability))
        for (one, other), row in zip(told.opinions, joint, strict=True)
    ])  # fmt: skip
    with_mean = np.stack([
        fused({"face": one, "voice": other}, Opinion(row, np.ones(len(EKMAN), bool), reliability))
        for (one, other), row in zip(told.opinions, mean, strict=True)
    ])  # fmt: skip
    named = {"pool with masked mean": with_mean, "feature fusion": joint, "pool with feature fusion": both,
             "masked mean over modalities": mean,
             **{name: np.concatenate(rows) for name, rows in told.pools.items()}}  # fmt: skip
    lines = compared(named, truth, speaker, seed=seed)
    network = fit(faces[0], whole, "attention", settings=settings, seed=seed, listener=listener)
    rows = tuple(f"{who}-{k}" for k, who in enumerate(told.speaker))
    held_out = HeldOut("FER+ faces with EmoDB voices", SPLIT, rows, tuple(told.speaker), EKMAN.names,
                       truth.astype(np.int16), both.astype(np.float32), {})  # fmt: skip
    read = {"kind": "fusion", "temperature": f"{heats:.4f}", "reliability": f"{reliability:.4f}",
            "sizes": ",".join(f"{name}:{size}" for name, size in network.settings.sizes),
            "labels": ",".join(EKMAN.names)}  # fmt: skip
    return Trained(dict(network.state_dict()), header | read, held_out, len(whole.truth), lines)


def _examine(
    told: Answers, faces: tuple[Side, Side], fold: Fold, number: int, *, support: NDArray[np.bool_],
    settings: FusionFit, seed: int, listener: Callable[[Progress], None],
) -> None:  # fmt: skip
    """Learns from one fold's voices and answers the pairs of the others."""
    rng = np.random.default_rng([seed, 16, number])
    made = {mixing: fit(faces[0], fold.learn, mixing, settings=settings, seed=seed, listener=listener)
            for mixing in told.logits}  # fmt: skip
    one, other = drawn_pairs(faces[1], fold.held_out, settings.pairs, rng)
    for mixing, network in made.items():
        found = logits_of(network, faces[1].summary[one], fold.held_out.summary[other])
        told.logits[mixing].append(found.double().numpy())
    own = spoken(faces[1], fold.held_out, one, other, support=support, settings=settings)
    told.opinions += own
    told.pools["pool"].append(np.stack([fused({"face": a, "voice": b}) for a, b in own]))
    weight = best_weight(faces[0], fold.learn, support=support, settings=settings, rng=rng)
    told.pools["pool, best weight"].append(np.stack([
        fused({"face": a, "voice": Opinion(b.probability, b.support, weight)}) for a, b in own
    ]))  # fmt: skip
    told.truth += fold.held_out.truth[other].tolist()
    told.speaker += fold.held_out.group[other].tolist()
    told.fold += [number] * len(other)


def drawn_pairs(
    face: Side, voice: Side, pairs: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each voice with so many faces of its class: rows of both sides."""
    of = {label: np.flatnonzero(face.truth == label) for label in np.unique(voice.truth)}
    other = np.repeat(np.arange(len(voice.truth)), pairs)
    return np.array([rng.choice(of[voice.truth[k]]) for k in other]), other


def spoken(
    face: Side, voice: Side, one: NDArray[np.int64], other: NDArray[np.int64], *, support: NDArray[np.bool_],
    settings: FusionFit,
) -> list[tuple[Opinion, Opinion]]:  # fmt: skip
    """What both experts say of each pair."""
    everywhere = np.ones(len(EKMAN), bool)
    return [(Opinion(face.probability[a], everywhere, settings.face_reliability),
             Opinion(voice.probability[b], support, settings.voice_reliability))
            for a, b in zip(one, other, strict=True)]  # fmt: skip


def fused(opinions: dict[str, Opinion], joint: Opinion | None = None) -> NDArray[np.float64]:
    """The pool's answer."""
    found = pool(opinions, PRIOR, joint=None if joint is None else lambda names: joint)
    return PRIOR if found is None else found


def best_weight(
    face: Side, voice: Side, *, support: NDArray[np.bool_], settings: FusionFit, rng: np.random.Generator
) -> float:
    """The weight of the voice with which the pool is right most often on pairs to learn from: a harder baseline."""
    one, other = drawn_pairs(face, voice, 1, rng)
    own = spoken(face, voice, one, other, support=support, settings=settings)
    tried = settings.face_reliability * np.array([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])
    hits = [np.mean([fused({"face": a, "voice": Opinion(b.probability, b.support, float(w))}).argmax() == label
                     for (a, b), label in zip(own, voice.truth[other], strict=True)]) for w in tried]  # fmt: skip
    return float(tried[int(np.argmax(hits))])


def calibrated(
    logits: NDArray[np.float64], truth: NDArray[np.int64], fold: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """Probabilities whose temperature comes from the other folds, and the temperature over all."""
    given, hot = torch.from_numpy(logits), torch.eye(len(EKMAN))[torch.from_numpy(truth)]
    found = torch.zeros_like(given)
    for number in np.unique(fold):
        out = torch.from_numpy(fold == number)
        found[out] = torch.softmax(given[out] / temperature(given[~out].float(), hot[~out]), dim=1)
    return found.numpy(), temperature(given.float(), hot)


def compared(
    named: dict[str, NDArray[np.float64]], truth: NDArray[np.int64], speaker: NDArray[np.str_], *, seed: int
) -> tuple[Comparison, ...]:
    """Feature fusion, alone and in the pool, against each baseline."""
    ours = ("feature fusion", "pool with feature fusion")
    theirs = ("masked mean over modalities", "pool", "pool, best weight", "pool with masked mean")
    return tuple(
        compare((part, named[part]), (against, named[against]), truth=truth, cluster=speaker, metric="uar",
                held_out=SPLIT, rng=np.random.default_rng([seed, 17]))
        for part in ours for against in theirs
    )  # fmt: skip
