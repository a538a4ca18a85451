"""A small transformer over the steps of a window; it knows the time of each step, not its number."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.masked import cleaned, masked_mean

PERIODS_S = (16.0, 0.5)
"""Longest and shortest wave of the time features; `WAVES` of them in equal ratios."""
WAVES = 8


class TimeTransformer(nn.Module):
    """Two layers of four heads. Masked steps are never looked at; `reach` 'past' also hides the future.

    Time enters as sines and cosines of the seconds since the first present step, so that twice the frame rate is the
    same signal seen more often. Source: Vaswani et al. 2017 (arXiv:1706.03762); features: Tancik et al. 2020, eq. 4.
    """

    def __init__(
        self, token_size: int, *, reach: str = "both", state_size: int = 128, layers: int = 2, heads: int = 4
    ) -> None:
        super().__init__()
        if reach not in ("both", "past"):
            raise BadInput(f"reach '{reach}'", expected="both or past")
        self.state_size, self.reach = state_size, reach
        self.enter = nn.Linear(token_size, state_size)
        self.time = nn.Linear(2 * WAVES, state_size, bias=False)
        self.layers = nn.ModuleList(TimeLayer(state_size, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(state_size)

    def forward(
        self, tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The mean of the states at the present steps."""
        return self.steps(tokens, mask, time_s, maps)[:2]

    def steps(
        self, tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As the interface says; a masked step has zeros."""
        x = self.enter(cleaned(tokens, mask)) + self.time(time_features(time_s, mask))
        seen = mask[:, None, None, :].expand(-1, 1, mask.shape[1], -1)
        if self.reach == "past":
            seen = seen & torch.ones(mask.shape[1], mask.shape[1], dtype=torch.bool, device=mask.device).tril()
        # a row that may look at nothing looks at itself, and is cleared below: attention over nothing is NaN
        seen = seen | torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
        for layer in self.layers:
            x = layer(x, seen)
        each = cleaned(self.norm(x), mask)
        return masked_mean(each, mask), mask.any(dim=1), each


class TimeLayer(nn.Module):
    """Attention and a two-layer network, each on normalised input and added to it."""

    def __init__(self, width: int, heads: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dense1, self.dense2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """Steps `[B, T, H]`; `seen [B, 1, T, T]` says which step may look at which."""
        count, steps, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(count, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        x = x + self.dropout(self.join(mixed.transpose(1, 2).reshape(count, steps, width)))
        return x + self.dropout(self.dense2(functional.gelu(self.dense1(self.norm2(x)))))


def time_features(time_s: Tensor, mask: Tensor) -> Tensor:
    """Sines and cosines `[B, T, 2 * WAVES]` of the time since the first present step; zeros in masked steps."""
    first = torch.where(mask, time_s, time_s.new_full((), math.inf)).amin(dim=1, keepdim=True)
    since = torch.where(mask, time_s - first, time_s.new_zeros(())).float()
    ratio = (PERIODS_S[1] / PERIODS_S[0]) ** (1 / (WAVES - 1))
    rates_hz = torch.tensor([1 / (PERIODS_S[0] * ratio**k) for k in range(WAVES)], device=time_s.device)
    angle = 2 * math.pi * since.unsqueeze(2) * rates_hz
    return cleaned(torch.cat((angle.sin(), angle.cos()), dim=2), mask)
