"""The masked temporal interface: what is masked does not count, and a fully masked window says so."""

import pytest
import torch

from vemo_audit.recognition.network.temporal import TEMPORAL


@pytest.fixture(params=sorted(TEMPORAL))
def module(request: pytest.FixtureRequest) -> torch.nn.Module:
    torch.manual_seed(0)
    return TEMPORAL[request.param](8).eval()


def test_masked_steps_do_not_count(module: torch.nn.Module) -> None:
    tokens = torch.randn(2, 6, 8)
    mask = torch.tensor([[1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]]).bool()
    time_s = torch.arange(6).float().expand(2, 6) / 25
    other = tokens.clone()
    other[:, 3:] = 1e6
    torch.testing.assert_close(module(tokens, mask, time_s)[0], module(other, mask, time_s)[0])


def test_a_shorter_window_equals_a_masked_one(module: torch.nn.Module) -> None:
    tokens, time_s = torch.randn(1, 6, 8), torch.arange(6).float()[None] / 25
    mask = torch.tensor([[True, True, True, False, False, False]])
    short = module(tokens[:, :3], mask[:, :3], time_s[:, :3])[0]
    torch.testing.assert_close(module(tokens, mask, time_s)[0], short)


def test_a_window_without_a_face_is_absent_and_zero(module: torch.nn.Module) -> None:
    states, present = module(torch.randn(1, 4, 8), torch.zeros(1, 4).bool(), torch.zeros(1, 4))
    assert not present.any() and torch.equal(states, torch.zeros_like(states))


def test_the_mean_by_hand() -> None:
    tokens = torch.tensor([[[1.0], [3.0], [100.0]]])
    states, present = TEMPORAL["mean"](1)(tokens, torch.tensor([[True, True, False]]), torch.zeros(1, 3))
    assert states.item() == 2 and present.item()
