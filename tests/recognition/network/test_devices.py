"""Every network computes where its weights lie, and takes its input there.

Tried on torch's `meta` device, which computes nothing but refuses tensors of two devices as a GPU does.
"""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network import devices, mtcnn
from vemo_audit.recognition.network.face_expert import FaceExpert, FaceExpertSettings
from vemo_audit.recognition.network.feature_fusion import FeatureFusion, FusionSettings, over_subsets
from vemo_audit.recognition.network.temporal import TEMPORAL
from vemo_audit.recognition.network.temporal_expert import TemporalExpert, TemporalSettings
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.perception.halves import Halves
from vemo_audit.recognition.recognizers import experts
from vemo_audit.recognition.recognizers.experts import Face
from vemo_audit.recognition.recognizers.over_tokens import Temporal

WINDOWS = np.ones((3, 4), bool), np.zeros((3, 4), np.float32)


@pytest.fixture(autouse=True)
def fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a `meta` tensor never had can be fetched from it nonetheless: zeros."""
    cpu = torch.Tensor.cpu

    def made(one: torch.Tensor) -> torch.Tensor:
        return torch.zeros(one.shape, dtype=one.dtype) if one.is_meta else cpu(one)

    monkeypatch.setattr(torch.Tensor, "cpu", made)


def face() -> Face:
    return Face(FaceExpert(FaceExpertSettings("resnet18-w24", "mean", 48, 7, 20)).eval().to("meta"), 1.0, {})


def encoded(_: str) -> None:
    expert, crops = face(), np.zeros((2, 1, 48, 48), np.uint8)
    assert expert.encode(crops)[1].shape == (2, 20) and expert.network.tokens(expert._there(crops)).shape == (2, 192)


def windowed(_: str) -> None:
    expert = face()
    tokens = np.zeros((3, 4, expert.network.encoder.token_size), np.float32)
    assert expert.probabilities(tokens, *WINDOWS).shape == (3, 7)


def over_time(module: str) -> None:
    expert = Temporal(TemporalExpert(TemporalSettings(module)).eval().to("meta"), 1.0, {})
    assert expert.probabilities(np.zeros((3, 4, 320), np.float32), *WINDOWS)[1].shape == (3, 4, 7)


def fused(_: str) -> None:
    network = FeatureFusion(FusionSettings((("face", 320), ("voice", 148)))).eval().to("meta")
    given = {"face": np.ones((3, 320), np.float32), "voice": np.ones((3, 148), np.float32)}
    assert over_subsets(network, given, temperature=1.0)[frozenset(given)].shape == (3, 7)


def checked(place: str) -> None:
    detector = FaceDetector()
    detector._output, detector.device = mtcnn.OutputNet().to("meta"), place
    looked = np.array([[4, 4, 60, 60]], np.float32)
    assert len(detector.check(Halves(np.zeros((1, 64, 64, 3), np.uint8)), looked).box) == 1


MODULES = [name for name in sorted(TEMPORAL) if name != "conv3d"]
WORK: list[tuple[Callable[[str], None], str]] = [
    (encoded, "meta"), (windowed, "meta"), (fused, "meta"), (checked, "meta"), *((over_time, name) for name in MODULES)
]  # fmt: skip


@pytest.mark.parametrize(("work", "name"), WORK)
def test_networks_compute_where_their_weights_are(work: Callable[[str], None], name: str) -> None:
    work(name)


@pytest.mark.parametrize(("work", "name"), WORK)
def test_input_left_on_the_cpu_is_an_error_there(
    work: Callable[[str], None], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "of", lambda network: torch.device("cpu"))
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        work("cpu" if work is checked else name)


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    assert devices.chosen("auto") in ("cpu", "cuda", "mps") and devices.chosen("cpu") == "cpu"
    assert devices.of(torch.nn.Linear(1, 1)) == devices.of(torch.nn.ReLU()) == torch.device("cpu")
    with pytest.raises(BadInput, match="tpu"):
        devices.chosen("tpu")


def test_float32_means_float32_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for of in ("cudnn", "cuda"):
        monkeypatch.setattr(
            torch.backends, of, SimpleNamespace(allow_tf32=True, matmul=SimpleNamespace(allow_tf32=True))
        )
    assert devices.exact("cpu") == "cpu"
    assert torch.backends.cudnn.allow_tf32  # nothing is changed for who computes elsewhere
    assert devices.exact("cuda:0") == "cuda:0"
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize(
    "load", [lambda: mtcnn.load_cascade("cuda"), lambda: experts.load_face("face-ferplus", device="cuda")]
)
def test_what_is_loaded_for_a_gpu_is_exact_first(load: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(devices, "exact", lambda name: asked.append(name) or "cpu")
    load()
    assert asked
    assert set(asked) == {"cuda"}
