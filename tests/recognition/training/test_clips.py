"""Training on published layouts: from a folder to weights and card, with people kept apart and crops kept on disk."""

import tomllib
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import published_trees as trees
import pytest
from typer.testing import CliRunner

from vemo_audit.cli.app import app
from vemo_audit.errors import BadInput
from vemo_audit.probe.faces import FacesSettings, faces
from vemo_audit.recognition.network.face_expert import FaceExpert
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.training import clip_crops, clips, recipe
from vemo_audit.records.labels import EKMAN

RECIPES = Path(__file__).parents[3] / "models" / "recipes"
SETS = ("dfew", "mafw", "cremad", "ravdess", "affectnet", "rafdb")


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Rendered faces `[N, H, W, 3]`."""
    return np.concatenate([images for _, images, _ in faces(FacesSettings(identities=2, frames=3, side_px=112))])


def still(picture: np.ndarray):
    return lambda path: cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


def film(images: np.ndarray):
    def fill(path: Path) -> None:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = images.shape[2], images.shape[1], "yuv420p"
            for image in images:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())

    return fill


def small(name: str, folder: Path, **data: object) -> Path:
    """The recipe of a set, cut to a few steps on tiny crops."""
    text = (RECIPES / f"{name}.toml").read_text()
    cuts = (("resnet18-half", "resnet18-w24"), ("size_px = 48", "size_px = 16"), ("batch = 128", "batch = 2"))
    for old, new in (*cuts, ("peak_rate = 0.1", "peak_rate = 0.01")):
        text = text.replace(old, new)
    lines = ["epochs = 1" if line.startswith("epochs") else line for line in text.splitlines()]
    for key, value in data.items():
        lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in lines]
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("name", SETS)
def test_every_recipe_can_be_read_and_says_its_licence(name: str) -> None:
    found, _ = recipe.read(RECIPES / f"{name}.toml")
    assert isinstance(found, recipe.ClipsRecipe) and found.data.source == name
    assert ("esearch only" in found.card.licence) == (name != "cremad")
    assert any("no figure was ever measured" in limit for limit in found.card.limits)


def test_rafdb_trains_from_folder_to_card_by_one_command(tmp_path: Path, pictures: np.ndarray) -> None:
    trees.rafdb(tmp_path / "rafdb", still(pictures[0]))
    out = tmp_path / "out"
    call = ["train", str(small("rafdb", tmp_path)), "--data", str(tmp_path), "--out", str(out), "--device", "cpu"]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    card = tomllib.loads((out / "face-rafdb.card.toml").read_text())
    assert card["kind"] == "face" and card["reading"]["labels"] == ",".join(EKMAN.names)
    assert card["training"]["rows"] == 3  # one of four is kept back
    assert "esearch only" in card["licence"] and (out / "face-rafdb.safetensors").is_file()
    assert any(figure["slice"] != "all" for figure in card["figures"])


def test_ravdess_keeps_actors_apart_and_answers_per_clip(tmp_path: Path, pictures: np.ndarray) -> None:
    root = trees.ravdess(tmp_path / "ravdess", film(pictures[:4]))
    chosen, _ = recipe.read(small("ravdess", tmp_path, held_out_actors="[3, 4]", frames=2))
    trained = clips.train_clips(chosen, root, tmp_path / "crops")
    assert set(trained.held_out.subjects) == {"3", "4"} and set(trained.held_out.traits["sex"]) == {"male", "female"}
    assert len(trained.held_out.rows) == 6  # three clips each: calm is left out, and told
    assert "have a class outside the seven" in trained.held_out.split
    np.testing.assert_allclose(trained.held_out.probability.sum(axis=1), 1, atol=1e-5)
    assert trained.trained_rows == 3 * 2  # one of two actors is kept back; two frames of each clip


def test_parts_share_no_actor(tmp_path: Path, pictures: np.ndarray) -> None:
    root = trees.cremad(tmp_path / "cremad", film(pictures[:2]))
    chosen, _ = recipe.read(small("cremad", tmp_path, held_out_actors="[1004]", frames=1))
    prepared = clips.prepare(chosen, root, tmp_path / "crops")
    parts = [{item.subject for item in part.items} for part in (prepared.learn, prepared.kept_back, prepared.held_out)]
    assert all(parts) and not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    for wrong in ((), (9999,), (1001, 1002, 1003, 1004)):
        with pytest.raises(BadInput, match="held_out_actors"):
            clips.opened(replace(chosen.data, held_out_actors=wrong), root)
    table = clips.as_sequences(prepared.learn)
    assert len(table) == len(prepared.learn) and np.isnan(table.units).all() and table.mask.all()


def test_published_folds_are_kept(tmp_path: Path, pictures: np.ndarray) -> None:
    chosen, _ = recipe.read(small("dfew", tmp_path, frames=1))
    learn, out, words = clips.opened(chosen.data, trees.dfew(tmp_path / "dfew"))
    assert (len(learn.items), len(out.items), words) == (3, 2, "published fold 1")
    chosen, _ = recipe.read(small("mafw", tmp_path))
    assert "contempt" not in {item.label for item in clips.opened(chosen.data, trees.mafw(tmp_path / "mafw"))[1].items}
    chosen, _ = recipe.read(small("affectnet", tmp_path))
    assert len(clips.opened(chosen.data, trees.affectnet(tmp_path / "affectnet"))[0].items) == 4


@pytest.mark.parametrize("name", ["dfew", "mafw"])
def test_a_clip_in_both_parts_is_refused(tmp_path: Path, pictures: np.ndarray, monkeypatch, name: str) -> None:
    root = getattr(trees, name)(tmp_path / name, film(pictures[:2]))
    train = next(root.rglob("train(single-labeled)/set_1.csv" if name == "dfew" else "set_1/train.txt"))
    test = next(root.rglob("test(single-labeled)/set_1.csv" if name == "dfew" else "set_1/test.txt"))
    chosen, _ = recipe.read(small(name, tmp_path, frames=1))
    clips.prepare(chosen, root, tmp_path / "c")
    test.write_text(test.read_text() + train.read_text().splitlines()[-1] + "\n")
    with pytest.raises(BadInput, match="in both parts"):
        clips.prepare(chosen, root, tmp_path / "c")
    monkeypatch.setattr(clips, "demand_apart", lambda learn, out, *, where: None)  # the twin: it is scored on itself
    prepared = clips.prepare(chosen, root, tmp_path / "c")
    learned = {item.name for part in (prepared.learn, prepared.kept_back) for item in part.items}
    assert learned & {item.name for item in prepared.held_out.items}


def test_an_interrupted_preparation_goes_on_and_damage_is_made_again(
    tmp_path: Path, pictures: np.ndarray, monkeypatch
) -> None:
    paths = [tmp_path / f"{k}.png" for k in range(3)]
    for k, path in enumerate(paths):
        still(pictures[k])(path)
    cut, made = clip_crops._cut, []
    monkeypatch.setattr(clip_crops, "_cut", lambda path, *args, **rest: made.append(path) or cut(path, *args, **rest))

    def crops(which: list[Path], **other: int) -> list[clip_crops.ClipCrops]:
        return clip_crops.crops_of(which, detector, tmp_path / "c", **({"size_px": 16, "frames": 2} | other))

    detector = FaceDetector()
    first = crops(paths[:2])
    again = crops(paths)
    assert made == paths
    np.testing.assert_array_equal(first[0].crops, again[0].crops)
    assert again[0].mask.all() and again[0].crops.any()
    kept = sorted((tmp_path / "c").rglob("*.npz"))
    kept[0].write_bytes(kept[0].read_bytes()[:40])
    crops(paths)
    assert len(made) == 4  # the damaged one
    crops(paths[:1], size_px=24)
    assert len(made) == 5  # other settings are another key


def test_frames_stand_at_even_distances_and_no_face_is_masked(tmp_path: Path, pictures: np.ndarray) -> None:
    film(np.repeat(pictures[:1], 10, axis=0))(tmp_path / "a.mp4")
    found, times = clip_crops.pictures_of(tmp_path / "a.mp4", 2)
    assert len(found) == 2 and times == pytest.approx([0, 0.5])  # frames 2 and 7 of ten at 10 a second
    still(np.full_like(pictures[0], 90))(tmp_path / "grey.png")
    (clip,) = clip_crops.crops_of([tmp_path / "grey.png"], FaceDetector(), tmp_path / "c", size_px=16, frames=1)
    assert not clip.mask.any() and not clip.crops.any()


@pytest.mark.parametrize("name", ["broken.mp4", "broken.jpg"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not media")
    with pytest.raises(BadInput, match="cannot be read"):
        clip_crops.pictures_of(tmp_path / name, 2)


def test_a_clip_is_the_mean_of_its_frames_with_a_face(tmp_path: Path, pictures: np.ndarray) -> None:
    chosen, _ = recipe.read(small("dfew", tmp_path))
    network = FaceExpert(chosen.network).eval()
    crops = np.random.default_rng(1).integers(0, 255, (2, 3, 16, 16)).astype(np.uint8)
    mask = np.array([True, False, True])
    other = crops[0].copy()
    other[1] = 0
    made = [clip_crops.ClipCrops(c, mask, np.arange(3.0)) for c in (crops[0], other)]
    item = trees_item(tmp_path)
    logits = clips.clip_logits(network, clips.Part((item, item), tuple(made), np.zeros(2, np.int64)))
    assert np.allclose(logits[0].numpy(), logits[1].numpy())


def trees_item(folder: Path):
    from vemo_audit.datasets.published_media import Item

    return Item("a", folder / "a.mp4", "happy", "a")
