"""The voice expert: likeness to the utterances it learned from, as one Gaussian kernel over standardised summaries."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vemo_audit.errors import BadInput

STRETCH = 10.0
"""Kernel scores lie near 0 to 1; stretched so that a temperature near 1 suits them."""
FAR = 4.0
"""Standard deviations beyond which a number is taken to lie there: a strange microphone must not decide alone."""


class VoiceExpert(nn.Module):
    """Summaries `[N, F]` (NaN where a part is missing) to logits `[N, K]`. Missing parts count as average."""

    def __init__(self, features: int, classes: int, examples: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.register_buffer("examples", torch.zeros(examples, features))  # standardised
        self.register_buffer("votes", torch.zeros(examples, classes))
        self.register_buffer("reach", torch.ones(1))  # kernel: exp(-reach * mean squared difference)

    def forward(self, summaries: Tensor) -> Tensor:
        return STRETCH * gaussian(self.standard(summaries), self.examples, float(self.reach)) @ self.votes

    def standard(self, summaries: Tensor) -> Tensor:
        """Summaries in standard deviations from the mean `[N, F]`, within -4 to 4; 0 where missing."""
        return torch.nan_to_num((summaries - self.mean) / self.spread, nan=0.0).clamp(-FAR, FAR)


def gaussian(a: Tensor, b: Tensor, reach: float) -> Tensor:
    """exp(-reach * mean over the features of (a - b)^2) for every pair of rows of `[N, F]` and `[M, F]`: `[N, M]`."""
    square = a.square().sum(dim=1)[:, None] + b.square().sum(dim=1)[None] - 2 * a @ b.T
    return torch.exp(-reach / a.shape[1] * square.clamp_min(0))


def build(weights: Mapping[str, Tensor]) -> VoiceExpert:
    """The expert with trained weights. Raises BadInput when names or shapes do not fit."""
    try:
        examples, classes = weights["votes"].shape
        expert = VoiceExpert(weights["mean"].shape[0], classes, examples)
        expert.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=True)
    except (KeyError, ValueError, RuntimeError) as error:
        raise BadInput(f"weights that are not a voice expert's: {error}", expected="the weights of its card") from error
    return expert.eval()
