"""The masked temporal interface: what is masked does not count, and a fully masked window says so."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.conv3d import PartialConv
from vemo_audit.recognition.network.masked import masked_mean
from vemo_audit.recognition.network.recurrent import Recurrent
from vemo_audit.recognition.network.temporal import TEMPORAL, MaskedMean, MaskedMeanSpread
from vemo_audit.recognition.network.transformer import TimeTransformer, time_features

SIZE, MAPS = 8, 4
Windows = tuple[Tensor, Tensor, Tensor, Tensor]


@pytest.fixture(params=sorted(TEMPORAL))
def module(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return TEMPORAL[request.param](SIZE, map_size=MAPS).eval().requires_grad_(False)


def windows(count: int, steps: int, *, seed: int = 1) -> Windows:
    """Tokens, a mask with gaps, times that grow, and maps."""
    rng = torch.Generator().manual_seed(seed)
    mask = torch.rand(count, steps, generator=rng) < 0.7
    mask[:, steps // 2] = True
    time_s = torch.rand(count, steps, generator=rng, dtype=torch.float64).add(0.02).cumsum(1) / 12.5 + 30
    maps = torch.randn(count, steps, MAPS, 6, 6, generator=rng)
    return torch.randn(count, steps, SIZE, generator=rng), mask, time_s, maps


def padded(values: Tensor, more: int) -> Tensor:
    return torch.cat((values, values.new_full((values.shape[0], more, *values.shape[2:]), 7)), dim=1)


def hides_what_is_masked(run: Callable[..., tuple[Tensor, ...]], rubbish: float) -> bool:
    """Whether results are bit-equal whatever lies in masked steps."""
    tokens, mask, time_s, maps = windows(3, 9)
    clean = run(tokens, mask, time_s, maps)
    dirty = [one.masked_fill(~mask.view(*mask.shape, *[1] * (one.ndim - 2)), rubbish) for one in (tokens, time_s, maps)]
    found = run(dirty[0], mask, *dirty[1:])
    return all(torch.equal(a, b) for a, b in zip(clean, found, strict=True))


@pytest.mark.parametrize("rubbish", [0.0, 1e9, math.nan, math.inf, -math.inf])
def test_what_lies_in_masked_steps_changes_no_bit(module: nn.Module, rubbish: float) -> None:
    assert hides_what_is_masked(module.steps, rubbish)


def test_that_check_sees_a_mean_that_multiplies_by_its_mask() -> None:
    def broken(tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor) -> tuple[Tensor, ...]:
        return (masked_mean(tokens * mask[..., None], mask),)

    assert hides_what_is_masked(broken, 1e9) and not hides_what_is_masked(broken, math.nan)


def test_padding_changes_nothing(module: nn.Module) -> None:
    tokens, mask, time_s, maps = windows(3, 9)
    states, present, steps = module.steps(tokens, mask, time_s, maps)
    longer = torch.cat((mask, torch.zeros(3, 5, dtype=torch.bool)), dim=1)
    more, more_present, more_steps = module.steps(padded(tokens, 5), longer, padded(time_s, 5), padded(maps, 5))
    torch.testing.assert_close(more, states, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(more_steps[:, :9], steps, atol=1e-5, rtol=1e-5)
    assert torch.equal(more_present, present)


def test_a_masked_step_equals_one_that_never_was(module: nn.Module) -> None:
    if type(module).__name__ == "Conv3d":
        pytest.skip("it counts frames: a missing frame keeps its place there")
    tokens, mask, time_s, maps = windows(1, 9)
    kept = mask[0]
    states, _ = module(tokens, mask, time_s, maps)
    without, _ = module(tokens[:, kept], mask[:, kept], time_s[:, kept], maps[:, kept])
    torch.testing.assert_close(states, without, atol=1e-5, rtol=1e-5)


def test_a_batch_answers_as_its_windows_do(module: nn.Module) -> None:
    tokens, mask, time_s, maps = windows(16, 9)
    states, _ = module(tokens, mask, time_s, maps)
    one = torch.cat([module(tokens[k : k + 1], mask[k : k + 1], time_s[k : k + 1], maps[k : k + 1])[0]
                     for k in range(16)])  # fmt: skip
    torch.testing.assert_close(states, one, atol=1e-5, rtol=1e-5)


def test_a_window_without_a_face_is_absent_and_zero(module: nn.Module) -> None:
    tokens, mask, time_s, maps = windows(2, 6)
    mask[1] = False
    states, present, steps = module.steps(tokens.masked_fill(~mask[..., None], math.nan), mask, time_s, maps)
    assert present.tolist() == [True, False]
    assert not states[1].any() and not steps[1].any() and torch.isfinite(states).all() and torch.isfinite(steps).all()


def test_masked_steps_send_no_gradient_and_no_nan_back(module: nn.Module) -> None:
    module.requires_grad_(True)
    tokens, mask, time_s, maps = windows(2, 6)
    mask[1] = False
    states, _, steps = module.steps(tokens.masked_fill(~mask[..., None], math.nan), mask, time_s, maps)
    (states.sum() + steps.sum()).backward() if list(module.parameters()) else None
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in module.parameters())


def test_the_mean_by_hand() -> None:
    tokens, mask = torch.tensor([[[1.0], [3.0], [100.0]]]), torch.tensor([[True, True, False]])
    states, present = MaskedMean(1)(tokens, mask, torch.zeros(1, 3))
    assert states.item() == 2 and present.item()
    assert MaskedMeanSpread(1)(tokens, mask, torch.zeros(1, 3))[0].tolist() == [[2.0, pytest.approx(1.0)]]


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_recurrent_module_equals_a_slow_loop_that_carries_its_state_over(cell: str) -> None:
    torch.manual_seed(3)
    module = Recurrent(SIZE, cell=cell, reach="past").eval().requires_grad_(False)
    tokens, mask, time_s, _ = windows(1, 9)
    slow = (nn.GRUCell if cell == "gru" else nn.LSTMCell)(97, 128)
    slow.load_state_dict({name.removesuffix("_l0"): one for name, one in module.forwards.state_dict().items()})
    hidden, cells, last, found = torch.zeros(1, 128), torch.zeros(1, 128), None, []
    for k in range(9):
        if mask[0, k]:
            gap = 0.0 if last is None else min(float(time_s[0, k] - last), 1.0)
            row = torch.cat((torch.tanh(module.enter(tokens[:, k])), torch.tensor([[gap]])), dim=1)
            if cell == "gru":
                hidden = slow(row, hidden)
            else:
                hidden, cells = slow(row, (hidden, cells))
            last = time_s[0, k]
        found.append(hidden)
    torch.testing.assert_close(module.steps(tokens, mask, time_s)[2][0], torch.cat(found), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["gru", "lstm", "transformer"])
def test_a_live_module_does_not_see_the_future_and_an_offline_one_does(name: str) -> None:
    torch.manual_seed(0)
    tokens, mask, time_s, _ = windows(1, 9)
    later = tokens.clone()
    later[:, 6:] += 3
    mask[:] = True
    for reach, blind in (("past", True), ("both", False)):
        module = TEMPORAL[name](SIZE, reach=reach).eval()
        same = torch.allclose(module.steps(tokens, mask, time_s)[2][:, :6], module.steps(later, mask, time_s)[2][:, :6],
                              atol=1e-6)  # fmt: skip
        assert same is blind


def moved_by_frame_rate(module: nn.Module, *, by_number: bool) -> float:
    """How far the state of the same two-second movement at 25 frames/s lies from that at 12.5, over its own size."""
    states = []
    for rate_hz in (12.5, 25.0):
        time_s = torch.arange(round(4 * rate_hz), dtype=torch.float64)[None] / rate_hz
        phase = torch.arange(SIZE)
        tokens = torch.sin(2 * math.pi * 0.5 * time_s[..., None] + phase).float()
        fed = torch.arange(time_s.shape[1], dtype=torch.float64)[None] / 12.5 if by_number else time_s
        states.append(module(tokens, torch.ones(time_s.shape, dtype=torch.bool), fed)[0])
    return float((states[0] - states[1]).norm() / states[0].norm())


def test_twice_the_frame_rate_gives_nearly_the_same_state() -> None:
    torch.manual_seed(0)
    module = TimeTransformer(SIZE).eval().requires_grad_(False)
    by_time = moved_by_frame_rate(module, by_number=False)
    assert by_time < 0.03
    assert moved_by_frame_rate(module, by_number=True) > 5 * by_time  # a module that counted frames would be caught


def test_time_is_counted_from_the_first_present_step() -> None:
    mask = torch.tensor([[False, True, True]])
    early = time_features(torch.tensor([[0.0, 1.0, 1.5]]), mask)
    late = time_features(torch.tensor([[90.0, 101.0, 101.5]]), mask)
    torch.testing.assert_close(early, late, atol=1e-5, rtol=0)
    assert not early[0, 0].any() and early[0, 1, :8].abs().max() == 0


def test_a_partial_convolution_by_hand() -> None:
    # kernel (1, 1, 1): at step 1 the neighbours 0 and 2 are 2 and 4, step 1 is 3; with step 2 away (2 + 3) * 3 / 2
    conv = PartialConv(1)
    conv.conv.weight.data.fill_(1)
    x = torch.tensor([2.0, 3.0, 4.0]).view(1, 3, 1, 1, 1)
    full = conv(x, torch.ones(1, 3, dtype=torch.bool)).flatten().tolist()
    assert full == pytest.approx([5 * 1.5, 9.0, 7 * 1.5])
    part = conv(x, torch.tensor([[True, True, False]])).flatten().tolist()
    assert part == pytest.approx([7.5, 7.5, 0.0])


def test_conv3d_without_maps_and_unknown_modes_are_refused() -> None:
    tokens, mask, time_s, maps = windows(1, 4)
    with pytest.raises(BadInput, match="no maps"):
        TEMPORAL["conv3d"](SIZE, map_size=MAPS)(tokens, mask, time_s)
    with pytest.raises(BadInput, match="channels"):
        TEMPORAL["conv3d"](SIZE, map_size=MAPS + 1)(tokens, mask, time_s, maps)
    with pytest.raises(BadInput, match="both or past"):
        Recurrent(SIZE, reach="future")
