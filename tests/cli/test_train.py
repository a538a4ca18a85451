"""`vemo-audit train` says what is wrong before an hour is spent, and writes nothing outside its folder."""

from pathlib import Path

import published_trees as trees
import pytest
from typer.testing import CliRunner

from vemo_audit.cli.app import app
from vemo_audit.errors import BadInput
from vemo_audit.recognition.network import devices
from vemo_audit.recognition.training import landing, ranges

RECIPES = Path(__file__).parents[2] / "models" / "recipes"


def trained(recipe: Path, tmp_path: Path, *, out: str = "out", device: str = "cpu") -> None:
    call = ["train", str(recipe), "--data", str(tmp_path), "--out", str(tmp_path / out), "--device", device]
    done = CliRunner().invoke(app, call)
    assert done.exception is not None
    raise done.exception


@pytest.mark.parametrize("name", ["voice-emodb", "temporal-rendered", "fusion-paired", "rafdb", "face-ferplus"])
def test_an_unknown_device_is_refused_whatever_is_trained(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="the device 'banana'"):
        trained(RECIPES / f"{name}.toml", tmp_path, device="banana")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["voice-emodb", "temporal-rendered", "fusion-paired", "rafdb", "face-ferplus"])
def test_missing_data_is_told_before_anything_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=str(tmp_path)):
        trained(RECIPES / f"{name}.toml", tmp_path)
    assert not [file for file in (tmp_path / "out").rglob("*") if file.is_file()]


def test_the_table_of_the_teacher_is_looked_for_before_the_first_face(tmp_path: Path) -> None:
    (tmp_path / "ferplus").mkdir()
    for split in ("train", "valid"):
        (tmp_path / "ferplus" / f"{split}.parquet").write_bytes(b"not read yet")
    with pytest.raises(BadInput, match="ferplus-units"):
        trained(RECIPES / "face-ferplus.toml", tmp_path)


def test_a_file_in_the_place_of_the_folder_is_told_before_the_data_is_read(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    with pytest.raises(BadInput, match="cannot be written"):
        trained(RECIPES / "rafdb.toml", tmp_path)
    assert (tmp_path / "out").read_bytes() == b"mine"
    monkeypatch.setattr(landing, "place", lambda folder: folder)  # the twin: the data comes first
    with pytest.raises(BadInput, match="aligned pictures"):
        trained(RECIPES / "rafdb.toml", tmp_path)


def test_no_name_leads_out_of_the_folder(tmp_path: Path, monkeypatch) -> None:
    trees.rafdb(tmp_path / "rafdb")
    recipe = tmp_path / "r.toml"
    recipe.write_text((RECIPES / "rafdb.toml").read_text().replace('"face-rafdb"', '"../face"'))
    with pytest.raises(BadInput, match="no folder"):
        trained(recipe, tmp_path)
    monkeypatch.setattr(ranges, "demand", lambda chosen, *, where: None)  # the twin: it goes on to the pictures
    with pytest.raises(BadInput, match="cannot be read"):
        trained(recipe, tmp_path)


@pytest.mark.parametrize("name", ["voice-emodb", "temporal-rendered", "fusion-paired"])
def test_a_device_that_a_recipe_would_not_use_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(devices, "chosen", lambda asked: asked)  # as where there is a GPU
    with pytest.raises(BadInput, match="--device cuda for a"):
        trained(RECIPES / f"{name}.toml", tmp_path, device="cuda")
    with pytest.raises(BadInput, match=str(tmp_path)):  # the twin: on the CPU only the data are missing
        trained(RECIPES / f"{name}.toml", tmp_path, device="cpu")
