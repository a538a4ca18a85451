"""Our recognizer on rendered people, behind a real gate: what it says, what it was shown, and where it came from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import throwaway
from throwaway import Throwaway

from vemo_audit.demo.film import write
from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.media import decode, jail
from vemo_audit.media.probe import probe
from vemo_audit.probe.cast import cast
from vemo_audit.probe.dataset import Shoot, shoot
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.perception.tracks import FaceTracker
from vemo_audit.recognition.recognizers import experts, opinions
from vemo_audit.recognition.recognizers.temporal_multimodal import VOICE_ONLY, TemporalMultimodal
from vemo_audit.records import reasons
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.digest import digest
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction

SETTINGS = Shoot(classes=("surprise", "neutral"), duration_s=1.6)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def recognizer() -> TemporalMultimodal:
    return TemporalMultimodal()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A rendered face without sound, and a buzzing voice without a picture."""
    folder = tmp_path_factory.mktemp("film")
    found = {}
    for clip in shoot(cast(adults=1, minors=0), SETTINGS):
        label = clip.truth.label
        write(folder / f"{label}.mp4", clip.name, clip.frames, SETTINGS)
        found[label] = folder / f"{label}.mp4"
    found["voice"] = sound(folder / "voice.wav")
    return found


def sound(path: Path, *, tone: bool = False) -> Path:
    """A buzz that rises, falls and pauses, or one steady pure tone."""
    import wave

    t = np.arange(2 * 16_000) / 16_000
    phase = 2 * np.pi * np.cumsum(140 * 2 ** (0.3 * np.sin(2 * np.pi * 2 * t))) / 16_000
    samples = 0.2 * sum(np.sin(k * phase) / k for k in range(1, 9)) * (0.3 + 0.7 * np.abs(np.sin(9 * t)))
    samples = 0.5 * np.sin(2 * np.pi * 220 * t) if tone else samples
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((samples * 20_000).astype("<i2").tobytes())
    return path


@pytest.fixture
def house(tmp_path: Path) -> Throwaway:
    return throwaway.build(tmp_path / "dep")


def look(
    house: Throwaway, path: Path, recognizer: TemporalMultimodal, detector: FaceDetector,
    modalities: frozenset[str] = frozenset({"face", "voice"}),
) -> list[Prediction]:  # fmt: skip
    _, consent = house.give(modalities=tuple(sorted(modalities)))
    with house.gate(lambda: FaceTracker(detector)) as gate:
        admitted = gate.admit(probe(path), house.case(consent, modalities=modalities))
        assert isinstance(admitted, AdmittedClip), admitted
        return list(recognizer.recognize(admitted))


def test_a_rendered_surprise_and_a_rendered_neutral_face_are_told_apart(
    house: Throwaway, film: dict[str, Path], recognizer: TemporalMultimodal, detector: FaceDetector
) -> None:
    surprise = look(house, film["surprise"], recognizer, detector)[-1]
    neutral = look(house, film["neutral"], recognizer, detector)[-1]
    place = EKMAN.index("surprise")
    assert surprise.probability is not None and neutral.probability is not None
    assert surprise.probability[place] > neutral.probability[place] + 0.2
    assert surprise.arousal > neutral.arousal


def test_every_answer_is_whole_and_traced(
    house: Throwaway, film: dict[str, Path], recognizer: TemporalMultimodal, detector: FaceDetector
) -> None:
    found = look(house, film["surprise"], recognizer, detector)
    assert len({one.person for one in found}) == 1 and all(not one.reason for one in found)
    assert [one.span.start_s for one in found] == sorted(one.span.start_s for one in found)
    for one in found:
        assert one.modality == "face" and set(one.contribution) == {"face"}
        assert 0 <= one.quality <= 1 and -1 <= one.valence <= 1
        trace = recognizer.traces[one.trace]
        assert digest(trace) == one.trace and trace["decision"] == one.decision
        assert trace["recognizer_digest"] == recognizer.card.digest and trace["frames"] == 20


