"""A corpus is known by its content."""

from dataclasses import replace

import numpy as np
import pytest

from vemo_audit.recognition.training.corpus import Corpus


def corpus() -> Corpus:
    rng = np.random.default_rng(1)
    return Corpus(
        rng.integers(0, 255, (3, 4, 4)).astype(np.uint8), rng.random((3, 7)).astype(np.float32),
        rng.random((3, 20)).astype(np.float32),
    )  # fmt: skip


def test_the_same_content_has_the_same_digest() -> None:
    assert corpus().digest == corpus().digest


@pytest.mark.parametrize("name", ["faces", "shares", "units"])
def test_one_number_changes_it(name: str) -> None:
    whole = corpus()
    other = getattr(whole, name).copy()
    other.flat[-1] = 0 if other.flat[-1] else 1
    assert replace(whole, **{name: other}).digest != whole.digest


def test_so_does_another_order() -> None:
    whole = corpus()
    assert whole.where(np.array([1, 0, 2])).digest != whole.digest
