"""Who says what of each window: the voice's and the words' opinions, and whose voice it is."""

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.feature_fusion import joint_expert
from vemo_audit.recognition.network.fusion import Joint, Opinion
from vemo_audit.recognition.perception import transcript
from vemo_audit.recognition.perception.affect_lexicon import EnglishLexicon
from vemo_audit.recognition.perception.people import Listening
from vemo_audit.recognition.perception.voice import VoiceContours
from vemo_audit.recognition.perception.voice_owner import attribute
from vemo_audit.recognition.perception.voice_summary import NAMES, summaries
from vemo_audit.recognition.perception.words import opinions
from vemo_audit.recognition.recognizers.declared import Spoken
from vemo_audit.recognition.recognizers.experts import Voice
from vemo_audit.recognition.recognizers.over_tokens import Fusion, voice_summary
from vemo_audit.recognition.recognizers.packed import PackedRows
from vemo_audit.recognition.recognizers.timeline import Track, mouth_speed
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.span import Span, WindowGrid

PITCH_SD, VOICED_SHARE = NAMES.index("pitch_sd"), NAMES.index("voiced_share")
EVEN = 1.005
"""Times an even share: where no class has more, the sound is like nothing that the expert learned. A pure tone has
1.002; of 60 utterances of people it never heard, in another language, the least telling window had 1.029."""
OWNER_S = 4.0
"""Around the middle of a window, so much of mouth and sound says whose voice it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A voice in one window: what its expert says, and how it sounds."""

    opinion: Opinion
    spoken: Spoken
    summary: NDArray[np.float32]  # the numbers that the expert read


class Voices:
    """What is heard in each window, in order; None where nobody is. Kept as rows of numbers, 0.7 kB a window."""

    def __init__(self, support: NDArray[np.bool_], *, reliability: float) -> None:
        self._support, self._reliability = support, reliability
        self._places = array("q")
        self._said = PackedRows(len(support) + 3, np.float64)
        self._summaries = PackedRows(len(NAMES))

    def add(
        self, probability: NDArray[np.float64] | None = None, spoken: Spoken | None = None,
        summary: NDArray[np.float32] | None = None,
    ) -> None:  # fmt: skip
        """The next window; nobody is heard without arguments."""
        if probability is None or spoken is None or summary is None:
            self._places.append(-1)
            return
        numbers = (spoken.loudness_db, spoken.pitch_range_st, spoken.speech)
        self._places.append(self._said.append((*numbers, *probability)))
        self._summaries.append(summary)

    def cut(self, count: int) -> "Voices":
        """This, with exactly so many windows: after the end of the sound nobody is heard."""
        self._places = (self._places + array("q", [-1]) * max(0, count - len(self._places)))[:count]
        return self

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> Heard | None:
        place = self._places[number]
        if place < 0:
            return None
        numbers = self._said[place]
        opinion = Opinion(numbers[3:], self._support, self._reliability)
        return Heard(opinion, Spoken(*numbers[:3].tolist()), self._summaries[place])

    def __iter__(self) -> Iterator[Heard | None]:
        return (self[number] for number in range(len(self)))


class Own:
    """What one person says: voice and words of the windows that are theirs."""

    def __init__(self, voices: Voices, words: Sequence[Opinion | None], theirs: Sequence[bool]) -> None:
        self._voices, self._words, self._theirs = voices, words, theirs

    def voice(self, number: int) -> Heard | None:
        """Their voice in a window."""
        return self._voices[number] if self._theirs[number] else None

    def said(self, number: int) -> dict[str, Opinion]:
        """What their voice and their words say of a window, by modality."""
        voice = self.voice(number)
        words = self._words[number] if self._theirs[number] else None
        told = ("voice", voice.opinion if voice else None), ("words", words)
        return {name: one for name, one in told if one is not None}


