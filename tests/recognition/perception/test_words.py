"""Words: a weak opinion where they carry sentiment in English, and silence with a reason everywhere else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.affect_lexicon import LARGEST_SHARE, SUPPORT, EnglishLexicon, project
from vemo_audit.recognition.perception.transcript import Cue, Transcript
from vemo_audit.recognition.perception.words import TextOpinion, opinions, silent
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.span import Span, WindowGrid

HAPPINESS = EKMAN.index("happiness")


@pytest.fixture(scope="module")
def lexicon() -> EnglishLexicon:
    return EnglishLexicon()


def valence(lexicon: EnglishLexicon, text: str) -> float:
    return float(lexicon(text, "en").vad[0])


def test_negation_turns_and_intensifiers_strengthen(lexicon: EnglishLexicon) -> None:
    assert valence(lexicon, "I am happy") > 0.3
    assert valence(lexicon, "I am not happy") < -0.2
    assert valence(lexicon, "I am very happy") > valence(lexicon, "I am happy")
    assert valence(lexicon, "I am slightly happy") < valence(lexicon, "I am happy")


def test_only_valence_is_stated(lexicon: EnglishLexicon) -> None:
    assert np.isnan(lexicon("what a wonderful day", "en").vad[1:]).all()


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        ("I am happy", "de", "English only"),
        ("I am happy", "eng", "English only"),
        ("I am happy", "", "not stated"),
        ("The surface is on the table", "en", "no sentiment"),
        ("", "en", "no sentiment"),
    ],
)
def test_what_the_lexicon_cannot_say_is_absent_with_a_reason(
    lexicon: EnglishLexicon, text: str, language: str, reason: str
) -> None:
    opinion = lexicon(text, language)
    assert opinion.probability is None and reason in opinion.reason and np.isnan(opinion.vad).all()


def test_the_projection_by_hand() -> None:
    """Full positive valence: half of it even over six classes (1/12 each), half on happiness."""
    found = project(1.0)
    assert found[HAPPINESS] == pytest.approx(1 / 12 + 1 / 2)
    assert found[EKMAN.index("neutral")] == pytest.approx(1 / 12) and found[EKMAN.index("surprise")] == 0
    assert project(-1.0)[EKMAN.index("fear")] == pytest.approx(1 / 12 + 1 / 8)


@given(st.floats(-1, 1))
def test_the_projection_is_a_weak_distribution_within_its_support(value: float) -> None:
    found = project(value)
    assert found.sum() == pytest.approx(1) and (found[SUPPORT] > 0).all() and (found[~SUPPORT] == 0).all()
    assert found.max() <= LARGEST_SHARE + (1 - LARGEST_SHARE) / SUPPORT.sum() + 1e-9


class Planted:
    """Words that say their own valence: a stand-in for a lexicon."""

    name, support = "planted", SUPPORT

    def __call__(self, text: str, language: str) -> TextOpinion:
        if text == "dull.":
            return silent("dull")
        return TextOpinion(project(float(text)), np.array([float(text), np.nan, np.nan]), "")


SAID = Transcript((Cue(0, 2, "0.8", "ANN"), Cue(1, 4, "-0.4", "BOB"), Cue(6, 7, "dull.", "ANN")), "en")


def test_windows_weigh_words_by_the_seconds_they_share() -> None:
    first, second, third, fourth = opinions(SAID, Planted(), [Span(0, 2), Span(2, 4), Span(4, 6), Span(6, 8)])
    assert first.vad[0] == pytest.approx((2 * 0.8 + 1 * -0.4) / 3) and np.isnan(first.vad[1])
    assert first.probability == pytest.approx((2 * project(0.8) + project(-0.4)) / 3)
    assert second.vad[0] == pytest.approx(-0.4) and second.share == pytest.approx(1)
    assert third.reason == "no words in this window" and fourth.reason == "dull"


def test_the_words_of_another_speaker_are_not_ones_own() -> None:
    (ann,) = opinions(SAID, Planted(), [Span(0, 2)], speaker="ANN")
    assert ann.vad[0] == pytest.approx(0.8)
    with pytest.raises(BadInput, match="speaker 'EVE'"):
        opinions(SAID, Planted(), [Span(0, 2)], speaker="EVE")


def test_an_empty_transcript_is_silent_everywhere() -> None:
    assert all(one.probability is None for one in opinions(Transcript((), "en"), Planted(), [Span(0, 2), Span(2, 4)]))


@given(st.integers(1, 9))
def test_windows_do_not_depend_on_how_many_are_asked_at_once(cut: int) -> None:
    windows = list(WindowGrid(4.0, 1.0).windows(10.0))
    whole = opinions(SAID, Planted(), windows)
    parts = opinions(SAID, Planted(), windows[:cut]) + opinions(SAID, Planted(), windows[cut:])
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.vad, other.vad)


def test_a_sentence_split_over_cues_keeps_its_negation(lexicon: EnglishLexicon) -> None:
    split = Transcript((Cue(0, 1, "I am not"), Cue(1.1, 2, "happy with it")), "en")
    (opinion,) = opinions(split, lexicon, [Span(0, 2)])
    assert opinion.vad[0] < 0
    assert valence(lexicon, "happy with it") > 0  # the twin: cue by cue the answer would be the opposite


def test_an_opinion_has_either_probability_or_reason() -> None:
    with pytest.raises(BadInput):
        TextOpinion(None, np.full(3, np.nan), "")
    with pytest.raises(BadInput):
        TextOpinion(project(1.0), np.full(3, np.nan), "why")
