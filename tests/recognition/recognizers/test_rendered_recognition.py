"""Rendered people through pixels: a neighbour changes nothing, and time is told in seconds however a film was shot."""

from functools import cache
from itertools import product

import numpy as np
import pytest
import staged
import throwaway
from oracles.planted_units import Movement

from vemo_audit.media import decode
from vemo_audit.media.probe import probe
from vemo_audit.probe.expression import perform
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.perception.tracks import FaceTracker
from vemo_audit.recognition.recognizers.experts import Face
from vemo_audit.recognition.recognizers.temporal_multimodal import TemporalMultimodal
from vemo_audit.records.prediction import Prediction

CHUNKS, BATCHES = (1, 7, 64, 10_000), (1, 16)
FRAME_S = 0.04
WHOLE = 20
"""So many windows lie within the six seconds; the last ones end with the film."""
JAW, BROW = Movement(3.1, 0.4, 0.0, 0.5, 0.9), Movement(4.5, 0.4, 0.0, 0.5, 0.9)


@cache
def recognizer() -> TemporalMultimodal:
    return TemporalMultimodal()


@cache
def detector() -> FaceDetector:
    return FaceDetector()


def asked(path) -> list[Prediction]:
    return list(recognizer().recognize(staged.admitted(path, lambda: FaceTracker(detector()))))


@cache
def person(number: int, label: str) -> np.ndarray:
    rng = np.random.default_rng(number)
    return staged.played(number, perform(label, duration_s=2.0, intensity=0.9, rng=rng), np.arange(50) / 25)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory):
    """Person A with an empty place beside, and with person B in it; A on the left and A on the right."""
    folder, time_s = tmp_path_factory.mktemp("films"), np.arange(50) / 25
    a, b = person(150, "happiness"), person(155, "surprise")
    return {
        name: staged.film(folder / f"{name}.mp4", staged.together(*people), time_s)
        for name, people in {"a": (a, None), "ab": (a, b), "_a": (None, a), "ba": (b, a)}.items()
    }


def apart(films, *, chunk_frames: int, batch: int) -> float:
    """How far A's numbers lie from those of A alone in whole chunks, at most, with B on either side."""
    worst = 0.0
    for alone, both, number in (("a", "ab", "0"), ("_a", "ba", "1")):
        reference = staged.numbers(asked(films[alone]), "0")
        with staged.cut(chunk_frames=chunk_frames, batch=batch):
            found = asked(films[both])
        assert {one.person for one in found} == {"0", "1"} and len(reference) == 5
        assert np.isfinite(reference[:, :7]).all()
        worst = max(worst, float(np.abs(reference - staged.numbers(found, number)).max()))
    return worst


@pytest.mark.parametrize(("chunk_frames", "batch"), [(1, 1), (7, 16), (64, 1), (10_000, 16)])
def test_a_second_person_in_the_picture_changes_nothing_of_the_first(films, chunk_frames: int, batch: int) -> None:
    assert apart(films, chunk_frames=chunk_frames, batch=batch) <= 1e-5


@pytest.mark.long
@pytest.mark.parametrize(("chunk_frames", "batch"), list(product(CHUNKS, BATCHES)))
def test_a_second_person_changes_nothing_however_the_film_is_cut(films, chunk_frames: int, batch: int) -> None:
    assert apart(films, chunk_frames=chunk_frames, batch=batch) <= 1e-5
    for alone in ("a", "_a"):
        with staged.cut(chunk_frames=chunk_frames, batch=batch):
            cut = staged.numbers(asked(films[alone]), "0")
        np.testing.assert_allclose(cut, staged.numbers(asked(films[alone]), "0"), atol=1e-5, rtol=0)


def test_an_encoder_that_levels_its_batch_lets_the_second_person_in(films, monkeypatch) -> None:
    """Seeded fault: tokens are centred on the mean of those that happen to be encoded together."""
    encode = Face.encode

    def centred(self, crops):
        tokens, units = encode(self, crops)
        return tokens - 0.5 * tokens.mean(axis=0), units

    monkeypatch.setattr(Face, "encode", centred)
    assert apart(films, chunk_frames=10_000, batch=16) > 1e-4


def test_a_tracker_that_forgets_with_every_chunk_shows_the_cut(films, monkeypatch) -> None:
    """Seeded fault: each call begins anew."""

    def forgetful(self, images, time_s, first_index):
        self.finder = FaceTracker(detector())
        return release(self, images, time_s, first_index)

    release = staged.Open.release
    monkeypatch.setattr(staged.Open, "release", forgetful)
    assert apart(films, chunk_frames=7, batch=16) > 1e-3


def test_behind_the_gate_a_neighbour_without_consent_leaves_no_trace(films, tmp_path) -> None:
    """A agreed for the left seat; who sits on the right is filled before anybody is looked for."""
    answers = {}
    for name in ("a", "ab"):
        house = throwaway.build(tmp_path / name, modalities=("face",), bindings=("seat_zone",))
        consent = house.give(modalities=("face",), binding="seat_zone", zone=(0, 0, 480, 1000))[1]
        with house.gate(lambda: FaceTracker(detector())) as gate:
            answers[name] = list(recognizer().recognize(gate.admit(probe(films[name]), house.case(consent))))
    assert {one.person for one in answers["ab"]} == {"0"}
    alone, beside = (staged.numbers(answers[name], "0") for name in ("a", "ab"))
    assert alone.tobytes() == beside.tobytes() and np.isfinite(alone[:, :7]).all()


