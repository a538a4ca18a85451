"""Our recognizer: faces and voice over time, fused; a guest at the same seam as anybody else's."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from vemo_audit.recognition.dynamics import smoothing
from vemo_audit.recognition.dynamics.affect import project
from vemo_audit.recognition.network.fusion import Opinion, contributions, pool
from vemo_audit.recognition.perception.people import FaceTrack, People, perceive
from vemo_audit.recognition.perception.voice_summary import summarise
from vemo_audit.recognition.recognizers import experts
from vemo_audit.recognition.recognizers.trace import provenance
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.digest import digest
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span, WindowGrid

VERSION = "1"
PRIOR = np.full(len(EKMAN), 1 / len(EKMAN))
"""Before anything is seen, every class is as likely as any other."""
VOICE_ONLY = "voice"
"""The person of a clip without a picture. A voice beside an empty picture is nobody's: it may lack consent."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the recognizer is built of and how it answers."""

    face: str = "face-ferplus"
    voice: str = "voice-emodb"
    window_s: float = 1.0
    hop_s: float = 0.25
    voice_window_s: float = 2.0  # around the middle of each window: a voice needs longer than a face
    smoothing_tau_s: float = 0.5  # zero-phase; 0 is none
    least_quality: float = 0.0  # of a face, 0-1
    face_reliability: float = 0.73  # UAR of the expert on its held-out data, from its card
    voice_reliability: float = 0.37  # half of the same: ten actors, another language, no surprise


class TemporalMultimodal:
    """Face and voice experts behind the gate. Options are the fields of `Settings`.

    Every answer is an estimate of a *displayed* expression; it does not read what a person feels.
    """

    card: RecognizerCard

    def __init__(self, **options: object) -> None:
        self.settings = Settings(**options)  # type: ignore[arg-type]
        self.grid = WindowGrid(self.settings.window_s, self.settings.hop_s)
        self.face = experts.load_face(self.settings.face)
        self.voice = experts.load_voice(self.settings.voice)
        self.traces: dict[str, dict[str, object]] = {}
        files = {name: str(card["weights"]["sha256"]) for name, card in self._cards().items()}
        settings = {key: str(value) for key, value in asdict(self.settings).items()}
        self.card = RecognizerCard(
            "temporal_multimodal", VERSION, EKMAN, ("face", "voice"),
            f"{self.settings.window_s:g} s every {self.settings.hop_s:g} s",
            "; ".join(str(card["training_data"]) for card in self._cards().values()), "Apache-2.0",
            digest({"files": files, "settings": settings, "version": VERSION}),
            tuple(dict.fromkeys(limit for card in self._cards().values() for limit in card["limits"])),
        )  # fmt: skip

    def _cards(self) -> dict[str, dict]:
        return {self.settings.face: self.face.card, self.settings.voice: self.voice.card}

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        """One prediction per person and window; where nobody is seen (without a picture: heard), one that says so."""
        people = perceive(
            clip, self.face.encode, size_px=self.face.size_px, least_quality=self.settings.least_quality
        )  # fmt: skip
        trace = provenance(clip, people, self.card, self.settings)
        self.traces[digest(trace)] = trace
        spans = list(self.grid.windows(people.end_s))
        voices = self._voices(people, spans)
        pictured = people.frames > 0
        heard = not pictured and any(opinion is not None for opinion in voices)
        if not people.faces and not heard:
            reason = "nobody was seen" if pictured else "nobody was heard"
            yield Prediction(
                clip.clip.name, "", Span(0.0, people.end_s), None, reason=reason, trace=digest(trace),
                decision=clip.permit.decision_id,
            )  # fmt: skip
            return
        for person in list(people.faces) or [VOICE_ONLY]:
            # A voice belongs to a person only when nobody else in the picture, or outside it, is likelier to speak.
            own = voices if len(people.faces) == 1 or not pictured else [None] * len(spans)
            track = people.faces.get(person)
            yield from self._answers(clip, person, spans, track, own, trace=digest(trace))

    def _answers(
        self, clip: AdmittedClip, person: str, spans: list[Span], track: FaceTrack | None,
        voices: list[Opinion | None], *, trace: str,
    ) -> Iterator[Prediction]:  # fmt: skip
        faces, quality = self._faces(track, spans)
        if track is not None:  # out of view, it may be anybody's voice
            voices = [voice if face is not None else None for face, voice in zip(faces, voices, strict=True)]
        opinions = [
            {name: opinion for name, opinion in (("face", face), ("voice", voice)) if opinion is not None}
            for face, voice in zip(faces, voices, strict=True)
        ]
        pooled = [pool(each, PRIOR) for each in opinions]
        rows = np.array([np.full(len(EKMAN), np.nan) if p is None else p for p in pooled])
        middle_s = np.array([(span.start_s + span.end_s) / 2 for span in spans])
        smooth = smoothing.zero_phase(rows, middle_s, tau_s=self.settings.smoothing_tau_s)
        for k, span in enumerate(spans):
            place = {"trace": trace, "decision": clip.permit.decision_id, "quality": float(quality[k])}
            if pooled[k] is None:
                reason = "nothing observed of this person in this window"
                yield Prediction(clip.clip.name, person, span, None, reason=reason, **place)
                continue
            valence, arousal = project(smooth[k])
            yield Prediction(
                clip.clip.name, person, span, smooth[k].astype(np.float32), float(valence), float(arousal),
                modality="+".join(sorted(opinions[k])),
                contribution=contributions(opinions[k], PRIOR, int(smooth[k].argmax())), **place,
            )  # fmt: skip

    def _faces(self, track: FaceTrack | None, spans: list[Span]) -> tuple[list[Opinion | None], NDArray[np.float64]]:
        """The face's opinion of each window, and the mean quality of its frames."""
        quality = np.full(len(spans), np.nan)
        if track is None:
            return [None] * len(spans), quality
        inside = [(track.time_s >= span.start_s) & (track.time_s < span.end_s) for span in spans]
        longest = max(1, *(int(chosen.sum()) for chosen in inside))
        tokens = np.zeros((len(spans), longest, track.tokens.shape[1]), np.float32)
        mask = np.zeros((len(spans), longest), bool)
        for k, chosen in enumerate(inside):
            count = int(chosen.sum())
            tokens[k, :count], mask[k, :count] = track.tokens[chosen], True
            quality[k] = track.quality[chosen].mean() if count else np.nan
        found = self.face.probabilities(tokens, mask)
        everywhere = np.ones(len(EKMAN), bool)
        return [
            Opinion(row, everywhere, self.settings.face_reliability) if np.isfinite(row).all() else None
            for row in found
        ], quality

    def _voices(self, people: People, spans: list[Span]) -> list[Opinion | None]:
        """The voice's opinion of each window; None where nobody is heard."""
        if people.voice is None:
            return [None] * len(spans)
        found: list[Opinion | None] = []
        for span in spans:
            middle_s = (span.start_s + span.end_s) / 2 - people.voice_start_s
            reach_s = max(self.settings.voice_window_s, span.duration_s) / 2
            summary = summarise(people.voice, middle_s - reach_s, middle_s + reach_s)
            opinion = None
            if summary is not None:
                said = self.voice.probability(summary)
                opinion = Opinion(said, self.voice.support, self.settings.voice_reliability)
            found.append(opinion)
        return found
