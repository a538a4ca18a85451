"""Times decoding to RGB through the jail against PyAV's own rgb24 in one process, and compares every timestamp."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av

from vemo_audit.media import decode
from vemo_audit.media.probe import probe

RUNS = 7
CLIPS = ("WolfgangLanger_Pexels.mp4", "single_face.mp4")
BAR = 2.0


class Open:
    """A guard that lets all through, so that decoding alone is timed. It keeps the times."""

    modalities = frozenset({"face"})

    def __init__(self) -> None:
        self.time_s: list[float] = []

    def release(self, images, time_s, first_index):
        self.time_s += time_s.tolist()
        return [None] * len(images)


def ours(path: Path) -> list[float]:
    """The times of all frames, which were made RGB outside the jail. The digest of the file is checked as always."""
    guard = Open()
    for _ in decode._released(probe(path), guard, 16):
        pass
    return guard.time_s


def peer(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        times = [
            (frame.to_ndarray(format="rgb24").shape, frame.pts * frame.time_base)[1]
            for frame in container.decode(video=0)
        ]
    return [float(t - times[0]) for t in times]


def figures(data: Path | None = None) -> Iterator[dict[str, object]]:
    """Lines for each clip: frames per second of both, and the largest difference of a timestamp."""
    folder = (data or Path(os.environ.get("VEMO_SHARED_DATA", "../shared/data"))) / "video"
    for name in CLIPS:
        path = folder / name
        if not path.is_file():
            yield line(f"decode {name}: the file is not here", None, "frames/s")
            continue
        got, want = ours(path), peer(path)  # also warms both
        apart = max(abs(a - b) for a, b in zip(got, want, strict=True)) if len(got) == len(want) else float("inf")
        mine, theirs = interleaved(lambda p=path: ours(p), lambda p=path: peer(p))
        for kind, pick in (("best", min), ("median", statistics.median)):
            yield line(
                f"decode {name} to RGB, {kind} of {RUNS}", len(got) / pick(mine), "frames/s", "PyAV rgb24, one process",
                len(want) / pick(theirs), bar=BAR,
            )  # fmt: skip
        yield {**line(f"decode {name}: largest difference of a timestamp", apart, "s"), "bar": 0.0, "held": apart == 0}


def interleaved(a: Callable[[], object], b: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Seconds of each of several runs, one of each in turn."""
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(RUNS):
        for work, times in zip((a, b), found, strict=True):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
    return found


def line(
    name: str, value: float | None, unit: str, peer: str = "", peer_value: float | None = None, *,
    bar: float | None = None,
) -> dict[str, object]:  # fmt: skip
    """A figure; with a bar, value over peer must reach it."""
    held = None if bar is None or not peer_value or value is None else value / peer_value >= bar
    return {
        "name": name, "value": None if value is None else round(value, 4), "unit": unit, "peer": peer,
        "peer_value": None if peer_value is None else round(peer_value, 4), "bar": bar, "held": held,
        "load": os.getloadavg()[0],
    }  # fmt: skip
