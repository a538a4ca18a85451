"""Draws windows to learn time from: cut, thinned and masked as in life."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vemo_audit.recognition.training.token_banks import VIEWS, Played, Stills

LONGEST = 48
"""Steps of a window: about 4 s at the token rate of the recognizer."""
RATES_HZ = (8.0, 12.5, 15.0, 25.0, 30.0)


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """B windows of T steps."""

    tokens: Tensor  # [B, T, D]
    maps: Tensor  # [B, T, C, h, w]
    mask: Tensor  # [B, T]
    time_s: Tensor  # [B, T]
    target: Tensor  # [B, K] what the window shows at its strongest
    steps: Tensor  # [B, T, K] what each step shows


def joined(parts: list[Windows]) -> Windows:
    """Windows of several kinds in one batch."""
    names = ("tokens", "maps", "mask", "time_s", "target", "steps")
    return Windows(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def strongest(steps: Tensor, mask: Tensor, neutral: int) -> Tensor:
    """The target `[B, K]` of the present step that is least neutral; uniform where none is present."""
    share = torch.where(mask, steps[..., neutral], torch.full((), 2.0))
    picked = steps[torch.arange(len(steps)), share.argmin(dim=1)]
    return torch.where(mask.any(dim=1)[:, None], picked, torch.full((), 1 / steps.shape[2]))


def cut(bank: Played, first: list[int], last: list[int], *, neutral: int) -> Windows:
    """The frames `first[k]:last[k]` of the bank as windows, padded to `LONGEST`; longer ones lose their end."""
    index = torch.zeros(len(first), LONGEST, dtype=torch.long)
    mask = torch.zeros(len(first), LONGEST, dtype=torch.bool)
    for row, (a, b) in enumerate(zip(first, last, strict=True)):
        count = min(b - a, LONGEST)
        index[row, :count] = torch.arange(a, a + count)
        mask[row, :count] = bank.mask[a : a + count]
    steps = bank.target[index]
    return Windows(
        bank.tokens[index], bank.maps[index], mask, bank.time_s[index], strongest(steps, mask, neutral), steps
    )


def drawn_played(bank: Played, chosen: np.ndarray, rng: np.random.Generator, *, count: int, neutral: int) -> Windows:
    """Random windows of 0.6 to 4 s out of the chosen sequences."""
    first, last = [], []
    for k in rng.choice(chosen, count):
        a, b = int(bank.starts[k]), int(bank.starts[k + 1])
        start = int(rng.integers(a, b - 4))
        end_s = float(bank.time_s[start]) + rng.uniform(0.6, 4.0)
        inside = int((bank.time_s[start:b] <= end_s).sum())
        first.append(start)
        last.append(start + max(inside, 2))
    return cut(bank, first, last, neutral=neutral)


def drawn_stills(bank: Stills, rng: np.random.Generator, *, rows: np.ndarray, moving_share: float) -> Windows:
    """One window per row: the face keeps still, or (in a share of them) comes out of another one and goes back.

    A movement mixes the tokens of two stills by a bell of minimum-jerk sides; half-way it counts as the second in full.
    """
    count = len(rows)
    other = rng.integers(len(bank.shares), size=count)
    length = rng.integers(1, LONGEST + 1, size=count)
    place = np.arange(LONGEST)
    time_s = place[None] / rng.choice(RATES_HZ, count)[:, None]
    mask = torch.from_numpy(place[None] < length[:, None])
    view = torch.from_numpy(rng.integers(VIEWS, size=(2, count, LONGEST)))
    here, there = torch.from_numpy(rows)[:, None], torch.from_numpy(other)[:, None]
    moving = torch.from_numpy(rng.random(count) < moving_share)[:, None]
    level = torch.from_numpy(_bell(place, length, rng)).float() * torch.from_numpy(rng.uniform(0.5, 1.0, (count, 1)))
    level = torch.where(moving, level, torch.ones(())).float()  # still: the row's own face throughout
    tokens = _mixed(bank.tokens[there, view[1]], bank.tokens[here, view[0]], level)
    maps = _mixed(bank.maps[there, view[1]].float(), bank.maps[here, view[0]].float(), level)
    share = (2 * level).clamp(0, 1)
    steps = _mixed(bank.shares[there.expand_as(view[0])], bank.shares[here.expand_as(view[0])], share)
    peak = torch.where(mask, share, torch.zeros(())).amax(dim=1, keepdim=True)
    target = bank.shares[torch.from_numpy(rows)] * peak + bank.shares[torch.from_numpy(other)] * (1 - peak)
    return Windows(tokens, maps, mask, torch.from_numpy(time_s), target, steps)


def _bell(place: np.ndarray, length: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rise, apex and fall `[B, T]` in 0-1 at places drawn inside each window."""
    count = len(length)
    apex = length[:, None] * rng.uniform(0.2, 0.8, (count, 1))
    reach = np.maximum(2.0, length[:, None] * rng.uniform(0.15, 0.5, (count, 1)))
    t = np.clip(1.3 - np.abs(place[None] - apex) / reach, 0, 1)
    return t**3 * (10 - 15 * t + 6 * t * t)


def _mixed(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    share = share.view(*share.shape, *[1] * (a.ndim - 2))
    return a * (1 - share) + b * share


def thinned(windows: Windows, rng: np.random.Generator) -> Windows:
    """Drops frames and stretches as a tracker loses them; no window loses all of its steps."""
    count, steps = windows.mask.shape
    kept = rng.random((count, steps)) >= rng.uniform(0, 0.4, (count, 1))
    start, length = rng.integers(0, steps, (count, 1)), rng.integers(2, steps // 2, (count, 1))
    lost = (rng.random((count, 1)) < 0.3) & (np.arange(steps) >= start) & (np.arange(steps) < start + length)
    mask = windows.mask & torch.from_numpy(kept & ~lost)
    mask = torch.where(mask.any(dim=1, keepdim=True), mask, windows.mask)
    return Windows(windows.tokens, windows.maps, mask, windows.time_s, windows.target, windows.steps)
