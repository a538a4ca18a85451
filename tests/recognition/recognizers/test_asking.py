"""A guest that fails, leaves, or says what is no answer is told as such; it never looks like work well done."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import open_door
import pytest

from vemo_audit.errors import BadInput, Refused
from vemo_audit.recognition.recognizers import asking
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span


class Guest:
    """Says what it is told to say."""

    card = RecognizerCard("guest", "1", EKMAN, ("face",), "whole clip", "none", "CC0", "")

    def __init__(self, says: Callable[[], Any]) -> None:
        self.says = says

    def recognize(self, clip: AdmittedClip) -> Any:
        return self.says()


@pytest.fixture
def clip(tmp_path: Path) -> AdmittedClip:
    return open_door.admit(open_door.film(tmp_path / "film.mp4"), "face")  # one second


def about(start_s: float, end_s: float) -> Prediction:
    return Prediction("film.mp4", "1", Span(start_s, end_s), np.array([0.4, *[0.1] * 6], np.float32))


def late(error: BaseException) -> Iterator[Prediction]:
    yield about(0, 1)
    raise error


def test_answers_come_back_as_they_are(clip: AdmittedClip) -> None:
    said = [about(0, 1), about(0.5, 1.04)]
    assert asking.answers(Guest(lambda: iter(said)), clip) == said
    assert asking.answers(Guest(lambda: ()), clip) == []


@pytest.mark.parametrize(
    "error", [RuntimeError("boom"), SystemExit(0), MemoryError(), OSError(28, "No space"), KeyError("x")]
)
def test_a_guest_that_fails_or_leaves_is_told_by_name_and_line(clip: AdmittedClip, error: BaseException) -> None:
    with pytest.raises(BadInput, match=rf"'guest' failed: {type(error).__name__}.*test_asking\.py, line"):
        asking.answers(Guest(lambda: late(error)), clip)


def test_our_own_refusals_and_an_interruption_pass(clip: AdmittedClip) -> None:
    for error in (Refused("no", rule_id="x", ref="y"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            asking.answers(Guest(lambda error=error: late(error)), clip)


@pytest.mark.parametrize("said", [None, ["junk"], [about(500, 501)], [about(0, 1e9)], [about(-5, 1)], 5])
def test_what_is_no_answer_about_this_clip_is_refused(clip: AdmittedClip, said: Any) -> None:
    with pytest.raises(BadInput, match="guest"):
        asking.answers(Guest(lambda: said), clip)


def test_a_class_that_cannot_be_built_or_has_no_card_is_told(tmp_path: Path) -> None:
    assert asking.made(lambda: Guest(lambda: ()), name="g", where="plan").card.name == "guest"

    def boom() -> None:
        raise SystemExit(0)

    for build in (boom, lambda: object(), lambda: type("NoCard", (), {"card": "x"})()):
        with pytest.raises(BadInput, match="'g'"):
            asking.made(build, name="g", where="plan")
