"""The state of a training run on disk: whole or not at all, tensors only, so that an interrupted run can go on."""

from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from vemo_audit.errors import BadInput
from vemo_audit.recognition.training import landing

DATA = "data_sha256"


def keep(
    path: Path, network: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer, *, step: int, data: str = ""
) -> None:  # fmt: skip
    """Writes weights, averaged weights and momentum after `step` steps; `data` is the digest of what is learned from.

    Raises BadInput when it cannot be written.
    """
    state: dict[str, Tensor] = {"step": torch.tensor(step)}
    for prefix, module in (("network", network), ("averaged", averaged)):
        state |= {f"{prefix}.{name}": tensor.contiguous() for name, tensor in module.state_dict().items()}
    for number, one in enumerate(_parameters(optimizer)):
        momentum = optimizer.state[one].get("momentum_buffer")
        if momentum is not None:
            state[f"momentum.{number}"] = momentum.contiguous()
    landing.land(
        path, safetensors.torch.save({name: tensor.cpu() for name, tensor in state.items()}, metadata={DATA: data})
    )


def restore(
    path: Path, network: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer, *, data: str = ""
) -> int:
    """Puts everything back and returns how many steps were done; 0 when there is no such file.

    Raises BadInput when the file is damaged, belongs to another network, or learned from other data than `data`.
    """
    if not path.is_file():
        return 0
    try:
        with safetensors.safe_open(path, "pt") as file:
            told = file.metadata() or {}
        state = safetensors.torch.load(path.read_bytes())
        step = int(state["step"])
        for prefix, module in (("network.", network), ("averaged.", averaged)):
            own = {name.removeprefix(prefix): one for name, one in state.items() if name.startswith(prefix)}
            module.load_state_dict(own, strict=True)
    except (safetensors.SafetensorError, OSError, KeyError, RuntimeError) as error:
        raise BadInput(f"a checkpoint that does not fit: {error}", where=str(path), expected="one of the same recipe",
                       advice="Remove the file, or give --fresh, to begin anew.") from error  # fmt: skip
    if told.get(DATA, "") != data:
        raise BadInput("a checkpoint that learned from other data", where=str(path), expected="the data of this run",
                       advice="Give back the data that it began with, or --fresh to begin anew.")  # fmt: skip
    for number, one in enumerate(_parameters(optimizer)):
        if f"momentum.{number}" in state:
            optimizer.state[one]["momentum_buffer"] = state[f"momentum.{number}"].to(one.device)
    return step


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [one for group in optimizer.param_groups for one in group["params"]]
