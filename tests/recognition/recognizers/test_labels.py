"""Labels through the recognizer: planted frames that flicker, told by labels that hold and come in time."""

from collections.abc import Iterator

import numpy as np
import open_door
import pytest
from oracles.planted_labels import delay_s, macro_f1, planted

from vemo_audit.recognition.dynamics.decisions import DecisionSettings, decide
from vemo_audit.recognition.dynamics.smoothing import switches_per_minute
from vemo_audit.recognition.perception import people
from vemo_audit.recognition.perception.people import FaceRow, Moment
from vemo_audit.recognition.recognizers import temporal_multimodal
from vemo_audit.recognition.recognizers.temporal_multimodal import TemporalMultimodal
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction

RATE_HZ = 12.5
MODULE = "vemo_audit.recognition.recognizers.temporal_multimodal"


@pytest.fixture(scope="module")
def recognizer() -> TemporalMultimodal:
    found = TemporalMultimodal()
    found._windows = from_scores  # type: ignore[method-assign]
    return found


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory):
    path = open_door.film(tmp_path_factory.mktemp("film") / "silent.mp4", frames=2)
    return open_door.admit(path, "face")


def from_scores(windows) -> np.ndarray:
    """Stands for the temporal expert: tokens are logs of what each frame says; a window says their mean."""
    logs = np.stack([tokens.astype(float).mean(axis=0) for tokens, _ in windows])
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def shown(time_s: np.ndarray, rows: np.ndarray) -> Iterator[Moment]:
    """One person, frame by frame, as perception tells of them."""
    for k, (at_s, row) in enumerate(zip(time_s, rows, strict=True)):
        face = FaceRow(float(at_s), people.UNREAD, np.log(row).astype(np.float32), people.NO_UNITS, None)
        yield Moment(float(at_s) + 1 / RATE_HZ, (("1", face),), k + 1)


def told(recognizer, clip, monkeypatch, time_s, rows) -> list[Prediction]:
    monkeypatch.setattr(f"{MODULE}.watch", lambda *_: shown(time_s, rows))
    return list(recognizer.recognize(clip))


def figures(found: list[Prediction], time_s: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    """Switches a minute, macro-F1 and delay of the labels told, beside those of the best class of each frame."""
    middle_s = np.array([(one.span.start_s + one.span.end_s) / 2 for one in found])
    said = np.array([EKMAN.index(one.decided_label) for one in found])
    there = truth[np.minimum(np.searchsorted(time_s, middle_s), len(truth) - 1)]
    raw = rows.argmax(axis=1)
    return {
        "switches": switches_per_minute(said, middle_s) / switches_per_minute(raw, time_s),
        "f1": macro_f1(there, said) - macro_f1(truth, raw),
        "delay_s": delay_s(middle_s, there, said, middle_s) - delay_s(time_s, truth, raw, time_s),
    }


def holds(found: dict[str, float]) -> bool:
    """The bar: a tenth of the switches, macro-F1 within a point, 300 ms at most."""
    return found["switches"] <= 0.1 and found["f1"] >= -0.01 and found["delay_s"] <= 0.3


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("colour_s", [0.0, 0.08, 0.3])
def test_labels_hold_and_come_in_time(recognizer, clip, monkeypatch, colour_s, seed) -> None:
    time_s, truth, rows = planted(np.random.default_rng(seed), rate_hz=RATE_HZ, noise=1.5, colour_s=colour_s)
    found = told(recognizer, clip, monkeypatch, time_s, rows)
    assert all(one.probability is not None and one.contribution for one in found)
    assert holds(figures(found, time_s, truth, rows)), figures(found, time_s, truth, rows)


def each_window(rows, middle_s, *, window_s):
    return rows.argmax(axis=1)


def live(rows, middle_s, *, window_s):
    """Without the future of a recording, and a window worth one vote of its length."""
    return decide(rows, middle_s, settings=DecisionSettings(look_ahead_s=0.25, independent_s=window_s))[0]


@pytest.mark.parametrize("broken", [each_window, live])
def test_twin_labels_that_flicker_or_come_late_are_seen(recognizer, clip, monkeypatch, broken) -> None:
    time_s, truth, rows = planted(np.random.default_rng(11), rate_hz=RATE_HZ, noise=1.5, colour_s=0.3)
    monkeypatch.setattr(temporal_multimodal, "decide_windows", broken)
    assert not holds(figures(told(recognizer, clip, monkeypatch, time_s, rows), time_s, truth, rows))


def test_a_decision_leaves_the_probabilities_as_they_are(recognizer, clip, monkeypatch) -> None:
    time_s, _, rows = planted(np.random.default_rng(3), minutes=0.5, rate_hz=RATE_HZ, noise=2.5, colour_s=0.3)
    with_it = told(recognizer, clip, monkeypatch, time_s, rows)
    monkeypatch.setattr(temporal_multimodal, "decide_windows", each_window)
    without = told(recognizer, clip, monkeypatch, time_s, rows)
    assert [a.probability.tobytes() for a in with_it] == [b.probability.tobytes() for b in without]
    assert [a.decided_label for a in with_it] != [b.decided_label for b in without]


def test_contributions_are_those_of_the_decided_label(recognizer, clip, monkeypatch) -> None:
    """A single window that says otherwise keeps its label, and its face speaks against it."""
    rows = np.tile(np.array([0.7, *[0.05] * 6]), (100, 1))
    rows[48:56] = [0.3, 0.45, *[0.05] * 5]
    found = told(recognizer, clip, monkeypatch, np.arange(100) / RATE_HZ, rows)
    assert {one.decided_label for one in found} == {"anger"}
    lowest = min(found, key=lambda one: one.contribution["face"])
    assert 3.5 <= lowest.span.start_s <= 4.5


def test_where_nobody_answers_there_is_no_label(recognizer, clip, monkeypatch) -> None:
    time_s = np.concatenate([np.arange(20), np.arange(60, 80)]) / RATE_HZ
    found = told(recognizer, clip, monkeypatch, time_s, np.tile(np.array([0.7, *[0.05] * 6]), (40, 1)))
    silent = [one for one in found if one.probability is None]
    assert silent and not any(one.decided_label for one in silent)
    assert all(one.decided_label == "anger" for one in found if one.probability is not None)
