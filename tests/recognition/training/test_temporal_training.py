"""Sequences, windows, and temporal training: nothing leaks, what is planted is learned, and runs repeat themselves."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.face_expert import FaceExpert, FaceExpertSettings
from vemo_audit.recognition.network.temporal_expert import TemporalExpert, answers, build
from vemo_audit.recognition.training import sequences as kept
from vemo_audit.recognition.training.compare import compare, score
from vemo_audit.recognition.training.sequences import Performed
from vemo_audit.recognition.training.temporal import NEUTRAL, answered, examined, fit, new
from vemo_audit.recognition.training.temporal_run import Banks, kept_or_played, train_temporal
from vemo_audit.recognition.training.time_settings import TemporalFit
from vemo_audit.recognition.training.time_windows import LONGEST, cut, drawn_stills, strongest, thinned
from vemo_audit.recognition.training.token_banks import VIEWS, Played, Stills, as_answered, encode
from vemo_audit.records.labels import EKMAN

SIZE, MAPS = 12, 3
SHORT = TemporalFit(steps=120, batch=24, peak_rate=5e-3, average_decay=0.9)


def performed(subject: str, label: str, *, frames: int = 20) -> Performed:
    time_s = np.arange(frames) / 10
    strength = np.clip(1.2 * np.sin(np.pi * time_s / time_s[-1]), 0, 1).astype(np.float32) * (label != "neutral")
    return Performed(
        np.zeros((frames, 8, 8), np.uint8), np.ones(frames, bool), time_s, strength, np.zeros((frames, 20), np.float32),
        np.zeros((frames, 3), np.float32), label, subject,
    )  # fmt: skip


def banks(people: int = 9) -> Banks:
    """Tokens whose second axis says the class as strongly as it is shown; a brief burst of another class misleads a
    mean, and direction of time tells happiness from sadness."""
    rng = np.random.default_rng(0)
    every = [performed(f"p{k}", label) for k in range(people) for label in ("neutral", "happiness", "anger")]
    sequences = kept.joined(every)
    tokens = rng.normal(0, 0.3, (len(sequences.time_s), SIZE))
    for k in range(len(sequences)):
        part = slice(sequences.starts[k], sequences.starts[k + 1])
        tokens[part, sequences.label[k]] += 3 * sequences.strength[part]
    maps = torch.from_numpy(rng.normal(0, 1, (len(tokens), MAPS, 6, 6))).half()
    played = Played(
        torch.from_numpy(tokens).float(), maps, torch.from_numpy(sequences.mask), torch.from_numpy(sequences.time_s),
        torch.from_numpy(sequences.targets()), sequences.starts, sequences.label, sequences.subject,
    )  # fmt: skip
    rows = np.arange(len(sequences))
    parts = {"learn": rows[: 3 * people - 12], "select": rows[3 * people - 12 : 3 * people - 6], "held out": rows[-6:]}
    return Banks(played, stills(60), stills(40, seed=9), parts)


def stills(count: int, *, seed: int = 3) -> Stills:
    rng = np.random.default_rng(seed)
    label = rng.integers(0, len(EKMAN), count)
    tokens = rng.normal(0, 0.3, (count, VIEWS, SIZE))
    tokens[np.arange(count), :, label] += 2
    maps = torch.from_numpy(rng.normal(0, 1, (count, VIEWS, MAPS, 6, 6))).half()
    return Stills(torch.from_numpy(tokens).float(), maps, torch.eye(len(EKMAN))[label], tuple(map(str, range(count))))


class Encoder(torch.nn.Module):
    """Nothing but the sizes of an encoder."""

    token_size, map_size = SIZE, MAPS


def expert_of_faces() -> FaceExpert:
    """A face expert whose head reads the class off the first tokens, weakly."""
    network = SimpleNamespace(encoder=Encoder(), head=SimpleNamespace(linear=torch.nn.Linear(SIZE, 7)))
    torch.nn.init.zeros_(network.head.linear.bias)
    network.head.linear.weight.data.copy_(torch.eye(7, SIZE))
    return network  # type: ignore[return-value]


def test_sequences_survive_the_disk_and_damage_is_told(tmp_path: Path) -> None:
    made = kept.joined([performed("a", "anger"), performed("b", "neutral", frames=7)])
    kept.write(tmp_path / "s.npz", made)
    again = kept.read(tmp_path / "s.npz")
    assert again.digest == made.digest and again.starts.tolist() == [0, 20, 27] and len(again) == 2
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    with pytest.raises(BadInput, match="no readable sequences"):
        kept.read(tmp_path / "bad.npz")


def test_sequences_whose_times_stand_still_are_refused() -> None:
    good = performed("a", "anger")
    with pytest.raises(BadInput, match="times that grow"):
        kept.joined([replace(good, time_s=np.zeros(20))])
    with pytest.raises(BadInput, match="at least one"):
        kept.joined([])


def test_what_is_rendered_once_is_read_the_second_time(tmp_path: Path) -> None:
    calls = []

    def play() -> Iterator[Performed]:
        calls.append(1)
        yield performed("a", "anger")

    first, second = (kept_or_played(tmp_path / "x" / "s.npz", play) for _ in range(2))
    assert first.digest == second.digest and len(calls) == 1


def test_targets_are_the_class_as_far_as_it_is_strong_and_neutral_for_the_rest() -> None:
    one = replace(performed("a", "anger", frames=3), strength=np.array([0.0, 0.15, 0.9], np.float32))
    found = kept.joined([one]).targets()
    anger = EKMAN.index("anger")
    assert found[:, anger].tolist() == pytest.approx([0, 0.5, 1])
    assert found[:, NEUTRAL].tolist() == pytest.approx([1, 0.5, 0])


def test_held_out_people_are_never_learned_from() -> None:
    made = kept.joined([performed(f"p{k % 6}", "anger") for k in range(18)])
    out = kept.held_out_subjects(made, 1 / 3, seed=1)
    assert not set(made.subject[out]) & set(made.subject[~out]) and len(set(made.subject[out])) == 2


def test_a_window_shows_what_it_shows_at_its_strongest_present_step() -> None:
    steps = torch.zeros(1, 3, 7)
    steps[0, :, NEUTRAL] = torch.tensor([1.0, 0.0, 0.6])
    steps[0, 1, 0], steps[0, 2, 2] = 1.0, 0.4
    assert strongest(steps, torch.tensor([[True, True, True]]), NEUTRAL)[0].argmax() == 0
    hidden = strongest(steps, torch.tensor([[True, False, True]]), NEUTRAL)[0]
    assert hidden[2] == pytest.approx(0.4) and hidden[0] == 0


def test_windows_are_padded_masked_and_never_emptied() -> None:
    bank = banks().played
    window = cut(bank, [0, 20], [5, 40], neutral=NEUTRAL)
    assert window.mask.shape == (2, LONGEST) and window.mask.sum(dim=1).tolist() == [5, 20]
    for seed in range(20):
        thin = thinned(window, np.random.default_rng(seed))
        assert thin.mask.any(dim=1).all() and not (thin.mask & ~window.mask).any()


def test_a_face_that_keeps_still_keeps_its_answer_and_a_movement_goes_to_the_second() -> None:
    bank, rows = stills(30), np.arange(30)
    still = drawn_stills(bank, np.random.default_rng(1), rows=rows, moving_share=0.0)
    torch.testing.assert_close(still.target, bank.shares)
    torch.testing.assert_close(still.steps, bank.shares[:, None].expand(-1, LONGEST, -1))
    moved = drawn_stills(bank, np.random.default_rng(1), rows=rows, moving_share=1.0)
    torch.testing.assert_close(moved.target.sum(dim=1), torch.ones(30))
    assert (moved.steps[:, 0] - still.steps[:, 0]).abs().sum() > 1


def test_an_untrained_expert_answers_as_the_head_on_the_mean_does() -> None:
    faces = expert_of_faces()
    expert = new(faces, "transformer", reach="both", seed=1).eval()
    tokens, mask = torch.randn(2, 5, SIZE), torch.ones(2, 5, dtype=torch.bool)
    torch.testing.assert_close(expert(tokens, mask, torch.arange(5.0).expand(2, 5))[0],
                               faces.head.linear(tokens.mean(dim=1)))  # fmt: skip


def test_training_learns_repeats_itself_and_leaves_the_still_head_alone() -> None:
    bank, faces = banks(), expert_of_faces()
    windows, truth, _ = examined(bank.played, bank.parts["held out"], rng=np.random.default_rng(1))
    runs: list[TemporalExpert] = []
    for _ in range(2):
        runs.append(fit(new(faces, "gru", reach="both", seed=1), bank.played, bank.learn, chosen=bank.parts["learn"],
                        settings=SHORT, seed=1))  # fmt: skip
    for a, b in zip(runs[0].state_dict().values(), runs[1].state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(runs[0].still.weight, faces.head.linear.weight)
    before = (answered(new(faces, "gru", reach="both", seed=1).eval(), windows).argmax(1) == truth).mean()
    after = (answered(runs[0], windows).argmax(1) == truth).mean()
    assert after > 0.85 and after >= before


def test_the_run_compares_every_module_with_the_mean_on_every_exam_and_ships_readable_weights() -> None:
    bank = banks()
    trained = train_temporal(bank, expert_of_faces(), ("mean", "gru", "conv3d"), settings=replace(SHORT, steps=15),
                             seed=2, name="toy", reach="both")  # fmt: skip
    asked = {(one.part, one.against, one.held_out) for one in trained.comparisons}
    assert len(asked) == 3 * (2 + 3) and all(one.low <= one.difference <= one.high for one in trained.comparisons)
    assert trained.header["module"] in ("gru", "conv3d") and trained.held_out is not None
    assert set(trained.held_out.subjects) <= set(bank.played.subject[bank.parts["held out"]])
    expert = build(new(expert_of_faces(), trained.header["module"], reach="both", seed=0).settings, trained.weights)
    assert not any(p.requires_grad for p in expert.parameters())
    with pytest.raises(BadInput, match="baseline"):
        train_temporal(bank, expert_of_faces(), ("gru",), settings=SHORT, seed=2, name="toy", reach="both")


def test_calibrated_answers_are_missing_where_no_face_is() -> None:
    expert = new(expert_of_faces(), "gru", reach="both", seed=1).eval()
    mask = torch.tensor([[True, False], [False, False]])
    window, steps = answers(expert, torch.randn(2, 2, SIZE), mask, torch.zeros(2, 2), temperature=2.0)
    assert torch.isfinite(window[0]).all() and torch.isnan(window[1]).all()
    assert torch.equal(torch.isfinite(steps).all(dim=2), mask)


def test_real_encoders_give_tokens_maps_and_their_own_answers() -> None:
    torch.manual_seed(0)
    network = FaceExpert(FaceExpertSettings(encoder="resnet18-w24")).eval()
    crops = np.random.default_rng(0).integers(0, 256, (3, 48, 48)).astype(np.uint8)
    tokens, maps = encode(network, crops)
    torch.testing.assert_close(tokens, network.tokens(torch.from_numpy(crops).unsqueeze(1)), atol=1e-4, rtol=1e-4)
    assert maps.shape == (3, 48, 6, 6) and maps.dtype == torch.float16
    bank = Stills(tokens[:, None].expand(-1, VIEWS, -1), maps[:, None].expand(-1, VIEWS, -1, -1, -1), torch.eye(7)[:3],
                  ("a", "b", "c"))  # fmt: skip
    said = as_answered(bank, network, 1.0)
    torch.testing.assert_close(said.shares, torch.softmax(network.head(tokens), dim=1), atol=1e-4, rtol=1e-4)


def test_a_comparison_by_hand_and_one_that_finds_nothing_where_nothing_is() -> None:
    truth = np.array([0, 0, 1, 1] * 10)
    cluster = np.repeat([f"p{k}" for k in range(10)], 4)
    right, half = np.eye(2)[truth], np.eye(2)[np.zeros(40, int)]
    found = compare(("a", right), ("b", half), truth=truth, cluster=cluster, metric="uar", held_out="toy",
                    rng=np.random.default_rng(0))  # fmt: skip
    assert (found.value, found.difference, found.low, found.high, found.clusters) == (1.0, 0.5, 0.5, 0.5, 10)
    rng = np.random.default_rng(5)
    noise = [rng.random((40, 2)) for _ in range(2)]
    fair = compare(("a", noise[0]), ("b", noise[1]), truth=truth, cluster=cluster, metric="accuracy", held_out="toy",
                   rng=np.random.default_rng(0))  # fmt: skip
    assert fair.low < 0 < fair.high
    assert score(np.array([[3.0, 1.0]]), np.array([[4.0, 2.0]]), "uar") == pytest.approx(0.625)
    with pytest.raises(BadInput, match="two or more"):
        compare(("a", right), ("b", half), truth=truth, cluster=np.array(["p"] * 40), metric="uar", held_out="toy",
                rng=np.random.default_rng(0))  # fmt: skip
