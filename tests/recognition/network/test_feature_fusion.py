"""Feature-level fusion: any subset, absent equals masked, one left is its expert, contributions add up."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.feature_fusion import (
    MODALITIES,
    FeatureFusion,
    FusionSettings,
    build,
    joint_expert,
    over_subsets,
)
from vemo_audit.recognition.network.fusion import JOINT, Opinion, contributions, log_odds, pool

SIZES = (("face", 6), ("voice", 5), ("body", 3), ("words", 4))
PRIOR = np.full(7, 1 / 7)
SUBSETS = [frozenset(s) for size in range(1, 5) for s in combinations(MODALITIES, size)]


@pytest.fixture(params=["attention", "mean"])
def network(request: pytest.FixtureRequest) -> FeatureFusion:
    torch.manual_seed(2)
    return FeatureFusion(FusionSettings(SIZES, mixing=request.param)).eval().requires_grad_(False)


def summaries(count: int = 5) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(4)
    return {name: torch.randn(count, size, generator=rng) for name, size in SIZES}


def opinions(subset: frozenset[str]) -> dict[str, Opinion]:
    rng = np.random.default_rng(3)
    drawn = [rng.dirichlet(np.ones(7)) for _ in MODALITIES]
    every = {name: Opinion(drawn[k], np.ones(7, bool), 0.3 + 0.2 * k) for k, name in enumerate(MODALITIES)}
    return {name: every[name] for name in MODALITIES if name in subset}


def there(subset: frozenset[str], count: int = 5) -> torch.Tensor:
    return torch.tensor([[name in subset for name in MODALITIES]] * count)


@pytest.mark.parametrize("subset", SUBSETS, ids=lambda s: "+".join(sorted(s)))
def test_every_subset_is_finite_and_absent_equals_masked_to_the_bit(
    network: FeatureFusion, subset: frozenset[str]
) -> None:
    every = summaries()
    absent, present = network({name: every[name] for name in subset}, there(subset))
    rubbish = {name: one if name in subset else torch.full_like(one, math.nan) for name, one in every.items()}
    assert torch.isfinite(absent).all() and present.all()
    assert torch.equal(network(every, there(subset))[0], absent)
    assert torch.equal(network(rubbish, there(subset))[0], absent)


def test_nothing_there_is_absent(network: FeatureFusion) -> None:
    logits, present = network(summaries(), there(frozenset()))
    assert not present.any() and not logits.any()


def test_a_modality_that_is_there_counts(network: FeatureFusion) -> None:
    every, all_of = summaries(), there(frozenset(MODALITIES))
    other = every | {"voice": every["voice"] + 1}
    assert not torch.allclose(network(every, all_of)[0], network(other, all_of)[0])


def test_attention_by_a_slow_loop() -> None:
    torch.manual_seed(5)
    network = FeatureFusion(FusionSettings(SIZES, width=8, questions=2, heads=2)).eval().requires_grad_(False)
    words, mask = torch.randn(1, 4, 8), torch.tensor([[True, False, True, True]])
    found = network._attended(words, mask)[0].view(2, 2, 4)
    for question in range(2):
        for head in range(2):
            part = slice(4 * head, 4 * head + 4)
            keep = [m for m in range(4) if mask[0, m]]
            fit = [float(network.ask[question, part] @ network.keys(words[0, m])[part]) / 2 for m in keep]
            share = np.exp(fit) / np.exp(fit).sum()
            slow = sum(float(w) * network.values(words[0, m])[part] for w, m in zip(share, keep, strict=True))
            torch.testing.assert_close(found[question, head], slow, atol=1e-5, rtol=1e-5)


def test_the_joint_expert_speaks_only_where_two_are_present(network: FeatureFusion) -> None:
    given = {name: one.numpy() for name, one in summaries().items()}
    given["voice"] = given["voice"].copy()
    given["voice"][1] = np.nan
    answers = over_subsets(network, given, temperature=1.3)
    assert set(answers) == {s for s in SUBSETS if len(s) > 1}
    assert np.isnan(answers[frozenset(("face", "voice"))][1]).all()
    said = joint_expert(answers, 0, reliability=0.5)
    assert said(["face"]) is None and said(["face", "voice"]) is not None
    assert joint_expert(answers, 1, reliability=0.5)(["face", "voice"]) is None
    assert joint_expert({}, 0, reliability=0.5)(["face", "voice"]) is None


@pytest.mark.parametrize("subset", SUBSETS, ids=lambda s: "+".join(sorted(s)))
def test_the_pool_with_a_joint_expert(network: FeatureFusion, subset: frozenset[str]) -> None:
    given = {name: one.numpy() for name, one in summaries().items() if name in subset}
    joint = joint_expert(over_subsets(network, given, temperature=1.0), 0, reliability=0.6)
    those = opinions(subset)
    fused = pool(those, PRIOR, joint=joint)
    assert fused is not None and np.isfinite(fused).all() and fused.sum() == pytest.approx(1)
    if len(subset) == 1:
        np.testing.assert_allclose(fused, next(iter(those.values())).probability, atol=1e-6)
    else:
        assert not np.allclose(fused, pool(those, PRIOR))
    shares = contributions(those, PRIOR, 2, joint=joint)
    assert set(shares) == subset and JOINT not in shares
    assert sum(shares.values()) == pytest.approx(log_odds(fused, PRIOR, 2) - log_odds(None, PRIOR, 2), abs=1e-9)
    masked = those | {name: Opinion(PRIOR, np.ones(7, bool), 0.0) for name in MODALITIES if name not in subset}
    assert np.array_equal(pool(masked, PRIOR, joint=joint), fused)


def test_unknown_modalities_and_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadInput, match="two or more"):
        FusionSettings((("face", 3),))
    with pytest.raises(BadInput, match="attention or mean"):
        FusionSettings(SIZES, mixing="sum")
    weights = FeatureFusion(FusionSettings(SIZES)).state_dict()
    with pytest.raises(BadInput, match="do not fit"):
        build(FusionSettings(SIZES, width=32), weights)