class Loudness:
    """The intensity of the voice over time, kept while the contours go by: 800 bytes a second."""

    def __init__(self) -> None:
        self._count = 0
        self._rows = np.empty((2, 1024), np.float32)  # times, intensities; grows by halves

    def kept(self, listening: Listening) -> Iterator[VoiceContours]:
        """The same contours, one after another."""
        for part in listening:
            until = self._count + len(part)
            if until > self._rows.shape[1]:
                larger = np.empty((2, max(until, self._rows.shape[1] * 3 // 2)), np.float32)
                larger[:, : self._count] = self._rows[:, : self._count]
                self._rows = larger
            self._rows[:, self._count : until] = part.time_s, part.intensity_db
            self._count = until
            yield part

    def between(self, start_s: float, end_s: float) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Times and intensities of a stretch."""
        time_s, loud = self._rows[:, : self._count]
        part = slice(*np.searchsorted(time_s, np.float32((start_s, end_s))))
        return time_s[part].astype(np.float64), loud[part]


def heard(
    listening: Listening, loudness: Loudness, voice: Voice, *, grid: WindowGrid, reach_s: float, end_s: float,
    reliability: float,
) -> Voices:  # fmt: skip
    """The voice in each window up to the end of sound or picture; None where nobody is heard.

    A window is heard `reach_s` before and after its middle: a voice needs longer than a face. A sound that is like no
    voice that the expert learned is nobody's either: all classes alike say nothing, yet would weigh beside a face.
    """
    found = Voices(voice.support, reliability=reliability)

    def around() -> Iterator[tuple[float, float]]:
        k = 0
        while k * grid.hop_s < max(listening.end_s, end_s) or k == 0:
            middle_s = k * grid.hop_s + grid.window_s / 2
            yield middle_s - reach_s, middle_s + reach_s
            k += 1

    for (start_s, stop_s), summary in zip(around(), summaries(loudness.kept(listening), around()), strict=False):
        said = None if summary is None else voice.probability(summary)
        if summary is None or said is None or said.max() < EVEN / voice.support.sum():
            found.add()
            continue
        _, loud = loudness.between(start_s, stop_s)
        loud = loud[np.isfinite(loud)]
        spoken = Spoken(
            float(loud.mean()) if len(loud) else math.nan, float(summary[PITCH_SD]), float(summary[VOICED_SHARE])
        )  # fmt: skip
        found.add(said, spoken, summary)
    return found


def owners(
    tracks: Mapping[str, Track], spans: Sequence[Span], loudness: Loudness, *, strangers_s: Sequence[float] = ()
) -> list[str | None]:
    """Whose voice each window holds; None when it cannot be told.

    One person in the whole picture is the speaker; of several, the one whose mouth moves with the sound. While somebody
    is covered (`strangers_s`, times in order), the voice may be theirs: then it is nobody's.
    """
    covered_s = np.asarray(strangers_s, np.float64)
    moved = {person: mouth_speed(track) for person, track in tracks.items()}
    found: list[str | None] = []
    for span in spans:
        middle_s = (span.start_s + span.end_s) / 2
        start_s, end_s = middle_s - OWNER_S / 2, middle_s + OWNER_S / 2
        if np.diff(np.searchsorted(covered_s, (start_s, end_s)))[0]:
            found.append(None)
            continue
        if len(tracks) == 1:
            found.append(next(iter(tracks)))
            continue
        parts = {}
        for person, (time_s, speed) in moved.items():
            inside = (time_s >= start_s) & (time_s < end_s)
            if inside.any():
                parts[person] = (time_s[inside], speed[inside])
        if not parts:
            found.append(None)
            continue
        clock = np.unique(np.concatenate([time_s for time_s, _ in parts.values()]))
        speeds = {person: _on(clock, *part) for person, part in parts.items()}
        heard_s, loud = loudness.between(start_s, end_s)
        found.append(attribute(speeds, clock, intensity_db=loud, heard_s=heard_s))
    return found


def _on(clock: NDArray[np.float64], time_s: NDArray[np.float64], speed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Speeds at the times of the clock; NaN where this person was not seen."""
    there = np.full(len(clock), np.nan)
    there[np.searchsorted(clock, time_s)] = speed
    return there


def words(
    clip: AdmittedClip, path: str, spans: Sequence[Span], *, language: str, reliability: float
) -> list[Opinion | None]:
    """The words' opinion of each window; None without a transcript, or where it carries nothing.

    Raises Refused when the permit does not name the voice: what was said is part of it; BadInput when all of it lies
    behind the end of the clip, as in the transcript of another one.
    """
    if not path:
        return [None] * len(spans)
    lexicon, told = EnglishLexicon(), transcript.read_permitted(Path(path), clip.permit, language=language)
    end_s = max((span.end_s for span in spans), default=0.0)
    if told.cues[0].start_s >= end_s:
        raise BadInput(
            f"words from {told.cues[0].start_s:g} s on", where=path,
            expected=f"words within the {end_s:.2f} s of the clip", advice="Is it the transcript of this clip?",
        )  # fmt: skip
    said = opinions(told, lexicon, spans)
    return [
        None if one.probability is None else Opinion(one.probability, lexicon.support, reliability * one.share)
        for one in said
    ]


def joint(
    fusion: Fusion | None, track: Track, voices: Iterable[Heard | None], *, count: int
) -> Callable[[int], Joint | None]:
    """What feature-level fusion says of each window, face and voice together; nothing where either is away."""
    if fusion is None:
        return lambda k: None
    sizes = dict(fusion.network.settings.sizes)
    face = np.full((count, sizes["face"]), np.nan, np.float32)
    voice = np.full((count, sizes["voice"]), np.nan, np.float32)
    for k, seen in track.seen.items():
        if seen.token is not None:
            face[k] = seen.token
    for k, heard in enumerate(voices):
        if heard is not None:
            voice[k] = voice_summary(heard.opinion.probability[heard.opinion.support], heard.summary)
    answers = fusion.answers({"face": face, "voice": voice})
    return lambda k: joint_expert(answers, k, reliability=fusion.reliability)
