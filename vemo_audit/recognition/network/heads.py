"""Heads: what is read off the tokens of a face: classes of displayed expression, and action units."""

import torch
from torch import Tensor, nn


class ExpressionHead(nn.Module):
    """Class logits `[N, K]` from tokens `[N, D]`."""

    def __init__(self, token_size: int, classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(token_size, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.linear(self.dropout(tokens))


class UnitHead(nn.Module):
    """Intensity and presence of U action units from tokens `[N, D]`.

    Intensity is learned on a standard scale: `mean [U]` and `spread [U]` are those of the training targets, and
    `present_from [U]` is the intensity from which a target counted as present. They ship with the weights.
    """

    def __init__(self, token_size: int, units: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(token_size, 2 * units)
        self.register_buffer("mean", torch.zeros(units))
        self.register_buffer("spread", torch.ones(units))
        self.register_buffer("present_from", torch.full((units,), 0.5))

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised intensity `[N, U]` and the logit of presence `[N, U]`: what training sees."""
        standard, presence = self.linear(self.dropout(tokens)).chunk(2, dim=1)
        return standard, presence

    def estimates(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Intensity in 0-1 and probability of presence, both `[N, U]`."""
        standard, presence = self(tokens)
        return (standard * self.spread + self.mean).clamp(0, 1), torch.sigmoid(presence)
