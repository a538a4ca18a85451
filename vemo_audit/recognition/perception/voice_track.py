"""Follows the pitch of a voice as its samples come in, on one grid of time, however they are cut."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vemo_audit.recognition.perception import voice_pitch
from vemo_audit.recognition.perception.voice_activity import Reference, activity
from vemo_audit.recognition.perception.voice_settings import DEFAULT, RATE_HZ, VoiceSettings

BLOCK = 256
"""Frames that are worked on together. Always as many, so that rounding cannot depend on how the samples came in."""
MARGIN = 48
"""Frames before a block in which its path may settle."""
TOGETHER = 24
"""Blocks whose paths are found at once: a minute of sound."""
EDGE = 112
"""Samples on each side of the pitch window that a period search may look at."""


@dataclass(frozen=True, slots=True, eq=False)
class PitchBlock:
    """Up to BLOCK neighbouring frames, decided; rows from `count` on are padding."""

    first: int  # index of the first frame; its window starts at sample `first * hop`
    count: int
    frames: Tensor  # [BLOCK, EDGE + W + EDGE]
    lag: Tensor  # [BLOCK], samples, NaN where unvoiced
    strength: Tensor  # [BLOCK], autocorrelation at the lag, 0 where unvoiced
    speech: NDArray[np.bool_]  # [BLOCK]


class PitchReader:
    """Feed samples, take decided blocks. Holds a few seconds, whatever the length of the sound.

    The path through a block of 2.56 s sees 0.48 s before it and `ahead_s` after it; its answer is a pure function of
    the samples up to there.
    """

    def __init__(self, settings: VoiceSettings = DEFAULT) -> None:
        self.settings = settings
        self._reference = Reference(settings)
        self._samples = np.zeros(EDGE, np.float32)  # from sample `_begin` on
        self._begin = -EDGE
        self._seen = 0  # samples fed so far
        self._kept: dict[str, NDArray[np.float64]] = {}  # rows of frames from `_first` on
        self._first = 0
        self._loud = np.zeros(0)  # the reference of kept frames, as far as it is known
        self._analysed = 0  # frames
        self._decided = 0  # frames, a multiple of BLOCK until the end

    def feed(self, samples: NDArray[np.float32]) -> list[PitchBlock]:
        """Takes the next mono samples `[M]` at 16 kHz; returns the blocks that no later sample can change."""
        self._samples = np.concatenate((self._samples, samples.astype(np.float32, copy=False)))
        self._seen += len(samples)
        return self._advance(self._whole_blocks(), last=False)

    def close(self) -> list[PitchBlock]:
        """The remaining blocks. Less sound than one window in all: none."""
        width, hop = self.settings.width, self.settings.hop
        total = max(0, (self._seen - width) // hop + 1)
        wanted = -(-total // BLOCK) * BLOCK * hop + width + 2 * EDGE  # the last block is whole, with silence behind
        missing = max(0, wanted - self._begin - len(self._samples))
        self._samples = np.concatenate((self._samples, np.zeros(missing, np.float32)))
        return self._advance(total, last=True)

    def _whole_blocks(self) -> int:
        """Frames up to the end of the last block whose samples are all here."""
        frames = (self._seen - EDGE - self.settings.width) // self.settings.hop + 1
        return max(0, frames) // BLOCK * BLOCK

    def _advance(self, total: int, *, last: bool) -> list[PitchBlock]:
        done: list[PitchBlock] = []
        while self._analysed < total:
            parts = []
            for _ in range(TOGETHER):
                if self._analysed < total:
                    parts.append(self._analyse(min(BLOCK, total - self._analysed)))
            kept = [self._kept] if self._kept else []
            self._kept = {name: np.concatenate([part[name] for part in (*kept, *parts)]) for name in parts[0]}
            done += self._decide(ended=last and self._analysed == total)
        if last and self._decided < total:
            done += self._decide(ended=True)
        return done

    def _wide(self, first: int) -> Tensor:
        """The BLOCK wide frames from index `first` on."""
        start = first * self.settings.hop - EDGE - self._begin
        length = (BLOCK - 1) * self.settings.hop + self.settings.width + 2 * EDGE
        part = torch.from_numpy(self._samples[start : start + length])
        return part.unfold(0, self.settings.width + 2 * EDGE, self.settings.hop)

    def _analyse(self, count: int) -> dict[str, NDArray[np.float64]]:
        frames = self._wide(self._analysed)[:, EDGE:-EDGE]
        found = voice_pitch.candidates(frames, self.settings)
        octave, worth = voice_pitch.scores(found, self.settings)
        peak, edge = voice_pitch.unvoiced_worth(frames, self.settings)
        self._analysed += count
        rows = {"lag": found.lag.double().numpy(), "height": found.height.double().numpy(), "octave": octave,
                "worth": worth, "peak": peak, "edge": edge}  # fmt: skip
        return {name: value[:count] for name, value in rows.items()}

    def _decide(self, *, ended: bool) -> list[PitchBlock]:
        """Finds the paths of all blocks whose surroundings are known, and forgets what nobody needs any more."""
        known = self._first + len(self._loud)
        fresh = self._analysed - known if ended else max(0, self._analysed - self._reference.ahead - known)
        followed = self._reference.follow(self._kept["peak"][len(self._loud) :], fresh)
        self._loud = np.concatenate((self._loud, followed))
        ahead = self._reference.ahead
        firsts = []
        while self._decided < self._analysed and (
            ended or self._decided + BLOCK + ahead <= self._first + len(self._loud)
        ):
            firsts.append(self._decided)
            self._decided = min(self._decided + BLOCK, self._analysed)
        blocks = self._blocks(firsts) if firsts else []
        keep = max(0, self._decided - MARGIN - self._first)
        self._kept = {name: rows[keep:] for name, rows in self._kept.items()}
        self._loud, self._first = self._loud[keep:], self._first + keep
        gone = min(self._decided, self._analysed) * self.settings.hop - EDGE - self._begin
        if gone > 0:
            self._samples, self._begin = self._samples[gone:].copy(), self._begin + gone
        return blocks

    def _blocks(self, firsts: list[int]) -> list[PitchBlock]:
        """The decided blocks that begin at `firsts`."""
        settings = self.settings
        reach = np.arange(-MARGIN, BLOCK + self._reference.ahead)
        wanted = np.array(firsts)[:, None] + reach
        row = np.clip(wanted - self._first, 0, len(self._loud) - 1)
        outside = (wanted < 0) | (wanted >= self._first + len(self._loud))
        rows = {name: values[row] for name, values in self._kept.items()}
        loud = self._loud[row]
        quiet = 2 - (rows["peak"] / loud) / (settings.silence_threshold / (1 + settings.voicing_threshold))
        against = settings.voicing_threshold + np.maximum(quiet, 0) + rows["edge"]
        # Outside the sound every path costs the same, so none is favoured at its ends.
        worth = np.where(outside[..., None], 0.0, rows["worth"])
        chosen = voice_pitch.paths(rows["octave"], worth, np.where(outside, 0.0, against), settings)
        voiced = (chosen < settings.candidates) & ~outside
        speech = activity(voiced, np.where(outside, 0.0, rows["peak"]), loud, settings)
        pick = np.minimum(chosen, settings.candidates - 1)[..., None]
        lag = np.where(voiced, np.take_along_axis(rows["lag"], pick, axis=-1)[..., 0], np.nan)
        height = np.where(voiced, np.take_along_axis(rows["height"], pick, axis=-1)[..., 0], 0.0)
        return [
            self._block(first, lag[k, inner], height[k, inner], speech[k, inner])
            for inner in (slice(MARGIN, MARGIN + BLOCK),)
            for k, first in enumerate(firsts)
        ]

    def _block(
        self, first: int, lag: NDArray[np.float64], height: NDArray[np.float64], speech: NDArray[np.bool_]
    ) -> PitchBlock:
        frames = self._wide(first)
        found = torch.from_numpy(lag).float()
        voiced = torch.isfinite(found)
        if voiced.any():
            found[voiced] = voice_pitch.refine(frames[:, EDGE:-EDGE][voiced], found[voiced], self.settings)
        count = min(BLOCK, self._analysed - first)
        return PitchBlock(first, count, frames, found, torch.from_numpy(height).float(), speech)


def track_pitch(
    samples: NDArray[np.float32], settings: VoiceSettings = DEFAULT
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Times in s and pitch in Hz `[T]` (NaN where unvoiced) of mono samples `[M]` at 16 kHz in [-1, 1]."""
    reader = PitchReader(settings)
    blocks = [*reader.feed(samples), *reader.close()]
    if not blocks:
        return np.zeros(0), np.zeros(0, np.float32)
    time_s = np.concatenate([times(block, settings) for block in blocks])
    return time_s, np.concatenate([(RATE_HZ / block.lag[: block.count]).numpy() for block in blocks])


def times(block: PitchBlock, settings: VoiceSettings) -> NDArray[np.float64]:
    """The middles of the frames of a block, in s from the first sample."""
    return ((block.first + np.arange(block.count)) * settings.hop + settings.width / 2) / RATE_HZ
