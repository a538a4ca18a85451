"""What training writes is there whole or not at all, and a place that takes nothing is told in words and in time."""

from pathlib import Path

import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.training import landing


def full(self: Path, data: bytes) -> int:
    """A disk that takes half of it."""
    with self.open("wb") as file:
        file.write(data[: len(data) // 2])
    raise OSError(28, "No space left on device")


def test_a_file_replaces_its_predecessor_whole(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        landing.land(tmp_path / "a" / "b.bin", content)
    assert (tmp_path / "a" / "b.bin").read_bytes() == b"second"
    assert [one.name for one in (tmp_path / "a").iterdir()] == ["b.bin"]


def test_on_a_full_disk_the_earlier_file_stays_and_nothing_half_written_does(tmp_path: Path, monkeypatch) -> None:
    landing.land(tmp_path / "b.bin", b"first")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadInput, match="No space left"):
        landing.land(tmp_path / "b.bin", b"second")
    assert [one.name for one in tmp_path.iterdir()] == ["b.bin"]
    assert (tmp_path / "b.bin").read_bytes() == b"first"


def test_without_clearing_up_half_a_file_would_stay(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(landing, "_taken_away", lambda path: None)
    with pytest.raises(BadInput, match="No space left"):
        landing.land(tmp_path / "b.bin", b"second")
    assert [one.name for one in tmp_path.iterdir()] == ["b.bin.part"]


def test_a_place_is_made_and_left_empty(tmp_path: Path) -> None:
    assert not list(landing.place(tmp_path / "new" / "out").iterdir())


@pytest.mark.parametrize("below", ["", "inner"])
def test_a_file_is_no_place(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(BadInput, match="cannot be written"):
        landing.place(tmp_path / "file" / below)
