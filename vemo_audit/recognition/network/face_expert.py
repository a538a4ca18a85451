"""The face expert: frame encoder, time and expression head in one module, made from its settings."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.encoders import ENCODERS
from vemo_audit.recognition.network.heads import ExpressionHead
from vemo_audit.recognition.network.temporal import TEMPORAL


@dataclass(frozen=True, slots=True)
class FaceExpertSettings:
    """Which parts the network is built of; the same words stand in a recipe and in the header of a weight file."""

    encoder: str = "resnet18-half"
    temporal: str = "mean"
    size_px: int = 48
    classes: int = 7

    def __post_init__(self) -> None:
        for name, known in (("encoder", ENCODERS), ("temporal", TEMPORAL)):
            if getattr(self, name) not in known:
                raise BadInput(f"{name} '{getattr(self, name)}'", expected=f"one of {', '.join(known)}")


class FaceExpert(nn.Module):
    """Crops to logits. Mirrored crops are averaged in, so that left and right count the same."""

    def __init__(self, settings: FaceExpertSettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = ENCODERS[settings.encoder]()
        self.temporal = TEMPORAL[settings.temporal](self.encoder.token_size)
        self.head = ExpressionHead(self.encoder.token_size, settings.classes)

    def forward(self, crops: Tensor) -> Tensor:
        """Single frames: crops `[N, C, S, S]` in [-1, 1] to logits `[N, K]`; what training sees."""
        return self.head(self.encoder(crops))

    @torch.no_grad()
    def tokens(self, crops: Tensor) -> Tensor:
        """Crops `[N, C, S, S]` uint8 to tokens `[N, D]`, the mean over the picture and its mirror image."""
        scaled = (crops.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        return (self.encoder(scaled) + self.encoder(scaled.flip(3))) / 2

    @torch.no_grad()
    def window_logits(self, tokens: Tensor, mask: Tensor, time_s: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens `[B, T, D]` of windows to logits `[B, K]` and present `[B]`."""
        states, present = self.temporal(tokens, mask, time_s)
        return self.head(states), present


def build(settings: FaceExpertSettings, weights: Mapping[str, Tensor]) -> FaceExpert:
    """The network with trained weights, ready to infer. Raises BadInput when names or shapes do not fit."""
    expert = FaceExpert(settings)
    try:
        expert.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=True)
    except RuntimeError as error:
        raise BadInput(
            f"weights that do not fit {settings.encoder}: {error}", expected="the weights of its card"
        ) from error
    return expert.eval().to(memory_format=torch.channels_last)
