"""Trains the temporal modules of a recipe on tokens, compares each with the masked mean, and keeps the best."""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vemo_audit.recognition.network.face_expert import FaceExpert
from vemo_audit.recognition.network.temporal_expert import TemporalExpert, TemporalSettings
from vemo_audit.recognition.training.loop import Progress, average, parameter_groups, rate_share
from vemo_audit.recognition.training.time_settings import TemporalFit
from vemo_audit.recognition.training.time_windows import Windows, cut, drawn_played, drawn_stills, joined, thinned
from vemo_audit.recognition.training.token_banks import Played, Stills
from vemo_audit.records.labels import EKMAN

NEUTRAL = EKMAN.index("neutral")
SURE = 0.99
"""A held-out window is scored when its target is this sure: weak expressions have no one right answer."""


def new(network: FaceExpert, module: str, *, reach: str, seed: int) -> TemporalExpert:
    """An untrained expert around the head of a face expert: it answers as the mean over frames does."""
    torch.manual_seed(seed)
    settings = TemporalSettings(module, reach, network.encoder.token_size, network.encoder.map_size, len(EKMAN))
    expert = TemporalExpert(settings)
    expert.still.weight.data.copy_(network.head.linear.weight)
    expert.still.bias.data.copy_(network.head.linear.bias)
    return expert


def fit(
    expert: TemporalExpert, bank: Played, still: Stills, *, chosen: np.ndarray, settings: TemporalFit, seed: int,
    listener: Callable[[Progress], None] = lambda progress: None,
) -> TemporalExpert:  # fmt: skip
    """The expert after learning from the chosen sequences and all stills; repeatable by its seed."""
    rng = np.random.default_rng([seed, 5])
    torch.manual_seed(seed)
    averaged = copy.deepcopy(expert).eval()
    learned = [group | {"params": [p for p in group["params"] if p.requires_grad]}
               for group in parameter_groups(expert, settings.weight_decay)]  # fmt: skip
    optimizer = torch.optim.AdamW(learned, lr=settings.peak_rate)
    expert.train()
    for step in range(settings.steps):
        windows = batch(bank, still, chosen, settings, rng)
        for group in optimizer.param_groups:
            group["lr"] = settings.peak_rate * rate_share(step, settings.steps, settings.warmup_share)
        loss = window_loss(expert, windows, settings)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(expert.parameters(), 1.0)
        optimizer.step()
        average(averaged, expert, min(settings.average_decay, (1 + step) / (10 + step)))
        listener(Progress(step + 1, settings.steps, float(loss.detach())))
    return averaged


def batch(bank: Played, still: Stills, chosen: np.ndarray, settings: TemporalFit, rng: np.random.Generator) -> Windows:
    """Rendered windows and real stills, kept still or moving, thinned out."""
    of_played = round(settings.batch * settings.played_share)
    rows = rng.integers(len(still.shares), size=settings.batch - of_played)
    parts = [drawn_played(bank, chosen, rng, count=of_played, neutral=NEUTRAL),
             drawn_stills(still, rng, rows=rows, moving_share=settings.moving_share)]  # fmt: skip
    return thinned(joined(parts), rng)


def window_loss(expert: TemporalExpert, windows: Windows, settings: TemporalFit) -> Tensor:
    """Cross-entropy against smoothed shares, of the windows and of their present steps."""
    logits, present, each = expert(windows.tokens, windows.mask, windows.time_s, windows.maps.float())
    mild, floor = 1 - settings.smoothing, settings.smoothing / len(EKMAN)
    whole = -(functional.log_softmax(logits, 1) * (windows.target * mild + floor)).sum(1)[present].mean()
    steps = -(functional.log_softmax(each, 2) * (windows.steps * mild + floor)).sum(2)[windows.mask].mean()
    return whole + settings.step_weight * steps


@torch.no_grad()
def answered(expert: TemporalExpert, windows: Sequence[Windows]) -> np.ndarray:
    """Logits `[N, K]` of windows, part by part."""
    parts = [expert(w.tokens, w.mask, w.time_s, w.maps.float())[0] for w in windows]
    return torch.cat(parts).double().numpy()


def examined(
    bank: Played, chosen: np.ndarray, *, rng: np.random.Generator
) -> tuple[list[Windows], np.ndarray, np.ndarray]:
    """Thinned windows of 1, 2 and 4 s of the chosen sequences that show one class surely; truth and subject of each."""
    parts, truth, subject = [], [], []
    for k in chosen:
        a, b = int(bank.starts[k]), int(bank.starts[k + 1])
        for long_s in (1.0, 2.0, 4.0):
            begins = np.arange(float(bank.time_s[a]), float(bank.time_s[b - 1]) - 0.5 * long_s, long_s)
            edges = [np.searchsorted(bank.time_s[a:b].numpy(), (t, t + long_s)) + a for t in begins]
            edges = [(int(x), int(y)) for x, y in edges if y - x >= 3]
            if not edges:
                continue
            found = thinned(cut(bank, [x for x, _ in edges], [y for _, y in edges], neutral=NEUTRAL), rng)
            sure = found.target.max(dim=1)
            for row in torch.nonzero(sure.values >= SURE)[:, 0]:
                parts.append(Windows(*(getattr(found, n)[row : row + 1] for n in Windows.__slots__)))
                truth.append(int(sure.indices[row]))
                subject.append(str(bank.subject[k]))
    batches = [joined(parts[i : i + 64]) for i in range(0, len(parts), 64)]
    return batches, np.array(truth), np.array(subject)


def still_windows(bank: Stills, *, seed: int, moving_share: float) -> list[Windows]:
    """Every still as a window, kept still or coming out of another; the same for every module that is asked."""
    rng = np.random.default_rng([seed, 6])
    rows = np.array_split(np.arange(len(bank.shares)), max(1, len(bank.shares) // 64))
    return [drawn_stills(bank, rng, rows=part, moving_share=moving_share) for part in rows]
