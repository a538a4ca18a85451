"""Asks a guest's recognizer: what goes wrong inside it is told as its fault, and what it returns must be answers."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from vemo_audit.errors import BadInput, VemoError
from vemo_audit.recognition.recognizers.interface import Recognizer
from vemo_audit.recognition.recognizers.windows import STILL_S, late_s
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.prediction import Prediction, RecognizerCard

SHOWN = 200
"""Letters of a guest's own words that an error repeats."""


def answers(recognizer: Recognizer, clip: AdmittedClip) -> list[Prediction]:
    """All that the recognizer says of a clip.

    Raises BadInput when it fails or would end the program, or for an answer that is none or lies outside the clip.
    What our own code raises in it passes.
    """
    name = recognizer.card.name
    try:
        found = list(recognizer.recognize(clip))
    except VemoError:
        raise
    except (Exception, SystemExit) as error:  # a guest that ends the program must not look like work well done
        failed(error, what=f"the recognizer '{name}'", where=clip.clip.name)
    end_s = clip.clip.duration_s or STILL_S
    for k, one in enumerate(found):
        if not isinstance(one, Prediction):
            raise BadInput(
                f"answer {k + 1} of '{name}' is of the kind {type(one).__name__}", where=clip.clip.name,
                expected="vemo_audit.records.prediction.Prediction",
            )  # fmt: skip
        if not 0 <= one.span.start_s <= one.span.end_s <= end_s + late_s(end_s):
            raise BadInput(
                f"an answer of '{name}' about {one.span.start_s:g} to {one.span.end_s:g} s", where=clip.clip.name,
                expected=f"a stretch of its {end_s:.2f} s",
            )  # fmt: skip
    return found


def made(build: Callable[[], Any], *, name: str, where: str) -> Any:
    """A recognizer as its class builds it. Raises BadInput when that fails or gives no card; TypeError passes."""
    try:
        recognizer = build()
    except (VemoError, TypeError):
        raise
    except (Exception, SystemExit) as error:
        failed(error, what=f"the recognizer '{name}'", where=where)
    if not isinstance(getattr(recognizer, "card", None), RecognizerCard):
        raise BadInput(f"'{name}' without a card", where=where, expected="card and recognize(clip)")
    return recognizer


def failed(error: BaseException, *, what: str, where: str) -> NoReturn:
    """Raises BadInput that says what went wrong in whose code, and in which line."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f", in {Path(last[0].filename).name}, line {last[0].lineno}" if last else ""
    raise BadInput(
        f"{what} failed: {type(error).__name__}: {str(error)[:SHOWN]}{place}", where=where,
        expected="answers, or reasons why there are none",
    ) from error  # fmt: skip
