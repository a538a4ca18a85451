"""A run that diverged leaves no weights behind."""

import numpy as np
import pytest
import torch

from vemo_audit.errors import BadInput
from vemo_audit.recognition.training.outcome import HeldOut, Trained


def answers(value: float) -> HeldOut:
    probability = np.array([[0.5, value]], np.float32)
    return HeldOut("toy", "one", ("a",), ("a",), ("calm", "loud"), np.zeros(1, np.int16), probability, {})


def test_finite_weights_and_answers_are_a_result() -> None:
    assert Trained({"w": torch.ones(2), "n": torch.tensor(3)}, {}, answers(0.5), 1).trained_rows == 1
    assert Trained({"w": torch.ones(2)}, {}, None, 1).held_out is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_others_are_not(value: float) -> None:
    with pytest.raises(BadInput, match="diverged: w"):
        Trained({"w": torch.tensor([0.0, value])}, {}, None, 1)
    with pytest.raises(BadInput, match="diverged: an answer"):
        Trained({"w": torch.ones(2)}, {}, answers(value), 1)


def test_rounding_to_half_precision_can_make_one_that_is_not() -> None:
    with pytest.raises(BadInput, match="diverged"):
        Trained({"w": torch.tensor([1e6]).half().float()}, {}, None, 1)
