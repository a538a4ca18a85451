"""Training learns, repeats itself by seed, and writes a card that matches its weights."""

import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from vemo_audit.audit.held_out import figures
from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.face_expert import FaceExpert, FaceExpertSettings
from vemo_audit.recognition.training import card, checkpoint, recipe
from vemo_audit.recognition.training.augment import Augmentation, augment
from vemo_audit.recognition.training.calibrate import temperature
from vemo_audit.recognition.training.corpus import Corpus
from vemo_audit.recognition.training.loop import (
    Machine,
    Progress,
    Schedule,
    class_weights,
    rate_share,
    soft_cross_entropy,
    train,
)
from vemo_audit.recognition.training.outcome import HeldOut, Trained

RECIPES = Path(__file__).parents[3] / "models" / "recipes"
SMALL = FaceExpertSettings(encoder="resnet18-w24", size_px=16, classes=7, units=20)


def toy_faces(count: int) -> Corpus:
    """Bright above or bright below: two classes that any network must tell apart, and how bright is the first unit."""
    rng = np.random.default_rng(0)
    label = (rng.random(count) < 0.3).astype(int)
    images = rng.integers(0, 90, (count, 16, 16)).astype(np.uint8)
    for k, above in enumerate(label):
        images[k, slice(0, 8) if above else slice(8, 16)] += 150
    units = np.full((count, 20), np.nan, np.float32)
    units[:, 0] = label
    return Corpus(images, np.eye(7, dtype=np.float32)[label], units)


def run(seed: int, *, epochs: int = 10, keep: Path | None = None, stop_after: int = 10**9) -> FaceExpert:
    torch.manual_seed(seed)

    def stop(progress: Progress, averaged: torch.nn.Module) -> None:
        if progress.step == stop_after:
            raise KeyboardInterrupt

    schedule = Schedule(epochs=epochs, batch=16, peak_rate=0.03, average_decay=0.8)
    return train(
        FaceExpert(SMALL), toy_faces(128), schedule=schedule,
        augmentation=Augmentation(flip_share=0, rotation_deg=5, erase_share=0), seed=seed, keep=keep,
        machine=Machine(checkpoint_steps=7), listener=stop,
    )  # fmt: skip


def same(first: FaceExpert, second: FaceExpert) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_it_learns_classes_and_units_and_the_same_seed_gives_the_same_weights() -> None:
    first, second = run(1), run(1)
    corpus = toy_faces(128)
    tokens = first.tokens(torch.from_numpy(corpus.faces).unsqueeze(1))
    assert (first.head(tokens).argmax(dim=1).numpy() == corpus.shares.argmax(axis=1)).mean() > 0.95
    intensity, present = first.units(tokens)
    assert np.corrcoef(intensity[:, 0].detach(), corpus.units[:, 0])[0, 1] > 0.9
    assert ((present[:, 0].detach().numpy() > 0.5) == (corpus.units[:, 0] == 1)).mean() > 0.95
    assert same(first, second)


def test_a_run_that_was_interrupted_ends_with_the_weights_of_one_that_was_not(tmp_path: Path) -> None:
    keep = tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(3, epochs=2, keep=keep, stop_after=10)
    assert same(run(3, epochs=2, keep=keep), run(3, epochs=2))
    keep.write_bytes(keep.read_bytes()[:-4096])
    with pytest.raises(BadInput, match="checkpoint"):
        run(3, epochs=2, keep=keep)


def test_an_interrupted_run_does_not_go_on_with_other_data(tmp_path: Path, monkeypatch) -> None:
    keep = tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(3, epochs=2, keep=keep, stop_after=10)
    monkeypatch.setitem(globals(), "toy_faces", lambda count, made=toy_faces: made(count).where(np.arange(count)[::-1]))
    with pytest.raises(BadInput, match="other data"):
        run(3, epochs=2, keep=keep)
    monkeypatch.setattr(Corpus, "digest", "")  # the twin: nothing tells them apart, and both are mixed
    with pytest.raises(KeyboardInterrupt):
        run(3, epochs=2, keep=tmp_path / "other", stop_after=10)
    run(3, epochs=2, keep=tmp_path / "other")


def test_a_checkpoint_without_momentum_would_not_end_with_the_same_weights(tmp_path: Path, monkeypatch) -> None:
    keep = tmp_path / "run.safetensors"
    monkeypatch.setattr(checkpoint, "_parameters", lambda optimizer: [])
    with pytest.raises(KeyboardInterrupt):
        run(3, epochs=2, keep=keep, stop_after=10)
    assert not same(run(3, epochs=2, keep=keep), run(3, epochs=2))


