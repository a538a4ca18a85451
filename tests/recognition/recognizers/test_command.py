"""A program as a recognizer: what it is given, what it is not, and what is left of its failures."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import foreign_tables as tables
import guests
import open_door
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers import command
from vemo_audit.recognition.recognizers.command import Command
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction

NOTES = """
import json, os, sys
told = {"argv": sys.argv[1:], "environment": dict(os.environ), "folder": sorted(os.listdir()), "cwd": os.getcwd()}
open(NOTE, "w").write(json.dumps(told))
"""


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the library makes its folders in these tests, so that anything left behind is seen."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(command.tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> AdmittedClip:
    return open_door.admit(open_door.film(tmp_path / "film.mp4"), "face")


def asked(clip: AdmittedClip, argv: list[str], **options: Any) -> list[Prediction]:
    return list(Command(argv, labels=options.pop("labels", EKMAN.names), **options).recognize(clip))


def test_the_table_comes_back_under_the_name_of_the_clip(tmp_path: Path, clip: AdmittedClip) -> None:
    (only,) = asked(clip, guests.program(tmp_path))
    assert only.clip == "film.mp4" and only.probability is not None
    assert only.span.end_s == 1.0  # ten frames came through
    assert only.decision == "d1" and only.trace


def test_it_gets_a_masked_copy_an_empty_environment_and_no_name(
    tmp_path: Path, clip: AdmittedClip, monkeypatch: pytest.MonkeyPatch, own_temporary_folder: Path
) -> None:
    import json

    monkeypatch.setenv("SECRET", "1")
    note = tmp_path / "note.json"
    asked(clip, guests.program(tmp_path, f"NOTE = {str(note)!r}{NOTES}{guests.PROGRAM}"))
    told = json.loads(note.read_text())
    assert set(told["environment"]) <= {"LC_CTYPE"}  # which Python sets for itself
    assert "film" not in "".join(told["argv"]) and told["folder"] == ["clip.mp4"]
    assert str(clip.clip.path.parent) != told["cwd"] and not Path(told["cwd"]).exists()
    assert not list(own_temporary_folder.iterdir())


def test_what_is_stated_of_the_environment_is_there(tmp_path: Path, clip: AdmittedClip) -> None:
    text = f"import os, sys\nif os.environ.get('MODEL') != 'a': sys.exit(9)\n{guests.PROGRAM}"
    assert asked(clip, guests.program(tmp_path, text), environment={"MODEL": "a"})
    with pytest.raises(BadInput, match="exit code 9"):
        asked(clip, guests.program(tmp_path, text))


def test_exit_code_and_last_words_are_kept_and_the_folder_is_gone(
    tmp_path: Path, clip: AdmittedClip, own_temporary_folder: Path
) -> None:
    text = "import sys\nsys.stderr.write('x' * 5000 + ' no model found\\n')\nsys.exit(3)"
    with pytest.raises(BadInput, match=r"exit code 3.*last words.*no model found") as stopped:
        asked(clip, guests.program(tmp_path, text))
    assert len(stopped.value.advice) < 2100 and not list(own_temporary_folder.iterdir())


class Spilled(command.LastWords):
    """A broken copy: it keeps all that is said."""

    def _read(self, said: Any) -> None:
        with said:
            self._end = said.read()


@pytest.mark.parametrize("words", [command.LastWords, Spilled])
def test_what_a_program_says_without_end_fills_neither_disk_nor_memory(
    tmp_path: Path, clip: AdmittedClip, own_temporary_folder: Path, monkeypatch: pytest.MonkeyPatch, words: type
) -> None:
    made, largest = [], []
    monkeypatch.setattr(command, "LastWords", lambda process: made.append(words(process)) or made[-1])
    end = command.end
    monkeypatch.setattr(command, "end", lambda process: (largest.append(sizes(own_temporary_folder)), end(process)))
    text = "import sys\nfor _ in range(300): sys.stderr.write('x' * 100000)\nsys.exit('the end')"
    with pytest.raises(BadInput, match="the end"):
        asked(clip, guests.program(tmp_path, text))
    assert largest and largest[0] < 1_000_000  # the masked copy and nothing else
    assert (len(made[0]._end) <= command.TAIL_BYTES) == (words is not Spilled)


def sizes(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def test_the_last_words_are_told_though_a_child_that_went_away_holds_the_line(
    tmp_path: Path, clip: AdmittedClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "LINGER_S", 0.2)
    note = tmp_path / "child"
    text = f"""
