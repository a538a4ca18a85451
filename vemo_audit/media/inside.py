"""The prisoner's life: takes its order, accepts its limits, does one job, and tells how it went."""

import json
import os
import resource
import socket
from collections.abc import Callable
from typing import Any, BinaryIO

import av

from vemo_audit.media.contents import send_facts
from vemo_audit.media.headers import HeaderError
from vemo_audit.media.pictures import send_frames
from vemo_audit.media.shared import PrisonersSide
from vemo_audit.media.sound import send_sound
from vemo_audit.media.wire import DONE, FAILED, HEADER, Outlet, UnreadableError

JOBS: dict[str, Callable[[BinaryIO, dict[str, Any], Outlet], None]] = {
    "facts": send_facts,
    "frames": send_frames,
    "sound": send_sound,
}

av.logging.set_level(av.logging.PANIC)


def serve(media_descriptor: int, data_descriptor: int) -> None:
    """One job. The limits are in force before the file is touched."""
    with socket.socket(fileno=data_descriptor) as data:
        job, memory = _order(data)
        _limit(job["limits"])
        outlet = Outlet(data, PrisonersSide(memory[0], **job["shared"]) if memory else None)
        try:
            with os.fdopen(media_descriptor, "rb", buffering=0) as media:
                media.seek(0)
                JOBS[job["do"]](media, job, outlet)
            outlet.text(DONE, {})
        except UnreadableError as failure:
            outlet.text(FAILED, failure.told)
        except HeaderError as error:
            outlet.text(FAILED, {"found": str(error), "expected": "an intact file"})
        except MemoryError:
            outlet.text(FAILED, {"found": f"decoding it takes more than {job['limits']['memory_bytes']:,} bytes"})
        except (av.error.FFmpegError, ValueError, IndexError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            outlet.text(
                FAILED,
                {
                    "found": f"a damaged file ({reason})",
                    "expected": "an intact one",
                    "advice": "Fetch or encode it again.",
                },
            )


def _order(data: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The job, and the memory to put pictures into if there is any; it came with the first byte."""
    header, memory, _, _ = socket.recv_fds(data, HEADER.size, 1)
    with data.makefile("rb") as stream:
        header += stream.read(HEADER.size - len(header))
        _, length = HEADER.unpack(header)
        job: dict[str, Any] = json.loads(stream.read(length))
    return job, memory


def _limit(limits: dict[str, Any]) -> None:
    wanted = {
        "AS": limits["memory_bytes"], "CPU": limits["cpu_s"], "NOFILE": limits["descriptors"], "FSIZE": 0, "CORE": 0,
    }  # fmt: skip
    for name, value in wanted.items():
        number = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(number)
        lowest = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        # The CPU limit signals SIGXCPU at its soft and SIGKILL at its hard end: keep a second between them.
        room = 1 if name == "CPU" and hard == resource.RLIM_INFINITY else 0
        resource.setrlimit(number, (lowest, lowest + room))
