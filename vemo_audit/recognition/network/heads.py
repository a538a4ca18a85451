"""Heads: what is read off the tokens."""

from torch import Tensor, nn


class ExpressionHead(nn.Module):
    """Class logits `[N, K]` from tokens `[N, D]`."""

    def __init__(self, token_size: int, classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(token_size, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.linear(self.dropout(tokens))
