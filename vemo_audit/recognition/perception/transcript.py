"""Reads what was said from an SRT or WebVTT file; no speech is recognized here.

Words are part of the voice: they are what the voice said, and a name or an illness is told in them. So a transcript is
opened only under a permit for the voice, and what comes out of it is estimates, never text.
"""

import codecs
import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from vemo_audit.errors import BadInput, Refused
from vemo_audit.records.decision import Permit

INSTALL = "Install it with: pip install 'vemo-audit[text]'."
LARGEST_BYTES = 8 * 2**20
"""A day of talk is under 2 MiB."""
TIME = re.compile(r"(?:(\d{1,4}):)?([0-5]?\d):([0-5]?\d)[.,](\d{1,3})")
LIKE_TIMES = re.compile(r"\s*-?\d+:\d\d?[:.,]")
"""A line with an arrow that begins so means to be times wherever it stands: if broken, it is refused, not read out."""
NO_CUE = re.compile(r"(?:WEBVTT|NOTE|STYLE|REGION)(?:\s|$)")
NO_WORDS = "<i></i>"
MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
         codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
HAS_HOURS = re.compile(r"\d+:\d+:\d+[.,]\d")
VOICE = re.compile(r"<v(?:\.[^\s<>]*)?[ \t]([^<>]*)>")
"""A tag ends before another begins: else a file of tags that never end is searched to its end for each."""
TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
NAME_FIRST = re.compile(r"^(?:>>\s*)?(?=[^\W\d_])([^:]{1,40}):\s+(?=\S)")
"""A speaker in capitals before a colon, as captions have it: 'ANN:' or '>> DR. LEE:'. 'Listen: ...' is no speaker."""
SENTENCE_END = re.compile(r"[.!?…]['\"”’)\]]*$")
LANGUAGE = re.compile(r"^Language:\s*([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cue:
    """Words of one speaker, and from when to when. The text never shows in a message."""

    start_s: float
    end_s: float
    text: str = field(repr=False)
    speaker: str = ""  # as the file names them; '' when it does not


@dataclass(frozen=True, slots=True)
class Transcript:
    """Cues by start time; they may overlap. `language` is '' when nobody stated it."""

    cues: tuple[Cue, ...]
    language: str

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers that the file names, by name."""
        return tuple(sorted({cue.speaker for cue in self.cues} - {""}))


def demand(permit: Permit) -> None:
    """Raises Refused unless the permit names the voice: what was said is part of it, and the file stays closed."""
    if "voice" not in permit.modalities:
        raise Refused(
            "a transcript under a permit without voice", rule_id="c.modality",
            ref="what the permit does not name is not decoded", advice="Ask for consent to the voice.",
        )  # fmt: skip


def read_permitted(path: Path, permit: Permit, *, language: str = "") -> Transcript:
    """A transcript, if the permit allows it. Raises Refused before the file is opened, else as `read_transcript`."""
    demand(permit)
    return read_transcript(path, language=language)


def read_transcript(path: Path, *, language: str = "") -> Transcript:
    """The cues of an SRT or WebVTT file in UTF-8, in order of time; a byte-order mark, CRLF and disorder are borne.

    `language` (as 'en' or 'en-GB') goes before one that the file states. Cues without text are left out; an arrow in a
    note or in the words is no line of times. Raises BadInput with the line for times that are broken or run backwards,
    and for a file that is neither format, not UTF-8 or without a word.
    """
    lines = re.split(r"\r\n|\r|\n", _text(path))
    numbered = list(enumerate(lines, start=1))
    while numbered and not numbered[0][1].strip():  # some writers begin with an empty line
        del numbered[0]
    if not numbered:
        raise _silent(path)
    lines = [line for _, line in numbered]
    kind = "vtt" if re.match(r"WEBVTT(?:[ \t]|$)", lines[0]) else "srt"
    stated = language or _stated_language(lines)
    timed = _timed(lines, kind)
    times = [_times(lines[k], where=f"{path}, line {numbered[k][0]}") for k in timed]
    captions = _captions(lines, set(timed), kind, path=path)
    if len(captions) != len(times):
        raise BadInput(
            f"{len(times)} lines with times but {len(captions)} cues that can be read", where=str(path),
            expected="each cue apart by an empty line, with a number before it in SRT",
        )  # fmt: skip
    found = [cue for (start_s, end_s), raw in zip(times, captions, strict=True) for cue in _cues(start_s, end_s, raw)]
    if not found:
        raise _silent(path)
    return Transcript(tuple(sorted(found, key=lambda cue: (cue.start_s, cue.end_s))), stated)


def _silent(path: Path) -> BadInput:
    return BadInput(
        "no cues with words", where=str(path), expected="what was said, as SRT or WebVTT",
        advice="Leave the transcript out if nothing was said.",
    )  # fmt: skip


def _text(path: Path) -> str:
    """The file as text. Raises BadInput when it is absent, too large, holds NUL or is not UTF-8."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadInput(f"{path.stat().st_size} bytes", where=str(path), expected=f"at most {LARGEST_BYTES}")
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput(f"no readable transcript: {error.strerror}", where=str(path), expected="SRT or WebVTT") from None
    mark = next((name for mark, name in MARKS.items() if raw.startswith(mark)), "")
    if mark:
        found, advice = f"the mark of {mark.upper()}", f"Convert it: iconv -f {mark} -t utf-8."
    elif (at := raw.find(0)) >= 0:
        found, advice = f"byte {at} is NUL", "Export it again."
        if raw.count(0) > len(raw) // 4:  # every second byte, where most letters are Latin
            advice = f"It looks like UTF-16: iconv -f utf-16{'le' if at % 2 else 'be'} -t utf-8."
    else:
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            found, advice = f"byte {error.start} is not UTF-8", "Convert it, e.g. iconv -f latin1 -t utf-8."
    raise BadInput(found, where=str(path), expected="a transcript in UTF-8", advice=advice)


def _stated_language(lines: list[str]) -> str:
    """What the header of a WebVTT file states; '' for none. SRT has no header."""
    if not lines[0].startswith("WEBVTT"):
        return ""
    head = lines[: lines.index("")] if "" in lines else lines
    return next((match[1] for line in head if (match := LANGUAGE.match(line))), "")


def _timed(lines: list[str], kind: str) -> list[int]:
    """Which lines are those of times: not every line with an arrow is one."""
    found: list[int] = []
    first, place = "", 0  # of the lines since the last empty one, and which of them this is
    for k, line in enumerate(lines):
        if not (line.strip() if kind == "srt" else line):
            place = 0
            continue
        first, place = (first if place else line), place + 1
        if "-->" in line and (LIKE_TIMES.match(line) or _awaits_times(first, place, kind)):
            found.append(k)
    return found


def _awaits_times(first: str, place: int, kind: str) -> bool:
    """Whether a line stands where a cue has its times: under its number in SRT, first or second in WebVTT."""
    if kind == "srt":
        return place == 2 and first.strip().isdigit()
    return not NO_CUE.match(first) and (place == 1 or (place == 2 and "-->" not in first))


def _times(line: str, *, where: str) -> tuple[float, float]:
    """Start and end of a line with an arrow, in seconds. Raises BadInput for anything else. It repeats no words."""
    left, _, right = line.partition("-->")
    parts = [TIME.fullmatch(left.strip()), TIME.fullmatch((right.split() or [""])[0])]
    if not all(parts):
        raise BadInput("times that cannot be read", where=where, expected="00:01:02,500 --> 00:01:04,000")
    start_s, end_s = (
        (int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)) + int(rest.ljust(3, "0")) / 1000
        for hours, minutes, seconds, rest in (part.groups() for part in parts if part)
    )
    if end_s <= start_s:
        raise BadInput(f"a cue from {start_s} to {end_s} s", where=where, expected="an end after the start")
    return start_s, end_s


