"""What the words of a transcript say of displayed affect, window by window: opinions, never text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.transcript import Transcript, utterances
from vemo_audit.records.span import Span


@dataclass(frozen=True, slots=True, eq=False)
class TextOpinion:
    """An opinion of words on a displayed expression; `probability` is None exactly when `reason` says why."""

    probability: NDArray[np.float64] | None  # [7], 0 outside the provider's support
    vad: NDArray[np.float64]  # [3] valence, arousal, dominance in [-1, 1]; NaN is not estimated
    reason: str
    share: float = 0.0  # of the window in which somebody spoke words with an opinion, 0-1

    def __post_init__(self) -> None:
        if (self.probability is None) == (not self.reason):
            raise BadInput("an opinion with both or neither of probability and reason", expected="exactly one")


class TextAffect(Protocol):
    """A provider of text affect. It sees words and their language, and keeps neither."""

    name: str
    support: NDArray[np.bool_]  # [7] the classes of EKMAN that it can speak on

    def __call__(self, text: str, language: str) -> TextOpinion:
        """The opinion on one utterance; absent with a reason where it has none. `language` is '' when not stated."""
        ...


def silent(reason: str) -> TextOpinion:
    """No opinion, and why."""
    return TextOpinion(None, np.full(3, np.nan), reason)


def opinions(
    transcript: Transcript, provider: TextAffect, windows: Sequence[Span], *, speaker: str | None = None
) -> tuple[TextOpinion, ...]:
    """One opinion for each window, from the utterances that fall into it.

    `speaker` takes only what the file ascribes to that name; None takes all, which is right when one person speaks.
    An utterance counts by the seconds that it shares with the window, whatever the order of windows: probabilities and
    vad are means by these weights. No speaker of that name in the file: BadInput. No words: absent with a reason.
    """
    if speaker is not None and speaker not in transcript.speakers:
        known = ", ".join(transcript.speakers) or "none"
        raise BadInput(f"no words of a speaker '{speaker}'", expected=f"one of the transcript's: {known}")
    said = [cue for cue in utterances(transcript) if speaker is None or cue.speaker == speaker]
    spans = [Span(cue.start_s, cue.end_s) for cue in said]
    held = [provider(cue.text, transcript.language) for cue in said]
    return tuple(_in_window(window, spans, held) for window in windows)


def _in_window(window: Span, spans: Sequence[Span], held: Sequence[TextOpinion]) -> TextOpinion:
    weights = [window.overlap_s(span) for span in spans]
    heard = [(weight, opinion) for weight, opinion in zip(weights, held, strict=True) if weight > 0]
    if not heard:
        return silent("no words in this window")
    speaking = [(weight, opinion) for weight, opinion in heard if opinion.probability is not None]
    if not speaking:
        return silent(max(heard, key=lambda pair: pair[0])[1].reason)
    weight = np.array([weight for weight, _ in speaking])
    probability = weight @ np.stack([opinion.probability for _, opinion in speaking]) / weight.sum()
    vad = np.stack([opinion.vad for _, opinion in speaking])
    known = np.isfinite(vad) * weight[:, None]
    mass = known.sum(axis=0)
    mean = np.where(mass > 0, (known * np.nan_to_num(vad)).sum(axis=0) / np.maximum(mass, 1e-12), np.nan)
    return TextOpinion(probability, mean, "", min(1.0, float(weight.sum()) / window.duration_s))
