"""Feature-level fusion: a few questions are put to the words of whichever modalities are there."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network import devices
from vemo_audit.recognition.network.fusion import Opinion

MODALITIES = ("face", "voice", "body", "words")
Answers = dict[frozenset[str], NDArray[np.float64]]
"""Subset of modalities -> probabilities `[N, K]`."""


@dataclass(frozen=True, slots=True)
class FusionSettings:
    """Modality -> how many numbers its summary has; those that are not named are never fused here."""

    sizes: tuple[tuple[str, int], ...]
    classes: int = 7
    width: int = 64
    questions: int = 4
    heads: int = 4
    mixing: str = "attention"  # or 'mean': the masked mean over modalities, the baseline

    def __post_init__(self) -> None:
        names = [name for name, _ in self.sizes]
        if len(set(names)) != len(names) or not set(names) <= set(MODALITIES) or len(names) < 2:
            raise BadInput(f"fusion of {names}", expected=f"two or more of {', '.join(MODALITIES)}")
        if self.mixing not in ("attention", "mean"):
            raise BadInput(f"mixing '{self.mixing}'", expected="attention or mean")


class FeatureFusion(nn.Module):
    """Summaries of modalities to logits. NaN within a summary counts as average; a modality that is away has no say.

    Source: attention with learned questions, Jaegle et al. 2021, sec. 3 (arXiv:2103.03206).
    """

    def __init__(self, settings: FusionSettings) -> None:
        super().__init__()
        self.settings = settings
        width = settings.width
        for name, size in settings.sizes:
            self.register_buffer(f"mean_{name}", torch.zeros(size))
            self.register_buffer(f"spread_{name}", torch.ones(size))
        self.enter = nn.ModuleDict({name: nn.Linear(size, width) for name, size in settings.sizes})
        self.kind = nn.ParameterDict({name: nn.Parameter(torch.randn(width) * 0.1) for name, _ in settings.sizes})
        self.norm = nn.LayerNorm(width)
        self.ask = nn.Parameter(torch.randn(settings.questions, width) * 0.3)
        self.keys, self.values = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = nn.Dropout(0.3)
        out = width * settings.questions if settings.mixing == "attention" else width
        self.leave = nn.Sequential(nn.LayerNorm(out), nn.Linear(out, width), nn.GELU(), nn.Dropout(0.3),
                                   nn.Linear(width, settings.classes))  # fmt: skip

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities that it can fuse, in order."""
        return tuple(name for name, _ in self.settings.sizes)

    def forward(self, summaries: Mapping[str, Tensor], there: Tensor) -> tuple[Tensor, Tensor]:
        """Summaries name -> `[B, F]` (a name may be missing) and `there [B, M]` in the order of `names` to logits
        `[B, K]` and present `[B]`. With no modality there, logits are zeros."""
        rows = []
        for column, (name, size) in enumerate(self.settings.sizes):
            given = summaries.get(name)
            if given is None:
                given = there.new_zeros((len(there), size), dtype=torch.float32)
                there = there.clone()
                there[:, column] = False
            standard = (given - getattr(self, f"mean_{name}")) / getattr(self, f"spread_{name}")
            standard = torch.nan_to_num(standard, nan=0.0, posinf=4.0, neginf=-4.0).clamp(-4, 4)
            rows.append(torch.where(there[:, column, None], self.enter[name](self.dropout(standard)), 0.0)
                        + self.kind[name])  # fmt: skip
        words = self.norm(torch.stack(rows, dim=1))
        present = there.any(dim=1)
        mixed = self._attended(words, there) if self.settings.mixing == "attention" else self._averaged(words, there)
        return torch.where(present[:, None], self.leave(mixed), 0.0), present

    def _attended(self, words: Tensor, there: Tensor) -> Tensor:
        """What the questions `[Q, W]` take from the words `[B, M, W]` that are there: `[B, Q * W]`."""
        count, heads = len(words), self.settings.heads
        queries = self.ask.view(1, -1, heads, words.shape[2] // heads)
        keys, values = (made(words).view(count, words.shape[1], heads, -1) for made in (self.keys, self.values))
        fit = torch.einsum("zqhd,bmhd->bhqm", queries, keys) / keys.shape[3] ** 0.5
        open_to = there | ~there.any(dim=1, keepdim=True)  # a row of nothing is cleared by the caller
        share = fit.masked_fill(~open_to[:, None, None, :], -torch.inf).softmax(dim=3)
        return torch.einsum("bhqm,bmhd->bqhd", share, values).flatten(1)

    @staticmethod
    def _averaged(words: Tensor, there: Tensor) -> Tensor:
        weight = there.to(words.dtype)[..., None]
        return (words * weight).sum(dim=1) / weight.sum(dim=1).clamp_min(1)


def build(settings: FusionSettings, weights: Mapping[str, Tensor]) -> FeatureFusion:
    """The fusion with trained weights, ready to infer. Raises BadInput when names or shapes do not fit."""
    made = FeatureFusion(settings)
    try:
        made.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=True)
    except RuntimeError as error:
        raise BadInput(f"weights that do not fit: {error}", expected="the weights of its card") from error
    return made.eval().requires_grad_(False)


@torch.no_grad()
def over_subsets(
    network: FeatureFusion, summaries: Mapping[str, NDArray[np.float32]], *, temperature: float
) -> Answers:
    """Calibrated probabilities of N windows for every subset of two or more of the given modalities.

    A row of NaN throughout is a modality that is away in that window: its answer to a subset that needs it is NaN.
    """
    known = [name for name in network.names if name in summaries]
    answers: Answers = {}
    place = devices.of(network)
    given = {name: torch.from_numpy(np.asarray(summaries[name], np.float32)).to(place) for name in known}
    for size in range(2, len(known) + 1):
        for subset in combinations(known, size):
            count = len(given[subset[0]])
            away = torch.zeros(count, dtype=torch.bool, device=place)
            seen = [torch.isfinite(given[name]).any(dim=1) if name in subset else away for name in network.names]
            here = torch.stack(seen, dim=1)
            logits, _ = network(given, here)
            found = torch.softmax(logits.cpu().double() / temperature, dim=1).numpy()
            found[here.sum(dim=1).cpu().numpy() < size] = np.nan
            answers[frozenset(subset)] = found
    return answers


def joint_expert(answers: Answers, row: int, *, reliability: float) -> Callable[[Iterable[str]], Opinion | None]:
    """What feature-level fusion says of one window given only some of its modalities: the extra expert of the pool."""

    def said(names: Iterable[str]) -> Opinion | None:
        known = frozenset(names) & frozenset().union(*answers) if answers else frozenset()
        found = answers.get(known)
        if found is None or not np.isfinite(found[row]).all():
            return None
        return Opinion(found[row], np.ones(found.shape[1], bool), reliability)

    return said
