"""Temperature: one number by which logits are divided so that stated confidence meets the hit rate."""

import torch
from torch import Tensor
from torch.nn import functional


def temperature(logits: Tensor, targets: Tensor) -> float:
    """The temperature that minimises the cross-entropy of logits `[N, K]` against shares `[N, K]`.

    Source: Guo et al. 2017, eq. 9 (arXiv:1706.04599). Found by golden-section search over its logarithm in [1/10, 10].
    """

    def loss(log_temperature: float) -> float:
        scaled = logits.double() / torch.tensor(log_temperature).exp()
        return float(-(targets.double() * functional.log_softmax(scaled, dim=1)).sum(dim=1).mean())

    low, high = float(torch.tensor(0.1).log()), float(torch.tensor(10.0).log())
    ratio = (5**0.5 - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(torch.tensor((low + high) / 2).exp())
