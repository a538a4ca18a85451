"""Who speaks when, and how fast: voice activity from voicing and energy, without any weights."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing
from scipy.signal import find_peaks

from vemo_audit.recognition.perception.voice_settings import VoiceSettings


class Reference:
    """The loudest peak that still counts: it falls slowly and looks a little ahead; the same for any cut of sound."""

    def __init__(self, settings: VoiceSettings) -> None:
        self._fall = 10 ** (-settings.loudness_fall_db_per_s * settings.hop_s / 20)
        self._floor = settings.loudness_floor
        self._now = settings.loudness_floor
        self.ahead = round(settings.ahead_s / settings.hop_s)  # frames

    def follow(self, peak: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        """The reference of the next `count` frames from their peaks and those that follow, `[count + up to ahead]`."""
        padded = np.concatenate((peak[: count + self.ahead], np.zeros(max(0, count + self.ahead - len(peak)))))
        coming = np.lib.stride_tricks.sliding_window_view(padded, self.ahead + 1).max(axis=1) if count else padded[:0]
        found = np.empty(count)
        for k, loudest in enumerate(coming.tolist()):
            self._now = max(loudest, self._now * self._fall, self._floor)
            found[k] = self._now
        return found


def activity(
    voiced: NDArray[np.bool_], peak: NDArray[np.float64], reference: NDArray[np.float64], settings: VoiceSettings
) -> NDArray[np.bool_]:
    """Speech or not `[..., T]`: voiced, and its peak near the reference; gaps of up to `speech_gap_s` are filled.

    Frames within the gap of either end see less of their surroundings. Digital silence is not speech.
    """
    loud = peak > reference * 10 ** (-settings.speech_floor_db / 20)
    reach = round(settings.speech_gap_s / settings.hop_s / 2)
    padded = np.pad(np.atleast_2d(voiced & loud), ((0, 0), (reach, reach)))
    closed = binary_closing(padded, np.ones((1, 2 * reach + 1)))
    return closed[:, reach:-reach].reshape(voiced.shape)


@dataclass(frozen=True, slots=True)
class Tempo:
    """How fast somebody speaks. NaN when there was no speech."""

    syllables_hz: float  # syllable-like intensity peaks per second of speech
    pause_share: float
    run_s: float  # mean length of a stretch of speech


def tempo(
    intensity_db: NDArray[np.float32], voiced: NDArray[np.bool_], speech: NDArray[np.bool_], *, dip_db: float = 2.0,
    hop_s: float = 0.01,
) -> Tempo:  # fmt: skip
    """Syllable-like peaks of the intensity `[T]`: voiced, in speech, and `dip_db` above the dips on both sides.

    Source: after de Jong & Wempe 2009, doi:10.3758/BRM.41.2.385.
    """
    if not speech.any():
        return Tempo(math.nan, math.nan, math.nan)
    intensity = np.nan_to_num(intensity_db, nan=-120.0)
    smooth = np.convolve(np.pad(intensity, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    peaks, _ = find_peaks(np.concatenate((smooth[:1] - dip_db, smooth, smooth[-1:] - dip_db)), prominence=dip_db)
    peaks = np.clip(peaks - 1, 0, len(smooth) - 1)
    count = int(np.sum(speech[peaks] & voiced[peaks]))
    starts = int(speech[0]) + int(np.sum(speech[1:] & ~speech[:-1]))
    spoken_s = float(speech.sum()) * hop_s
    return Tempo(count / spoken_s, 1 - float(speech.mean()), spoken_s / max(1, starts))
