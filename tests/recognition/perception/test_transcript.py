"""Transcripts: what was said, when and by whom; broken files are refused by line, and closed without a permit."""

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.errors import BadInput, Refused
from vemo_audit.recognition.perception.transcript import (
    VOICE,
    Cue,
    Transcript,
    read_permitted,
    read_transcript,
    utterances,
)
from vemo_audit.records.decision import Permit

SRT = "1\n00:00:01,000 --> 00:00:02,500\n<i>I am</i> glad.\n\n2\n00:00:03,000 --> 00:00:04,000\nTwo\nlines\n"
VTT = (
    "WEBVTT Kind: captions\nLanguage: en-GB\n\nNOTE not said: hateful\n\nSTYLE\n::cue { color: red }\n\n"
    "intro\n00:01.000 --> 00:02.000 align:start\n<v Ann>Tom &amp; I\n<v.loud Bob>no, <b>never</b>\n\n"
    "00:00.500 --> 00:03.000\nDR. LEE: overlapping\n"
)


def written(folder: Path, text: str, name: str = "talk.srt", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def permit(*modalities: str) -> Permit:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Permit("d", 1, "0" * 64, "research", frozenset(modalities), frozenset({"expression_label"}), "seat_zone",
                  now, now + timedelta(hours=1))  # fmt: skip


def test_an_srt_file_gives_its_words_and_times(tmp_path: Path) -> None:
    read = read_transcript(written(tmp_path, SRT))
    assert read == Transcript((Cue(1.0, 2.5, "I am glad."), Cue(3.0, 4.0, "Two lines")), "")


def test_a_webvtt_file_gives_speakers_and_language_but_no_notes(tmp_path: Path) -> None:
    read = read_transcript(written(tmp_path, VTT, "talk.vtt"))
    assert read.language == "en-GB" and read.speakers == ("Ann", "Bob", "DR. LEE")
    assert read.cues == (
        Cue(0.5, 3.0, "overlapping", "DR. LEE"), Cue(1.0, 2.0, "Tom & I", "Ann"), Cue(1.0, 2.0, "no, never", "Bob"),
    )  # fmt: skip
    assert read_transcript(tmp_path / "talk.vtt", language="de").language == "de"


@pytest.mark.parametrize("text", [SRT, VTT])
def test_marks_line_ends_and_disorder_change_nothing(tmp_path: Path, text: str) -> None:
    plain = read_transcript(written(tmp_path, text))
    assert read_transcript(written(tmp_path, "\ufeff" + text.replace("\n", "\r\n"))) == plain
    assert read_transcript(written(tmp_path, text.rstrip("\n"))) == plain
    if text == SRT:
        first, second = text.strip().split("\n\n")
        assert read_transcript(written(tmp_path, f"\n{second}\n\n{first}\n")) == plain


def test_a_colon_in_a_sentence_makes_no_speaker(tmp_path: Path) -> None:
    cue = read_transcript(written(tmp_path, "1\n00:00:01,0 --> 00:00:02,0\nListen: run\n")).cues[0]
    assert (cue.speaker, cue.text) == ("", "Listen: run")


@pytest.mark.parametrize(
    ("broken", "line", "found"),
    [
        ("00:00:3,x00 --> 00:00:04,000", 6, "times that cannot be read"),
        ("00:00:03,000 -->", 6, "times that cannot be read"),
        ("00:00:05,000 --> 00:00:04,000", 6, "from 5.0 to 4.0 s"),
        ("00:00:04,000 --> 00:00:04,000", 6, "from 4.0 to 4.0 s"),
        ("00:61:03,000 --> 00:62:04,000", 6, "times that cannot be read"),
        ("-00:00:03,000 --> 00:00:04,000", 6, "times that cannot be read"),
    ],
)
def test_broken_times_are_refused_by_line_and_repeat_no_words(
    tmp_path: Path, broken: str, line: int, found: str
) -> None:
    path = written(tmp_path, SRT.replace("00:00:03,000 --> 00:00:04,000", broken))
    with pytest.raises(BadInput, match=found) as refusal:
        read_transcript(path)
    assert f"line {line}" in refusal.value.where and "lines" not in refusal.value.found
    assert len(read_transcript(written(tmp_path, SRT)).cues) == 2  # the twin without the fault is read


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("just words\nand more\n", "neither SRT nor WebVTT"),
        ("1\n00:00:01,000 --> 00:00:02,000\na\n00:00:03,000 --> 00:00:04,000\nb\n\nx\n00:00:03,000 --> 00:00:04,000\n",
         "cues that can be read"),
        ("caf\xe9", "not UTF-8.*iconv -f latin1"),
    ],
)  # fmt: skip
def test_what_is_no_transcript_is_refused(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(BadInput, match=found):
        read_transcript(written(tmp_path, text, encoding="latin-1"))


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no readable transcript"):
        read_transcript(tmp_path / "absent.srt")


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "\ufeff", "WEBVTT\n", "WEBVTT\n\nNOTE only this\n", "1\n00:00:01,000 --> 00:00:02,000\n<i> </i>\n"],
)
def test_a_transcript_without_a_word_is_refused_with_advice(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match=r"no cues with words.*Leave the transcript out"):
        read_transcript(written(tmp_path, text))


