"""The port of mini-XCEPTION, layer by layer against loops over pixels, and its weights from HDF5."""

import hashlib
from pathlib import Path

import foreign_tables as tables
import numpy as np
import pytest
import torch

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.recognition.network import keras_file
from vemo_audit.recognition.network.load import load_safetensors
from vemo_audit.recognition.network.mini_xception import CLASSES, EPSILON, MiniXception, build, pooled


def read(path: Path) -> tuple[dict[str, torch.Tensor], int]:
    return keras_file.read(path, hashlib.sha256(path.read_bytes()).hexdigest())


def keras_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of the file as they lie in it: layer/part -> array."""
    import h5py

    found: dict[str, np.ndarray] = {}

    def take(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            parts = name.split("/")
            found[f"{parts[1]}/{parts[-1][:-2]}"] = item[()].astype(np.float64)

    with h5py.File(path, "r") as file:
        file.visititems(take)
    return found


def slow(arrays: dict[str, np.ndarray], image: np.ndarray) -> np.ndarray:
    """The network by its published description, channels last, loops over pixels: [S, S, 1] to logits [7]."""

    def conv(x: np.ndarray, kernel: np.ndarray, *, same: bool, step: int = 1) -> np.ndarray:
        size = len(kernel)
        x = np.pad(x, ((size // 2,) * 2, (size // 2,) * 2, (0, 0))) if same else x
        out = [
            [np.tensordot(x[i : i + size, j : j + size], kernel, 3) for j in range(0, x.shape[1] - size + 1, step)]
            for i in range(0, x.shape[0] - size + 1, step)
        ]
        return np.array(out)

    def depth(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        x = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        rows, columns = x.shape[0] - 2, x.shape[1] - 2
        out = [[(x[i : i + 3, j : j + 3] * kernel[..., 0]).sum((0, 1)) for j in range(columns)] for i in range(rows)]
        return np.array(out)

    def norm(x: np.ndarray, k: int) -> np.ndarray:
        part = {name: arrays[f"batch_normalization_{k}/{name}"] for name in keras_file.NORM.values()}
        scaled = (x - part["moving_mean"]) / np.sqrt(part["moving_variance"] + EPSILON)
        return scaled * part["gamma"] + part["beta"]

    def separable(x: np.ndarray, k: int) -> np.ndarray:
        mixed = depth(x, arrays[f"separable_conv2d_{k}/depthwise_kernel"])
        return mixed @ arrays[f"separable_conv2d_{k}/pointwise_kernel"][0, 0]

    x = np.maximum(norm(conv(image, arrays["conv2d_1/kernel"], same=False), 1), 0)
    x = np.maximum(norm(conv(x, arrays["conv2d_2/kernel"], same=False), 2), 0)
    for k in range(4):
        side = norm(conv(x, arrays[f"conv2d_{3 + k}/kernel"], same=False, step=2), 3 + 3 * k)
        along = np.maximum(norm(separable(x, 1 + 2 * k), 4 + 3 * k), 0)
        x = largest(norm(separable(along, 2 + 2 * k), 5 + 3 * k)) + side
    return (conv(x, arrays["conv2d_7/kernel"], same=True) + arrays["conv2d_7/bias"]).mean((0, 1))


def largest(x: np.ndarray) -> np.ndarray:
    """Max pooling, 3 x 3, step 2, 'same': output ceil(n / 2), half of the padding before, the larger half after."""
    n = x.shape[0]
    size = -(-n // 2)
    before = max(0, (size - 1) * 2 + 3 - n) // 2
    rows = [slice(max(0, 2 * i - before), min(n, 2 * i - before + 3)) for i in range(size)]
    return np.array([[x[a, b].max((0, 1)) for b in rows] for a in rows])


def test_the_port_gives_what_loops_over_pixels_give(tmp_path: Path) -> None:
    path = tables.keras_file(tmp_path / "w.hdf5")
    network, image = build(read(path)[0]), np.random.default_rng(1).uniform(-1, 1, (64, 64)).astype(np.float32)
    with torch.inference_mode():
        fast = network(torch.from_numpy(image)[None, None])[0].numpy()
    expected = slow(keras_arrays(path), image[..., None].astype(np.float64))
    assert np.abs(fast - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("side", [4, 5, 8, 15, 30, 60])
def test_pooling_pads_as_keras_does(side: int) -> None:
    x = -np.random.default_rng(side).uniform(1, 2, (side, side, 1))  # all below 0: a padding of 0 would win
    found = pooled(torch.from_numpy(x).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    assert np.array_equal(found, largest(x))


def test_the_twin_that_pads_evenly_is_another() -> None:
    x = torch.arange(36.0).reshape(1, 1, 6, 6)
    assert not torch.equal(torch.nn.functional.max_pool2d(x, 3, 2, padding=1), pooled(x))


def test_faces_are_scaled_and_shares_sum_to_one(tmp_path: Path) -> None:
    network = build(read(tables.keras_file(tmp_path / "w.hdf5"))[0])
    faces = np.random.default_rng(0).integers(0, 256, (3, 64, 64), np.uint8)
    found = network.probabilities(faces)
    scaled = torch.from_numpy(faces).float()[:, None] / 127.5 - 1
    with torch.inference_mode():
        assert np.abs(found - torch.softmax(network(scaled).double(), 1).numpy()).max() < 1e-5
    assert found.sum(axis=1) == pytest.approx(1) and network.probabilities(faces[:0]).shape == (0, len(CLASSES))


def test_converted_weights_are_the_same_weights(tmp_path: Path) -> None:
    path = tables.keras_file(tmp_path / "w.hdf5", side_px=48)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    made = keras_file.convert(path, tmp_path / "w.safetensors", sha256=sha256)
    tensors, side = keras_file.read(path, sha256)
    again = load_safetensors(tmp_path / "w.safetensors", made)
    assert side == 48 and set(again) == set(tensors) == set(MiniXception().state_dict())
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)


def test_a_changed_file_is_never_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import h5py

    path = tables.keras_file(tmp_path / "w.hdf5")
    monkeypatch.setattr(h5py, "File", lambda *_, **__: pytest.fail("it was parsed"))
    with pytest.raises(EvidenceBroken):
        keras_file.read(path, "0" * 64)


def test_other_files_are_refused(tmp_path: Path) -> None:
    import h5py

    (tmp_path / "text.hdf5").write_text("no weights")
    with pytest.raises(EvidenceBroken, match="cannot be read"):
        read(tmp_path / "text.hdf5")
    path = tables.keras_file(tmp_path / "w.hdf5")
    with h5py.File(path, "a") as file:
        file["model_weights/conv2d_9/conv2d_9_1/kernel:0"] = np.zeros((1, 1, 1, 1), np.float32)
    with pytest.raises(BadInput, match="conv2d_9"):
        read(path)
    with h5py.File(path, "a") as file:
        del file["model_weights/conv2d_9"], file["model_weights/conv2d_3"]
    with pytest.raises(BadInput, match="no conv2d_3/kernel"):
        read(path)
    with pytest.raises(BadInput, match="another network"):
        build({})


KERNEL = "model_weights/conv2d_1/conv2d_1_1"
DAMAGED = {
    "a list for a configuration": lambda file: file.attrs.__setitem__("model_config", "[]"),
    "a number for a configuration": lambda file: file.attrs.__setitem__("model_config", 5),
    "no number": lambda file: file[f"{KERNEL}/kernel:0"].__setitem__(..., np.nan),
    "too few dimensions": lambda file: replaced(file, data=np.zeros((3, 3), np.float32)),
    "more than memory holds": lambda file: replaced(file, shape=(200_000, 200_000), dtype="f4"),
}


def replaced(file, **dataset) -> None:  # type: ignore[no-untyped-def]
    group = file[KERNEL]
    del group["kernel:0"]
    group.create_dataset("kernel:0", **dataset)


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_behind_the_right_digest_is_refused_in_words(tmp_path: Path, name: str) -> None:
    import h5py

    path = tables.keras_file(tmp_path / "w.hdf5")
    read(path)  # the twin without the damage is read
    with h5py.File(path, "a") as file:
        DAMAGED[name](file)
    with pytest.raises((BadInput, EvidenceBroken)):
        read(path)


def test_a_file_with_a_changed_byte_is_refused_or_finite(tmp_path: Path) -> None:
    whole = tables.keras_file(tmp_path / "w.hdf5").read_bytes()
    rng, refused = np.random.default_rng(3), 0
    for k in range(20):
        changed = bytearray(whole)
        for place in rng.integers(0, len(whole) if k % 2 else 4000, 30):
            changed[place] = int(rng.integers(0, 256))
        (tmp_path / "c.hdf5").write_bytes(changed)
        try:
            tensors, _ = read(tmp_path / "c.hdf5")
        except (BadInput, EvidenceBroken):
            refused += 1
        else:
            assert all(tensor.isfinite().all() for tensor in tensors.values())
    assert refused
