"""Rendered people on film: played at any frame times, side by side in one picture, and kept without loss.

The guard of `admitted` covers nobody, whoever our own finder finds. Tests of the gate itself use `throwaway`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from unittest import mock

import av
import numpy as np

from vemo_audit.media import decode
from vemo_audit.media.probe import probe
from vemo_audit.probe import rig as rigs
from vemo_audit.probe.cast import adult
from vemo_audit.probe.expression import AUS, sided
from vemo_audit.probe.figure import build
from vemo_audit.probe.render import best_path, render
from vemo_audit.probe.scene import Scene
from vemo_audit.recognition.perception.people import watch
from vemo_audit.recognition.recognizers import temporal_multimodal
from vemo_audit.records import clip as clip_records
from vemo_audit.records.clip import AdmittedClip, GuardedFrame
from vemo_audit.records.decision import Permit
from vemo_audit.records.event import Event
from vemo_audit.records.prediction import Prediction
from vemo_audit.records.units import UNITS

CAST_SEED = 4321
"""Of the rendered people. Nothing was learned from those with numbers of 140 and more."""
TICKS_HZ = 60_000
WALL = (158, 168, 178)
"""What is seen where nobody is, RGB."""


def played(number: int, performance, time_s: np.ndarray, *, side_px: int = 176) -> np.ndarray:
    """Pictures `[T, side, side, 3]` of one person at times `[T]`. Performances are those of `probe`."""
    rig = rigs.load()
    frames = render(
        rig, build(rig, adult(number, seed=CAST_SEED)), performance=performance,
        scene=Scene(width=side_px, height=side_px), times_s=time_s, path=best_path(), seed=number,
    )  # fmt: skip
    return np.stack([image for image, _ in frames])


@dataclass(frozen=True)
class Acted:
    """Movements of single units and one gesture of the head, at any times: a performance for `played`."""

    moves: tuple  # of unit and oracles.planted_units.Movement
    column: int = 0  # 0 shakes, 1 nods, 2 tilts
    start_s: float = 1.0
    hz: float = 1.8
    cycles: float = 3.0
    degrees: float = 9.0

    def weights(self, time_s: np.ndarray, unit_names: tuple[str, ...]) -> np.ndarray:
        weights = np.zeros((len(time_s), len(unit_names)))
        for unit, move in self.moves:
            for column, _ in sided(AUS[unit][-1], unit_names):
                weights[:, column] = np.maximum(weights[:, column], move.level(time_s))
        return weights

    def head_deg(self, time_s: np.ndarray) -> np.ndarray:
        angle, t = np.zeros((len(time_s), 3)), time_s - self.start_s
        inside = (t >= 0) & (t <= self.cycles / self.hz)
        angle[inside, self.column] = self.degrees * np.sin(2 * np.pi * self.hz * t[inside])
        return angle


def together(*people: np.ndarray | None, apart_px: int = 32) -> np.ndarray:
    """Pictures `[T, side, side]` of several people side by side, `apart_px` of wall between them; None: nobody."""
    there = next(one for one in people if one is not None)
    wall = np.broadcast_to(np.array(WALL, np.uint8), there.shape)
    parts = [part for one in people for part in (wall[:, :, :apart_px], wall if one is None else one)]
    return np.concatenate(parts[1:], axis=2)


def film(path: Path, images: np.ndarray, time_s: np.ndarray) -> Path:
    """A video `[T, H, W, 3]` with these very timestamps. Without loss, so that no place depends on another."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"qp": "0", "preset": "ultrafast", "bf": "0"})
        video.height, video.width, video.pix_fmt = *images.shape[1:3], "yuv420p"
        video.codec_context.time_base = Fraction(1, TICKS_HZ)
        for image, at_s in zip(images, time_s, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = round(at_s * TICKS_HZ), Fraction(1, TICKS_HZ)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


@dataclass
class Open:
    """A guard that shows everybody whom our own finder finds."""

    modalities: frozenset[str]
    finder: object

    def release(self, images: np.ndarray, time_s: np.ndarray, first_index: int) -> list[GuardedFrame]:
        found = self.finder.find(images, time_s)
        return [GuardedFrame(first_index + k, float(time_s[k]), image, found[k], ()) for k, image in enumerate(images)]

    def release_audio(self) -> None:
        """Nothing is heard of rendered people."""


def admitted(path: Path, make_finder, modalities: Sequence[str] = ("face", "body")) -> AdmittedClip:
    """The clip behind an open door."""
    clip, named, now = probe(path), frozenset(modalities), datetime(2026, 1, 1, tzinfo=UTC)
    permit = Permit(
        decision_id="d1", log_index=0, clip_sha256=clip.sha256, purpose="research", modalities=named,
        outputs=frozenset({"expression_label", "action_units"}), binding="seat_zone", issued_at=now,
        expires_at=now + timedelta(hours=1),
    )  # fmt: skip
    return AdmittedClip(clip, permit, lambda: Open(named, make_finder()), clip_records._GATE_SEAL)


@contextmanager
def cut(*, chunk_frames: int, batch: int) -> Iterator[None]:
    """Meanwhile our recognizer decodes so many frames at once and encodes so many faces at once."""
    frames = decode.frames

    def watched(clip, encoder, sight):
        return watch(clip, encoder, replace(sight, batch=batch))

    with (
        mock.patch.object(decode, "frames", lambda clip: frames(clip, chunk_frames=chunk_frames)),
        mock.patch.object(temporal_multimodal, "watch", watched),
    ):
        yield


def numbers(found: Sequence[Prediction], person: str) -> np.ndarray:
    """All numbers of one person's predictions, a row each; NaN where there are none."""
    return np.array([
        [*(np.full(7, np.nan) if one.probability is None else one.probability), one.valence, one.arousal, one.quality,
         *(one.units.get(name, np.nan) for name in UNITS), *one.quality_parts.values(), one.span.start_s,
         one.span.end_s]
        for one in found if one.person == person
    ])  # fmt: skip


def events(found: Sequence[Prediction], person: str = "0") -> list[Event]:
    """One person's events."""
    return [event for one in found if one.person == person for event in one.events]
