"""Our recognizer: faces, bodies, voice and words over time, fused; a guest at the same seam as anybody else's."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.dynamics import smoothing
from vemo_audit.recognition.dynamics.affect import project
from vemo_audit.recognition.dynamics.decisions import decide_windows
from vemo_audit.recognition.dynamics.events import EventStream, together
from vemo_audit.recognition.network import devices
from vemo_audit.recognition.network.fusion import Opinion, contributions, pool
from vemo_audit.recognition.perception.people import FaceRow, Listening, SightSettings, half_of_the_cores, watch
from vemo_audit.recognition.recognizers import experts, opinions
from vemo_audit.recognition.recognizers.declared import Spoken, declared
from vemo_audit.recognition.recognizers.opinions import Own
from vemo_audit.recognition.recognizers.over_tokens import load_fusion, load_temporal
from vemo_audit.recognition.recognizers.settings import OF_A_RUN, chosen, file_digest
from vemo_audit.recognition.recognizers.timeline import Timeline, Track
from vemo_audit.recognition.recognizers.trace import provenance
from vemo_audit.records import reasons
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.digest import digest
from vemo_audit.records.event import Event
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span, WindowGrid
from vemo_audit.records.units import UNITS

VERSION = "3"
PRIOR = np.full(len(EKMAN), 1 / len(EKMAN))
"""Before anything is seen, every class is as likely as any other."""
VOICE_ONLY = "voice"
"""The person of a clip without a picture. A voice beside an empty picture is nobody's: it may lack consent."""
STILL_S = 0.04
LEFT_S = 60.0
"""Who was not seen for so long has no baseline any more: nothing of what was followed would be used again."""


