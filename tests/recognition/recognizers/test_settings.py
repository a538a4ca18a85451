"""Options of our recognizer: what a plan or a command may say, and what each refusal tells."""

from dataclasses import fields
from pathlib import Path

import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers import settings
from vemo_audit.recognition.recognizers.settings import RANGES, Settings, chosen, file_digest
from vemo_audit.records.digest import sha256_hex

REFUSED = [
    ({"foo": 1}, "the option 'foo'", "hop_s"), ({"window_s": "abc"}, "window_s = 'abc'", "0.1 to 60"),
    ({"window_s": True}, "window_s = True", "a number"), ({"window_s": float("inf")}, "window_s = inf", "0.1 to 60"),
    ({"window_s": float("nan")}, "window_s = nan", "0.1 to 60"),
    ({"token_rate_hz": 0}, "token_rate_hz = 0", "1 to 240"),
    ({"least_quality": 2}, "least_quality = 2", "0 to 1"),
    ({"face_reliability": 0}, "face_reliability = 0", "0.01 to 1"),
    ({"voice_window_s": -3}, "voice_window_s = -3", "0.1 to 60"), ({"face": 3}, "face = 3", "words"),
    ({"hop_s": 2.0}, "hop_s = 2 over window_s = 1", "no longer"),
]  # fmt: skip


def test_nothing_said_is_the_defaults_and_a_whole_number_is_the_same_as_its_fraction() -> None:
    assert chosen({}) == Settings()
    assert chosen({"window_s": 2}) == chosen({"window_s": 2.0}) == Settings(window_s=2.0)
    assert repr(chosen({"window_s": 2}).window_s) == "2.0"
    assert chosen({"transcript": Path("a.srt")}).transcript == "a.srt"


def test_every_number_has_a_range_that_holds_its_default() -> None:
    numbers = {one.name: one.default for one in fields(Settings) if isinstance(one.default, float)}
    assert numbers.keys() == RANGES.keys()
    assert all(RANGES[name][0] <= value <= RANGES[name][1] for name, value in numbers.items())


@pytest.mark.parametrize(("options", "found", "expected"), REFUSED)
def test_nonsense_is_refused_with_what_was_found_and_expected(options: dict, found: str, expected: str) -> None:
    with pytest.raises(BadInput) as error:
        chosen(options)
    assert found in str(error.value) and expected in str(error.value) and settings.WHERE in str(error.value)


def test_twin_without_ranges_nonsense_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_demand_number", lambda name, value: None)
    assert chosen({"least_quality": 2}).least_quality == 2.0


def test_a_file_beside_the_clip_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "words.srt"
    path.write_bytes(b"1\n")
    assert file_digest(str(path)) == sha256_hex(b"1\n")
    with pytest.raises(BadInput, match="no readable transcript"):
        file_digest(str(tmp_path / "absent.srt"))
