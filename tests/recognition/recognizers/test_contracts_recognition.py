"""Contracts of the whole recognizer: how work is cut changes nothing, and what is absent is as if it were masked."""

from itertools import combinations

import numpy as np
import open_door
import pytest
from sklearn.metrics import f1_score

from vemo_audit.media import decode
from vemo_audit.recognition.network.fusion import Opinion, pool
from vemo_audit.recognition.perception import people
from vemo_audit.recognition.perception.people import SightSettings, watch
from vemo_audit.recognition.recognizers.temporal_multimodal import PRIOR, Movements, TemporalMultimodal
from vemo_audit.records.prediction import Prediction
from vemo_audit.records.units import UNITS

NAMES = ("face", "voice", "words", "body")


@pytest.fixture(scope="module")
def recognizer() -> TemporalMultimodal:
    return TemporalMultimodal()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("film")
    return {
        "sound": open_door.film(folder / "sound.mp4", frames=24, sound_s=2.4),
        "silent": open_door.film(folder / "silent.mp4", frames=24),
        "stranger": open_door.film(folder / "stranger.mp4", frames=24, stranger=3),
    }


def numbers(found: list[Prediction]) -> np.ndarray:
    """All numbers of the answers, a row each."""
    return np.array([
        [*(np.full(7, np.nan) if one.probability is None else one.probability), one.valence, one.arousal, one.quality,
         *(one.units.get(name, np.nan) for name in UNITS)]
        for one in found
    ])  # fmt: skip


def moved(found: list[Prediction]) -> list[tuple]:
    return [(e.kind, e.onset_s, e.apex_s, e.offset_s, e.peak) for one in found for e in one.events]


@pytest.mark.parametrize(("chunk", "batch"), [(1, 1), (7, 16), (64, 64), (10_000, 16)])
def test_neither_chunks_nor_batches_change_the_answer(film, recognizer, monkeypatch, chunk, batch) -> None:
    def asked():
        return list(recognizer.recognize(open_door.admit(film["sound"], "face", "body", "voice")))

    whole, frames, sight = asked(), decode.frames, SightSettings()
    monkeypatch.setattr(decode, "frames", lambda clip: frames(clip, chunk_frames=chunk))
    module = "vemo_audit.recognition.recognizers.temporal_multimodal.watch"
    cut = SightSettings(sight.token_rate_hz, sight.unit_rate_hz, 0.0, batch)
    monkeypatch.setattr(module, lambda clip, encoder, _: watch(clip, encoder, cut))
    parts = asked()
    assert [(a.person, a.span, a.modality) for a in whole] == [(b.person, b.span, b.modality) for b in parts]
    np.testing.assert_allclose(numbers(whole), numbers(parts), atol=1e-5)
    assert len(moved(whole)) == len(moved(parts))
    for a, b in zip(moved(whole), moved(parts), strict=True):
        assert a[0] == b[0]
        np.testing.assert_allclose(a[1:], b[1:], atol=1e-5)


def test_a_voice_that_is_not_there_is_as_one_that_is_not_permitted(film, recognizer) -> None:
    silent = list(recognizer.recognize(open_door.admit(film["silent"], "face", "voice")))
    kept_shut = list(recognizer.recognize(open_door.admit(film["sound"], "face")))
    alone = list(recognizer.recognize(open_door.admit(film["silent"], "face")))
    for other in (kept_shut, alone):
        assert numbers(silent).tobytes() == numbers(other).tobytes()
    assert all(one.modality == "face" for one in silent if one.probability is not None)


def test_whom_the_guard_fills_changes_nothing_of_the_others(film, recognizer) -> None:
    one = list(recognizer.recognize(open_door.admit(film["silent"], "face", "body")))
    other = list(recognizer.recognize(open_door.admit(film["stranger"], "face", "body")))
    np.testing.assert_allclose(numbers(one), numbers(other), atol=1e-5)