@pytest.mark.parametrize("empty", ["", "\n", " \n", "<i></i>\n"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_cue_without_text_is_left_out_and_the_others_keep_their_times(tmp_path: Path, empty: str, place: int) -> None:
    cues = ["00:00:01,000 --> 00:00:02,500\n<i>I am</i> glad.\n", "00:00:03,000 --> 00:00:04,000\nTwo\nlines\n"]
    cues.insert(place, f"00:00:02,600 --> 00:00:02,900\n{empty}")
    srt = "\n".join(f"{k}\n{cue}" for k, cue in enumerate(cues, 1))
    vtt = "WEBVTT\n\n" + "\n".join(cues).replace(",", ".")
    expected = (Cue(1.0, 2.5, "I am glad."), Cue(3.0, 4.0, "Two lines"))
    assert read_transcript(written(tmp_path, srt)).cues == expected
    assert read_transcript(written(tmp_path, vtt)).cues == expected


ARROWS = "Go a --> b,\nfrom 10:30 --> 11:00\n42\nx --> y"
SAID = "Go a --> b, from 10:30 --> 11:00 42 x --> y"


def test_an_arrow_in_the_words_or_a_note_is_no_line_of_times(tmp_path: Path) -> None:
    cue = f"00:00:01,000 --> 00:00:02,000\n{ARROWS}\n"
    read = read_transcript(written(tmp_path, f"1\n{cue}\n2\n00:00:03,000 --> 00:00:04,000\nnext\n"))
    assert read.cues == (Cue(1.0, 2.0, SAID), Cue(3.0, 4.0, "next"))
    notes = "NOTE a --> b\n\nNOTE\nc --> d\n\nNOTE 00:01.000 --> 00:02.000\n\nSTYLE\n::cue { color: red } /* --> */\n\n"
    text = f"WEBVTT from --> to\n\n{notes}first\n{cue.replace(',000', '.000')}"
    assert read_transcript(written(tmp_path, text)).cues == (Cue(1.0, 2.0, SAID),)


@pytest.mark.parametrize(
    "broken",
    [
        "1\nsoon --> 00:00:02,000\na\n",
        f"{SRT}\n3\nsoon --> later\na\n",
        f"{SRT}\n00:00:x5,000 --> 00:00:06,000\na\n",
        f"{SRT}00:00:5,x00 --> 00:00:06,000\na\n",
        "WEBVTT\n\nsoon --> 00:02.000\na\n",
        "WEBVTT\n\nfirst\nsoon --> 00:02.000\na\n",
        "WEBVTT\n\n00:01.000 --> 00:02.000\na\n00:03.x --> 00:04.000\nb\n",
    ],
)
def test_a_line_that_stands_for_times_or_begins_as_them_is_never_taken_for_words(tmp_path: Path, broken: str) -> None:
    with pytest.raises(BadInput, match="times that cannot be read"):
        read_transcript(written(tmp_path, broken))


def test_twins_that_go_by_the_arrow_or_by_the_place_alone_would_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "vemo_audit.recognition.perception.transcript"
    unnumbered = f"{SRT}00:00:5,x00 --> 00:00:06,000\na\n"
    with monkeypatch.context() as broken:
        broken.setattr(f"{module}.LIKE_TIMES", re.compile(r"(?!)"))
        assert "00:00:06,000" in read_transcript(written(tmp_path, unnumbered)).cues[-1].text  # times read out as words
    monkeypatch.setattr(f"{module}._awaits_times", lambda *_: True)
    with pytest.raises(BadInput, match="times that cannot be read"):
        read_transcript(written(tmp_path, f"1\n00:00:01,000 --> 00:00:02,000\n{ARROWS}\n"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_another_unicode_is_told_by_its_mark(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(BadInput, match=f"the mark of {encoding.upper()}.*iconv -f {encoding} -t utf-8"):
        read_transcript(written(tmp_path, SRT, encoding=encoding))
    path = written(tmp_path, "\ufeff" + SRT, encoding=f"{encoding}-be")
    with pytest.raises(BadInput, match=f"iconv -f {encoding} -t utf-8"):
        read_transcript(path)


def test_nul_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=rf"byte {SRT.index('glad')} is NUL.*Export it again"):
        read_transcript(written(tmp_path, SRT.replace("glad", "\0lad")))
    for encoding in ("utf-16le", "utf-16be"):  # without a mark
        with pytest.raises(BadInput, match=rf"is NUL.*iconv -f {encoding} -t utf-8"):
            read_transcript(written(tmp_path, SRT, encoding=encoding))


def test_without_a_permit_for_the_voice_the_file_is_never_opened(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="without voice"):
        read_permitted(tmp_path / "absent.srt", permit("face", "body"))
    assert len(read_permitted(written(tmp_path, SRT), permit("voice")).cues) == 2


def test_a_cue_never_shows_its_words() -> None:
    assert "secret" not in repr(Transcript((Cue(0, 1, "secret"),), "en"))


def test_a_sentence_over_two_cues_is_one_utterance() -> None:
    cues = (Cue(0, 1, "I am not"), Cue(1.2, 2, "happy at all."), Cue(2.1, 3, "Bye"), Cue(9, 10, "now"))
    assert [cue.text for cue in utterances(Transcript(cues, "en"))] == ["I am not happy at all.", "Bye", "now"]
    other = (cues[0], Cue(1.2, 2, "happy at all.", "BOB"))
    assert len(utterances(Transcript(other, "en"))) == 2  # of another speaker


def slow_utterances(cues: list[Cue]) -> list[str]:
    """Each sentence as the definition has it, looked at whole with every cue."""
    done: list[tuple[float, float, str, str]] = []
    for speaker in {cue.speaker for cue in cues}:
        last, before = None, None
        for cue in (one for one in cues if one.speaker == speaker):
            if (
                last is not None and not re.search(r"[.!?]$", last[2]) and cue.start_s >= before.start_s
                and cue.start_s - last[1] <= 1 and max(last[1], cue.end_s) - last[0] <= 12
            ):  # fmt: skip
                last = (last[0], max(last[1], cue.end_s), f"{last[2]} {cue.text}", speaker)
                done[-1] = last
            else:
                last = (cue.start_s, cue.end_s, cue.text, speaker)
                done.append(last)
            before = cue
    return [text for _, _, text, _ in sorted(done, key=lambda one: (one[0], one[1], one[3]))]


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60), st.sampled_from("ab"), st.booleans()), max_size=30))
def test_utterances_are_those_of_the_definition(given: list[tuple[int, int, str, bool]]) -> None:
    cues = sorted(
        (Cue(a / 5, (a + n) / 5, f"w{k}{'.' if end else ''}", who) for k, (a, n, who, end) in enumerate(given)),
        key=lambda cue: (cue.start_s, cue.end_s),
    )
    found = utterances(Transcript(tuple(cues), "en"))
    assert sorted(cue.text for cue in found) == sorted(slow_utterances(cues))


