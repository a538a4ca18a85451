"""Writes annotated video: H.264, exact presentation times, and nothing half-written at the end."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput

TICKS_HZ = 60_000
"""Time base of the file: 24, 25, 30, 50, 60 and 30000/1001 frames a second all fall on whole ticks."""
ENCODERS = (("libx264", {"preset": "veryfast", "crf": "21", "bf": "0"}), ("mpeg4", {"q:v": "3"}))
"""The best encoder that the installed build has, first."""
SIDE_LIMIT_PX = 8192


class VideoWriter:
    """A video file in the making; it appears under its name only when the context ends without an error.

    `rate_hz` is a hint for players and the length of the last frame; each frame says its own time.
    Raises BadInput for a size or rate that no video has, and when the folder cannot be written.
    """

    def __init__(self, path: Path, *, width: int, height: int, rate_hz: float) -> None:
        if not (1 <= width <= SIDE_LIMIT_PX and 1 <= height <= SIDE_LIMIT_PX):
            raise BadInput(f"a video of {width} x {height} pixels", where=str(path), expected=f"1 to {SIDE_LIMIT_PX}")
        rate = Fraction(rate_hz if 0 < rate_hz < 1000 else 25).limit_denominator(1001)
        self.path, self._size, self._last_tick = path, (height, width), -1
        self._pad = ((0, height % 2), (0, width % 2), (0, 0))  # 4:2:0 needs even sides
        self._part = path.with_name(f".{path.name}.part")
        self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream = _stream(self._container, rate)
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, TICKS_HZ)
        self._step_ticks = max(1, round(TICKS_HZ / rate))
        try:
            self._container.start_encoding()
        except OSError as error:
            raise BadInput(f"a file that cannot be written ({error.strerror})", where=str(path)) from None

    def write(self, image: NDArray[np.uint8], time_s: float) -> None:
        """Adds one RGB frame [H, W, 3] to be shown at `time_s`.

        Raises BadInput for another size, and for a time that is not after the one before.
        """
        if image.shape != (*self._size, 3) or image.dtype != np.uint8:
            raise BadInput(
                f"a frame of shape {image.shape}, {image.dtype}", where=str(self.path),
                expected=f"{(*self._size, 3)}, uint8",
            )  # fmt: skip
        tick = round(time_s * TICKS_HZ)
        if tick <= self._last_tick:
            raise BadInput(f"a frame at {time_s} s", where=str(self.path), expected="a time after the one before")
        padded = np.pad(image, self._pad, mode="edge") if any(sum(self._pad, ())) else np.ascontiguousarray(image)
        frame = av.VideoFrame.from_ndarray(padded, format="rgb24")
        frame.pts, frame.time_base, frame.duration = tick, Fraction(1, TICKS_HZ), self._step_ticks
        self._container.mux(self._stream.encode(frame))
        self._last_tick = tick

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Puts the file in place. Raises BadInput when no frame was written; then, as after an error, none is left."""
        whole = kind is None and self._last_tick >= 0
        try:
            if whole:
                self._container.mux(self._stream.encode(None))
            self._container.close()
            if whole:
                self._part.replace(self.path)
        finally:
            self._part.unlink(missing_ok=True)
        if kind is None and not whole:
            raise BadInput("a video without a frame", where=str(self.path), expected="at least one frame")


def _stream(container: Any, rate: Fraction) -> Any:
    for name, options in ENCODERS:
        if name in av.codecs_available:
            return container.add_stream(name, rate=rate, options=dict(options))
    raise BadInput(
        "a PyAV without any video encoder", expected="libx264 or mpeg4", advice="Install PyAV from its wheel."
    )
