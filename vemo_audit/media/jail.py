"""Starts jails: short-lived processes with limits and no network, the only place where a decoder ever runs.

A warden process loads the decoders once and forks one prisoner per job, so that a jail costs milliseconds. The prisoner
gets the open file and one socket; it sends messages until it is done, fails, or dies, and each end has its own words.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import MediaError
from vemo_audit.media.shared import OwnersSide, offered
from vemo_audit.media.wire import FACTS, FAILED, HEADER, KINDS, MESSAGE_LIMIT_BYTES, TEXT_LIMIT_BYTES

WARDEN = "import sys, json; sys.path[:] = json.loads(sys.argv[2]); from vemo_audit.media import warden; warden.main()"
WARDEN_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
"""Nothing of ours is inherited; one arena and one thread keep the address space small."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a prisoner may use. Source of the memory limit: a 749 KB file that took 2.2 GB to decode."""

    memory_bytes: int = 1_500_000_000  # address space, the loaded decoders included
    cpu_s: int = 30
    stall_s: float = 30.0  # the longest silence before the prisoner is given up
    descriptors: int = 32


class Jail:
    """One running job. Leaving the context kills it, whatever it does."""

    def __init__(
        self, data: socket.socket, lifeline: socket.socket, *, where: str, limits: Limits,
        shared: OwnersSide | None = None,
    ) -> None:  # fmt: skip
        self._data, self._lifeline, self._where, self._limits, self._shared = data, lifeline, where, limits, shared
        data.settimeout(limits.stall_s)

    def receive(self) -> tuple[bytes, int]:
        """Kind and length of the next message. Raises MediaError when the job failed, hung or died."""
        header = bytearray(HEADER.size)
        self.read_into(memoryview(header))
        kind, length = HEADER.unpack(header)
        if kind not in KINDS or length > MESSAGE_LIMIT_BYTES:
            raise MediaError("a decoder that talks nonsense", where=self._where, advice="Do not trust this file.")
        if kind == FAILED:
            told = self.read_json(length)
            raise MediaError(
                str(told.get("found")), where=self._where, expected=str(told.get("expected", "")),
                advice=str(told.get("advice", "")),
            )  # fmt: skip
        return kind, length

    def read_into(self, view: memoryview) -> None:
        """Fills the view. Raises MediaError when the prisoner hangs or dies first."""
        while view:
            try:
                got = self._data.recv_into(view)
            except TimeoutError:
                raise self._stalled() from None
            except ConnectionError:
                got = 0
            if got == 0:
                raise self._obituary()
            view = view[got:]

    def take(self, size: int) -> NDArray[np.uint8]:
        """The first `size` bytes of the next shared slot, read-only: read them once, then `hand_back`.

        Raises MediaError when nothing is shared, or not so much.
        """
        if self._shared is None or size > self._shared.slot_bytes:
            raise MediaError("a decoder that points to memory it does not have", where=self._where)
        return self._shared.take(size)

    def hand_back(self) -> None:
        """All slots taken so far may be written again. Raises MediaError when the prisoner does not listen."""
        count = self._shared.handed_back() if self._shared else 0
        if count:
            try:
                self._data.sendall(bytes(count))
            except TimeoutError:
                raise self._stalled() from None
            except ConnectionError:  # it has sent its last word, which is still to be read
                return

    def _stalled(self) -> MediaError:
        return MediaError(
            f"no answer from the decoder for {self._limits.stall_s:g} s", where=self._where,
            advice="The file may be made to exhaust the decoder; re-encode it.",
        )  # fmt: skip

    def read_json(self, length: int) -> dict[str, Any]:
        """A message of text. Raises MediaError when it is longer than any honest one."""
        if length > TEXT_LIMIT_BYTES:
            raise MediaError("a decoder that talks too much", where=self._where)
        text = bytearray(length)
        self.read_into(memoryview(text))
        told = json.loads(text)
        return told if isinstance(told, dict) else {}

    def _obituary(self) -> MediaError:
        """Why the prisoner is gone, as the warden saw it."""
        self._lifeline.settimeout(5.0)
        try:
            status = int(self._lifeline.recv(16) or b"0")
        except (OSError, ValueError):
            status = 0
        advice = "The file is damaged or hostile; re-encode it with a tool you trust."
        if status == -signal.SIGXCPU or status == -signal.SIGKILL:
            found = f"decoding it took more than {self._limits.cpu_s} s of processor time or too much memory"
        elif status < 0:
            found = f"the decoder crashed ({signal.Signals(-status).name})"
        else:
            found = f"the decoder ended without a word (status {status})"
        return MediaError(found, where=self._where, expected="a file that decodes within the limits", advice=advice)

    def close(self) -> None:
        """Ends the job: the warden kills the prisoner as soon as the lifeline is cut."""
        self._shared = None
        self._lifeline.close()
        self._data.close()

    def __enter__(self) -> "Jail":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Warden:
    """The process that forks prisoners; one per process of ours."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        paths = [path for path in (str(Path(p).resolve()) for p in sys.path if p) if Path(path).exists()]
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell, no outside text
                [sys.executable, "-I", "-c", WARDEN, str(theirs.fileno()), json.dumps(paths)],
                pass_fds=[theirs.fileno()], env=WARDEN_ENVIRONMENT, cwd="/",
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        self.control, self.owner = ours, os.getpid()
        ours.settimeout(60.0)
        try:
            told = json.loads(ours.recv(TEXT_LIMIT_BYTES) or b'{"error": "it ended at once"}')
        except OSError as error:
            told = {"error": str(error)}
        if "error" in told:
            self.stop()
            raise MediaError(f"the jail cannot be built: {told['error']}", advice="Install vemo-audit again.")
        self.walls: tuple[str, ...] = tuple(told["walls"])

    def stop(self) -> None:
        self.control.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


_warden: _Warden | None = None
_lock = threading.Lock()


def _at_work() -> _Warden:
    """The warden of this process, started on first use and again after a fork or a death."""
    global _warden
    if _warden is None or _warden.owner != os.getpid() or _warden.process.poll() is not None:
        if _warden is not None and _warden.owner == os.getpid():
            _warden.control.close()
        _warden = _Warden()
        atexit.register(_dismiss, _warden)
    return _warden


def _dismiss(warden: _Warden) -> None:
    if warden.owner == os.getpid():
        warden.stop()


def walls() -> tuple[str, ...]:
    """What holds the prisoners here: 'rlimits' always; 'no-network' where the system grants namespaces."""
    with _lock:
        return _at_work().walls


def start(job: dict[str, Any], descriptor: int, *, where: str, limits: Limits, picture_bytes: int = 0) -> Jail:
    """A jail at work on the open file `descriptor`. `job` is JSON with the key 'do'; errors name the file `where`.

    Pictures of up to `picture_bytes` come through shared memory where the system can seal it, else by the socket.
    Raises MediaError when no jail can be built: nothing is ever decoded outside one.
    """
    data, data_inside = socket.socketpair()
    lifeline, lifeline_inside = socket.socketpair()
    shared = offered(picture_bytes)
    told = {} if shared is None else {"shared": {"slots": shared.slots, "slot_bytes": shared.slot_bytes}}
    with data_inside, lifeline_inside:
        try:
            with _lock:
                socket.send_fds(
                    _at_work().control, [b"j"], [descriptor, data_inside.fileno(), lifeline_inside.fileno()]
                )
            text = json.dumps({"limits": asdict(limits), **told, **job}).encode()
            order = HEADER.pack(FACTS, len(text)) + text
            if shared is None:
                data.sendall(order)
            else:
                socket.send_fds(data, [order], [shared.descriptor])
        except OSError as error:
            data.close()
            lifeline.close()
            raise MediaError(f"the jail cannot be built: {error.strerror}", where=where) from None
        finally:
            if shared is not None:
                os.close(shared.descriptor)
    return Jail(data, lifeline, where=where, limits=limits, shared=shared)
