"""A recognizer that is a program: it gets a masked copy of the clip and writes a table of answers."""

import os
import shutil
import signal
import subprocess
import tempfile
import wave
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import IO, Any

import numpy as np

from vemo_audit.errors import BadInput
from vemo_audit.media import decode
from vemo_audit.media.encode import VideoWriter
from vemo_audit.recognition.recognizers.layouts.known import OWN, Choice
from vemo_audit.recognition.recognizers.replay import Replay
from vemo_audit.recognition.recognizers.windows import STILL_S
from vemo_audit.records import reasons
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.digest import digest, sha256_hex
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span

CLIP, OUT, SOUND = "{clip}", "{out}", "{sound}"
STEM = "clip"
"""The program never learns the name of the clip: its copy, and the clip in its table, are called this."""
TAIL_BYTES = 2000
LINGER_S = 1.0
"""How long the last words of a program that has ended are waited for."""
FORMATS = (".csv", ".parquet", ".json")
LIMIT = "It saw a masked copy of each clip, encoded again (H.264), never the original."


class Command:
    """Runs `argv`, in which `{clip}` is a masked re-encode of the guarded frames and `{out}` the table to write.

    `{sound}`, if it is there, is a 16 kHz mono WAV of the voice, or an empty argument where the permit does not name
    the voice or the clip has none. `labels` are those of the table that it writes. `layout` and `classes` are as for
    `Replay`; in our own layout the column `clip` holds 'clip'. There is no shell, and the environment holds only what
    `environment` states. The table may have at most `most_bytes`.

    It is the user's own program with the user's own rights: what it gets is limited here, what it does is not.

    Raises BadInput for a template without `{clip}` or `{out}` or with a program that is not there; from `recognize`,
    for a time-out or an exit code other than 0, with the last words on standard error.
    """

    card: RecognizerCard

    def __init__(
        self, argv: Sequence[str], *, labels: Sequence[str], timeout_s: float = 600.0, out: str = ".csv",
        layout: str = OWN, classes: str = "none", mapping: Mapping[str, str] | None = None, window_s: float = 0.0,
        environment: Mapping[str, str] | None = None, most_bytes: int = 1 << 28, name: str = "command",
        version: str = "", training_data: str = "not stated", licence: str = "unknown",
    ) -> None:  # fmt: skip
        words = " ".join(map(str, argv))
        told = not isinstance(argv, str) and all(isinstance(one, str) for one in argv)
        if isinstance(labels, str):
            raise BadInput(f"labels {labels!r}", expected="a list of labels")
        if not told or OUT not in words or not (CLIP in words or SOUND in words):
            raise BadInput(f"argv {argv!r}", expected=f"a list of arguments with {CLIP} (or {SOUND}) and {OUT}")
        program = shutil.which(argv[0])
        if program is None:
            raise BadInput(
                f"the program '{argv[0]}'", expected="a program that can be run", advice="Give its full path."
            )
        if out not in FORMATS or not timeout_s > 0:
            raise BadInput(f"out '{out}' within {timeout_s} s", expected=f"one of {', '.join(FORMATS)}, and a time")
        Choice(layout, classes)
        self._argv = (program, *argv[1:])
        self._timeout_s, self._out, self._most_bytes = timeout_s, out, most_bytes
        self._environment = dict(environment or {})
        foreign = {"classes": classes, "mapping": mapping, "window_s": window_s}
        self._options: dict[str, Any] = {"layout": layout} | ({} if layout == OWN else foreign)
        modalities = tuple(m for m, mark in (("face", CLIP), ("voice", SOUND)) if any(mark in a for a in argv))
        made = digest({
            "argv": list(argv), "program": sha256_hex(Path(program).read_bytes()), "layout": layout, "classes": classes,
            "environment": self._environment, "mapping": dict(mapping or {}), "window_s": str(window_s),
        })  # fmt: skip
        self.card = RecognizerCard(
            name, version, LabelSet(tuple(labels)), modalities, "as the program answers", training_data, licence, made,
            (LIMIT,),
        )  # fmt: skip

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        """What the program wrote for this clip; one that says so when there was nothing for it to see or hear."""
        with tempfile.TemporaryDirectory(prefix="vemo-command-") as folder:
            places = {CLIP: "", SOUND: "", OUT: str(Path(folder) / f"{STEM}{self._out}")}
            picture, sound = Path(folder) / f"{STEM}.mp4", Path(folder) / f"{STEM}.wav"
            if self._takes(CLIP) and clip.permit.modalities & decode.PICTURE and write_masked(clip, picture):
                places[CLIP] = str(picture)
            if self._takes(SOUND) and clip.permit.modalities & decode.VOICE and write_sound(clip, sound):
                places[SOUND] = str(sound)
            if not places[CLIP] and not places[SOUND]:
                whole = Span(0.0, clip.clip.duration_s or STILL_S)
                yield Prediction(
                    clip.clip.name, "", whole, None, reason=reasons.NOTHING_TO_SHOW, decision=clip.permit.decision_id
                )
                return
            self._run(places, Path(folder))
            answers = list(self._read(clip, Path(places[OUT])))
        yield from answers

    def _takes(self, mark: str) -> bool:
        return any(mark in argument for argument in self._argv)

    def _run(self, places: Mapping[str, str], folder: Path) -> None:
        argv = []
        for argument in self._argv:
            for mark, place in places.items():
                argument = argument.replace(mark, place)
            argv.append(argument)
        try:
            process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder,
                env=self._environment, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise BadInput(
                f"a program that does not start ({error.strerror})", where=argv[0], expected="one that can be run"
            ) from None
        last = LastWords(process)
        try:
            code: int | None = process.wait(self._timeout_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            end(process)
        if code != 0:
            found = f"no end within {self._timeout_s:g} s" if code is None else f"exit code {code}"
            words = last.text()
            raise BadInput(
                found, where=f"the program '{argv[0]}'", expected="exit code 0 in time",
                advice=f"Its last words on standard error: {words}" if words else "It said nothing on standard error.",
            )  # fmt: skip

    def _read(self, clip: AdmittedClip, table: Path) -> Iterator[Prediction]:
        where = f"the program '{self._argv[0]}'"
        if table.is_symlink() or not table.is_file():
            raise BadInput("no table", where=where, expected=f"one at the place that {OUT} named")
        if table.stat().st_size > self._most_bytes:
            raise BadInput(f"{table.stat().st_size:,} bytes", where=where, expected=f"at most {self._most_bytes:,}")
        replay = Replay(table, **self._options)
        if replay.card.labels != self.card.labels:
            raise BadInput(
                f"the labels {', '.join(replay.card.labels.names)}", where=where,
                expected=", ".join(self.card.labels.names),
            )  # fmt: skip
        yield from replay.answers(clip, {STEM, f"{STEM}.mp4"}, trace=self.card.digest)


def write_masked(clip: AdmittedClip, path: Path) -> bool:
    """Writes the guarded frames as H.264, each at its own time; False, and no file, when the clip shows nothing."""
    video = clip.clip.video
    if video is None:
        return False
    frames = decode.frames(clip)
    first = next(frames, None)
    if first is None:
        return False
    height, width = first.image.shape[:2]
    with VideoWriter(path, width=width, height=height, rate_hz=video.rate_hz) as writer:
        writer.write(first.image, max(first.time_s, 0.0))
        for frame in frames:
            writer.write(frame.image, frame.time_s)
    return True


def write_sound(clip: AdmittedClip, path: Path) -> bool:
    """Writes the voice as 16-bit WAV; False, and no file, when the clip has no sound."""
    samples = decode.samples(clip)
    if samples is None or not len(samples.mono):
        return False
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(samples.rate_hz)
        file.writeframes((np.clip(samples.mono, -1, 1) * 32767).astype("<i2").tobytes())
    return True


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends the program and all that it started and that stayed in its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class LastWords:
    """The end of what a program says on standard error, kept while it speaks: however much it says, no disk fills."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._end = b""
        self._reader = Thread(target=self._read, args=(process.stderr,), daemon=True)
        self._reader.start()

    def _read(self, said: IO[bytes]) -> None:
        with said:
            while part := os.read(said.fileno(), 1 << 16):
                self._end = (self._end + part)[-TAIL_BYTES:]

    def text(self) -> str:
        """As printable text. What left the session may still hold the other end: it is not waited for."""
        self._reader.join(LINGER_S)
        text = self._end.decode("utf-8", "replace")
        return "".join(letter if letter.isprintable() else " " for letter in text).strip()
