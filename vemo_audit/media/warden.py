"""The warden process: forks a prisoner per job, kills it when its lifeline is cut, and reports how each one ended."""

import contextlib
import ctypes
import gc
import json
import os
import resource
import selectors
import signal
import socket
import sys
from typing import Any, NoReturn

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38


def main() -> None:
    """Runs in a fresh interpreter; argument 1 is the number of the control socket. Returns when the owner is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner, who then cuts the lifelines
    walls = _build_walls()
    try:
        # Loaded before any fork, and after the namespaces: those need a process with one thread.
        from vemo_audit.media import inside
    except ImportError as error:
        control.sendall(json.dumps({"error": str(error)}).encode())
        return
    gc.collect()
    gc.freeze()
    control.sendall(json.dumps({"walls": walls}).encode())
    _watch(control, inside.serve)


def _build_walls() -> list[str]:
    walls = ["rlimits"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
            walls.append("no-network")
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    return walls


def _watch(control: socket.socket, serve: Any) -> None:
    """The warden's day: new jobs, cut lifelines, dead prisoners."""
    lifelines: dict[int, socket.socket] = {}
    selector = selectors.DefaultSelector()
    bell, rope = socket.socketpair()
    bell.setblocking(False)
    rope.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(rope.fileno(), warn_on_full_buffer=False)
    selector.register(control, selectors.EVENT_READ, "control")
    selector.register(bell, selectors.EVENT_READ, "bell")
    while True:
        for key, _ in selector.select():
            if key.data == "control":
                message, descriptors, _, _ = socket.recv_fds(control, 1, 3)
                if not message:
                    for pid in lifelines:
                        os.kill(pid, signal.SIGKILL)
                    return
                pid = os.fork()
                if pid == 0:
                    _imprison(serve, descriptors, [control, bell, rope, *lifelines.values()])
                media, data, lifeline = descriptors
                os.close(media)
                os.close(data)
                lifelines[pid] = socket.socket(fileno=lifeline)
                selector.register(lifelines[pid], selectors.EVENT_READ, pid)
            elif key.data == "bell":
                bell.recv(4096)
                _bury(lifelines, selector)
            elif key.data in lifelines:
                # Nobody ever writes here: readable means that the owner let go.
                os.kill(key.data, signal.SIGKILL)
                selector.unregister(key.fileobj)


def _bury(lifelines: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    """Collects the dead and tells their owners how each ended."""
    while lifelines:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        lifeline = lifelines.pop(pid)
        with contextlib.suppress(KeyError):
            selector.unregister(lifeline)
        with contextlib.suppress(OSError):
            lifeline.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        lifeline.close()


def _imprison(serve: Any, descriptors: list[int], foreign: list[socket.socket]) -> NoReturn:
    """The forked side: lets go of all that is not its own, then works until the end. Never returns."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for other in foreign:
            other.close()
        media, data, lifeline = descriptors
        os.close(lifeline)
        serve(media, data)
        status = 0
    finally:
        os._exit(status)
