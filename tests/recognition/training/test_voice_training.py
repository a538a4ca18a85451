"""The voice recipe repeats its card, byte for byte; the head is fitted and chosen as its formulas say."""

import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from vemo_audit.audit.held_out import figures
from vemo_audit.recognition.network.voice_expert import STRETCH, gaussian
from vemo_audit.recognition.training import card, recipe, voice
from vemo_audit.recognition.training.recipe import VoiceFit


def crowd(*, people: int = 8, each: int = 15, shift: float = 1.0) -> voice.Heard:
    """Two classes apart by `shift` in every fourth of 12 numbers, and people who differ in the others."""
    rng = np.random.default_rng(3)
    speaker = np.repeat(np.arange(people), each)
    truth = rng.integers(0, 2, len(speaker))
    numbers = rng.normal(0, 1, (len(speaker), 12)) + rng.normal(0, 1, (people, 12))[speaker]
    numbers[:, ::4] += shift * (2 * truth[:, None] - 1)
    return voice.Heard(torch.tensor(numbers, dtype=torch.float32), torch.from_numpy(truth), speaker, 2)


def test_the_fit_against_the_normal_equations() -> None:
    heard = crowd()
    network = voice.fit(heard, 0.5, 0.3)
    standard = network.examples.double()
    kernel = gaussian(standard, standard, 0.5)
    count = torch.bincount(heard.truth).double()
    weight = len(heard.truth) / (2 * count[heard.truth])
    target = torch.nn.functional.one_hot(heard.truth, 2).double() - 0.5
    votes = torch.linalg.lstsq(kernel + torch.diag(0.3 / weight), target).solution
    np.testing.assert_allclose(network.votes.numpy(), votes.numpy(), atol=2e-3)
    np.testing.assert_allclose(network(heard.summaries).numpy(), STRETCH * (kernel @ votes).numpy(), atol=0.05)


def test_missing_numbers_count_as_average_and_strange_ones_are_held_in() -> None:
    network = voice.fit(crowd(), 0.5, 0.3)
    missing, average = torch.full((1, 12), torch.nan), network.mean[None]
    assert torch.equal(network(missing), network(average))
    assert torch.equal(network(average + 1e3), network(average + 1e6))


def test_left_out_speakers_in_one_step_are_those_left_out_one_by_one() -> None:
    """The shortcut of `choose` gives the same errors as fitting again without each speaker, the scaling kept."""
    heard, reach, penalty = crowd(people=4, each=6), 0.5, 0.3
    standard = voice.prepared(heard).examples.double()
    weight, target = voice._weights_and_targets(heard)
    kernel = gaussian(standard, standard, reach)
    inverse = torch.linalg.inv(kernel + torch.diag(penalty / weight))
    for speaker in range(4):
        out = torch.from_numpy(heard.speaker == speaker)
        votes = torch.linalg.solve(kernel[~out][:, ~out] + torch.diag(penalty / weight[~out]), target[~out])
        slow = target[out] - kernel[out][:, ~out] @ votes
        fast = torch.linalg.solve(inverse[out][:, out], (inverse @ target)[out])
        np.testing.assert_allclose(fast.numpy(), slow.numpy(), atol=1e-9)


def test_nothing_of_a_speaker_reaches_their_own_answers() -> None:
    heard = crowd()
    before = voice.answer_apart(heard, VoiceFit())
    changed = voice.Heard(heard.summaries, heard.truth.clone(), heard.speaker, heard.classes)
    mine = torch.from_numpy(heard.speaker == 0)
    changed.truth[mine] = 1 - changed.truth[mine]
    after = voice.answer_apart(changed, VoiceFit())
    assert torch.equal(before[mine], after[mine]) and not torch.equal(before[~mine], after[~mine])


def test_twin_a_split_that_ignores_speakers_leaks() -> None:
    heard = crowd()
    rows = voice.Heard(heard.summaries, heard.truth, np.arange(len(heard.truth)) % 8, heard.classes)
    changed = voice.Heard(rows.summaries, rows.truth.clone(), rows.speaker, rows.classes)
    mine = torch.from_numpy(heard.speaker == 0)
    changed.truth[mine] = 1 - changed.truth[mine]
    assert not torch.equal(voice.answer_apart(rows, VoiceFit())[mine], voice.answer_apart(changed, VoiceFit())[mine])


@pytest.mark.real_data
def test_the_voice_recipe_makes_what_ships(root: Path, shared_data: Path, tmp_path: Path) -> None:
    read, digest = recipe.read(root / "models" / "recipes" / "voice-emodb.toml")
    stated = tomllib.loads((root / "models" / "voice-emodb.card.toml").read_text())
    trained = voice.train_voice(read, shared_data / "emodb")
    assert len(set(trained.held_out.subjects)) == 10 and trained.trained_rows == stated["training"]["rows"]
    values = {(row["metric"], row["slice"]): row["value"] for row in stated["figures"] if "value" in row}
    for one in figures(trained.held_out, recognizer=read.name):
        if (one.metric, one.slice) in values:
            assert one.value == pytest.approx(values[one.metric, one.slice], abs=0.01)
    weights, _ = card.write(tmp_path, read, digest, trained, ())
    if stated["training"]["torch"] == torch.__version__.split("+")[0]:
        assert hashlib.sha256(weights.read_bytes()).hexdigest() == stated["weights"]["sha256"]
    uar = next(row for row in stated["comparison"] if row["metric"] == "uar")
    assert values["uar", "overall"] >= 0.70 and uar["low"] > 0