import subprocess, sys
away = [sys.executable, "-c", "import time; time.sleep(60)"]
open({str(note)!r}, "w").write(str(subprocess.Popen(away, start_new_session=True).pid))
sys.exit("gone")
"""
    try:
        with pytest.raises(BadInput, match="gone"):
            asked(clip, guests.program(tmp_path, text))
    finally:
        os.kill(int(note.read_text()), 9)


def test_a_line_of_a_megabyte_is_no_table(tmp_path: Path, clip: AdmittedClip) -> None:
    text = guests.PROGRAM + "open(sys.argv[2], 'a').write('a' * 1000000 + chr(10))"
    with pytest.raises(BadInput, match=r"cannot be read|cells") as stopped:
        asked(clip, guests.program(tmp_path, text))
    assert len(str(stopped.value)) < 1000


def test_a_program_that_does_not_end_is_ended_with_its_children(tmp_path: Path, clip: AdmittedClip) -> None:
    note = tmp_path / "child"
    text = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({str(note)!r}, "w").write(str(child.pid))
time.sleep(60)
"""
    started = time.monotonic()
    with pytest.raises(BadInput, match="no end within 3 s"):
        asked(clip, guests.program(tmp_path, text), timeout_s=3)
    assert time.monotonic() - started < 30
    for _ in range(100):
        if not alive(int(note.read_text())):
            return
        time.sleep(0.05)
    raise AssertionError("a child outlived its program")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_no_shell_reads_the_arguments(tmp_path: Path, clip: AdmittedClip) -> None:
    trap = tmp_path / "trap"
    asked(clip, [*guests.program(tmp_path), f"; touch {trap}", f"$(touch {trap})"])
    assert not trap.exists()


def test_sound_goes_only_with_the_voice(tmp_path: Path) -> None:
    text = "import sys\nif bool(sys.argv[3]) != (sys.argv[4] == 'sound'): sys.exit(7)\n" + guests.PROGRAM
    film = open_door.film(tmp_path / "film.mp4", sound_s=1.0)
    argv = [*guests.program(tmp_path, text), "{sound}"]
    assert Command(argv, labels=EKMAN.names).card.modalities == ("face", "voice")
    assert asked(open_door.admit(film, "face"), [*argv, "none"])
    assert asked(open_door.admit(film, "face", "voice"), [*argv, "sound"])
    with pytest.raises(BadInput, match="exit code 7"):  # the twin: the program would notice
        asked(open_door.admit(film, "face", "voice"), [*argv, "none"])


def test_other_tables_are_read_and_other_labels_refused(tmp_path: Path, clip: AdmittedClip) -> None:
    made = tables.libreface(tmp_path / "made.csv", [(0.0, "Happiness"), (500.0, "Sadness")])
    text = f"import shutil, sys\nshutil.copyfile({str(made)!r}, sys.argv[2])"
    labels = (*EKMAN.names, "contempt")
    found = asked(clip, guests.program(tmp_path, text), layout="libreface", labels=labels, window_s=0.5)
    assert [EKMAN.names[int(one.probability.argmax())] for one in found if one.probability is not None] == [
        "happiness", "sadness",
    ]  # fmt: skip
    with pytest.raises(BadInput, match="contempt"):
        asked(clip, guests.program(tmp_path, text), layout="libreface")
    with pytest.raises(BadInput, match="no table"):
        asked(clip, guests.program(tmp_path, "pass"))
    with pytest.raises(BadInput, match="at most 10"):
        asked(clip, guests.program(tmp_path), most_bytes=10)


def test_a_file_that_is_no_program_is_said_so(tmp_path: Path, clip: AdmittedClip) -> None:
    (tmp_path / "text").write_text("no program")
    (tmp_path / "text").chmod(0o755)
    with pytest.raises(BadInput, match="does not start"):
        asked(clip, [str(tmp_path / "text"), "{clip}", "{out}"])


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["x"],
        "tool {clip} {out}",
        [sys.executable, "{clip}"],
        ["/no/such/tool", "{clip}", "{out}"],
        [sys.executable, 1, "{clip}", "{out}"],
    ],
)
def test_a_template_that_cannot_work_is_refused(argv: Any) -> None:
    with pytest.raises(BadInput):
        Command(argv, labels=EKMAN.names)
