"""Trains the voice expert on EmoDB, each speaker answered by a model that never heard them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vemo_audit.datasets import emodb
from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.voice_expert import VoiceExpert
from vemo_audit.recognition.perception.voice import analyse
from vemo_audit.recognition.perception.voice_summary import NAMES, summarise
from vemo_audit.recognition.training.calibrate import temperature
from vemo_audit.recognition.training.loop import Progress
from vemo_audit.recognition.training.outcome import HeldOut, Trained
from vemo_audit.recognition.training.recipe import VoiceFit, VoiceRecipe
from vemo_audit.records.labels import EKMAN


def train_voice(
    recipe: VoiceRecipe, folder: Path, *, listener: Callable[[Progress], None] = lambda progress: None
) -> Trained:
    """Fits as the recipe says on the EmoDB files in `folder`; a minute or two on two cores."""
    spoken = list(emodb.utterances(folder))
    summaries = summarise_all(spoken, listener)
    support = [name for name in EKMAN.names if any(u.emotion == name for u in spoken)]
    truth = torch.tensor([support.index(u.emotion) for u in spoken])
    speakers = np.array([u.speaker for u in spoken])
    logits = torch.zeros(len(spoken), len(support))
    for speaker in np.unique(speakers):
        out = torch.from_numpy(speakers == speaker)
        logits[out] = fit(summaries[~out], truth[~out], len(support), settings=recipe.fit)(summaries[out]).detach()
    hot = functional.one_hot(truth, len(support)).float()
    probability = torch.zeros_like(logits)
    for speaker in np.unique(speakers):  # the temperature of a speaker comes from the others
        out = torch.from_numpy(speakers == speaker)
        probability[out] = torch.softmax(logits[out] / temperature(logits[~out], hot[~out]), dim=1)
    network = fit(summaries, truth, len(support), settings=recipe.fit).half().float().eval()
    held_out = HeldOut(
        "EmoDB", "leave one speaker out: every speaker is answered by a model that never heard them",
        tuple(u.name for u in spoken), tuple(u.speaker for u in spoken), tuple(support),
        truth.numpy().astype(np.int16), probability.numpy(), {"sex": tuple(u.sex for u in spoken)},
    )  # fmt: skip
    header = {"kind": "voice", "labels": ",".join(support), "features": ",".join(NAMES),
              "temperature": f"{temperature(logits, hot):.4f}"}  # fmt: skip
    return Trained(dict(network.state_dict()), header, held_out, len(spoken))


def summarise_all(spoken: Sequence[emodb.Utterance], listener: Callable[[Progress], None]) -> Tensor:
    """The summary of each utterance `[N, F]`. Raises BadInput for one in which no voice was found."""
    rows: list[NDArray[np.float32]] = []
    for k, utterance in enumerate(spoken):
        row = summarise(analyse(emodb.samples(utterance)), 0.0, 2.0)
        if row is None:
            raise BadInput("no voice in an utterance", where=str(utterance.path), expected="speech")
        rows.append(row)
        listener(Progress(k + 1, len(spoken), float("nan")))
    return torch.from_numpy(np.stack(rows))


def fit(summaries: Tensor, truth: Tensor, classes: int, *, settings: VoiceFit) -> VoiceExpert:
    """A multinomial logistic model with every class weighing the same, by L-BFGS from zero."""
    network = VoiceExpert(summaries.shape[1], classes)
    network.mean.copy_(torch.nanmean(summaries, dim=0))
    centred = torch.nan_to_num(summaries - network.mean)
    network.spread.copy_(centred.square().mean(dim=0).sqrt().clamp_min(1e-6))
    torch.nn.init.zeros_(network.linear.weight)
    torch.nn.init.zeros_(network.linear.bias)
    counts = torch.bincount(truth, minlength=classes).float()
    weights = len(truth) / (classes * counts.clamp_min(1))
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=settings.steps, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        misfit = functional.cross_entropy(network(summaries), truth, weight=weights, reduction="none").sum()
        penalty = network.linear.weight.square().sum() / (2 * settings.inverse_penalty)
        total = (misfit + penalty) / len(truth)
        total.backward()
        return total

    optimizer.step(loss)
    return network
