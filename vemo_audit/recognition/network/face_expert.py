"""The face expert: frame encoder, time, expression head and unit head in one module, made from its settings."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.encoders import ENCODERS, ResNet18
from vemo_audit.recognition.network.heads import ExpressionHead, UnitHead
from vemo_audit.recognition.network.temporal import TEMPORAL
from vemo_audit.records.units import UNITS


@dataclass(frozen=True, slots=True)
class FaceExpertSettings:
    """Which parts the network is built of; the same words stand in a recipe and in the header of a weight file."""

    encoder: str = "resnet18-half"
    temporal: str = "mean"
    size_px: int = 48
    classes: int = 7  # 0: no head for classes; they follow from the units by a stated rule
    units: int = 0  # 20, or 0: no head for action units

    def __post_init__(self) -> None:
        for name, known in (("encoder", ENCODERS), ("temporal", TEMPORAL)):
            if getattr(self, name) not in known:
                raise BadInput(f"{name} '{getattr(self, name)}'", expected=f"one of {', '.join(known)}")
        if self.units not in (0, len(UNITS)) or self.classes < 0 or not self.units + self.classes:
            raise BadInput(f"a face expert with {self.classes} classes and {self.units} units",
                           expected=f"classes, {len(UNITS)} units, or both")  # fmt: skip


class FaceExpert(nn.Module):
    """Crops to logits and units. Mirrored crops are averaged in, so that left and right count the same."""

    def __init__(self, settings: FaceExpertSettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = ENCODERS[settings.encoder]()
        self.temporal = TEMPORAL[settings.temporal](self.encoder.token_size)
        self.head = ExpressionHead(self.encoder.token_size, settings.classes) if settings.classes else None
        self.unit_head = UnitHead(self.encoder.token_size, settings.units) if settings.units else None
        self.folded: nn.Module | None = None  # of the encoder, where `build` made one: for `tokens_once`

    def forward(self, crops: Tensor) -> tuple[Tensor | None, tuple[Tensor, Tensor] | None]:
        """Single frames, what training sees: crops `[N, C, S, S]` in [-1, 1] to logits `[N, K]` and the unit head's
        standardised intensity and presence logit `[N, U]`; None for a head that is not there."""
        tokens = self.encoder(crops)
        return (self.head(tokens) if self.head else None, self.unit_head(tokens) if self.unit_head else None)

    @torch.no_grad()
    def tokens(self, crops: Tensor) -> Tensor:
        """Crops `[N, C, S, S]` uint8 to tokens `[N, D]`, the mean over the picture and its mirror image."""
        scaled = (crops.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        return (self.encoder(scaled) + self.encoder(scaled.flip(3))) / 2

    @torch.no_grad()
    def tokens_once(self, crops: Tensor) -> Tensor:
        """As `tokens`, of the picture alone: half the work, and left and right may differ."""
        encoder = self.encoder if self.folded is None else self.folded
        return encoder((crops.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last))

    @torch.no_grad()
    def window_logits(self, tokens: Tensor, mask: Tensor, time_s: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens `[B, T, D]` of windows to logits `[B, K]` and present `[B]`. Raises BadInput without classes."""
        if self.head is None:
            raise BadInput("an expert without classes", expected="weights with a head for classes")
        states, present = self.temporal(tokens, mask, time_s)
        return self.head(states), present

    @torch.no_grad()
    def units(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens `[N, D]` to intensity in 0-1 and probability of presence `[N, 20]`; NaN without a unit head."""
        if self.unit_head is None:
            nothing = torch.full((len(tokens), len(UNITS)), torch.nan)
            return nothing, nothing
        return self.unit_head.estimates(tokens)


def build(settings: FaceExpertSettings, weights: Mapping[str, Tensor]) -> FaceExpert:
    """The network with trained weights, ready to infer. Raises BadInput when names or shapes do not fit."""
    expert = FaceExpert(settings)
    try:
        expert.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=True)
    except RuntimeError as error:
        raise BadInput(
            f"weights that do not fit {settings.encoder}: {error}", expected="the weights of its card"
        ) from error
    expert.folded = expert.encoder.folded() if isinstance(expert.encoder, ResNet18) else None
    return expert.eval().to(memory_format=torch.channels_last)
