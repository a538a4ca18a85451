"""An admitted clip with two people, one of whom is under solid fill: what a recognizer is given, without a gate.

The guard masks as the gate does and remembers what was opened; tests of the gate itself use `throwaway`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vemo_audit.media.probe import probe
from vemo_audit.records import clip as clip_records
from vemo_audit.records.clip import AdmittedClip, Covered, FoundFace, GuardedFrame
from vemo_audit.records.decision import Permit

WIDTH, HEIGHT = 128, 64
MINE, STRANGER = (8.0, 8.0, 56.0, 56.0), (72.0, 8.0, 120.0, 56.0)
FILL = 0
POINTS = np.array([[24, 26], [40, 26], [32, 36], [26, 44], [38, 44]], np.float32)


def film(path: Path, *, seed: int = 0, stranger: int = 0, frames: int = 10, sound_s: float = 0.0) -> Path:
    """A lossless video at 10 frames/s: left, pixels of `seed`; right, pixels of `stranger`; a tone, if wanted."""
    left, right = np.random.default_rng(seed), np.random.default_rng(1000 + stranger)
    with av.open(str(path), "w") as container:
        if frames:
            video = container.add_stream("libx264", rate=10, options={"qp": "0", "preset": "ultrafast"})
            video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        if sound_s:
            audio = container.add_stream("aac", rate=16_000, layout="mono")
        for k in range(frames):
            image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            for rng, x in ((left, 8), (right, 72)):
                image[8:56, x : x + 48] = rng.integers(0, 256, (6, 6), np.uint8).repeat(8, 0).repeat(8, 1)[..., None]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 10)
            container.mux(video.encode(frame))
        if frames:
            container.mux(video.encode(None))
        if sound_s:
            wave = (0.3 * np.sin(np.arange(int(16_000 * sound_s)) / 16_000 * 2 * np.pi * 220)).astype(np.float32)
            heard = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            heard.sample_rate, heard.pts, heard.time_base = 16_000, 0, Fraction(1, 16_000)
            container.mux(audio.encode(heard))
            container.mux(audio.encode(None))
    return path


@dataclass
class Guard:
    """Fills the stranger, reports the admitted face, and counts what was asked of it."""

    modalities: frozenset[str]
    present: bool = True
    released: int = 0
    heard: int = 0
    seen: list[np.ndarray] = field(default_factory=list)

    def release(self, images: np.ndarray, time_s: np.ndarray, first_index: int) -> list[GuardedFrame]:
        x0, y0, x1, y1 = (int(edge) for edge in STRANGER)
        images[:, y0 - 4 : y1 + 4, x0 - 4 : x1 + 4] = FILL
        self.released += len(images)
        face = (FoundFace(1, MINE, POINTS, 0.99),) if self.present else ()
        covered = (Covered(STRANGER, "b.covered"),)
        return [GuardedFrame(first_index + k, float(time_s[k]), image, face, covered) for k, image in enumerate(images)]

    def release_audio(self) -> None:
        self.heard += 1


def admit(path: Path, *modalities: str, present: bool = True, guards: list[Guard] | None = None) -> AdmittedClip:
    """The clip behind an open door; `guards` takes each guard that was opened."""
    clip, named, now = probe(path), frozenset(modalities or ("face",)), datetime(2026, 1, 1, tzinfo=UTC)
    permit = Permit(
        decision_id="d1", log_index=0, clip_sha256=clip.sha256, purpose="research", modalities=named,
        outputs=frozenset({"expression_label", "action_units"}), binding="seat_zone", issued_at=now,
        expires_at=now + timedelta(hours=1),
    )  # fmt: skip

    def open_guard() -> Guard:
        guard = Guard(named, present)
        if guards is not None:
            guards.append(guard)
        return guard

    return AdmittedClip(clip, permit, open_guard, clip_records._GATE_SEAL)


@contextmanager
def endpoint(handler: type) -> Iterator[str]:
    """A real HTTP server on this machine with the given handler, for as long as the block lasts; its address."""
    from http.server import ThreadingHTTPServer
    from threading import Thread

    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/recognize"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
