"""What English words say of displayed affect, by a lexicon with negation and intensifiers; it knows no other language.

Source: VADER, Hutto and Gilbert 2014 (doi:10.1609/icwsm.v8i1.14550); rules and word list are the MIT-licensed package.
"""

import math

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.transcript import INSTALL
from vemo_audit.recognition.perception.words import TextOpinion, silent
from vemo_audit.records.labels import EKMAN

SPEAKS_FROM = 0.05
"""The smallest compound score that is taken for sentiment. Source: the authors' own threshold for neutral text."""
LARGEST_SHARE = 0.5
"""How much of the posterior the strongest words may move away from even: words alone are weak evidence of a class."""
NEGATIVE = ("anger", "disgust", "fear", "sadness")
SUPPORT: NDArray[np.bool_] = np.array([name != "surprise" for name in EKMAN.names])
"""Classes that this provider can speak on: a positive or negative word says nothing of surprise."""


class EnglishLexicon:
    """A provider of text affect for English. Holds the word list; needs the extra `text`."""

    name = "vader"
    support = SUPPORT

    def __init__(self) -> None:
        try:
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
        except ImportError:
            raise BadInput("no lexicon of affect", expected="vaderSentiment", advice=INSTALL) from None
        self._analyzer = SentimentIntensityAnalyzer()

    def __call__(self, text: str, language: str) -> TextOpinion:
        """The opinion on one utterance; absent, with a reason, in another language or without any known sentiment."""
        if not language:
            return silent("the language of the words is not stated")
        if language.replace("_", "-").split("-")[0].lower() != "en":
            return silent(f"words in '{language}': the lexicon knows English only")
        compound = float(self._analyzer.polarity_scores(text)["compound"])
        if not math.isfinite(compound) or abs(compound) < SPEAKS_FROM:
            return silent("the words carry no sentiment that the lexicon knows")
        return TextOpinion(project(compound), np.array([compound, np.nan, np.nan]), "")


def project(valence: float) -> NDArray[np.float64]:
    """Valence in [-1, 1] to a distribution over the seven classes `[7]`, 0 outside the support.

    Even over the support, moved by at most LARGEST_SHARE: to happiness when positive, in equal parts to anger, disgust,
    fear and sadness when negative (the words do not tell these apart). Source: our convention; it stands on the card.
    """
    share = LARGEST_SHARE * min(1.0, abs(valence))
    target = np.zeros(len(EKMAN))
    for name in ("happiness",) if valence > 0 else NEGATIVE:
        target[EKMAN.index(name)] = 1 if valence > 0 else 1 / len(NEGATIVE)
    even = SUPPORT / SUPPORT.sum()
    return (1 - share) * even + share * target
