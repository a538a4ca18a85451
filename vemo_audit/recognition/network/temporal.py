"""Time: tokens of one window become one state. All modules share one masked interface."""

from torch import Tensor, nn


class MaskedMean(nn.Module):
    """The mean of the tokens that are there: the baseline that every other temporal module must beat."""

    def forward(self, tokens: Tensor, mask: Tensor, time_s: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens `[B, T, D]`, mask `[B, T]` (true is present) and times `[B, T]` to states `[B, D]` and present `[B]`.

        A window without any token gives zeros and `present` false, never NaN.
        """
        weight = mask.to(tokens.dtype).unsqueeze(2)
        count = weight.sum(dim=1)
        return (tokens * weight).sum(dim=1) / count.clamp_min(1), mask.any(dim=1)


TEMPORAL = {"mean": lambda token_size: MaskedMean()}
"""Temporal modules by the name that a recipe uses; each is made from the size of a token."""
