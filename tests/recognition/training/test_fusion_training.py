"""Training of feature-level fusion: pairs of equal label, modalities that are lost, and what is planted is found."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vemo_audit.errors import BadInput
from vemo_audit.recognition.training.fusion_training import (
    Fold,
    Side,
    best_weight,
    dropped,
    fit,
    logits_of,
    paired,
    train_fusion,
)
from vemo_audit.recognition.training.time_settings import FusionFit
from vemo_audit.records.labels import EKMAN

SHORT = FusionFit(steps=120, batch=64)
SURPRISE = EKMAN.index("surprise")
SUPPORT = np.array([name != "surprise" for name in EKMAN.names])


def side(count: int, *, seed: int, speakers: int, silent: bool = False, first: int = 0) -> Side:
    """Classes of which the face tells odd from even and the voice (silent on surprise) the rest."""
    rng = np.random.default_rng(seed)
    known = [k for k in range(7) if not (silent and k == SURPRISE)]
    truth = rng.choice(known, count)
    shown = np.eye(7)[truth] if not silent else np.eye(7)[truth // 2]
    summary = shown * 2 + rng.normal(0, 0.6, (count, 7))
    probability = np.full((count, 7), 0.05)
    guess = np.where(rng.random(count) < 0.6, truth, rng.choice(known, count))
    probability[np.arange(count), guess] += 1
    probability[:, ~SUPPORT] *= not silent
    probability /= probability.sum(axis=1, keepdims=True)
    group = np.array([f"s{first + k % speakers}" for k in range(count)])
    return Side(torch.from_numpy(summary).float(), probability, truth, group)


def test_pairs_have_one_label_and_an_unknown_one_has_no_partner() -> None:
    face, voice = side(60, seed=1, speakers=60), side(60, seed=2, speakers=5, silent=True)
    wanted = np.array([0, 3, SURPRISE, 6])
    rows, known = paired(wanted, face, voice, np.random.default_rng(0))
    assert known.tolist() == [[True, True], [True, True], [True, False], [True, True]]
    assert face.truth[rows[0]].tolist() == wanted.tolist()
    assert voice.truth[rows[1]][known[:, 1]].tolist() == wanted[known[:, 1]].tolist()


def test_modalities_are_lost_as_often_as_stated_and_never_all() -> None:
    known = np.ones((20000, 2), bool)
    left = dropped(known, FusionFit(), np.random.default_rng(0))
    assert left.any(axis=1).all()
    # both stay: not thinned to one (.8) and neither or both lost (.49 + .09, where losing both restores both)
    assert left.all(axis=1).mean() == pytest.approx(0.8 * (0.49 + 0.09), abs=0.015)
    one = dropped(np.array([[True, False]] * 500), FusionFit(), np.random.default_rng(1))
    assert one[:, 0].all() and not one[:, 1].any()


def test_the_fusion_learns_and_repeats_itself() -> None:
    face, voice = side(300, seed=1, speakers=300), side(300, seed=2, speakers=5, silent=True)
    first, second = (fit(face, voice, "attention", settings=SHORT, seed=3) for _ in range(2))
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    rows, _ = paired(np.repeat(np.arange(7), 20)[:140], face, voice, np.random.default_rng(1))
    known = face.truth[rows[0]] != SURPRISE
    found = logits_of(first, face.summary[rows[0]], voice.summary[rows[1]]).argmax(dim=1).numpy()
    assert (found == face.truth[rows[0]])[known].mean() > 0.85


def test_the_weight_of_a_voice_that_is_always_right_is_the_largest() -> None:
    face, voice = side(80, seed=1, speakers=80), side(80, seed=2, speakers=5, silent=True)
    sure = replace(voice, probability=np.eye(7)[voice.truth] * 0.6 + SUPPORT * 0.4 / 6)
    unsure = replace(voice, probability=np.where(SUPPORT, 1 / 6, 0.0) * np.ones((80, 1)))
    rng = np.random.default_rng(0)
    strong = best_weight(face, sure, support=SUPPORT, settings=SHORT, rng=rng)
    weak = best_weight(face, unsure, support=SUPPORT, settings=SHORT, rng=rng)
    assert strong > weak


def test_a_run_answers_every_held_out_voice_and_compares_with_each_baseline() -> None:
    faces = side(120, seed=1, speakers=120), side(120, seed=5, speakers=120)
    whole = side(60, seed=2, speakers=4, silent=True)
    folds = [
        Fold(side(40, seed=6, speakers=2, silent=True, first=2), side(20, seed=7, speakers=2, silent=True)),
        Fold(side(40, seed=8, speakers=2, silent=True), side(20, seed=9, speakers=2, silent=True, first=2)),
    ]
    quick = FusionFit(steps=15, pairs=2)
    trained = train_fusion(faces, folds, whole, support=SUPPORT, settings=quick, seed=1, header={"face": "toy"})
    assert len(trained.comparisons) == 8 and trained.held_out is not None
    assert len(trained.held_out.rows) == 80 and set(trained.held_out.subjects) == {"s0", "s1", "s2", "s3"}
    assert trained.header["sizes"] == "face:7,voice:7" and trained.header["face"] == "toy"
    with pytest.raises(BadInput, match="two or more"):
        train_fusion(faces, folds[:1], whole, support=SUPPORT, settings=quick, seed=1, header={})
