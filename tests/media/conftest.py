"""Small clips made on the spot, and an open door with a guard that counts, for the tests of media."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from vemo_audit.records import clip as clip_records
from vemo_audit.records.clip import AdmittedClip, Clip, GuardedFrame
from vemo_audit.records.decision import Permit


def grey(k: int) -> int:
    """The level of the k-th test picture."""
    return 40 + 5 * k % 160


def picture(k: int, width: int, height: int) -> np.ndarray:
    """A grey field with a red quarter at the top left, so that turns can be told apart."""
    image = np.full((height, width, 3), grey(k), np.uint8)
    image[: height // 2, : width // 2] = (220, 20, 20)
    return image


@pytest.fixture
def make_clip(tmp_path: Path) -> Callable[..., Path]:
    """Writes a video: `ticks` are the presentation times in 1/600 s; `sound_s` adds a tone of 440 Hz."""

    def make(
        name: str, *, ticks: Any = range(0, 240, 24), size: tuple[int, int] = (64, 48), codec: str = "libx264",
        pixel_format: str = "yuv420p", turn: int = 0, sound_s: float = 0.0, sound_codec: str = "aac",
        sound_start_s: float = 0.0,
    ) -> Path:  # fmt: skip
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            ticks = list(ticks)
            if ticks:
                video = container.add_stream(codec, rate=25)
                video.width, video.height, video.pix_fmt = *size, pixel_format
                video.codec_context.time_base = Fraction(
                    1, 25 if name.endswith(".avi") else 600
                )  # AVI has no other clock
                if turn:
                    video.set_display_rotation(-turn)
            if sound_s:
                audio = container.add_stream(sound_codec, rate=22050, layout="mono")
            for k, tick in enumerate(ticks):
                frame = av.VideoFrame.from_ndarray(picture(k, *size), format="rgb24")
                frame.pts, frame.time_base, frame.duration = tick, Fraction(1, 600), 24
                container.mux(video.encode(frame))
            if ticks:
                container.mux(video.encode(None))
            if sound_s:
                t = np.arange(int(22050 * sound_s)) / 22050
                wave = (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
                frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 22050, int(sound_start_s * 22050), Fraction(1, 22050)
                container.mux(audio.encode(frame))
                container.mux(audio.encode(None))
        return path

    return make


class CountingGuard:
    """A guard that lets everything through and remembers what it was given."""

    def __init__(self, modalities: frozenset[str]) -> None:
        self.modalities = modalities
        self.chunks: list[int] = []
        self.first: list[int] = []
        self.audio = 0

    def release(self, images: np.ndarray, time_s: np.ndarray, first_index: int) -> list[GuardedFrame]:
        self.chunks.append(len(time_s))
        self.first.append(first_index)
        return [
            GuardedFrame(first_index + k, float(time_s[k]), images[k], faces=(), covered=()) for k in range(len(time_s))
        ]

    def release_audio(self) -> None:
        self.audio += 1


@pytest.fixture
def admit() -> Callable[..., tuple[AdmittedClip, list[CountingGuard]]]:
    """An admitted clip made with the records' own seal, and the guards that were opened for it."""

    def door(clip: Clip, *modalities: str) -> tuple[AdmittedClip, list[CountingGuard]]:
        named = frozenset(modalities or ("face", "voice"))
        now = datetime(2026, 1, 1, tzinfo=UTC)
        permit = Permit(
            decision_id="d", log_index=0, clip_sha256=clip.sha256, purpose="test", modalities=named,
            outputs=frozenset({"expression_label"}), binding="participant_stream", issued_at=now,
            expires_at=now + timedelta(hours=1),
        )  # fmt: skip
        guards: list[CountingGuard] = []

        def open_guard() -> CountingGuard:
            guards.append(CountingGuard(named))
            return guards[-1]

        return AdmittedClip(clip, permit, open_guard, clip_records._GATE_SEAL), guards

    return door
