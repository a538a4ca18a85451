"""The two clocks of this machine: read here, at the edge, and handed in everywhere else."""

import time
from datetime import UTC, datetime


def wall_clock() -> datetime:
    """The time of day, in UTC."""
    return datetime.now(UTC)


def boottime_ns() -> int:
    """Nanoseconds since the machine started, asleep or awake; nobody can set it. Where there is none: monotonic."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic_ns() if clock is None else time.clock_gettime_ns(clock)
