"""The shipped experts that read the tokens of a face expert: over time, and together with a voice."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network import devices, feature_fusion, temporal_expert
from vemo_audit.recognition.network.face_expert import FaceExpert
from vemo_audit.recognition.network.feature_fusion import Answers, FeatureFusion, FusionSettings, over_subsets
from vemo_audit.recognition.network.load import load_safetensors
from vemo_audit.recognition.network.temporal_expert import TemporalExpert, TemporalSettings, answers, encoder_digest
from vemo_audit.recognition.recognizers.experts import read_card
from vemo_audit.records.labels import EKMAN


@dataclass(frozen=True, slots=True, eq=False)
class Temporal:
    """A temporal expert, calibrated."""

    network: TemporalExpert
    temperature: float
    card: dict[str, object]

    @property
    def needs_maps(self) -> bool:
        """Whether tokens alone do not do."""
        return self.network.settings.module == "conv3d"

    def probabilities(
        self, tokens: NDArray[np.float32], mask: NDArray[np.bool_], time_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Tokens `[B, T, D]` at times `[B, T]` s to probabilities of windows `[B, 7]` and of steps `[B, T, 7]`; NaN
        where no face is."""
        place = devices.of(self.network)
        given = (torch.from_numpy(part).to(place) for part in (tokens, mask, time_s.astype(np.float32)))
        window, steps = answers(self.network, *given, temperature=self.temperature)
        return window.numpy(), steps.numpy()


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """Feature-level fusion, calibrated. `reliability` is its weight in the pool."""

    network: FeatureFusion
    temperature: float
    reliability: float
    card: dict[str, object]

    def answers(self, summaries: Mapping[str, NDArray[np.float32]]) -> Answers:
        """Probabilities for each subset of two or more modalities; a row of NaN is a modality that is away.

        The face's summary is the mean token `[N, D]`; the voice's is `voice_summary`.
        """
        return over_subsets(self.network, summaries, temperature=self.temperature)


def voice_summary(probability: NDArray[np.float64], summary: NDArray[np.float32]) -> NDArray[np.float32]:
    """One voice `[K + F]` as fusion reads it: the logarithms of its expert's calibrated probabilities over the classes
    that it supports `[K]`, in the order of its labels, then its numbers `[F]`."""
    return np.concatenate((np.log(np.maximum(probability, 1e-12)), summary)).astype(np.float32)


def load_temporal(name: str, face: FaceExpert) -> Temporal:
    """The temporal expert of that name, where the face expert is.

    Raises BadInput when it was trained on another encoder's tokens, and EvidenceBroken when the weights are not those
    of the card.
    """
    card, path = read_card(name, "temporal")
    reading = card["reading"]
    _demand_encoder(reading, face, name)
    settings = TemporalSettings(
        reading["module"], reading["reach"], int(reading["token_size"]), int(reading["map_size"]), len(EKMAN)
    )
    network = temporal_expert.build(settings, load_safetensors(path, card["weights"]["sha256"]))
    return Temporal(network.to(devices.of(face)), float(reading["temperature"]), card)


def load_fusion(name: str, face: FaceExpert) -> Fusion:
    """Feature-level fusion of that name. Raises as `load_temporal`."""
    card, path = read_card(name, "fusion")
    reading = card["reading"]
    _demand_encoder(reading, face, name)
    sizes = tuple((part.split(":")[0], int(part.split(":")[1])) for part in reading["sizes"].split(","))
    network = feature_fusion.build(FusionSettings(sizes), load_safetensors(path, card["weights"]["sha256"]))
    return Fusion(network.to(devices.of(face)), float(reading["temperature"]), float(reading["reliability"]), card)


def _demand_encoder(reading: Mapping[str, str], face: FaceExpert, name: str) -> None:
    if tuple(reading["labels"].split(",")) != EKMAN.names:
        raise BadInput(f"labels {reading['labels']}", where=f"{name}.card.toml", expected=",".join(EKMAN.names))
    if reading["encoder_sha256"] != encoder_digest(face.encoder):
        raise BadInput(f"'{name}' reads the tokens of another face expert", where=f"{name}.card.toml",
                       expected=f"the encoder of '{reading['face']}' that it was trained on",
                       advice=f"Train {name} again by its recipe.")  # fmt: skip
