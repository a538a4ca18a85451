"""Time: tokens of one window become one state, and a state for each step. All modules share one masked interface.

A module takes tokens `[B, T, D]`, mask `[B, T]` (true is present), times `[B, T]` in seconds and, if it reads them,
maps `[B, T, C, h, w]`; it returns states `[B, H]` and present `[B]`. `steps` returns the same and a state per step
`[B, T, H]`, zeros before the first present one. What lies in a masked step changes nothing, were it NaN. A window
without any token gives zeros and `present` false.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vemo_audit.recognition.network.conv3d import Conv3d
from vemo_audit.recognition.network.masked import cleaned, masked_mean
from vemo_audit.recognition.network.recurrent import Recurrent
from vemo_audit.recognition.network.transformer import TimeTransformer

Steps = tuple[Tensor, Tensor, Tensor]
"""States `[B, H]`, present `[B]`, states of the steps `[B, T, H]`."""


class MaskedMean(nn.Module):
    """The mean of the tokens that are there: the baseline that every other temporal module must beat."""

    def __init__(self, token_size: int) -> None:
        super().__init__()
        self.state_size = token_size

    def forward(
        self, tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The mean of the present tokens."""
        return self.steps(tokens, mask, time_s, maps)[:2]

    def steps(self, tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor | None = None) -> Steps:
        """A step's state is its own token."""
        tokens = cleaned(tokens, mask)
        return masked_mean(tokens, mask), mask.any(dim=1), tokens


class MaskedMeanSpread(nn.Module):
    """Mean and standard deviation of the present tokens, side by side: how much a face moves, not when."""

    def __init__(self, token_size: int) -> None:
        super().__init__()
        self.state_size = 2 * token_size

    def forward(
        self, tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The spread of a single token is 0."""
        return self.steps(tokens, mask, time_s, maps)[:2]

    def steps(self, tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor | None = None) -> Steps:
        """A step's state is its own token with the spread of the window."""
        tokens = cleaned(tokens, mask)
        mean = masked_mean(tokens, mask)
        around = cleaned(tokens - mean[:, None], mask)
        # the tiny number keeps the slope of the root finite where nothing moves
        spread = (masked_mean(around.square(), mask) + 1e-12).sqrt() * mask.any(dim=1, keepdim=True)
        each = torch.cat((tokens, cleaned(spread[:, None].expand_as(tokens), mask)), dim=2)
        return torch.cat((mean, spread), dim=1), mask.any(dim=1), each


TEMPORAL: dict[str, Callable[..., nn.Module]] = {
    "mean": lambda token_size, **rest: MaskedMean(token_size),
    "mean-spread": lambda token_size, **rest: MaskedMeanSpread(token_size),
    "gru": lambda token_size, **rest: Recurrent(token_size, cell="gru", reach=rest.get("reach", "both")),
    "lstm": lambda token_size, **rest: Recurrent(token_size, cell="lstm", reach=rest.get("reach", "both")),
    "transformer": lambda token_size, **rest: TimeTransformer(token_size, reach=rest.get("reach", "both")),
    "conv3d": lambda token_size, **rest: Conv3d(rest.get("map_size", token_size // 4)),
}
"""Temporal modules by the name that a recipe uses; each is made from the size of a token.

`reach` is 'both' (offline: past and future of the window) or 'past' (live). `map_size` is the number of channels of the
maps; the encoders of this package have a quarter of their token size.
"""
