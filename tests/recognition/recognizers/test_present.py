"""What is said to have been there in a window: shares that were measured, and nothing where none was."""

import math

import numpy as np
import pytest

from vemo_audit.recognition.network.fusion import Opinion
from vemo_audit.recognition.recognizers.declared import Spoken
from vemo_audit.recognition.recognizers.temporal_multimodal import present


def opinion(reliability: float) -> Opinion:
    return Opinion(np.full(7, 1 / 7), np.ones(7, bool), reliability)


def test_each_modality_tells_its_own_share():
    said = {"face": opinion(1.0), "voice": opinion(0.5), "words": opinion(0.05)}
    told = present(said, face=0.9, voice=Spoken(-20.0, 3.0, 0.6), words_reliability=0.2)
    assert told == pytest.approx({"face": 0.9, "voice": 0.6, "words": 0.25})


@pytest.mark.parametrize("voice", [None, Spoken(math.nan, math.nan, math.nan)])
def test_a_share_that_nobody_knows_is_left_out(voice):
    assert present({"voice": opinion(0.5)}, face=0.0, voice=voice, words_reliability=0.2) == {}


def test_who_had_no_say_is_not_named():
    assert present({"face": opinion(1.0)}, face=0.4, voice=Spoken(-20.0, 3.0, 0.6), words_reliability=0.2) == {
        "face": 0.4
    }
