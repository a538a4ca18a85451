"""Where a network computes: one code path, and the device a setting."""

import torch
from torch import nn

from vemo_audit.errors import BadInput


def chosen(name: str) -> str:
    """The device of that name; 'auto' is the fastest there is. Raises BadInput when torch does not have it."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(one for one in ("cuda", "mps", "cpu") if there[one])
    if not there.get(name, False):
        known = ", ".join(one for one, found in there.items() if found)
        raise BadInput(f"the device '{name}'", expected=f"auto, {known}", advice="torch does not find another here.")
    return name


def exact(name: str) -> str:
    """The device's name, after float32 was made to mean float32 on it.

    On NVIDIA GPUs torch multiplies in convolutions with 10 bits of each factor (TF32) unless told otherwise: boxes and
    tokens would differ from the CPU's in the third digit, and from one GPU to another.
    """
    if name.startswith("cuda"):
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    return name


def of(network: nn.Module) -> torch.device:
    """Where the weights of a network lie; the CPU for a network without any."""
    return next((weights.device for weights in network.parameters()), torch.device("cpu"))
