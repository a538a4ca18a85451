"""Settings of the voice analysis: windows, ranges and costs, each with its unit and source."""

from dataclasses import dataclass

RATE_HZ = 16_000


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """Windows, ranges and costs; the costs of the pitch path are those of Boersma 1993 (IFA Proceedings 17, 97-110)."""

    hop_s: float = 0.01
    pitch_window_s: float = 0.05  # three periods of the lowest pitch
    spectrum_window_s: float = 0.04
    pitch_floor_hz: float = 60.0
    pitch_ceiling_hz: float = 500.0
    refine_band_hz: float = 1800.0  # where a voice outweighs white noise: the chosen pitch is measured again there
    candidates: int = 6
    silence_threshold: float = 0.05  # these two and the edge cost: tuned on planted voices, not on the benchmark's
    voicing_threshold: float = 0.42
    edge_cost: float = 0.2  # for each halving of the power in the middle of a frame against its loudest third
    octave_cost: float = 0.05  # Boersma: 0.01, with which one per cent of jitter already halves a steady pitch
    octave_jump_cost: float = 0.35
    voicing_cost: float = 0.14
    loudness_fall_db_per_s: float = 2.0  # how fast the reference of 'silent' forgets the loudest peak so far
    loudness_floor: float = 1e-4  # and where it stops, re full scale: about three steps of 16-bit sound
    ahead_s: float = 0.5  # how far the reference and the pitch path may look ahead
    speech_gap_s: float = 0.2  # stretches of speech closer than this are one
    speech_floor_db: float = 25.0  # below the reference that is not speech
    mel_bands: int = 26
    cepstra: int = 13

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return round(self.hop_s * RATE_HZ)

    @property
    def width(self) -> int:
        """Samples of the pitch window."""
        return round(self.pitch_window_s * RATE_HZ)


DEFAULT = VoiceSettings()