class TemporalMultimodal:
    """Face, voice and word experts behind the gate. Options are the fields of `Settings`.

    Every answer is an estimate of a *displayed* expression; it does not read what a person feels.
    """

    card: RecognizerCard
    PATHS = ("transcript",)
    """Options that a plan gives relative to itself."""

    def __init__(self, **options: object) -> None:
        settings = chosen(options)
        self.settings = settings = replace(settings, device=devices.chosen(settings.device))
        self.grid = WindowGrid(self.settings.window_s, self.settings.hop_s)
        self.face = experts.load_face(self.settings.face, device=self.settings.device)
        self.voice = experts.load_voice(self.settings.voice)
        network = self.face.network
        self.temporal = load_temporal(self.settings.temporal, network) if self.settings.temporal else None
        self.fusion = load_fusion(self.settings.fusion, network) if self.settings.fusion else None
        self.traces: dict[str, dict[str, object]] = {}
        files = {name: str(card["weights"]["sha256"]) for name, card in self._cards().items()}
        said = {key: str(value) for key, value in asdict(settings).items() if key not in OF_A_RUN}
        self.transcript_sha256 = file_digest(settings.transcript) if settings.transcript else ""
        self.card = RecognizerCard(
            "temporal_multimodal", VERSION, EKMAN, ("body", "face", "voice"),
            f"{self.settings.window_s:g} s every {self.settings.hop_s:g} s",
            "; ".join(str(card["training_data"]) for card in self._cards().values()), "Apache-2.0",
            digest({"files": files, "settings": said, "version": VERSION}),
            tuple(dict.fromkeys(limit for card in self._cards().values() for limit in card["limits"])),
        )  # fmt: skip

    def _cards(self) -> dict[str, dict]:
        named = (
            (self.settings.face, self.face), (self.settings.voice, self.voice),
            (self.settings.temporal, self.temporal), (self.settings.fusion, self.fusion),
        )  # fmt: skip
        return {name: expert.card for name, expert in named if expert is not None}

    def _windows(self, windows: Sequence[tuple[NDArray[np.float32], NDArray[np.float64]]]) -> NDArray[np.float64]:
        """What the face shows in each window `[B, 7]`, read over time where a temporal expert is chosen."""
        if self.temporal is None:
            return self.face.windows(windows)
        return self.temporal.probabilities(*experts.packed(windows))[0]

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        """One prediction per person and window; where nobody is seen (without a picture: heard), one that says so."""
        settings = self.settings
        if settings.transcript and "voice" not in clip.permit.modalities:
            clip.open_guard().release_audio()  # words are part of the voice: refused on record, before any frame
        movements = Movements()
        timeline = Timeline(self.grid, self._windows, follow=movements.take, keep_tokens=self.fusion is not None)
        sight = SightSettings(settings.token_rate_hz, settings.unit_rate_hz, settings.least_quality)
        for moment in watch(clip, self.face, sight):
            timeline.feed(moment)
        listening, loudness = Listening(clip), opinions.Loudness()
        with half_of_the_cores():  # the decoder of the sound has the others; short operations gain nothing by more
            voices = opinions.heard(
                listening, loudness, self.voice, grid=self.grid,
                reach_s=max(settings.voice_window_s, settings.window_s) / 2, end_s=timeline.until_s,
                reliability=settings.voice_reliability,
            )  # fmt: skip
        end_s = max(timeline.until_s, listening.end_s, STILL_S)
        spans = timeline.finish(end_s)
        trace = provenance(clip, timeline, listening, self.card, settings, end_s=end_s)
        trace |= {"transcript_sha256": self.transcript_sha256}
        self.traces[digest(trace)] = trace
        place = {"trace": digest(trace), "decision": clip.permit.decision_id}
        pictured = timeline.frames > 0
        heard = not pictured and any(voice is not None for voice in voices)
        if not timeline.tracks and not heard:
            reason = _unread(timeline) if pictured else reasons.NOBODY_HEARD
            yield Prediction(clip.clip.name, "", Span(0.0, end_s), None, reason=reason, **place)
            return
        said = opinions.words(
            clip, settings.transcript, spans, language=settings.language, reliability=settings.words_reliability
        )
        voices = voices.cut(len(spans))
        tracks = timeline.tracks or {VOICE_ONLY: Track()}
        whose = opinions.owners(tracks, spans, loudness, strangers_s=timeline.strangers_s)
        for person, track in tracks.items():
            own = Own(voices, said, [owner == person for owner in whose])
            yield from self._answers(clip, person, spans, track, own, events=movements.of(person, track), place=place)

    def _answers(
        self, clip: AdmittedClip, person: str, spans: list[Span], track: Track,
        own: Own, *, events: Sequence[Event], place: Mapping[str, str],
    ) -> Iterator[Prediction]:  # fmt: skip
        """One person's predictions, in order of time."""
        pictured = person != VOICE_ONLY
        shared = [k in track.seen or not pictured for k in range(len(spans))]  # windows in which the voice counts
        joint = opinions.joint(
            self.fusion, track, (own.voice(k) if k_shared else None for k, k_shared in enumerate(shared)),
            count=len(spans),
        )  # fmt: skip
        rows, answered = np.full((len(spans), len(EKMAN)), np.nan), np.zeros(len(spans), bool)
        for k in range(len(spans)):
            pooled = pool(self._opinions(track, k, own.said(k), pictured=pictured), PRIOR, joint=joint(k))
            if pooled is not None:
                rows[k], answered[k] = pooled, True
        middle_s = np.array([(span.start_s + span.end_s) / 2 for span in spans])
        smooth = smoothing.zero_phase(rows, middle_s, tau_s=self.settings.smoothing_tau_s)
        labels = decide_windows(rows, middle_s, window_s=self.settings.window_s)
        affect = project(smooth)
        spoken = [voice.spoken if k_shared and (voice := own.voice(k)) else None for k, k_shared in enumerate(shared)]
        indices, states = declared(
            clip.permit, spans, track, smooth=smooth, affect=affect, spoken=spoken, events=events
        )
        begun = began(sorted((*events, *states), key=first_s), spans)
        for k, span in enumerate(spans):
            seen = track.seen.get(k)
            shown = {"events": begun[k], "indices": indices[k], **place}
            if seen is not None:
                shown |= {"quality": seen.quality, "quality_parts": seen.parts, "units": by_name(seen.units)}
            if not answered[k]:
                yield Prediction(clip.clip.name, person, span, None, reason=reasons.NOTHING_OBSERVED, **shown)
                continue
            said = self._opinions(track, k, own.said(k), pictured=pictured)
            yield Prediction(
                clip.clip.name, person, span, smooth[k].astype(np.float32), *(float(value) for value in affect[k]),
                decided_label=EKMAN.names[labels[k]], modality="+".join(sorted(said)),
                contribution=contributions(said, PRIOR, int(labels[k]), joint=joint(k)),
                present=present(
                    said, face=seen.share if seen else 0.0, voice=spoken[k],
                    words_reliability=self.settings.words_reliability,
                ), **shown,
            )  # fmt: skip

    def _opinions(self, track: Track, number: int, spoken: dict[str, Opinion], *, pictured: bool) -> dict[str, Opinion]:
        """What every expert says of one person in one window."""
        seen = track.seen.get(number)
        if seen is None:  # out of view, it may be anybody's voice
            return {} if pictured else spoken
        everywhere = np.ones(len(EKMAN), bool)
        return {"face": Opinion(seen.probability, everywhere, self.settings.face_reliability)} | spoken