def test_the_same_clip_gives_the_same_bytes(
    house: Throwaway, film: dict[str, Path], recognizer: TemporalMultimodal, detector: FaceDetector
) -> None:
    first = look(house, film["surprise"], recognizer, detector)
    second = look(house, film["surprise"], recognizer, detector)
    assert [a.probability.tobytes() for a in first] == [b.probability.tobytes() for b in second]  # type: ignore[union-attr]


def test_chunks_do_not_change_the_answer(
    house: Throwaway, film: dict[str, Path], recognizer: TemporalMultimodal, detector: FaceDetector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    whole = look(house, film["surprise"], recognizer, detector)
    frames = decode.frames
    monkeypatch.setattr(decode, "frames", lambda clip: frames(clip, chunk_frames=3))
    cut = look(house, film["surprise"], recognizer, detector)
    np.testing.assert_allclose([a.probability for a in whole], [b.probability for b in cut], atol=1e-5)


def test_sound_that_is_not_permitted_is_never_opened(
    house: Throwaway, film: dict[str, Path], recognizer: TemporalMultimodal, detector: FaceDetector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    jobs: list[str] = []
    start = jail.start
    monkeypatch.setattr(jail, "start", lambda job, *a, **k: jobs.append(job["do"]) or start(job, *a, **k))
    look(house, film["neutral"], recognizer, detector, frozenset({"face"}))
    assert "sound" not in jobs and "frames" in jobs


def test_a_voice_alone_is_answered_by_the_voice_expert_which_knows_no_surprise(
    house: Throwaway, film: dict[str, Path], detector: FaceDetector
) -> None:
    found = look(house, film["voice"], TemporalMultimodal(smoothing_tau_s=0.0), detector)
    answered = [one for one in found if one.probability is not None]
    assert answered and {one.person for one in found} == {VOICE_ONLY}
    for one in answered:
        assert one.modality == "voice"
        assert one.probability is not None
        assert one.probability[EKMAN.index("surprise")] == pytest.approx(1 / 7, abs=1e-6), "silent: the prior"


def test_weights_that_are_not_the_cards_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from vemo_audit.resources import places

    copy = tmp_path / "models"
    shutil.copytree(places.folder("models"), copy)
    with (copy / "face-ferplus.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    monkeypatch.setattr(places, "folder", lambda kind: copy)
    with pytest.raises(EvidenceBroken):
        experts.load_face("face-ferplus")


def test_an_unknown_model_is_named_with_those_that_exist() -> None:
    with pytest.raises(BadInput, match="face-ferplus"):
        experts.load_face("face-of-tomorrow")
    with pytest.raises(BadInput, match="kind 'face'"):
        experts.load_face("voice-emodb")


def test_the_mean_over_time_and_feature_fusion_are_chosen_by_settings(
    house: Throwaway, film: dict[str, Path], detector: FaceDetector
) -> None:
    plain, over_time = TemporalMultimodal(temporal=""), TemporalMultimodal(fusion="fusion-paired")
    assert plain.card.digest != over_time.card.digest
    a, b = (look(house, film["surprise"], one, detector)[-1] for one in (plain, over_time))
    assert a.probability is not None and b.probability is not None
    assert not np.allclose(a.probability, b.probability), "time is read"
    with pytest.raises(BadInput, match="no model card"):
        TemporalMultimodal(temporal="of-tomorrow")


def test_faces_too_poor_to_read_are_told_apart_from_nobody(house, film, detector) -> None:
    strict = TemporalMultimodal()
    strict.settings = replace(strict.settings, least_quality=1.01)  # more than any face has: a rendered one reaches 1
    (only,) = look(house, film["surprise"], strict, detector)
    assert only.probability is None and only.reason == reasons.TOO_POOR and only.reason in reasons.REASONS


def test_a_pure_tone_is_nobodys_voice(house, recognizer, detector, tmp_path, monkeypatch) -> None:
    """All classes alike say nothing, yet would weigh beside a face. The twin lets them speak."""
    path = sound(tmp_path / "tone.wav", tone=True)
    (only,) = look(house, path, recognizer, detector)
    assert only.reason == reasons.NOBODY_HEARD
    monkeypatch.setattr(opinions, "EVEN", 0.0)
    assert any(one.reason != reasons.NOBODY_HEARD for one in look(house, path, recognizer, detector))
