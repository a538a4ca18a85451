"""A small vision transformer for aligned luma faces: patches become words, one word more sums them up."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.luma import to_luma


class Block(nn.Module):
    """Attention and a two-layer network, each on normalised input and added to it.

    Source: Dosovitskiy et al. 2021, eq. 2-3 (arXiv:2010.11929).
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dense1, self.dense2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Words `[N, P, D]` to words of the same shape."""
        count, places, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(count, places, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(count, places, width)
        x = x + self.join(mixed)
        return x + self.dense2(functional.gelu(self.dense1(self.norm2(x))))


class VisionTransformer(nn.Module):
    """Crops of one size `size_px`, cut into squares of `patch_px`; `token_size` is the width. 2.7 M numbers."""

    def __init__(self, size_px: int, patch_px: int, *, width: int = 192, depth: int = 6, heads: int = 3) -> None:
        super().__init__()
        self.token_size, self.size_px = width, size_px
        self.map_size = width
        self.patch = nn.Conv2d(1, width, patch_px, patch_px)
        self.sum = nn.Parameter(torch.zeros(1, 1, width))
        self.place = nn.Parameter(torch.randn(1, (size_px // patch_px) ** 2, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, crops: Tensor) -> Tensor:
        """Crops `[N, 1 or 3, S, S]` in [-1, 1] to tokens `[N, D]`. Raises BadInput for another size."""
        return self.maps(crops)[0]

    def maps(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens `[N, D]` and the patches after half of the blocks as maps `[N, D, h, w]`."""
        if crops.shape[2:] != (self.size_px, self.size_px):
            raise BadInput(f"crops of {tuple(crops.shape[2:])} pixels", expected=f"{self.size_px} x {self.size_px}")
        cells = self.patch(to_luma(crops))
        count, width, height, across = cells.shape
        x = torch.cat((self.sum.expand(count, -1, -1), cells.flatten(2).transpose(1, 2) + self.place), dim=1)
        half = x
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number == len(self.blocks) // 2 - 1:
                half = x
        return self.norm(x[:, 0]), half[:, 1:].transpose(1, 2).reshape(count, width, height, across)
