"""The voice expert: one linear layer on the standardised summary of a window."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vemo_audit.errors import BadInput


class VoiceExpert(nn.Module):
    """Summaries `[N, F]` (NaN where a part is missing) to logits `[N, K]`. Missing parts count as average."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.linear = nn.Linear(features, classes)

    def forward(self, summaries: Tensor) -> Tensor:
        standard = (summaries - self.mean) / self.spread
        return self.linear(torch.nan_to_num(standard, nan=0.0).clamp(-4, 4))


def build(weights: Mapping[str, Tensor]) -> VoiceExpert:
    """The expert with trained weights. Raises BadInput when names or shapes do not fit."""
    try:
        classes, features = weights["linear.weight"].shape
        expert = VoiceExpert(features, classes)
        expert.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=True)
    except (KeyError, RuntimeError) as error:
        raise BadInput(f"weights that are not a voice expert's: {error}", expected="the weights of its card") from error
    return expert.eval()
