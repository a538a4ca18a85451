"""mini-XCEPTION, a third party's frame model: separable convolutions in four residual blocks, as its weights name them.

Source: Arriaga, Valdenegro-Toro and Ploeger 2017 (arXiv:1710.07557), section III, and the `model_config` in its files.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, pad, relu

from vemo_audit.errors import BadInput

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""In the order of its outputs. Source: README of oarriaga/face_classification; confirmed on labelled faces."""
EPSILON = 1e-3
"""Of batch normalisation, as Keras has it."""
WIDTHS = (16, 32, 64, 128)


class Separable(nn.Module):
    """A 3 x 3 convolution of each channel, then a mix of channels; 'same' padding, no bias."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inside, inside, 3, padding=1, groups=inside, bias=False)
        self.pointwise = nn.Conv2d(inside, outside, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))


class Block(nn.Module):
    """Two separable convolutions, pooled to half the side, beside a strided projection."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first, self.second = Separable(inside, outside), Separable(outside, outside)
        self.first_norm, self.second_norm = _norm(outside), _norm(outside)
        self.side, self.side_norm = nn.Conv2d(inside, outside, 1, stride=2, bias=False), _norm(outside)

    def forward(self, x: Tensor) -> Tensor:
        along = relu(self.first_norm(self.first(x)))
        return pooled(self.second_norm(self.second(along))) + self.side_norm(self.side(x))


class MiniXception(nn.Module):
    """Grey faces `[N, 1, S, S]` of -1 to 1 to logits `[N, 7]` in the order of CLASSES."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(1, 8, 3, bias=False), _norm(8)
        self.widen, self.widen_norm = nn.Conv2d(8, 8, 3, bias=False), _norm(8)
        self.blocks = nn.ModuleList(Block(a, b) for a, b in zip((8, *WIDTHS), WIDTHS, strict=False))
        self.head = nn.Conv2d(WIDTHS[-1], len(CLASSES), 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.stem_norm(self.stem(x)))
        x = relu(self.widen_norm(self.widen(x)))
        for block in self.blocks:
            x = block(x)
        return self.head(x).mean(dim=(2, 3))

    @torch.inference_mode()
    def probabilities(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Grey crops `[N, S, S]` of 0 to 255 to shares `[N, 7]`; `[0, 7]` for none."""
        if not len(faces):
            return np.zeros((0, len(CLASSES)))
        x = (torch.from_numpy(np.ascontiguousarray(faces)).float() / 255 - 0.5) * 2
        return torch.softmax(self(x[:, None]).double(), dim=1).numpy()


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=EPSILON)


def pooled(x: Tensor) -> Tensor:
    """The maximum of 3 x 3 at every second pixel, with 'same' padding as Keras has it: the odd pixel goes right and
    below, and no padding ever wins."""
    high, wide = (max(0, (-(-side // 2) - 1) * 2 + 3 - side) for side in x.shape[-2:])
    edges = (wide // 2, wide - wide // 2, high // 2, high - high // 2)
    return max_pool2d(pad(x, edges, value=-torch.inf), 3, stride=2)


def build(weights: dict[str, Tensor]) -> MiniXception:
    """The network with these weights, ready to answer. Raises BadInput when they are another network's."""
    network = MiniXception().eval()
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise BadInput(
            f"weights of another network ({str(error).splitlines()[-1].strip()[:120]})", expected="mini-XCEPTION"
        ) from None
    return network


def layer_names() -> dict[str, str]:
    """Our module -> Keras layer, in the order in which the original builds its layers."""
    names = {"stem": "conv2d_1", "stem_norm": "batch_normalization_1", "widen": "conv2d_2",
             "widen_norm": "batch_normalization_2", "head": "conv2d_7"}  # fmt: skip
    for k in range(len(WIDTHS)):
        names |= {
            f"blocks.{k}.side": f"conv2d_{3 + k}", f"blocks.{k}.side_norm": f"batch_normalization_{3 + 3 * k}",
            f"blocks.{k}.first": f"separable_conv2d_{1 + 2 * k}",
            f"blocks.{k}.first_norm": f"batch_normalization_{4 + 3 * k}",
            f"blocks.{k}.second": f"separable_conv2d_{2 + 2 * k}",
            f"blocks.{k}.second_norm": f"batch_normalization_{5 + 3 * k}",
        }  # fmt: skip
    return names
