"""Experts over tokens: read back as they were written, and never over another encoder's tokens."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.face_expert import FaceExpert, FaceExpertSettings
from vemo_audit.recognition.network.feature_fusion import FeatureFusion, FusionSettings
from vemo_audit.recognition.network.temporal_expert import TemporalExpert, TemporalSettings, encoder_digest
from vemo_audit.recognition.recognizers import over_tokens
from vemo_audit.recognition.training import card
from vemo_audit.recognition.training.outcome import Trained
from vemo_audit.recognition.training.recipe import CardText, FusionRecipe, TemporalRecipe
from vemo_audit.recognition.training.temporal_run import header_of
from vemo_audit.records.labels import EKMAN
from vemo_audit.resources import places

WORDS = CardText("a toy", "none", "nothing", ("It knows nothing.",))


@pytest.fixture
def face() -> FaceExpert:
    torch.manual_seed(1)
    return FaceExpert(FaceExpertSettings(encoder="resnet18-w24")).eval()


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, face: FaceExpert) -> Path:
    """A folder with a temporal expert 'toy-time' and a fusion 'toy-both' over the tokens of `face`."""
    monkeypatch.setattr(places, "folder", lambda name: tmp_path)
    own = {"face": "toy", "encoder_sha256": encoder_digest(face.encoder)}
    expert = TemporalExpert(TemporalSettings("gru", token_size=192, map_size=48)).half().float()
    trained = Trained(dict(expert.state_dict()), header_of(expert, 1.5) | own, None, 1)
    card.write(tmp_path, TemporalRecipe("temporal", "toy-time", 1, WORDS), "0" * 64, trained, ())
    fusion = FeatureFusion(FusionSettings((("face", 192), ("voice", 9)))).half().float()
    header = {"kind": "fusion", "temperature": "1.2", "reliability": "0.8", "sizes": "face:192,voice:9",
              "labels": ",".join(EKMAN.names)}  # fmt: skip
    trained = Trained(dict(fusion.state_dict()), header | own, None, 1)
    card.write(tmp_path, FusionRecipe("fusion", "toy-both", 1, WORDS), "0" * 64, trained, ())
    return tmp_path


def test_both_are_read_back_and_answer(models: Path, face: FaceExpert) -> None:
    time = over_tokens.load_temporal("toy-time", face)
    tokens = np.random.default_rng(0).normal(size=(2, 4, 192)).astype(np.float32)
    mask = np.array([[True, True, False, True], [False] * 4])
    window, steps = time.probabilities(tokens, mask, np.arange(8.0).reshape(2, 4))
    assert window[0].sum() == pytest.approx(1) and np.isnan(window[1]).all() and not time.needs_maps
    assert np.array_equal(np.isfinite(steps).all(axis=2), mask)
    both = over_tokens.load_fusion("toy-both", face)
    voice = over_tokens.voice_summary(np.full(6, 1 / 6), np.zeros(3, np.float32))
    found = both.answers({"face": tokens[:, 0], "voice": np.stack([voice, np.full(9, np.nan, np.float32)])})
    assert both.reliability == 0.8 and set(found) == {frozenset(("face", "voice"))}
    only = found[frozenset(("face", "voice"))]
    assert only[0].sum() == pytest.approx(1) and np.isnan(only[1]).all()


def test_tokens_of_another_encoder_are_refused(models: Path, face: FaceExpert) -> None:
    with torch.no_grad():
        face.encoder.stem[0].weight[0, 0, 0, 0] += 0.01
    for load, name in ((over_tokens.load_temporal, "toy-time"), (over_tokens.load_fusion, "toy-both")):
        with pytest.raises(BadInput, match="another face expert"):
            load(name, face)
