"""A media file held open: all is read through one descriptor, so that it cannot be swapped between check and use."""

import errno
import hashlib
import os
import stat
from pathlib import Path
from types import TracebackType

from vemo_audit.errors import EvidenceBroken, MediaError

BLOCK_BYTES = 1 << 20


class Source:
    """An open regular file. `descriptor` is read-only, and what is read through it is what was hashed."""

    def __init__(self, path: Path) -> None:
        """Opens the file itself, never what a link at its place points to, and never a pipe or a device.

        Raises MediaError when there is no such file, when it cannot be read, and when it is not a regular file.
        """
        self.path = path
        # O_NONBLOCK: opening a named pipe must not wait for somebody to write to it.
        flags = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            self.descriptor = os.open(path, flags)
        except OSError as error:
            raise _unopened(path, error) from None
        self._opened = os.fstat(self.descriptor)
        if not stat.S_ISREG(self._opened.st_mode):
            os.close(self.descriptor)
            kind = "a folder" if stat.S_ISDIR(self._opened.st_mode) else "not a regular file"
            raise MediaError(kind, where=str(path), expected="a video, sound or picture file")

    @property
    def bytes(self) -> int:
        return self._opened.st_size

    def head(self, size: int) -> bytes:
        """The first `size` bytes, or all of a shorter file."""
        return os.pread(self.descriptor, size, 0)

    def sha256(self) -> str:
        """Lower-case SHA-256 of the whole file."""
        digest, offset = hashlib.sha256(), 0
        while block := os.pread(self.descriptor, BLOCK_BYTES, offset):
            digest.update(block)
            offset += len(block)
        return digest.hexdigest()

    def demand(self, sha256: str) -> None:
        """Raises EvidenceBroken when the content is not what the decision was about."""
        found = self.sha256()
        if found != sha256:
            raise EvidenceBroken(
                f"content with SHA-256 {found[:12]}…", where=str(self.path), expected=f"the admitted {sha256[:12]}…",
                advice="Probe the file again and ask the gate anew.",
            )  # fmt: skip

    def demand_unchanged(self) -> None:
        """Raises EvidenceBroken when somebody wrote to the file since it was opened."""
        now = os.fstat(self.descriptor)
        was = self._opened
        if (now.st_size, now.st_mtime_ns, now.st_ctime_ns) != (was.st_size, was.st_mtime_ns, was.st_ctime_ns):
            raise EvidenceBroken(
                "the file was written to while it was read", where=str(self.path), expected="a file at rest",
                advice="Work on a copy that nobody else writes to.",
            )  # fmt: skip

    def __enter__(self) -> "Source":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.descriptor)


def _unopened(path: Path, error: OSError) -> MediaError:
    if error.errno == errno.ENOENT:
        return MediaError("no such file", where=str(path), expected="a video, sound or picture file")
    if error.errno == errno.ELOOP:
        return MediaError("a symbolic link", where=str(path), expected="the file itself", advice="Name its target.")
    return MediaError(f"a file that cannot be opened ({error.strerror})", where=str(path), expected="a readable file")
