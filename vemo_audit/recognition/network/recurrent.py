"""GRU and LSTM over irregular steps: at a masked step the state is carried over, as if the step had never been."""

import torch
from torch import Tensor, nn

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.masked import cleaned, masked_mean, packed, taken

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}
LONGEST_GAP_S = 1.0
"""A gap counts as at most this long."""


class Recurrent(nn.Module):
    """`reach` 'both' reads the window forwards and backwards, 'past' forwards only, for live use.

    With each token goes the time since the last present one, so that dropped frames are no surprise.
    Source: Cho et al. 2014 (arXiv:1406.1078); Hochreiter & Schmidhuber 1997 (doi:10.1162/neco.1997.9.8.1735).
    """

    def __init__(self, token_size: int, *, cell: str = "gru", reach: str = "both", state_size: int = 128) -> None:
        super().__init__()
        if cell not in CELLS or reach not in ("both", "past"):
            raise BadInput(f"a recurrent module of {cell}, {reach}", expected="gru or lstm, both or past")
        self.state_size, self.reach = state_size, reach
        each = state_size // 2 if reach == "both" else state_size
        self.enter = nn.Linear(token_size, 96)
        self.forwards = CELLS[cell](97, each, batch_first=True)
        self.backwards = CELLS[cell](97, each, batch_first=True) if reach == "both" else None

    def forward(
        self, tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The mean of the states at the present steps."""
        return self.steps(tokens, mask, time_s, maps)[:2]

    def steps(
        self, tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As the module's docstring says; a masked step has the state of the last present one."""
        order, count = packed(mask)
        length = mask.sum(dim=1, keepdim=True)
        place = torch.arange(mask.shape[1], device=mask.device)[None].expand_as(order)
        there = place < length
        inputs = torch.tanh(self.enter(cleaned(tokens, mask)))
        inputs = cleaned(taken(inputs, order), there)
        times = cleaned(time_s, mask).gather(1, order)
        states = self._run(self.forwards, inputs, times, there)
        if self.backwards is not None:
            # reversed among the present steps only: the padding stays behind, where it cannot be read
            mirror = torch.where(there, length - 1 - place, place)
            back = self._run(self.backwards, taken(inputs, mirror), times.gather(1, mirror), there)
            states = torch.cat((states, taken(back, mirror)), dim=2)
        states = cleaned(states, there)
        each = cleaned(taken(states, (count - 1).clamp_min(0)), count > 0)
        return masked_mean(states, mask), mask.any(dim=1), each

    @staticmethod
    def _run(cell: nn.Module, inputs: Tensor, times: Tensor, there: Tensor) -> Tensor:
        gap = torch.diff(times, dim=1, prepend=times[:, :1]).abs().clamp_max(LONGEST_GAP_S)
        gap = torch.where(there, gap, gap.new_zeros(())).to(inputs.dtype)
        return cell(torch.cat((inputs, gap.unsqueeze(2)), dim=2))[0]
