"""The shipped experts: weights by name, checked against the digest on their card before they are read."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network import devices, face_expert, voice_expert
from vemo_audit.recognition.network.face_expert import FaceExpert, FaceExpertSettings
from vemo_audit.recognition.network.load import load_safetensors
from vemo_audit.recognition.network.voice_expert import VoiceExpert
from vemo_audit.recognition.perception.voice_summary import NAMES
from vemo_audit.records.labels import EKMAN
from vemo_audit.resources import places


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """The face expert, calibrated; it is the encoder of `perception.people` and answers for windows."""

    network: FaceExpert
    temperature: float
    card: dict[str, object]

    @property
    def size_px(self) -> int:
        return self.network.settings.size_px

    def encode(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Grey crops `[N, 1, S, S]` to tokens `[N, D]` and units `[N, 20]`, each of the picture as it is given."""
        tokens = self.network.tokens_once(self._there(crops))
        return tokens.cpu().numpy(), self.network.units(tokens)[0].cpu().numpy()

    def windows(
        self, windows: Sequence[tuple[NDArray[np.float32], NDArray[np.float64]]]
    ) -> NDArray[np.float64]:  # fmt: skip
        """Tokens `[T, D]` and times `[T]` of B windows of any lengths of 1 or more to probabilities `[B, 7]`."""
        return self.probabilities(*packed(windows))

    def probabilities(
        self, tokens: NDArray[np.float32], mask: NDArray[np.bool_], time_s: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Tokens `[B, T, D]` of windows to probabilities `[B, 7]`; NaN rows for windows without a face."""
        logits, present = self.network.window_logits(*(self._there(part) for part in (tokens, mask, time_s)))
        found = torch.softmax(logits.cpu().double() / self.temperature, dim=1).numpy()
        found[~present.cpu().numpy()] = np.nan
        return found

    def _there(self, part: NDArray) -> torch.Tensor:
        return torch.from_numpy(part).to(devices.of(self.network))


def packed(
    windows: Sequence[tuple[NDArray[np.float32], NDArray[np.float64]]],
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]:
    """Tokens `[T, D]` and times `[T]` of B windows as one array `[B, T, D]`, its mask and times from their starts."""
    longest = max(len(time_s) for _, time_s in windows)
    tokens = np.zeros((len(windows), longest, windows[0][0].shape[1]), np.float32)
    mask, times = np.zeros(tokens.shape[:2], bool), np.zeros(tokens.shape[:2], np.float32)
    for k, (rows, time_s) in enumerate(windows):
        tokens[k, : len(rows)], mask[k, : len(rows)], times[k, : len(rows)] = rows, True, time_s - time_s[0]
    return tokens, mask, times


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """The voice expert, calibrated. `support` marks the classes of EKMAN that it can name."""

    network: VoiceExpert
    temperature: float
    card: dict[str, object]
    labels: tuple[str, ...]
    support: NDArray[np.bool_]

    def probability(self, summary: NDArray[np.float32]) -> NDArray[np.float64]:
        """One summary `[F]` to probabilities `[7]`, 0 outside the support."""
        with torch.no_grad():
            logits = self.network(torch.from_numpy(summary)[None])[0].double() / self.temperature
        full = np.zeros(len(EKMAN))
        full[[EKMAN.index(label) for label in self.labels]] = torch.softmax(logits, dim=0).numpy()
        return full


def read_card(name: str, kind: str) -> tuple[dict[str, object], Path]:
    """The card of a shipped model and the path of its weights. Raises BadInput when there is none of that kind."""
    folder = places.folder("models")
    path = folder / f"{name}.card.toml"
    if not path.is_file():
        known = sorted(card.name.removesuffix(".card.toml") for card in folder.glob("*.card.toml"))
        raise BadInput(f"no model card '{name}'", where=str(folder), expected=f"one of {', '.join(known)}")
    card = tomllib.loads(path.read_text("utf-8"))
    if card.get("kind") != kind:
        raise BadInput(f"a card of kind '{card.get('kind')}'", where=str(path), expected=f"kind '{kind}'")
    return card, folder / card["weights"]["file"]


def load_face(name: str, *, device: str = "cpu") -> Face:
    """The face expert of that name, on a device. Raises EvidenceBroken when the weights are not those of the card."""
    card, path = read_card(name, "face")
    reading = card["reading"]
    if tuple(reading["labels"].split(",")) != EKMAN.names:
        raise BadInput(f"labels {reading['labels']}", where=f"{name}.card.toml", expected=",".join(EKMAN.names))
    settings = FaceExpertSettings(
        reading["encoder"], reading["temporal"], int(reading["size_px"]), len(EKMAN), int(reading.get("units", 0))
    )
    network = face_expert.build(settings, load_safetensors(path, card["weights"]["sha256"]))
    return Face(network.to(devices.exact(device)), float(reading["temperature"]), card)


def load_voice(name: str) -> Voice:
    """The voice expert of that name. Raises EvidenceBroken when the weights are not those of the card."""
    card, path = read_card(name, "voice")
    reading = card["reading"]
    if tuple(reading["features"].split(",")) != NAMES:
        raise BadInput("other voice features than this version computes", where=f"{name}.card.toml",
                       expected="weights of this version", advice="Train the voice expert again.")  # fmt: skip
    labels = tuple(reading["labels"].split(","))
    if not set(labels) <= set(EKMAN.names):
        raise BadInput(f"labels {reading['labels']}", where=f"{name}.card.toml", expected=f"some of {EKMAN.names}",
                       advice="A research variant has classes of its own and cannot be fused.")  # fmt: skip
    network = voice_expert.build(load_safetensors(path, card["weights"]["sha256"]))
    support = np.array([label in labels for label in EKMAN.names])
    return Voice(network, float(reading["temperature"]), card, labels, support)
