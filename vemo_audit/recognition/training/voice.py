"""Trains the voice expert, each speaker answered by a model that never heard them and was not chosen by them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vemo_audit.datasets import emodb
from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.voice_expert import VoiceExpert, gaussian
from vemo_audit.recognition.perception.voice import analyse
from vemo_audit.recognition.perception.voice_summary import MEANS, NAMES, summarise
from vemo_audit.recognition.training.calibrate import temperature
from vemo_audit.recognition.training.compare import Comparison, compare
from vemo_audit.recognition.training.loop import Progress
from vemo_audit.recognition.training.outcome import HeldOut, Trained
from vemo_audit.recognition.training.recipe import VoiceFit, VoiceRecipe
from vemo_audit.recognition.training.voice_data import Voices, voices


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What is learned from: one row per utterance."""

    summaries: Tensor  # [N, F]
    truth: Tensor  # [N], class index
    speaker: NDArray[np.int64]  # [N]
    classes: int

    def where(self, rows: NDArray[np.bool_]) -> "Heard":
        """Some of the utterances."""
        chosen = torch.from_numpy(rows)
        return Heard(self.summaries[chosen], self.truth[chosen], self.speaker[rows], self.classes)


def train_voice(
    recipe: VoiceRecipe, folder: Path, *, listener: Callable[[Progress], None] = lambda progress: None
) -> Trained:
    """Fits as the recipe says on the files in `folder`; a minute or two on two cores."""
    spoken = voices(recipe.data.source, folder)
    heard = listen(spoken, listener)
    logits = answer_apart(heard, recipe.fit)
    network = fit(heard, *choose(heard, recipe.fit))
    heat = temperature(logits, functional.one_hot(heard.truth, heard.classes).float())
    header = {"kind": "voice", "labels": ",".join(spoken.labels), "features": ",".join(NAMES),
              "temperature": f"{heat:.4f}"}  # fmt: skip
    answered = held_out(spoken, heard, logits)
    against = against_means(recipe, heard, answered)
    return Trained(dict(network.state_dict()), header, answered, len(spoken.utterances), against)


def against_means(recipe: VoiceRecipe, heard: Heard, answered: HeldOut) -> tuple[Comparison, ...]:
    """The head beside its baseline: same data, fit and split, given only means over the frames that are there."""
    columns = [NAMES.index(name) for name in MEANS]
    means = Heard(heard.summaries[:, columns], heard.truth, heard.speaker, heard.classes)
    baseline = answer_apart(means, recipe.fit).double().numpy()
    return tuple(
        compare(
            ("voice head", answered.probability.astype(np.float64)), ("masked means only", baseline),
            truth=answered.truth.astype(np.int64), cluster=np.array(answered.subjects), metric=metric,
            held_out=answered.split, rng=np.random.default_rng(recipe.seed),
        )
        for metric in ("uar", "accuracy")
    )  # fmt: skip


def listen(spoken: Voices, listener: Callable[[Progress], None]) -> Heard:
    """Every utterance, summarised whole."""
    names = sorted({one.speaker for one in spoken.utterances})
    return Heard(
        summarise_all(spoken.utterances, listener),
        torch.tensor([spoken.labels.index(one.emotion) for one in spoken.utterances]),
        np.array([names.index(one.speaker) for one in spoken.utterances]),
        len(spoken.labels),
    )


def held_out(spoken: Voices, heard: Heard, logits: Tensor) -> HeldOut:
    """Calibrated answers: the temperature of a speaker comes from the answers to all others."""
    hot = functional.one_hot(heard.truth, heard.classes).float()
    probability = torch.zeros_like(logits)
    for speaker in np.unique(heard.speaker):
        out = torch.from_numpy(heard.speaker == speaker)
        probability[out] = torch.softmax(logits[out] / temperature(logits[~out], hot[~out]), dim=1)
    every = spoken.utterances
    return HeldOut(
        spoken.dataset, spoken.split, tuple(u.name for u in every), tuple(u.speaker for u in every), spoken.labels,
        heard.truth.numpy().astype(np.int16), probability.float().numpy(), {"sex": tuple(u.sex for u in every)},
    )  # fmt: skip


