"""Fusion of any subset of modalities: a weighted log-opinion pool of their experts, and who contributed what."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput


@dataclass(frozen=True, slots=True, eq=False)
class Opinion:
    """What one expert says of one window: calibrated probabilities over the classes it can name."""

    probability: NDArray[np.float64]  # [K]; 0 outside the support
    support: NDArray[np.bool_]  # [K]
    reliability: float  # 0 or more; relative to the other experts


Joint = Callable[[Iterable[str]], Opinion | None]
"""What feature-level fusion says when only the named modalities are looked at; None when it has nothing to say."""
JOINT = "joint"
"""Name of that expert within the pool; no modality is called so."""


def pool(
    opinions: Mapping[str, Opinion], prior: NDArray[np.float64], *, joint: Joint | None = None
) -> NDArray[np.float64] | None:
    """The pooled probabilities `[K]`; None when nobody has an opinion. `joint` speaks too where two or more do.

    `log p(c) = log q(c) + sum_m w_m (log p_m(c) - log q(c)) - log Z`, with weights that sum to 1 over the experts that
    are present: with one left the answer *is* that expert's. For a class it cannot name, an expert says the prior.
    Source: Genest & Zidek 1986, eq. 3.9 (doi:10.1214/ss/1177013825), normalised by the prior.
    """
    opinions = {name: opinion for name, opinion in opinions.items() if opinion.reliability > 0}
    if not opinions:
        return None
    together = joint(frozenset(opinions)) if joint is not None and len(opinions) > 1 else None
    if together is not None and together.reliability > 0:
        opinions[JOINT] = together
    total = sum(opinion.reliability for opinion in opinions.values())
    log_prior = np.log(prior)
    score = log_prior.copy()
    for name in sorted(opinions):
        weight = opinions[name].reliability / total
        score += weight * (np.log(np.maximum(fill_silence(opinions[name], prior), 1e-12)) - log_prior)
    score = np.exp(score - score.max())
    return score / score.sum()


def fill_silence(opinion: Opinion, prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """The opinion over all classes: the prior where the expert cannot speak, the rest rescaled."""
    if opinion.probability.shape != prior.shape or not opinion.support.any():
        raise BadInput("an opinion over other classes, or over none", expected=f"{len(prior)} classes, one supported")
    silent = prior[~opinion.support].sum()
    full = np.where(opinion.support, opinion.probability, prior)
    spoken = full[opinion.support].sum()
    return np.where(opinion.support, full * (1 - silent) / spoken, full)


def contributions(
    opinions: Mapping[str, Opinion], prior: NDArray[np.float64], label: int, *, joint: Joint | None = None
) -> dict[str, float]:
    """Exact Shapley values of the log-odds of one class: they sum to log-odds(all) minus log-odds(none).

    The players are the modalities: what feature-level fusion adds is shared among those that it looked at, since it is
    asked anew for each subset. Source: Shapley 1953; the game is the log-odds of the pool over each subset.
    """
    names = sorted(name for name, opinion in opinions.items() if opinion.reliability > 0)
    worth = {
        subset: log_odds(pool({name: opinions[name] for name in subset}, prior, joint=joint), prior, label)
        for size in range(len(names) + 1)
        for subset in combinations(names, size)
    }
    shares = {}
    for name in names:
        others = [other for other in names if other != name]
        share = 0.0
        for size in range(len(others) + 1):
            weight = math.factorial(size) * math.factorial(len(others) - size) / math.factorial(len(names))
            for subset in combinations(others, size):
                share += weight * (worth[tuple(sorted((*subset, name)))] - worth[subset])
        shares[name] = share
    return shares


def log_odds(probability: NDArray[np.float64] | None, prior: NDArray[np.float64], label: int) -> float:
    """Log-odds of one class; under the prior when there is no opinion."""
    p = float((prior if probability is None else probability)[label])
    p = min(max(p, 1e-12), 1 - 1e-12)
    return math.log(p / (1 - p))
