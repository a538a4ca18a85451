"""The one place where weights become tensors: digest first, and never a pickle that may hold code."""

import io
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from vemo_audit.errors import EvidenceBroken
from vemo_audit.resources import weights


def load_safetensors(path: Path, sha256: str) -> dict[str, Tensor]:
    """Our own weights by name, on the CPU.

    Raises BadInput when the file is absent, EvidenceBroken when its digest or its form is wrong.
    """
    data = weights.checked_bytes(path, sha256)
    try:
        return safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise EvidenceBroken(f"weights that cannot be read ({error})", where=str(path)) from None


def load_face_detector(stage: str) -> dict[str, Tensor]:
    """The weights of 'pnet', 'rnet' or 'onet' by name, on the CPU. Raises as `resources.weights.face_detector`."""
    return torch.load(io.BytesIO(weights.face_detector(stage)), map_location="cpu", weights_only=True)