def test_many_cues_at_one_time_cost_no_more_than_their_number() -> None:
    def spent_s(count: int) -> float:
        cues = tuple(Cue(0, 1, "hi there") for _ in range(count))
        started = time.process_time()
        assert len(utterances(Transcript(cues, "en"))) == 1
        return time.process_time() - started

    least_s = min(spent_s(4_000) for _ in range(3))
    assert min(spent_s(64_000) for _ in range(3)) < 64 * max(least_s, 1e-3)  # 16 times the cues; squared were 256


def test_a_tag_that_never_ends_is_no_voice_and_is_not_searched_to_the_end_of_the_file() -> None:
    assert VOICE.split("<v Ann <v Bob>hi") == ["<v Ann ", "Bob", "hi"]
    assert re.split(r"<v(?:\.[^\s>]*)?[ \t]+([^>]*)>", "<v Ann <v Bob>hi") != VOICE.split("<v Ann <v Bob>hi")
    started = time.process_time()
    for text in ("<v " * 200_000, "<v" + " " * 500_000, "<v." * 200_000):
        assert VOICE.split(text) == [text]
    assert time.process_time() - started < 20  # it was hours


TIMES = st.integers(0, 360_000_000)


@given(st.lists(st.tuples(TIMES, st.integers(1, 9_999)), min_size=1, max_size=8))
def test_times_come_back_to_the_millisecond(tmp_path_factory: pytest.TempPathFactory, given_ms: list) -> None:
    def clock(ms: int) -> str:
        return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"

    text = "".join(f"{k}\n{clock(a)} --> {clock(a + n)}\nw{k}\n\n" for k, (a, n) in enumerate(given_ms, 1))
    read = read_transcript(written(tmp_path_factory.mktemp("t"), text))
    expected = sorted((a, a + n) for a, n in given_ms)
    assert [(round(cue.start_s * 1000), round(cue.end_s * 1000)) for cue in read.cues] == expected
