"""Means and gathers over the steps that are there; what lies in the others has no influence at all."""

import torch
from torch import Tensor


def cleaned(values: Tensor, mask: Tensor) -> Tensor:
    """Values `[B, T, ...]` with zeros in masked steps: chosen, not multiplied, since 0 times NaN is NaN."""
    return torch.where(mask.view(*mask.shape, *[1] * (values.ndim - 2)), values, values.new_zeros(()))


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean `[B, H]` of cleaned values `[B, T, H]` over the present steps; zeros where there are none."""
    return values.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp_min(1).to(values.dtype)


def packed(mask: Tensor) -> tuple[Tensor, Tensor]:
    """Where the present steps of each row stand when they are moved to the front, in order.

    Returns the steps in that order `[B, T]` (masked ones last) and, for every step, how many present ones there are up
    to it `[B, T]`.
    """
    return torch.argsort(~mask, dim=1, stable=True), mask.cumsum(dim=1)


def taken(values: Tensor, index: Tensor) -> Tensor:
    """Rows `[B, T, H]` of values `[B, S, H]` at index `[B, T]`."""
    return values.gather(1, index.unsqueeze(2).expand(-1, -1, values.shape[2]))
