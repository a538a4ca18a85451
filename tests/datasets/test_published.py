"""Tables of data to learn from: damage is told by file and column, never by another library's words alone."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from vemo_audit.datasets import emodb, fairface, ferplus
from vemo_audit.datasets.published import read_parquet
from vemo_audit.errors import BadInput

LOADERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "FER+": ("train.parquet", lambda folder: ferplus.load(folder, "train")),
    "FairFace": ("train_128.parquet", lambda folder: fairface.load(folder, "train")),
    "EmoDB": ("utterances.parquet", lambda folder: list(emodb.utterances(folder))),
}


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("content", [b"", b"PAR1 no table", b"PAR1" + bytes(200) + b"PAR1"])
def test_a_damaged_table_is_told_by_its_path(tmp_path: Path, name: str, content: bytes) -> None:
    file, load = LOADERS[name]
    (tmp_path / file).write_bytes(content)
    with pytest.raises(BadInput, match=f"{file}.*cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("name", LOADERS)
def test_a_missing_column_is_named(tmp_path: Path, name: str) -> None:
    file, load = LOADERS[name]
    parquet.write_table(pa.table({"other": [1]}), tmp_path / file)
    with pytest.raises(BadInput, match=f"{file}.*no column"):
        load(tmp_path)


def test_a_whole_table_comes_back(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet", ("b",)).column("b").to_pylist() == ["x", "y"]


def test_an_utterance_without_its_sound_is_named(tmp_path: Path) -> None:
    row = {"file": "gone.flac", "utterance": "u", "speaker": "03", "sex": "male", "emotion": "anger"}
    parquet.write_table(pa.Table.from_pylist([row]), tmp_path / "utterances.parquet")
    (only,) = emodb.utterances(tmp_path)
    with pytest.raises(BadInput, match=r"gone\.flac.*no readable sound"):
        emodb.samples(only)
    only.path.write_bytes(b"no sound at all")
    with pytest.raises(BadInput, match=r"gone\.flac: 0 samples"):
        emodb.samples(only)
