"""What a training run leaves behind: weights, how to read them, and answers on clips it never learned from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vemo_audit.errors import BadInput
from vemo_audit.recognition.training.compare import Comparison


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Calibrated answers on held-out rows, with their truth: the input of the audit that fills the card."""

    dataset: str
    split: str  # in words: what was held out from what
    rows: tuple[str, ...]
    subjects: tuple[str, ...]  # one per row; the row itself where the data knows no subject
    labels: tuple[str, ...]
    truth: NDArray[np.int16]  # [N]
    probability: NDArray[np.float32]  # [N, K]
    traits: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Weights by name, the header that the weight file carries, and the held-out answers."""

    weights: dict[str, Tensor]
    header: dict[str, str]
    held_out: HeldOut | None  # None: nothing in the data has a label to be scored on
    trained_rows: int
    comparisons: tuple[Comparison, ...] = ()  # with simpler parts, on the same held-out rows

    def __post_init__(self) -> None:
        """Raises BadInput for weights or answers that are not finite: such a run has learned nothing."""
        wild = [name for name, one in self.weights.items() if one.is_floating_point() and not one.isfinite().all()]
        if wild or (self.held_out is not None and not np.isfinite(self.held_out.probability).all()):
            raise BadInput(
                f"a run that diverged: {wild[0] if wild else 'an answer'} is not finite", expected="finite weights",
                advice="Lower the peak_rate of the recipe and train again.",
            )  # fmt: skip
