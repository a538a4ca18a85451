"""Memory that a prisoner shares with its owner: decoded pictures lie in it, so that no byte of them crosses a pipe.

The owner makes it, seals its size and maps it to read; the prisoner maps it to write. Pictures take its slots in turn,
so that no index is ever believed; the owner hands slots back when it has made its own picture of what lay in them.
"""

import mmap
import os

import numpy as np
from numpy.typing import NDArray

SLOTS = 16
"""Pictures that may wait at most: one chunk, so that the next is decoded while the last is looked at."""
ROOM_BYTES = 1 << 26
"""All slots together. Of pictures so large that two take more than this, none is shared: they cross the socket."""


class OwnersSide:
    """What the owner holds. `descriptor` is for the prisoner; close it once that has it."""

    def __init__(self, descriptor: int, slots: int, slot_bytes: int) -> None:
        self.descriptor, self.slots, self.slot_bytes = descriptor, slots, slot_bytes
        self._bytes = np.frombuffer(mmap.mmap(descriptor, slots * slot_bytes, prot=mmap.PROT_READ), np.uint8)
        self._taken = 0

    def take(self, size: int) -> NDArray[np.uint8]:
        """The first `size` bytes of the next slot, read-only. A prisoner may go on writing to them: read them once."""
        start = self._taken % self.slots * self.slot_bytes
        self._taken += 1
        return self._bytes[start : start + size]

    def handed_back(self) -> int:
        """How many slots to hand back once all taken ones were read: half of all at a time, so that few words do."""
        half = max(1, self.slots // 2)
        return half if self._taken % half == 0 else 0


class PrisonersSide:
    """What the prisoner maps: all slots are free at first."""

    def __init__(self, descriptor: int, slots: int, slot_bytes: int) -> None:
        self._bytes = np.frombuffer(mmap.mmap(descriptor, slots * slot_bytes), np.uint8)
        os.close(descriptor)
        self.slots, self.slot_bytes, self.free, self._given = slots, slot_bytes, slots, 0

    def give(self, parts: tuple[NDArray[np.uint8], ...]) -> None:
        """Writes the parts of one picture, one behind the other, into the next slot, which must be free."""
        start = self._given % self.slots * self.slot_bytes
        for part in parts:
            np.copyto(self._bytes[start : start + part.size].reshape(part.shape), part)
            start += part.size
        self._given, self.free = self._given + 1, self.free - 1


def offered(slot_bytes: int) -> OwnersSide | None:
    """Memory for pictures of up to `slot_bytes`; None where there are none, or too large, or no memory can be sealed.

    Sealed: a prisoner that shrank it could kill its owner, who reads from it.
    """
    slots = min(SLOTS, ROOM_BYTES // slot_bytes) if slot_bytes else 0
    if slots < 2 or not hasattr(os, "memfd_create"):
        return None
    import fcntl

    try:
        descriptor = os.memfd_create("pictures", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:
        return None
    try:
        os.ftruncate(descriptor, slots * slot_bytes)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return OwnersSide(descriptor, slots, slot_bytes)
    except OSError:
        os.close(descriptor)
        return None