def test_augmentation_keeps_shape_and_range_and_follows_its_seed() -> None:
    faces = torch.rand(8, 1, 48, 48) * 2 - 1
    once = augment(faces, Augmentation(), torch.Generator().manual_seed(4))
    again = augment(faces, Augmentation(), torch.Generator().manual_seed(4))
    assert once.shape == faces.shape and once.abs().max() <= 1 and torch.equal(once, again)
    assert not torch.equal(once, augment(faces, Augmentation(), torch.Generator().manual_seed(5)))


def test_soft_cross_entropy_by_hand() -> None:
    logits, target = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.25, 0.75]])
    assert soft_cross_entropy(logits, target, torch.ones(2)).item() == pytest.approx(np.log(2))


def test_rare_classes_weigh_more_and_the_mean_weight_is_one() -> None:
    shares = torch.tensor([[1.0, 0.0]] * 9 + [[0.0, 1.0]])
    weights = class_weights(shares, 0.5)
    assert weights[1] > weights[0] and (weights * shares.mean(dim=0)).sum().item() == pytest.approx(1)


def test_the_rate_warms_up_and_ends_at_zero() -> None:
    assert rate_share(0, 1000, 0.05) == pytest.approx(0.02)
    assert rate_share(50, 1000, 0.05) == pytest.approx(1)
    assert rate_share(999, 1000, 0.05) < 1e-5


def test_the_temperature_undoes_a_planted_one() -> None:
    rng = torch.Generator().manual_seed(2)
    logits = torch.randn(4000, 5, generator=rng) * 2
    drawn = torch.multinomial(torch.softmax(logits, dim=1), 1, generator=rng)[:, 0]
    assert temperature(logits * 3, torch.eye(5)[drawn]) == pytest.approx(3, rel=0.08)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_recipes_match_their_cards(path: Path) -> None:
    read, digest = recipe.read(path)
    if isinstance(read, recipe.ClipsRecipe):  # for who holds the data; most of it is for research only
        assert not list(RECIPES.parent.glob(f"{read.name}.*"))
        return
    shipped = tomllib.loads((RECIPES.parent / f"{read.name}.card.toml").read_text())
    weights = (RECIPES.parent / shipped["weights"]["file"]).read_bytes()
    assert hashlib.sha256(weights).hexdigest() == shipped["weights"]["sha256"]
    assert shipped["training"]["recipe_sha256"] == digest
    assert shipped["limits"] == list(read.card.limits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("kind = 'nose'", "kind"),
        ("kind = 'face'\nname = 'x'\nseed = 1\ncolour = 2", "colour"),
        ("kind = ", "TOML"),
        ("kind = ['face']", "kind"),
        ("kind = 'face'\nname = 'x'", "no key 'seed'"),
    ],
)
def test_a_bad_recipe_is_named_by_its_key(tmp_path: Path, change: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(change)
    with pytest.raises(BadInput, match=message):
        recipe.read(path)


def test_the_card_carries_measured_figures_and_the_digest_of_the_weights(tmp_path: Path) -> None:
    read, digest = recipe.read(RECIPES / "voice-emodb.toml")
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 60).astype(np.int16)
    right = np.where(rng.random(60) < 0.8, truth, 1 - truth)
    probability = np.where(np.eye(2, dtype=bool)[right], 0.75, 0.25).astype(np.float32)
    people = tuple(f"s{k % 12}" for k in range(60))
    sexes = tuple("female" if k % 12 < 6 else "male" for k in range(60))
    held_out = HeldOut("toy", "twelve people", tuple(map(str, range(60))), people, ("calm", "loud"), truth, probability,
                       {"sex": sexes})  # fmt: skip
    trained = Trained({"linear.weight": torch.ones(2, 3)}, {"kind": "voice"}, held_out, 60)
    weights, written = card.write(tmp_path, read, digest, trained, figures(held_out, recognizer="toy"))
    text = tomllib.loads(written.read_text())
    assert text["weights"]["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    accuracy = next(row for row in text["figures"] if row["metric"] == "accuracy" and row["slice"] == "overall")
    assert accuracy["value"] == pytest.approx(np.mean(right == truth), abs=1e-4)
    assert accuracy["low"] < accuracy["value"] < accuracy["high"] and accuracy["clusters"] == 12
    assert {row["slice"] for row in text["figures"]} == {"overall", "sex=female", "sex=male"}
