"""Convolutions over place and time on the maps of an encoder, blind to frames that are not there."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.masked import cleaned, masked_mean

MAP_SIDE = 6
"""Maps are averaged down to this many cells a side."""


class Conv3d(nn.Module):
    """Two blocks of a convolution in the picture and one along time, as in R(2+1)D.

    Along time the convolution is partial: its inputs are the present frames only, and its sum is scaled by the share of
    the kernel that they fill. It counts frames, not seconds: feed it a steady rate.
    Source: Tran et al. 2018, sec. 3.5 (arXiv:1711.11248); Liu et al. 2018, eq. 1-2 (arXiv:1804.07723).
    """

    def __init__(self, map_size: int, *, width: int = 48, state_size: int = 128) -> None:
        super().__init__()
        self.map_size, self.state_size = map_size, state_size
        self.spaces = nn.ModuleList((nn.Conv2d(map_size, width, 3, 1, 1), nn.Conv2d(width, width, 3, 2, 1)))
        self.times = nn.ModuleList((PartialConv(width), PartialConv(width)))
        self.leave = nn.Linear(width * (MAP_SIDE // 2) ** 2, state_size)

    def forward(
        self, tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The mean of the states at the present steps. Raises BadInput without maps."""
        return self.steps(tokens, mask, time_s, maps)[:2]

    def steps(
        self, tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As the interface says; maps are `[B, T, C, h, w]` of any h and w; a masked step has zeros."""
        if maps is None or maps.shape[2] != self.map_size:
            raise BadInput("no maps" if maps is None else f"maps of {maps.shape[2]} channels",
                           where="conv3d", expected=f"maps [B, T, {self.map_size}, h, w]")  # fmt: skip
        count, steps = mask.shape
        x = functional.adaptive_avg_pool2d(cleaned(maps, mask).flatten(0, 1), MAP_SIDE)
        for space, time in zip(self.spaces, self.times, strict=True):
            x = functional.relu(space(x))
            x = functional.relu(x + time(x.view(count, steps, *x.shape[1:]), mask).flatten(0, 1))
        each = cleaned(torch.tanh(self.leave(x.flatten(1))).view(count, steps, -1), mask)
        return masked_mean(each, mask), mask.any(dim=1), each


class PartialConv(nn.Module):
    """A convolution of three steps along time at every cell."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=1, bias=False)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Maps `[B, T, C, h, w]` and mask `[B, T]` to maps; zeros in masked steps."""
        count, steps, width, height, across = x.shape
        along = cleaned(x, mask).permute(0, 3, 4, 2, 1).reshape(-1, width, steps)
        share = functional.conv1d(mask[:, None].to(x.dtype), x.new_ones(1, 1, 3), padding=1)[:, 0] / 3
        total = self.conv(along).view(count, height, across, width, steps).permute(0, 4, 3, 1, 2)
        scaled = total / share.clamp_min(1 / 3)[:, :, None, None, None] + self.bias[:, None, None]
        return cleaned(scaled, mask)
