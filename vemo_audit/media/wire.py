"""The messages between a prisoner and its owner: a kind, a length, and the bytes; facts and failures are JSON."""

import json
import socket
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vemo_audit.media.shared import PrisonersSide

HEADER = struct.Struct("<cQ")
"""Kind and length of a message."""
FACTS, FRAME, PLANES, SOUND, FAILED, DONE = b"J", b"F", b"P", b"S", b"E", b"Z"
KINDS = frozenset({FACTS, FRAME, PLANES, SOUND, FAILED, DONE})
TIME_BYTES = 8
"""A frame message is its time (float64, seconds) and then its pixels: RGB [H, W, 3], or planes [3 H / 2, W].

A message of the time alone says that the pixels lie in the next slot of the shared memory.
"""
TEXT_LIMIT_BYTES = 1 << 16
MESSAGE_LIMIT_BYTES = 1 << 27


class UnreadableError(Exception):
    """The file cannot be read; what the prisoner tells its owner before it ends."""

    def __init__(self, found: str, *, expected: str = "", advice: str = "") -> None:
        super().__init__(found)
        self.told = {"found": found, "expected": expected, "advice": advice}


class Outlet:
    """The prisoner's way out: one socket, messages in order; a full socket makes it wait, so no queue can grow.

    Pictures take shared memory where the owner offered some; when no slot is free the prisoner waits.
    """

    def __init__(self, data: socket.socket, shared: PrisonersSide | None = None) -> None:
        self._data, self._shared = data, shared

    def text(self, kind: bytes, told: dict[str, Any]) -> None:
        """A message of facts, failure or end."""
        text = json.dumps(told).encode()
        self._data.sendall(HEADER.pack(kind, len(text)) + text)

    def frame(self, time_s: float, parts: tuple[NDArray[np.uint8], ...]) -> None:
        """One picture: RGB [H, W, 3], or as the decoder has them, planes Y, U and V [., .], half as many bytes."""
        kind, size = FRAME if len(parts) == 1 else PLANES, sum(part.size for part in parts)
        time = np.float64(time_s).tobytes()
        if self._shared is not None and size <= self._shared.slot_bytes:
            self._await_room(self._shared)
            self._shared.give(parts)
            self._data.sendall(HEADER.pack(kind, TIME_BYTES) + time)
            return
        self._data.sendall(HEADER.pack(kind, TIME_BYTES + size) + time)
        for part in parts:
            self._data.sendall(memoryview(np.ascontiguousarray(part)).cast("B"))

    def _await_room(self, shared: PrisonersSide) -> None:
        """Waits for slots that the owner hands back, one byte each."""
        while not shared.free:
            handed = self._data.recv(shared.slots)
            if not handed:
                raise ConnectionError("the owner is gone")
            shared.free += len(handed)

    def sound(self, samples: NDArray[np.float32]) -> None:
        """Mono samples [M], M at least 1."""
        self._data.sendall(HEADER.pack(SOUND, samples.nbytes))
        self._data.sendall(memoryview(samples).cast("B"))