def _captions(lines: list[str], timed: set[int], kind: str, *, path: Path) -> list[str]:
    """The raw text of each cue, in the order of the file, as the caption library cuts them.

    The library takes every arrow for times, so those elsewhere are escaped, which `_cues` undoes.
    """
    try:
        import webvtt
    except ImportError:
        raise BadInput("no library for captions", expected="webvtt-py", advice=INSTALL) from None
    lines = [line if k in timed else line.replace("-->", "--&gt;") for k, line in enumerate(lines)]
    if kind == "srt":  # the library wants hours and a comma; other writers leave them out
        lines = [_as_srt(line) if k in timed else line for k, line in enumerate(lines)]
    try:
        captions = webvtt.from_buffer(io.StringIO("\n".join(lines) + "\n"), format=kind).captions
    except (webvtt.errors.MalformedFileError, webvtt.errors.MalformedCaptionError):
        raise BadInput(
            "neither SRT nor WebVTT", where=str(path), expected="'WEBVTT' or the number of a cue in the first line"
        ) from None
    return [caption.raw_text for caption in captions]


def _as_srt(line: str) -> str:
    """A line of times with hours in it; they are read by `_times`, so their value is nothing here.

    An empty tag goes with it: the library would drop a cue without text, and then cues and times no longer match.
    """
    return f"{line if len(HAS_HOURS.findall(line)) == 2 else '00:00:00,000 --> 00:00:01,000'}\n{NO_WORDS}"


