"""Words beside a face: the label, the strongest units, and never more than the picture has room for."""

import numpy as np
import pytest
from throwaway import face

from vemo_audit.records.prediction import Prediction
from vemo_audit.records.span import Span
from vemo_audit.serving.annotate import BOX_RGB, by_person, caption, draw, fitting

LABELS = ("calm", "tense")
SURE = np.array([0.75, 0.25], np.float32)


def said(**more: object) -> Prediction:
    return Prediction("c", "1", Span(0, 1), **({"probability": SURE} | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("units", "words"),
    [({}, "calm 0.75"), ({"au12": 0.29}, "calm 0.75"),
     ({"au4": 0.4, "au12": 0.9, "au6": 0.5}, "calm 0.75 AU12 AU6")],
)  # fmt: skip
def test_the_two_strongest_units_stand_after_the_label(units: dict[str, float], words: str) -> None:
    assert caption([said(units=units)], 0.5, LABELS) == words


def test_a_decided_label_stands_with_its_own_probability() -> None:
    assert caption([said(decided_label="tense")], 0.5, LABELS) == "tense 0.25"


def test_units_without_a_label_are_words_too_and_silence_is_none() -> None:
    silent = said(probability=None, reason="output not covered by consent", units={"au12": 0.9})
    nobody = said(probability=None, reason="face lost")
    assert list(by_person([silent, nobody])["1"]) == [silent]
    assert caption([silent], 0.5, LABELS) == "AU12" and caption([silent], 1.5, LABELS) == ""


def test_words_that_do_not_fit_are_left_out_from_the_end() -> None:
    whole, wide, _, _ = fitting("calm 0.75 AU12 AU6", 10_000, 0.5, 1)
    assert whole == "calm 0.75 AU12 AU6"
    assert fitting(whole, wide - 1, 0.5, 1)[0] == "calm 0.75 AU12"
    assert fitting(whole, 5, 0.5, 1)[0] == "calm 0.75", "label and number always stand"


def test_a_box_is_drawn_with_and_without_words() -> None:
    for words in ("", "calm 0.75 AU12 AU6"):
        picture = np.zeros((96, 160, 3), np.uint8)
        draw(picture, face(1, 40, 40, 80, 80), words)
        assert tuple(picture[40, 60]) == BOX_RGB
        assert bool((picture[20:38, 40:] > 0).any()) == bool(words)
