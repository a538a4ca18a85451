"""The messages between a prisoner and its owner: a kind, a length, and the bytes; facts and failures are JSON."""

import json
import socket
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER = struct.Struct("<cQ")
"""Kind and length of a message."""
FACTS, FRAME, PLANES, SOUND, FAILED, DONE = b"J", b"F", b"P", b"S", b"E", b"Z"
KINDS = frozenset({FACTS, FRAME, PLANES, SOUND, FAILED, DONE})
TIME_BYTES = 8
"""A frame message is its time (float64, seconds) and then its pixels: RGB [H, W, 3], or planes [3 H / 2, W]."""
TEXT_LIMIT_BYTES = 1 << 16
MESSAGE_LIMIT_BYTES = 1 << 27


class UnreadableError(Exception):
    """The file cannot be read; what the prisoner tells its owner before it ends."""

    def __init__(self, found: str, *, expected: str = "", advice: str = "") -> None:
        super().__init__(found)
        self.told = {"found": found, "expected": expected, "advice": advice}


class Outlet:
    """The prisoner's way out: one socket, messages in order; a full socket makes it wait, so no queue can grow."""

    def __init__(self, data: socket.socket) -> None:
        self._data = data

    def text(self, kind: bytes, told: dict[str, Any]) -> None:
        """A message of facts, failure or end."""
        text = json.dumps(told).encode()
        self._data.sendall(HEADER.pack(kind, len(text)) + text)

    def frame(self, time_s: float, image: NDArray[np.uint8]) -> None:
        """One picture: RGB [H, W, 3], or as the decoder has it, Y, U and V planes [3 H / 2, W], half as many bytes."""
        kind = FRAME if image.ndim == 3 else PLANES
        self._data.sendall(HEADER.pack(kind, TIME_BYTES + image.nbytes) + np.float64(time_s).tobytes())
        self._data.sendall(memoryview(image).cast("B"))

    def sound(self, samples: NDArray[np.float32]) -> None:
        """Mono samples [M], M at least 1."""
        self._data.sendall(HEADER.pack(SOUND, samples.nbytes))
        self._data.sendall(memoryview(samples).cast("B"))
