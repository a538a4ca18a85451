"""What every encoder sees of a crop: luma only."""

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in luma. Source: ITU-R BT.601."""


def to_luma(crops: Tensor) -> Tensor:
    """`[N, 3, S, S]` to `[N, 1, S, S]`; one channel passes through."""
    if crops.shape[1] == 1:
        return crops
    weights = torch.tensor(LUMA, dtype=crops.dtype, device=crops.device)
    return (crops * weights[None, :, None, None]).sum(dim=1, keepdim=True)
