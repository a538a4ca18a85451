"""Tokens to learn time from: rendered performances, real stills seen again and again, and movements between stills."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vemo_audit.datasets import ferplus
from vemo_audit.datasets.ferplus import VotedFaces
from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.conv3d import MAP_SIDE
from vemo_audit.recognition.network.face_expert import FaceExpert
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.training import crops as cutting
from vemo_audit.recognition.training.augment import Augmentation, augment
from vemo_audit.recognition.training.sequences import Sequences

BATCH = 128
VIEWS = 3
"""How often each still is seen, each time a little moved: what a tracked face that keeps still looks like."""
JITTER = Augmentation(
    flip_share=0, shift_share=0.03, rotation_deg=4, scale_share=0.05, contrast_share=0.1, brightness=0.05, erase_share=0
)
FER_ZOOM, FER_BORDER = 3, 1 / 6

Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """Rendered sequences as tokens, end to end."""

    tokens: Tensor  # [F, D]
    maps: Tensor  # [F, C, h, w], half precision
    mask: Tensor  # [F]
    time_s: Tensor  # [F]
    target: Tensor  # [F, K]
    starts: NDArray[np.int64]  # [N + 1]
    label: NDArray[np.int64]  # [N]
    subject: NDArray[np.str_]  # [N]


@dataclass(frozen=True, slots=True, eq=False)
class Stills:
    """Real faces, each seen several times."""

    tokens: Tensor  # [M, VIEWS, D]
    maps: Tensor  # [M, VIEWS, C, h, w], half precision
    shares: Tensor  # [M, K] of the votes
    ids: tuple[str, ...]


def encode(
    network: FaceExpert, crops: NDArray[np.uint8] | Tensor, *, told: Callable[[int], None] = lambda done: None
) -> tuple[Tensor, Tensor]:
    """Luma crops `[N, S, S]`, bytes or in [-1, 1], to tokens `[N, D]` and maps `[N, C, h, w]` in half precision."""
    tokens, maps = [], []
    given = torch.from_numpy(crops) if isinstance(crops, np.ndarray) else crops
    with torch.no_grad():
        for start in range(0, len(given), BATCH):
            part = given[start : start + BATCH].unsqueeze(1)
            part = part.float() / 127.5 - 1 if part.dtype == torch.uint8 else part
            first, seen = network.encoder.maps(part.contiguous(memory_format=torch.channels_last))
            other = network.encoder(part.flip(3).contiguous(memory_format=torch.channels_last))
            tokens.append((first + other) / 2)
            maps.append(functional.adaptive_avg_pool2d(seen, MAP_SIDE).half().contiguous())
            told(start + len(part))
    return torch.cat(tokens), torch.cat(maps)


def played(tokens: Tensor, maps: Tensor, sequences: Sequences) -> Played:
    """Every frame of the rendered sequences with its tokens and maps."""
    return Played(
        tokens, maps, torch.from_numpy(sequences.mask), torch.from_numpy(sequences.time_s),
        torch.from_numpy(sequences.targets()), sequences.starts, sequences.label, sequences.subject,
    )  # fmt: skip


def stills(
    folder: Path, *, most: int, least_votes: int, held_back_share: float, split_seed: int
) -> tuple[VotedFaces, VotedFaces]:
    """FER+ training faces: at most so many to learn from, and all that the face expert was not fitted on either.

    The split is that of the face recipe with the same seed and share. Raises BadInput without the data.
    """
    faces = ferplus.seven_classes(ferplus.load(folder / "ferplus", "train"), least_votes=least_votes)
    order = np.random.default_rng(split_seed).permutation(len(faces))
    count = int(len(faces) * held_back_share)
    if not 0 < count < len(faces):
        raise BadInput(f"{count} of {len(faces)} stills held back", expected="some, and not all")
    return faces.where(order[count : count + most]), faces.where(order[:count])


def views(
    network: FaceExpert, faces: VotedFaces, *, size_px: int, seed: int, told: Told = lambda *_: None
) -> tuple[Tensor, Tensor]:
    """Tokens `[M, VIEWS, D]` and maps of faces, upright as the recognizer turns them, seen several times."""
    points = cutting.points_in(
        faces.images, FaceDetector(), border_share=FER_BORDER, zoom=FER_ZOOM,
        listener=lambda done: told("finding", done, len(faces)),
    )  # fmt: skip
    upright = faces.images.copy()
    for row, five in enumerate(points):
        crop = cutting.aligned(faces.images[row], five, size_px=size_px, margin_share=FER_BORDER)
        upright[row] = upright[row] if crop is None else crop
    rng = torch.Generator().manual_seed(seed)
    clean = torch.from_numpy(upright).unsqueeze(1).float() / 127.5 - 1
    seen = [clean, *(augment(clean, JITTER, rng) for _ in range(VIEWS - 1))]
    rows = [
        encode(network, view[:, 0], told=lambda done, k=k: told("encoding", k * len(faces) + done, VIEWS * len(faces)))
        for k, view in enumerate(seen)
    ]
    return torch.stack([tokens for tokens, _ in rows], 1), torch.stack([maps for _, maps in rows], 1)


def as_answered(bank: Stills, network: FaceExpert, heat: float) -> Stills:
    """The stills with the face expert's own calibrated answers in place of the votes: what time must not change.

    The expert has learned these very faces, so that votes on them would teach trust in tokens that new faces lack.
    """
    with torch.no_grad():
        shares = torch.softmax(network.head(bank.tokens.mean(dim=1)) / heat, dim=1)
    return Stills(bank.tokens, bank.maps, shares, bank.ids)
