"""Random changes to a batch of training faces that leave the expression alone."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far a training face may be moved, turned, scaled, relit and covered."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    flip_share: float = 0.5
    shift_share: float = 0.08  # of the side, each way
    rotation_deg: float = 15.0
    scale_share: float = 0.15
    contrast_share: float = 0.4
    brightness: float = 0.3  # on the scale [-1, 1]
    erase_share: float = 0.5  # of the images
    erase_side_share: float = 0.4  # the longest side of the covered rectangle


def augment(faces: Tensor, settings: Augmentation, rng: torch.Generator) -> Tensor:
    """Faces `[N, 1, S, S]` in [-1, 1] to randomly changed faces of the same shape and range."""
    faces = warp(faces, settings, rng)
    count = faces.shape[0]
    contrast = 1 + settings.contrast_share * uniform((count, 1, 1, 1), rng)
    brightness = settings.brightness * uniform((count, 1, 1, 1), rng)
    mean = faces.mean(dim=(2, 3), keepdim=True)
    faces = ((faces - mean) * contrast + mean + brightness).clamp(-1, 1)
    return erase(faces, settings, rng)


def uniform(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Uniform numbers in [-1, 1)."""
    return 2 * torch.rand(shape, generator=rng) - 1


def warp(faces: Tensor, settings: Augmentation, rng: torch.Generator) -> Tensor:
    """One similarity per face, bilinear, the border repeated."""
    count = faces.shape[0]
    angle = math.radians(settings.rotation_deg) * uniform((count,), rng)
    scale = 1 + settings.scale_share * uniform((count,), rng)
    mirror = torch.where(torch.rand((count,), generator=rng) < settings.flip_share, -1.0, 1.0)
    shift = 2 * settings.shift_share * uniform((count, 2), rng)
    matrix = torch.empty(count, 2, 3)
    matrix[:, 0, 0] = torch.cos(angle) * scale * mirror
    matrix[:, 0, 1] = -torch.sin(angle) * scale
    matrix[:, 1, 0] = torch.sin(angle) * scale * mirror
    matrix[:, 1, 1] = torch.cos(angle) * scale
    matrix[:, :, 2] = shift
    grid = functional.affine_grid(matrix, list(faces.shape), align_corners=False)
    return functional.grid_sample(faces, grid, mode="bilinear", padding_mode="border", align_corners=False)


def erase(faces: Tensor, settings: Augmentation, rng: torch.Generator) -> Tensor:
    """Covers a random rectangle with one grey level on some faces. Source: Zhong et al. 2020 (arXiv:1708.04896)."""
    count, _, side, _ = faces.shape
    centre = torch.rand((count, 2), generator=rng) * side
    half = torch.rand((count, 2), generator=rng) * settings.erase_side_share * side / 2
    chosen = torch.rand((count,), generator=rng) < settings.erase_share
    axis = torch.arange(side).float()
    rows = (axis[None, :] - centre[:, :1]).abs() < half[:, :1]
    columns = (axis[None, :] - centre[:, 1:]).abs() < half[:, 1:]
    covered = (rows[:, :, None] & columns[:, None, :] & chosen[:, None, None]).unsqueeze(1)
    level = uniform((count, 1, 1, 1), rng)
    return torch.where(covered, level, faces)
