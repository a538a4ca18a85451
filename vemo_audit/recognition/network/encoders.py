"""Frame encoders: one aligned face crop becomes one token.

Every encoder takes crops `[N, C, S, S]` in [-1, 1] (C is 1 for luma or 3 for RGB) and returns tokens `[N, D]`. All of
them see luma only: the expression weights are learned from grey images, and what is never seen cannot be leaned on.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in luma. Source: ITU-R BT.601."""


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut. Source: He et al. 2016, fig. 2 left (arXiv:1512.03385)."""

    def __init__(self, width_in: int, width_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width_out)
        self.conv2 = nn.Conv2d(width_out, width_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or width_in != width_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(width_in, width_out, 1, stride, bias=False), nn.BatchNorm2d(width_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNet18(nn.Module):
    """A ResNet-18 for small faces: 3x3 stem without pooling, four stages of two blocks at strides 2, 2, 2, 2.

    `width` is the number of channels of the first stage; the token has `8 * width` numbers.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.token_size = 8 * width
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        stages = []
        width_in = width
        for width_out in (width, 2 * width, 4 * width, 8 * width):
            stages.append(nn.Sequential(ResidualBlock(width_in, width_out, 2), ResidualBlock(width_out, width_out, 1)))
            width_in = width_out
        self.stages = nn.Sequential(*stages)

    def forward(self, crops: Tensor) -> Tensor:
        """Crops `[N, 1 or 3, S, S]` in [-1, 1] to tokens `[N, 8 * width]`."""
        return self.stages(self.stem(to_luma(crops))).mean(dim=(2, 3))


def to_luma(crops: Tensor) -> Tensor:
    """`[N, 3, S, S]` to `[N, 1, S, S]`; one channel passes through."""
    if crops.shape[1] == 1:
        return crops
    weights = torch.tensor(LUMA, dtype=crops.dtype, device=crops.device)
    return (crops * weights[None, :, None, None]).sum(dim=1, keepdim=True)


ENCODERS = {
    "resnet18-w24": lambda: ResNet18(24),
    "resnet18-half": lambda: ResNet18(32),
    "resnet18-w40": lambda: ResNet18(40),
    "resnet18": lambda: ResNet18(64),
}
"""Encoders by the name that a recipe uses."""
