"""A recipe whose numbers mean nothing is refused by its key before any data is read."""

from pathlib import Path

import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.training import ranges, recipe

RECIPES = Path(__file__).parents[3] / "models" / "recipes"


def changed(name: str, folder: Path, old: str, new: str) -> recipe.Recipe:
    """A shipped recipe with one line changed."""
    lines = (RECIPES / f"{name}.toml").read_text().splitlines()
    hit = [k for k, line in enumerate(lines) if line.startswith(old)]
    assert len(hit) == 1, (old, hit)
    lines[hit[0]] = new
    (folder / "r.toml").write_text("\n".join(lines))
    return recipe.read(folder / "r.toml")[0]


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_is_in_range(path: Path) -> None:
    ranges.demand(recipe.read(path)[0], where=path.name)


@pytest.mark.parametrize(
    ("name", "old", "new", "key"),
    [
        ("rafdb", "name =", 'name = "../../elsewhere"', "name = '../../elsewhere'"),
        ("rafdb", "name =", 'name = "a/b"', "name = 'a/b'"),
        ("rafdb", "name =", 'name = ""', "name = ''"),
        ("rafdb", "seed =", "seed = -1", "seed = -1"),
        ("rafdb", "epochs =", "epochs = 0", "schedule.epochs = 0"),
        ("rafdb", "batch =", "batch = 1", "schedule.batch = 1"),
        ("rafdb", "peak_rate =", "peak_rate = nan", "schedule.peak_rate = nan"),
        ("rafdb", "peak_rate =", "peak_rate = -1", "schedule.peak_rate = -1"),
        ("rafdb", "held_back_share =", "held_back_share = 0", "data.held_back_share = 0"),
        ("rafdb", "held_back_share =", "held_back_share = 2", "data.held_back_share = 2"),
        ("rafdb", "split_seed =", "split_seed = -3", "data.split_seed = -3"),
        ("rafdb", "size_px =", "size_px = 0", "network.size_px = 0"),
        ("rafdb", "flip_share =", "flip_share = 1.5", "augmentation.flip_share = 1.5"),
        ("rafdb", "temporal =", "classes = 8", "network.classes = 8"),
        ("rafdb", "temporal =", "units = 20", "network.units = 20"),
        ("rafdb", "temporal =", "classes = 0\nunits = 20", "network.classes = 0"),
        ("dfew", "frames =", "frames = 0", "data.frames = 0"),
        ("voice-emodb", "reach =", "reach = []", r"reach = \[\]"),
        ("voice-emodb", "penalty =", "penalty = [0.0]", "fit.penalty = 0"),
        ("fusion-paired", "steps =", "steps = 0", "fit.steps = 0"),
        ("temporal-rendered", "modules =", 'modules = ["gru"]', r"modules = \['gru'\]"),
        ("temporal-rendered", "modules =", 'modules = ["mean", "banana"]', "banana"),
        ("face-ferplus", "sources =", 'sources = ["fairface"]', "network.classes = 7"),
    ],
)
def test_what_means_nothing_is_refused_by_its_key(tmp_path: Path, name: str, old: str, new: str, key: str) -> None:
    with pytest.raises(BadInput, match=key):
        ranges.demand(changed(name, tmp_path, old, new), where="r.toml")


def test_units_need_a_teacher(tmp_path: Path) -> None:
    text = (RECIPES / "face-ferplus.toml").read_text().replace('"ferplus", "fairface", "rendered"', '"ferplus"')
    (tmp_path / "taught.toml").write_text(text)
    ranges.demand(recipe.read(tmp_path / "taught.toml")[0], where="taught.toml")
    lines = [line for line in text.splitlines() if not line.startswith("unit_table")]
    (tmp_path / "untaught.toml").write_text("\n".join(lines))
    with pytest.raises(BadInput, match="no data that teaches"):
        ranges.demand(recipe.read(tmp_path / "untaught.toml")[0], where="untaught.toml")


def test_without_the_least_values_nothing_learned_would_pass(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(ranges, "LEAST", {})
    ranges.demand(changed("rafdb", tmp_path, "epochs =", "epochs = 0"), where="r.toml")