def test_a_body_alone_opens_no_face(film, recognizer, monkeypatch) -> None:
    """Seeded fault: with the face permitted, the same spy is called."""
    cut = []
    align = people.align.align
    monkeypatch.setattr(people.align, "align", lambda *a, **k: cut.append(1) or align(*a, **k))
    found = list(recognizer.recognize(open_door.admit(film["silent"], "body")))
    assert not cut and found and all(one.probability is None and one.reason and not one.units for one in found)
    list(recognizer.recognize(open_door.admit(film["silent"], "face")))
    assert cut


def opinions(rng: np.random.Generator, truth: int, skills: dict[str, float]) -> dict[str, Opinion]:
    """Calibrated opinions: class scores with a planted lead of the truth, and the reliability that goes with it."""
    said = {}
    for name, skill in skills.items():
        score = rng.normal(0, skill, 7) + skill**2 * np.eye(7)[truth]  # its softmax is the exact posterior
        share = np.exp(score - score.max())
        said[name] = Opinion(share / share.sum(), np.ones(7, bool), skill)
    return said


@pytest.mark.parametrize("names", [c for size in range(1, 5) for c in combinations(NAMES, size)])
def test_any_subset_is_finite_and_one_left_is_that_expert(names) -> None:
    said = opinions(np.random.default_rng(len(names)), 2, dict.fromkeys(names, 1.0))
    pooled = pool(said, PRIOR)
    assert pooled is not None and np.isfinite(pooled).all() and abs(pooled.sum() - 1) < 1e-9
    if len(names) == 1:
        np.testing.assert_allclose(pooled, said[names[0]].probability, atol=1e-6)
    masked = {name: said.get(name, Opinion(np.full(7, 1 / 7), np.ones(7, bool), 0.0)) for name in NAMES}
    masked_pool = pool(masked, PRIOR)
    assert masked_pool is not None and masked_pool.tobytes() == pooled.tobytes(), "reliability 0 is absent"
    assert pool({}, PRIOR) is None


def gains(*, skills: dict[str, float], people_count: int = 40, each: int = 30, swap: bool = False) -> np.ndarray:
    """Per planted person, macro-F1 of the pool minus that of the best single expert left (of all people)."""
    rng = np.random.default_rng(11)
    best, gain = max(skills, key=lambda name: skills[name]), []
    for _ in range(people_count):
        truth = rng.integers(0, 7, each)
        said = [opinions(rng, int(k), skills) for k in truth]
        if swap:  # the fault: trust is given the wrong way round
            worth = dict(zip(skills, reversed(list(skills.values())), strict=True))
            said = [{n: Opinion(o.probability, o.support, worth[n] ** 4) for n, o in one.items()} for one in said]
        pooled = [int(np.argmax(pool(one, PRIOR))) for one in said]
        alone = [int(one[best].probability.argmax()) for one in said]
        gain.append(*[f1_score(truth, pooled, average="macro") - f1_score(truth, alone, average="macro")])
    return np.array(gain)


@pytest.mark.parametrize("missing", NAMES)
def test_with_one_modality_missing_the_pool_is_not_worse_than_the_best_one_left(missing: str) -> None:
    skills = {name: skill for name, skill in zip(NAMES, (1.6, 1.2, 0.8, 0.6), strict=True) if name != missing}
    gain = gains(skills=skills)
    half = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
    assert gain.mean() + half >= 0 and gain.mean() > -0.01, (missing, gain.mean(), half)


def test_trust_given_the_wrong_way_round_is_worse_than_the_best_one() -> None:
    gain = gains(skills={"face": 1.8, "voice": 0.8, "words": 0.3}, swap=True)
    assert gain.mean() + 1.96 * gain.std(ddof=1) / np.sqrt(len(gain)) < 0


def test_who_left_is_not_followed_any_further() -> None:
    movements, count = Movements(), 40
    for person in range(count):
        for k in range(5):
            row = people.FaceRow(person * 10 + k / 25, people.UNREAD, None, np.full(len(UNITS), 0.1, np.float32), None)
            movements.take(str(person), row)
    assert len(movements._streams) <= 13, "only those of the last two minutes"
