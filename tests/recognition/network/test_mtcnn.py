"""Tests of the three networks against versions written with loops, on the real weights."""

import numpy as np
import pytest
import torch

from tests.oracles import perception as oracle
from vemo_audit.recognition.network import mtcnn
from vemo_audit.recognition.network.load import load_face_detector


@pytest.fixture(scope="module")
def nets():
    return dict(zip(("pnet", "rnet", "onet"), mtcnn.load_cascade("cpu"), strict=True))


@pytest.mark.parametrize(("stage", "side"), [("pnet", (17, 22)), ("rnet", (24, 24)), ("onet", (48, 48))])
def test_networks_agree_with_loops(nets, stage, side):
    pictures = np.random.default_rng(3).uniform(-1, 1, (2, 3, *side))
    got = nets[stage](torch.from_numpy(pictures).float())
    weights = {name: value.numpy() for name, value in load_face_detector(stage).items()}
    for k in range(2):
        want = oracle.cascade(stage, pictures[k], weights)
        assert len(want) == len(got)
        for mine, theirs in zip(got, want, strict=True):
            assert mine[k].numpy().ravel() == pytest.approx(np.asarray(theirs).ravel(), abs=2e-5)


def test_no_crop_is_a_normal_batch(nets):
    assert [part.shape[0] for part in nets["onet"](torch.empty(0, 3, 48, 48))] == [0, 0, 0]


def test_bytes_are_scaled_as_in_training():
    picture = torch.tensor([0, 127, 255], dtype=torch.uint8).reshape(1, 1, 1, 3)
    assert mtcnn.scaled(picture).flatten().tolist() == pytest.approx([-127.5 / 128, -0.5 / 128, 127.5 / 128])
