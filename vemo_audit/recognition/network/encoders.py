"""Frame encoders: one aligned face crop becomes one token.

Every encoder takes crops `[N, C, S, S]` in [-1, 1] (C is 1 for luma or 3 for RGB) and returns tokens `[N, D]`. All of
them see luma only: the expression weights are learned from grey images, and what is never seen cannot be leaned on.
"""

from collections.abc import Callable
from copy import deepcopy

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.luma import to_luma
from vemo_audit.recognition.network.vit import VisionTransformer
from vemo_audit.resources import plugins


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
        y = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        return functional.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)

    def fold(self) -> None:
        """Puts the norms into the convolutions before them; for inference only."""
        self.conv1, self.norm1 = fuse_conv_bn_eval(self.conv1, self.norm1), nn.Identity()
        self.conv2, self.norm2 = fuse_conv_bn_eval(self.conv2, self.norm2), nn.Identity()
        if isinstance(self.shortcut, nn.Sequential):
            self.shortcut = fuse_conv_bn_eval(*self.shortcut)


class ResNet18(nn.Module):
    """A ResNet-18 for small faces: 3x3 stem without pooling, four stages of two blocks at strides 2, 2, 2, 2.

    `width` is the number of channels of the first stage; the token has `8 * width` numbers.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.token_size, self.map_size = 8 * width, 2 * width
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

    def folded(self) -> "ResNet18":
        """A copy for inference, its norms in its convolutions: the same answers but for rounding, in less time."""
        copy = deepcopy(self).eval()
        convolution, norm, bend = copy.stem
        copy.stem = nn.Sequential(fuse_conv_bn_eval(convolution, norm), bend)
        for block in copy.modules():
            if isinstance(block, ResidualBlock):
                block.fold()
        return copy.requires_grad_(False)

    def maps(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens `[N, 8 * width]` and the maps of the second stage `[N, 2 * width, S / 4, S / 4]`."""
        maps = self.stages[:2](self.stem(to_luma(crops)))
        return self.stages[2:](maps).mean(dim=(2, 3)), maps


ENCODERS = {
    "resnet18-w24": lambda: ResNet18(24),
    "resnet18-half": lambda: ResNet18(32),
    "resnet18-w40": lambda: ResNet18(40),
    "resnet18": lambda: ResNet18(64),
    "vit-tiny": lambda: VisionTransformer(48, 8),
    "vit-tiny-112": lambda: VisionTransformer(112, 16),
}
"""Encoders by the name that a recipe uses."""


def encoder(name: str) -> nn.Module:
    """An encoder by name, or by 'module:Name' anybody's: a module without arguments that has `token_size` and takes
    crops to tokens. Raises BadInput for an unknown name, or for a module that is no encoder."""
    make: Callable[[], nn.Module] | None = ENCODERS.get(name)
    if make is None and ":" not in name:
        raise BadInput(f"encoder '{name}'", expected=f"one of {', '.join(ENCODERS)}, or module:Name")
    made = (make or plugins.load("recognizer", name))()
    if not isinstance(made, nn.Module) or not isinstance(getattr(made, "token_size", None), int):
        raise BadInput(f"encoder '{name}'", expected="a torch module with `token_size`")
    return made