class Movements:
    """Follows the action units of everybody and tells when each moved. Who left is not followed any further."""

    def __init__(self) -> None:
        self._streams: dict[str, EventStream] = {}
        self._events: dict[str, list[Event]] = {}
        self._seen_s: dict[str, float] = {}
        self._tidied_s = 0.0

    def take(self, person: str, row: FaceRow) -> None:
        """One more frame of a person; frames without units are passed over."""
        if np.isfinite(row.units).any():
            stream = self._streams.setdefault(person, EventStream(UNITS))
            told = stream.push(np.array([row.time_s]), row.units[None].astype(np.float64))
            self._events.setdefault(person, []).extend(told)
            self._seen_s[person] = row.time_s
        if row.time_s - self._tidied_s >= LEFT_S:
            self._tidied_s = row.time_s
            for left in [one for one in self._streams if row.time_s - self._seen_s[one] >= LEFT_S]:
                self._events[left] += self._streams.pop(left).finish()

    def of(self, person: str, track: Track) -> list[Event]:
        """All movements of a person in order of time: units, units together, head and body."""
        found = self._events.get(person, [])
        if person in self._streams:
            found = found + self._streams[person].finish()
        return sorted((*found, *together(found), *track.body_events), key=first_s)


def first_s(event: Event) -> float:
    """When an event is first known to be there."""
    return next(time_s for time_s in (event.onset_s, event.apex_s, event.offset_s) if not math.isnan(time_s))


def began(events: Sequence[Event], spans: Sequence[Span]) -> list[tuple[Event, ...]]:
    """By window, the events that began in it and in no earlier one: each stands in one window."""
    starts_s = [span.start_s for span in spans[1:]]
    found: list[tuple[Event, ...]] = [()] * len(spans)
    for event in events:
        number = bisect_right(starts_s, first_s(event))
        found[number] = (*found[number], event)
    return found


def present(
    said: Mapping[str, Opinion], *, face: float, voice: Spoken | None, words_reliability: float
) -> dict[str, float]:
    """The share of the window in which each modality that had a say was there; one whose share is unknown is left out.

    Of a voice it is the voiced share of the stretch that its summary covers (`voice_window_s` where the window is
    shorter), of words the share in which somebody spoke words with an opinion: their reliability grows with it.
    """
    share = {"face": face, "voice": voice.speech if voice else math.nan}
    if "words" in said and words_reliability > 0:
        share["words"] = said["words"].reliability / words_reliability
    return {name: min(1.0, share[name]) for name in said if math.isfinite(share.get(name, math.nan))}


def _unread(timeline: Timeline) -> str:
    """Why nothing was read of a picture."""
    if timeline.poor:
        return reasons.TOO_POOR
    return reasons.NOBODY_TO_READ if len(timeline.strangers_s) else reasons.NOBODY_SEEN


def by_name(units: NDArray[np.float32]) -> dict[str, float]:
    """Units by name; empty where nothing estimates them."""
    return {name: float(value) for name, value in zip(UNITS, units, strict=True) if math.isfinite(value)}