def times(kind: str) -> np.ndarray:
    """Six seconds of frame times."""
    if kind == "variable":  # each step is 0.6 to 1.4 of the usual one
        steps = np.random.default_rng(0).uniform(0.6, 1.4, 400) * FRAME_S
        time_s = np.concatenate([[0.0], np.cumsum(steps)])
        return time_s[time_s < 6.0]
    rate_hz = 50 if kind == "50" else 25
    return np.arange(6 * rate_hz) / rate_hz


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory):
    """One performance (the head shakes, the jaw drops, the brows rise), filmed in several ways; what is told of it."""
    folder, acted = tmp_path_factory.mktemp("shot"), staged.Acted(((26, JAW), (1, BROW)))

    @cache
    def pictures(kind: str) -> np.ndarray:
        return staged.played(146, acted, times(kind), side_px=160)

    @cache
    def told(kind: str) -> list[Prediction]:
        of = "25" if kind == "late" else kind
        at_s = times(of) + (1.5 if kind == "late" else 0.0)
        return asked(staged.film(folder / f"{kind}.mp4", pictures(of), at_s))

    return told


def one(found: list[Prediction], kind: str):
    """The event of this kind that stands out."""
    return max((event for event in staged.events(found) if event.kind == kind), key=lambda event: event.peak)


def kinds(found: list[Prediction]) -> list[str]:
    """The gestures of the head in order of time."""
    events = sorted(staged.events(found), key=lambda event: event.onset_s)
    return [event.kind for event in events if event.kind in ("nod", "shake", "tilt")]


def demand_the_same(found: list[Prediction], usual: list[Prediction], *, two_frames_s: float) -> None:
    """Times agree within two frames, apexes with what was planted, gestures and windows with each other."""
    assert kinds(found) == kinds(usual) == ["shake"]
    for name in ("onset_s", "offset_s"):
        assert getattr(one(found, "shake"), name) == pytest.approx(getattr(one(usual, "shake"), name), abs=two_frames_s)
    for kind, planted in (("au26", JAW), ("au1", BROW)):
        assert one(found, kind).onset_s == pytest.approx(one(usual, kind).onset_s, abs=two_frames_s), kind
        assert one(found, kind).apex_s == pytest.approx(planted.top_s, abs=two_frames_s), kind
    spans = [[(a.span.start_s, a.span.end_s) for a in answers][:WHOLE] for answers in (found, usual)]
    np.testing.assert_allclose(*spans, atol=1e-9)


@pytest.mark.parametrize(("kind", "two_frames_s"), [("25", 0.08), ("50", 0.08), ("variable", 0.112)])
def test_the_same_performance_is_told_at_the_same_seconds(shot, kind: str, two_frames_s: float) -> None:
    """Two frames of the slower film; of a variable rate, two of its longest."""
    demand_the_same(shot(kind), shot("25"), two_frames_s=two_frames_s)


def test_windows_say_much_the_same_at_any_frame_rate(shot) -> None:
    """The noise of the pictures and the places of the frames differ."""
    usual = staged.numbers(shot("25"), "0")[:WHOLE, :7]
    for kind in ("50", "variable"):
        found = staged.numbers(shot(kind), "0")[:WHOLE, :7]
        apart = np.abs(found - usual)
        assert apart.mean() < 0.03 and apart.max() < 0.2, (kind, apart.mean(), apart.max())


def test_a_film_that_begins_late_is_told_from_its_first_frame(shot) -> None:
    late, usual = shot("late"), shot("25")
    np.testing.assert_allclose(staged.numbers(late, "0"), staged.numbers(usual, "0"), atol=1e-5, rtol=0)
    assert [event.kind for event in staged.events(late)] == [event.kind for event in staged.events(usual)]
    for a, b in zip(staged.events(late), staged.events(usual), strict=True):
        np.testing.assert_allclose([a.onset_s, a.apex_s, a.offset_s], [b.onset_s, b.apex_s, b.offset_s], atol=1e-5)


def retimed(monkeypatch, tmp_path, kind: str, time_s) -> list[Prediction]:
    """What is told of a film whose frames come with other times: a seeded fault."""
    frames = decode.frames

    def other(clip, **how):
        for frame in frames(clip, **how):
            object.__setattr__(frame, "time_s", time_s(frame))
            yield frame

    monkeypatch.setattr(decode, "frames", other)
    images = staged.played(146, staged.Acted(((26, JAW), (1, BROW))), times(kind), side_px=160)
    return asked(staged.film(tmp_path / "film.mp4", images, times(kind)))


@pytest.mark.parametrize("kind", ["50", "variable"])
def test_frames_that_are_counted_tell_other_seconds(shot, monkeypatch, tmp_path, kind: str) -> None:
    found = retimed(monkeypatch, tmp_path, kind, lambda frame: frame.index * FRAME_S)
    with pytest.raises((AssertionError, ValueError)):
        demand_the_same(found, shot("25"), two_frames_s=0.112)


def test_the_clock_of_a_file_tells_other_seconds(shot, monkeypatch, tmp_path) -> None:
    found = retimed(monkeypatch, tmp_path, "25", lambda frame: frame.time_s + 1.5)
    with pytest.raises((AssertionError, ValueError)):
        demand_the_same(found, shot("25"), two_frames_s=0.08)
