"""A checkpoint goes on only with the data that it learned from."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from vemo_audit.errors import BadInput
from vemo_audit.recognition.training import checkpoint


def parts() -> tuple[nn.Module, nn.Module, torch.optim.Optimizer]:
    network = nn.Linear(3, 2)
    return network, nn.Linear(3, 2), torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)


def test_the_data_that_it_began_with_is_demanded(tmp_path: Path) -> None:
    path, kept = tmp_path / "run", parts()
    checkpoint.keep(path, *kept, step=5, data="a" * 64)
    again = parts()
    assert checkpoint.restore(path, *again, data="a" * 64) == 5
    assert torch.equal(kept[0].weight, again[0].weight)
    for other in ("b" * 64, ""):
        with pytest.raises(BadInput, match="other data"):
            checkpoint.restore(path, *parts(), data=other)


def test_a_checkpoint_that_says_nothing_of_its_data_would_pass_for_any(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "run"
    save = safetensors.torch.save
    monkeypatch.setattr(checkpoint.safetensors.torch, "save", lambda state, metadata: save(state, None))
    checkpoint.keep(path, *parts(), step=5, data="a" * 64)
    monkeypatch.undo()
    assert checkpoint.restore(path, *parts()) == 5


@pytest.mark.parametrize("content", [b"", b"junk" * 10])
def test_a_damaged_one_is_told_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run").write_bytes(content)
    with pytest.raises(BadInput, match="--fresh"):
        checkpoint.restore(tmp_path / "run", *parts())
