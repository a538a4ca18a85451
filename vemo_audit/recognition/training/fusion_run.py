"""From stills and utterances to the two sides that feature-level fusion learns from, and to the fusion that ships."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vemo_audit.recognition.network.face_expert import FaceExpert
from vemo_audit.recognition.network.temporal_expert import encoder_digest
from vemo_audit.recognition.training import voice as voices_of
from vemo_audit.recognition.training.calibrate import temperature
from vemo_audit.recognition.training.fusion_training import Fold, Side, train_fusion
from vemo_audit.recognition.training.loop import Progress
from vemo_audit.recognition.training.outcome import Trained
from vemo_audit.recognition.training.recipe import VoiceFit
from vemo_audit.recognition.training.time_settings import FusionData, FusionFit
from vemo_audit.recognition.training.token_banks import Stills
from vemo_audit.recognition.training.voice import Heard, answer_apart, choose, listen
from vemo_audit.recognition.training.voice_data import voices
from vemo_audit.records.labels import EKMAN


def faces(network: FaceExpert, kept: Stills, heat: float) -> tuple[Side, Side]:
    """The stills that the face expert was not fitted on, in two halves: to learn from, and to be scored on."""
    with torch.no_grad():
        said = torch.softmax(network.head(kept.tokens[:, 0]).double() / heat, dim=1).numpy()
    truth = kept.shares.argmax(dim=1).numpy()
    every = Side(kept.tokens[:, 0], said, truth, np.array(kept.ids))
    return some(every, np.arange(0, len(truth), 2)), some(every, np.arange(1, len(truth), 2))


def some(side: Side, rows: NDArray[np.int64]) -> Side:
    """Some rows of a side."""
    return Side(side.summary[torch.from_numpy(rows)], side.probability[rows], side.truth[rows], side.group[rows])


def heard_folds(
    heard: Heard, labels: tuple[str, ...], speakers: tuple[str, ...], *, count: int, settings: VoiceFit
) -> list[Fold]:
    """Speakers in folds; who learns and who is scored are both answered by experts that never heard them."""
    names = np.unique(heard.speaker)
    folds = []
    for out in np.array_split(names, count):
        apart = np.isin(heard.speaker, out)
        rest, held = heard.where(~apart), heard.where(apart)
        own = answer_apart(rest, settings)
        heat = temperature(own, functional.one_hot(rest.truth, heard.classes).float())
        others = voices_of.fit(rest, *choose(rest, settings))(held.summaries).detach()
        folds.append(Fold(side_of(rest, own, heat, labels, speakers), side_of(held, others, heat, labels, speakers)))
    return folds


def side_of(heard: Heard, logits: Tensor, heat: float, labels: tuple[str, ...], speakers: tuple[str, ...]) -> Side:
    """The voice's side: its summary is the expert's calibrated log-probabilities, then the numbers of the voice."""
    log = functional.log_softmax(logits.double() / heat, dim=1)
    full = np.zeros((len(log), len(EKMAN)))
    where = [EKMAN.index(label) for label in labels]
    full[:, where] = log.exp().numpy()
    truth = np.array(where)[heard.truth.numpy()]
    group = np.array([speakers[k] for k in heard.speaker])
    return Side(torch.cat((log.float(), heard.summaries), dim=1), full, truth, group)


def run(
    network: FaceExpert, kept: Stills, folder: Path, *, face_heat: float, data: FusionData, settings: FusionFit,
    voice_fit: VoiceFit, seed: int, listener: Callable[[Progress], None] = lambda progress: None,
) -> Trained:  # fmt: skip
    """The shipped fusion and its comparison. A few minutes on two cores."""
    spoken = voices("emodb", folder / "emodb")
    heard = listen(spoken, listener)
    speakers = tuple(sorted({one.speaker for one in spoken.utterances}))
    folds = heard_folds(heard, spoken.labels, speakers, count=settings.folds, settings=voice_fit)
    apart = answer_apart(heard, voice_fit)
    heat = temperature(apart, functional.one_hot(heard.truth, heard.classes).float())
    whole = side_of(heard, apart, heat, spoken.labels, speakers)
    support = np.array([name in spoken.labels for name in EKMAN.names])
    return train_fusion(
        faces(network, kept, face_heat), folds, whole, support=support, settings=settings, seed=seed,
        header={"face": data.face, "voice": data.voice, "encoder_sha256": encoder_digest(network.encoder)},
        listener=listener,
    )  # fmt: skip