def _cues(start_s: float, end_s: float, raw: str) -> list[Cue]:
    """The cue, or one for each voice in it, without markup. Nothing for a cue without words."""
    pieces = VOICE.split(raw)  # text before any voice, then name, text, name, text
    spoken = [("", pieces[0]), *zip(pieces[1::2], pieces[2::2], strict=True)]
    found = []
    for name, piece in spoken:
        text = " ".join(html.unescape(TAG.sub("", piece)).split())
        speaker = html.unescape(name).strip()
        if not speaker and (match := NAME_FIRST.match(text)) and match[1].isupper():
            speaker, text = match[1], text[match.end() :]
        if text:
            found.append(Cue(start_s, end_s, text, speaker))
    return found


def utterances(transcript: Transcript, *, gap_s: float = 1.0, longest_s: float = 12.0) -> tuple[Cue, ...]:
    """Cues of one speaker joined to sentences, so that 'I am not' in one and 'happy' in the next are read together.

    A cue goes on into the next of its speaker when it ends in no full stop, question or exclamation mark, the pause is
    at most `gap_s` and the whole at most `longest_s`.
    """
    said: dict[str, list[Cue]] = {}
    for cue in transcript.cues:
        said.setdefault(cue.speaker, []).append(cue)
    done = [one for mine in said.values() for one in _sentences(mine, gap_s, longest_s)]
    return tuple(sorted(done, key=lambda cue: (cue.start_s, cue.end_s, cue.speaker)))


def _sentences(mine: list[Cue], gap_s: float, longest_s: float) -> Iterator[Cue]:
    """The cues of one speaker, joined. Time and memory grow with the words, however they are cut."""
    pieces, end_s = mine[:1], mine[0].end_s
    for before, cue in pairwise(mine):
        longer_s = max(end_s, cue.end_s)
        goes_on = (
            not SENTENCE_END.search(before.text) and cue.start_s >= before.start_s
            and cue.start_s - end_s <= gap_s and longer_s - pieces[0].start_s <= longest_s
        )  # fmt: skip
        if goes_on:
            pieces.append(cue)
            end_s = longer_s
        else:
            yield _whole(pieces, end_s)
            pieces, end_s = [cue], cue.end_s
    yield _whole(pieces, end_s)


def _whole(pieces: list[Cue], end_s: float) -> Cue:
    return Cue(pieces[0].start_s, end_s, " ".join(cue.text for cue in pieces), pieces[0].speaker)