def answer_apart(heard: Heard, settings: VoiceFit) -> Tensor:
    """Logits `[N, K]`; reach and penalty for a speaker are chosen among the others alone (nested)."""
    logits = torch.zeros(len(heard.truth), heard.classes)
    for speaker in np.unique(heard.speaker):
        out = heard.speaker == speaker
        rest = heard.where(~out)
        logits[torch.from_numpy(out)] = fit(rest, *choose(rest, settings))(heard.summaries[torch.from_numpy(out)])
    return logits


def choose(heard: Heard, settings: VoiceFit) -> tuple[float, float]:
    """Reach and penalty with the least weighted squared error on speakers left out one by one; the first of equals.

    One factorisation gives all of them: with Q the inverse of the penalised kernel, the errors of a left-out group g
    are Q_gg^-1 (Q y)_g. Source: Rasmussen & Williams 2006, "Gaussian Processes", eq. 5.12, for groups.
    """
    standard = prepared(heard).examples.double()
    weight, target = _weights_and_targets(heard)
    best = (float("inf"), settings.reach[0], settings.penalty[0])
    for reach in settings.reach:
        kernel = gaussian(standard, standard, reach)
        for penalty in settings.penalty:
            inverse = torch.linalg.inv(kernel + torch.diag(penalty / weight))
            votes, loss = inverse @ target, 0.0
            for speaker in np.unique(heard.speaker):
                group = torch.from_numpy(np.flatnonzero(heard.speaker == speaker))
                error = torch.linalg.solve(inverse[group][:, group], votes[group])
                loss += float((weight[group, None] * error.square()).sum())
            best = min(best, (round(loss, 9), reach, penalty))
    return best[1], best[2]


def fit(heard: Heard, reach: float, penalty: float) -> VoiceExpert:
    """Kernel ridge regression on the classes, every class weighing the same; rounded to half precision as it ships.

    Source: Saunders et al. 1998, "Ridge regression learning algorithm in dual variables", eq. 6.
    """
    network = prepared(heard)
    standard = network.examples.double()
    weight, target = _weights_and_targets(heard)
    votes = torch.linalg.solve(gaussian(standard, standard, reach) + torch.diag(penalty / weight), target)
    network.votes.copy_(votes)
    network.reach.fill_(reach)
    return network.half().float().eval()


def prepared(heard: Heard) -> VoiceExpert:
    """The expert that knows its examples, but not yet what they say."""
    network = VoiceExpert(heard.summaries.shape[1], heard.classes, len(heard.truth))
    network.mean.copy_(torch.nanmean(heard.summaries, dim=0).half())
    centred = torch.nan_to_num(heard.summaries - network.mean)
    network.spread.copy_(centred.square().mean(dim=0).sqrt().clamp_min(1e-3).half())
    network.examples.copy_(network.standard(heard.summaries).half())
    return network


def _weights_and_targets(heard: Heard) -> tuple[Tensor, Tensor]:
    """Weight of each utterance `[N]`, 1 on average and equal in sum for all classes; targets `[N, K]` around 0."""
    hot = functional.one_hot(heard.truth, heard.classes).double()
    weight = len(heard.truth) / (heard.classes * hot.sum(dim=0).clamp_min(1))[heard.truth]
    return weight, hot - 1 / heard.classes


def summarise_all(spoken: Sequence[emodb.Utterance], listener: Callable[[Progress], None]) -> Tensor:
    """The summary of each utterance `[N, F]`. Raises BadInput for one in which no voice was found."""
    rows: list[NDArray[np.float32]] = []
    for k, utterance in enumerate(spoken):
        row = summarise(analyse(emodb.samples(utterance)), 0.0, np.inf)
        if row is None:
            raise BadInput("no voice in an utterance", where=str(utterance.path), expected="speech")
        rows.append(row)
        listener(Progress(k + 1, len(spoken), float("nan")))
    return torch.from_numpy(np.stack(rows))
