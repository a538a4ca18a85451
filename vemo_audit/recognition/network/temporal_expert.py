"""The temporal expert: what a face shows over a window, as the still answer and what movement adds to it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.masked import cleaned, masked_mean
from vemo_audit.recognition.network.temporal import TEMPORAL
from vemo_audit.records.digest import sha256_hex


@dataclass(frozen=True, slots=True)
class TemporalSettings:
    """Which module, over which tokens; the same words stand in a recipe and in the header of a weight file."""

    module: str = "transformer"
    reach: str = "both"  # 'past' for live use
    token_size: int = 320
    map_size: int = 80  # read by conv3d alone
    classes: int = 7

    def __post_init__(self) -> None:
        if self.module not in TEMPORAL or self.reach not in ("both", "past"):
            raise BadInput(f"temporal module '{self.module}', reach '{self.reach}'",
                           expected=f"one of {', '.join(TEMPORAL)}; both or past")  # fmt: skip


class TemporalExpert(nn.Module):
    """Tokens of windows to logits: the face expert's own head on the mean token, plus a correction read from time.

    `still` is a copy of that head and is not trained, so a window that shows a still face starts from its answer.
    """

    def __init__(self, settings: TemporalSettings) -> None:
        super().__init__()
        self.settings = settings
        self.still = nn.Linear(settings.token_size, settings.classes).requires_grad_(False)
        self.temporal = TEMPORAL[settings.module](settings.token_size, reach=settings.reach, map_size=settings.map_size)
        self.dropout = nn.Dropout(0.2)
        self.moving = nn.Linear(self.temporal.state_size, settings.classes)
        nn.init.zeros_(self.moving.weight)
        nn.init.zeros_(self.moving.bias)

    def forward(
        self, tokens: Tensor, mask: Tensor, time_s: Tensor, maps: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens `[B, T, D]`, mask `[B, T]`, times `[B, T]` s to logits `[B, K]`, present `[B]` and logits of the steps
        `[B, T, K]`. Without a present token the logits mean nothing: look at present."""
        states, present, each = self.temporal.steps(tokens, mask, time_s, maps)
        tokens = cleaned(tokens, mask)
        window = self.still(masked_mean(tokens, mask)) + self.moving(self.dropout(states))
        return window, present, self.still(tokens) + self.moving(self.dropout(each))


def encoder_digest(encoder: nn.Module) -> str:
    """SHA-256 over the weights of an encoder: what reads its tokens fits this one and no other."""
    state = encoder.state_dict()
    return sha256_hex(b"".join(state[name].cpu().contiguous().numpy().tobytes() for name in sorted(state)))


def build(settings: TemporalSettings, weights: Mapping[str, Tensor]) -> TemporalExpert:
    """The expert with trained weights, ready to infer. Raises BadInput when names or shapes do not fit."""
    expert = TemporalExpert(settings)
    try:
        expert.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=True)
    except RuntimeError as error:
        raise BadInput(
            f"weights that do not fit {settings.module}: {error}", expected="the weights of its card"
        ) from error
    return expert.eval().requires_grad_(False)


@torch.no_grad()
def answers(
    expert: TemporalExpert, tokens: Tensor, mask: Tensor, time_s: Tensor, *, temperature: float
) -> tuple[Tensor, Tensor]:
    """Calibrated probabilities of windows `[B, K]` and of their steps `[B, T, K]`, on the CPU whatever computed them;
    NaN where no face is."""
    logits, present, each, mask = (part.cpu() for part in (*expert(tokens, mask, time_s), mask))
    window = torch.softmax(logits.double() / temperature, dim=1)
    steps = torch.softmax(each.double() / temperature, dim=2)
    nothing = window.new_full((), torch.nan)
    return torch.where(present[:, None], window, nothing), torch.where(mask[:, :, None], steps, nothing)
