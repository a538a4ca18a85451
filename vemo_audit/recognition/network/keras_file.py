"""Reads mini-XCEPTION weights from the HDF5 files of Keras 2, without Keras: digest first, then names to tensors."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.recognition.network.mini_xception import layer_names
from vemo_audit.records.digest import sha256_hex
from vemo_audit.resources import weights

MOST_NUMBERS = 10_000_000
"""In one array: the largest of the model's has 16,384."""
NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def read(path: Path, sha256: str) -> tuple[dict[str, Tensor], int]:
    """Weights by the names of our network, and the side of its input in pixels.

    Raises BadInput when the file or h5py is absent or the file holds another network, EvidenceBroken when its digest
    is another: then nothing was parsed.
    """
    data = weights.checked_bytes(path, sha256)
    try:
        import h5py
    except ImportError:
        raise BadInput(
            "no h5py", where=str(path), expected="it, to read HDF5", advice="pip install 'vemo-audit[zoo]'"
        ) from None
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            arrays: dict[str, NDArray[np.float32]] = {}
            file["model_weights"].visititems(lambda name, item: _take(arrays, name, item))
            side = _side(file.attrs["model_config"], str(path))
    except (
        OSError,
        KeyError,
        ValueError,
        TypeError,
        IndexError,
        RuntimeError,
    ) as error:  # as h5py has it, RuntimeError
        raise EvidenceBroken(f"weights that cannot be read ({error})", where=str(path)) from None
    return as_tensors(arrays, where=str(path)), side


def _take(arrays: dict[str, NDArray[np.float32]], name: str, item: Any) -> None:
    """'conv2d_1/conv2d_1_1/kernel:0' is known by its layer and its last part: 'conv2d_1/kernel'."""
    if hasattr(item, "shape"):
        parts = name.split("/")
        if item.size > MOST_NUMBERS:  # a hole in the file may stand for any number of them
            raise ValueError(f"{item.size} numbers in {name}")
        arrays[f"{parts[0]}/{parts[-1].partition(':')[0]}"] = np.asarray(item[()], np.float32)


def _side(config: Any, where: str) -> int:
    """The side of the input, from the stored configuration. Raises BadInput for one that is not square and grey."""
    text = config.decode() if isinstance(config, bytes) else config
    shape = json.loads(text)["config"]["layers"][0]["config"]["batch_input_shape"]
    if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 1 or not 32 <= int(shape[1]) <= 512:
        raise BadInput(f"an input of shape {shape}", where=where, expected="square, grey pictures of 32 to 512 pixels")
    return int(shape[1])


def as_tensors(arrays: dict[str, NDArray[np.float32]], *, where: str = "") -> dict[str, Tensor]:
    """Keras arrays as tensors of our network. Kernels turn from [H, W, in, out] to [out, in, H, W], those of the
    depth from [H, W, in, 1] to [in, 1, H, W]. Raises BadInput for a missing one, or one that is left over."""
    left, found = dict(arrays), {}

    def take(layer: str, part: str) -> Tensor:
        name = f"{layer}/{part}"
        if name not in left:
            raise BadInput(f"no {name}", where=where, expected="the weights of mini-XCEPTION")
        array = np.array(left.pop(name))
        if array.ndim != (4 if part.endswith("kernel") else 1) or not np.isfinite(array).all():
            raise BadInput(f"{name} of shape {array.shape}", where=where,
                           expected="finite numbers, in four dimensions for a kernel, else in one")  # fmt: skip
        return torch.from_numpy(array)

    for ours, layer in layer_names().items():
        if "norm" in ours:
            found |= {f"{ours}.{mine}": take(layer, part) for mine, part in NORM.items()}
            found[f"{ours}.num_batches_tracked"] = torch.tensor(0)
        elif layer.startswith("separable"):
            found[f"{ours}.depthwise.weight"] = take(layer, "depthwise_kernel").permute(2, 3, 0, 1).contiguous()
            found[f"{ours}.pointwise.weight"] = take(layer, "pointwise_kernel").permute(3, 2, 0, 1).contiguous()
        else:
            found[f"{ours}.weight"] = take(layer, "kernel").permute(3, 2, 0, 1).contiguous()
            if ours == "head":
                found[f"{ours}.bias"] = take(layer, "bias")
    if left:
        raise BadInput(f"also {sorted(left)[0]}", where=where, expected="the weights of mini-XCEPTION and no others")
    return found


def convert(source: Path, target: Path, *, sha256: str) -> str:
    """Writes the weights of an HDF5 file as safetensors, with the side of the input; the digest of what was written."""
    tensors, side = read(source, sha256)
    data = safetensors.torch.save(tensors, metadata={"size_px": str(side), "source_sha256": sha256})
    target.write_bytes(data)
    return sha256_hex(data)
