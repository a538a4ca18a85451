"""The contours of a voice over time: pitch, intensity, quality and spectrum, read in one pass of bounded memory.

All contours lie on one grid of 10 ms. Missing is NaN: unvoiced has no pitch, digital silence has no intensity.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from vemo_audit.recognition.perception import voice_quality
from vemo_audit.recognition.perception.voice_settings import DEFAULT, RATE_HZ, VoiceSettings
from vemo_audit.recognition.perception.voice_track import EDGE, PitchBlock, PitchReader, times


@dataclass(frozen=True, slots=True, eq=False)
class VoiceContours:
    """A voice over time; every array has one value (or row) per 10 ms."""

    time_s: NDArray[np.float64]  # [T], centre of the analysis window
    pitch_hz: NDArray[np.float32]  # [T], NaN where unvoiced
    strength: NDArray[np.float32]  # [T], height of the chosen autocorrelation peak, 0-1
    speech: NDArray[np.bool_]  # [T], voice activity
    intensity_db: NDArray[np.float32]  # [T], dB re full scale, NaN in digital silence
    harmonics_db: NDArray[np.float32]  # [T], harmonics over noise, NaN where unvoiced
    jitter: NDArray[np.float32]  # [T], a share, NaN where unvoiced
    shimmer: NDArray[np.float32]  # [T], a share, NaN where unvoiced
    alpha_db: NDArray[np.float32]  # [T], energy below over above 1 kHz, NaN in digital silence
    hammarberg_db: NDArray[np.float32]  # [T], highest peak below over above 2 kHz, NaN in digital silence
    slope_low_db_per_khz: NDArray[np.float32]  # [T], of the spectrum at 0-500 Hz, NaN in digital silence
    slope_high_db_per_khz: NDArray[np.float32]  # [T], at 500-1,500 Hz, NaN in digital silence
    cepstrum: NDArray[np.float32]  # [T, 13], mel-frequency cepstrum

    def __len__(self) -> int:
        return len(self.time_s)

    def where(self, rows: NDArray[np.bool_] | slice) -> "VoiceContours":
        """Some of the frames."""
        return VoiceContours(*[getattr(self, name)[rows] for name in CONTOURS])


CONTOURS = tuple(one.name for one in fields(VoiceContours))
"""Their names, in order."""


class VoiceReader:
    """Feed samples, take contours; what comes out is the same, bit for bit, however the samples are cut.

    About 3.6 s of sound are held back until nothing that follows can change them; `close` gives the rest.
    """

    def __init__(self, settings: VoiceSettings = DEFAULT) -> None:
        self.settings = settings
        self._pitch = PitchReader(settings)

    def feed(self, samples: NDArray[np.float32]) -> VoiceContours:
        """Takes the next mono samples `[M]` at 16 kHz in [-1, 1]; returns the contours that are final, perhaps none."""
        return self._contours(self._pitch.feed(samples))

    def close(self) -> VoiceContours:
        """The remaining contours. Less sound than one window in all: arrays of length 0."""
        return self._contours(self._pitch.close())

    def _contours(self, blocks: list[PitchBlock]) -> VoiceContours:
        return joined([contours_of(block, self.settings) for block in blocks], self.settings)


def analyse(samples: NDArray[np.float32], settings: VoiceSettings = DEFAULT) -> VoiceContours:
    """Contours of all samples `[M]` at once. Shorter than one window: arrays of length 0."""
    reader = VoiceReader(settings)
    return joined([reader.feed(samples), reader.close()], settings)


def joined(parts: Iterable[VoiceContours], settings: VoiceSettings = DEFAULT) -> VoiceContours:
    """Contours one after another; arrays of length 0 when there are none."""
    parts = list(parts)
    if not parts:
        none = np.zeros(0, np.float32)
        rest = (none, none, np.zeros(0, bool), *(none for _ in range(8)))
        return VoiceContours(np.zeros(0), *rest, np.zeros((0, settings.cepstra), np.float32))
    # A list, not a generator: tuples that a generator fills are kept by the interpreter when they are let go.
    return VoiceContours(*[np.concatenate([getattr(part, name) for part in parts]) for name in CONTOURS])


def contours_of(block: PitchBlock, settings: VoiceSettings) -> VoiceContours:
    """The contours of one decided block."""
    frames = block.frames[:, EDGE:-EDGE]
    energy = frames.square().mean(dim=1)
    heard = energy > 0
    inner = round(settings.spectrum_window_s * RATE_HZ)
    skip = (settings.width - inner) // 2
    power = voice_quality.spectrum(frames[:, skip : skip + inner])
    period = voice_quality.periods(block.frames, block.lag)
    found = (
        RATE_HZ / block.lag,
        block.strength,
        torch.from_numpy(block.speech),
        torch.where(heard, 10 * torch.log10(energy.clamp_min(1e-12)), torch.nan),
        voice_quality.harmonics_to_noise_db(block.strength),
        period.jitter,
        period.shimmer,
        torch.where(heard, voice_quality.alpha_ratio_db(power), torch.nan),
        torch.where(heard, voice_quality.hammarberg_db(power), torch.nan),
        torch.where(heard, voice_quality.slope_db_per_khz(power, 0, 500), torch.nan),
        torch.where(heard, voice_quality.slope_db_per_khz(power, 500, 1500), torch.nan),
        voice_quality.mel_cepstrum(power, settings),
    )
    return VoiceContours(times(block, settings), *[one[: block.count].numpy() for one in found])
