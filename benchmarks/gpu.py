"""The recognizer on a GPU beside the CPU of the same machine: `make bench NAME=gpu`.

Parity of each network, faces per second of encoder and temporal expert beside the measured peak of a matrix product,
and a clip from the gate to its predictions. With a GPU the lines are also written to `benchmarks/gpu.jsonl`, with its
name; without one a line says so and nothing is written. `python benchmarks/gpu.py cpu` tries the script on the CPU.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

KEPT = ROOT / "benchmarks/gpu.jsonl"
BATCHES = (16, 64, 256)
WINDOW = 25
"""Tokens of a window of two seconds at the recognizer's rate."""
PARITY_BAR = 1e-3
SIDE = 4096
CLIP = "WolfgangLanger_Pexels.mp4"


def figures(device: str) -> Iterator[dict[str, object]]:
    """Every line. `device` is one that torch has."""
    from vemo_audit.recognition.recognizers import experts
    from vemo_audit.recognition.recognizers.over_tokens import load_temporal

    faces = {place: experts.load_face("face-ferplus", device=place) for place in ("cpu", device)}
    times = {place: load_temporal("temporal-rendered", face.network) for place, face in faces.items()}
    rng = np.random.default_rng(3)
    crops = rng.integers(0, 256, (max(BATCHES), 1, faces["cpu"].size_px, faces["cpu"].size_px), np.uint8)
    tokens, units = faces["cpu"].encode(crops)
    windows = (
        tokens[rng.integers(0, len(tokens), (max(BATCHES), WINDOW))], np.ones((max(BATCHES), WINDOW), bool),
        np.tile(np.arange(WINDOW, dtype=np.float32) / 12.5, (max(BATCHES), 1)),
    )  # fmt: skip
    there = faces[device].encode(crops)
    yield parity("tokens", tokens, there[0])
    yield parity("units", units, there[1])
    yield parity("windows over time", *(times[place].probabilities(*windows)[0] for place in ("cpu", device)))
    yield from detected(device)
    for kind in ("float32", "bfloat16"):
        yield line(f"matrix product, {kind}", peak(device, getattr(torch, kind)) / 1e12, "TFLOP/s")
    for batch in BATCHES:
        yield from rates(f"encoder, batch {batch}", "faces/s", batch,
                         {place: _encodes(face, crops[:batch]) for place, face in faces.items()})  # fmt: skip
        yield from rates(f"temporal expert, batch {batch}", "windows/s", batch,
                         {place: _reads(one, windows, batch) for place, one in times.items()})  # fmt: skip
    yield from end_to_end(device)


def _encodes(face: Any, crops: np.ndarray) -> Callable[[], object]:
    return lambda: face.encode(crops)


def _reads(expert: Any, windows: tuple[np.ndarray, ...], batch: int) -> Callable[[], object]:
    return lambda: expert.probabilities(*(part[:batch] for part in windows))


def parity(what: str, here: np.ndarray, there: np.ndarray) -> dict[str, object]:
    """The largest difference between the CPU's answer and the device's."""
    apart = float(np.nanmax(np.abs(here - there)))
    return line(f"parity, {what}", apart, "", bar=PARITY_BAR, held=apart <= PARITY_BAR)


def detected(device: str) -> Iterator[dict[str, object]]:
    """Parity of the face search, and its frames per second, on five rendered people."""
    from benchmarks.figures.rendered import five_people
    from vemo_audit.recognition.perception.faces import FaceDetector

    images, _ = five_people(16)
    detectors = {place: FaceDetector(place) for place in ("cpu", device)}
    found = {place: detector.detect(images) for place, detector in detectors.items()}
    same = np.array_equal(found["cpu"].frame, found[device].frame)
    here, there = (in_order(found[place]) for place in ("cpu", device))  # equal scores may come in another order
    apart = float(np.abs(here - there).max()) if same else float("inf")
    yield line(
        "parity, boxes of the search (in sixteenths of a pixel)", apart, "pixels", bar=0.0625, held=apart <= 0.0625
    )
    yield from rates("face search, batch 16, 640x360, five faces", "frames/s", len(images),
                     {place: _detects(one, images) for place, one in detectors.items()})  # fmt: skip


def in_order(found: Any) -> np.ndarray:
    """The boxes `[M, 4]`, frame by frame, from left to right."""
    return found.box[np.lexsort((found.box[:, 0], found.frame))]


def _detects(detector: Any, images: np.ndarray) -> Callable[[], object]:
    return lambda: detector.detect(images)


def rates(what: str, unit: str, count: int, work: dict[str, Callable[[], object]]) -> Iterator[dict[str, object]]:
    """How many a second on the device, and on the CPU as the peer. Arrays in, arrays out: transfers are counted."""
    spent = {place: fastest(one) for place, one in work.items()}
    (cpu, *other) = (count / spent[place] for place in work)
    yield line(what, other[0] if other else cpu, unit, "the CPU of this machine", cpu)


def fastest(work: Callable[[], object], *, runs: int = 7) -> float:
    """Seconds of the fastest of several runs after two that warm up."""
    spent = []
    for _ in range(runs + 2):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent[2:])


def peak(device: str, kind: torch.dtype) -> float:
    """Operations per second of a large matrix product, multiplications and additions counted apart."""
    side = SIDE if device != "cpu" else SIDE // 4
    left, right = (torch.randn(side, side, device=device).to(kind) for _ in range(2))

    def multiply() -> None:
        (left @ right).sum().item()  # fetching the sum waits for the product

    return 2 * side**3 / fastest(multiply)


def end_to_end(device: str) -> Iterator[dict[str, object]]:
    """Frames per second from the admitted door to the last prediction."""
    from benchmarks.figures.pipeline import through
    from vemo_audit.recognition.perception.faces import FaceDetector
    from vemo_audit.recognition.perception.tracks import FaceTracker
    from vemo_audit.recognition.recognizers.temporal_multimodal import TemporalMultimodal

    clip = Path(os.environ.get("VEMO_SHARED_DATA", ROOT / "../shared/data")).resolve() / "video" / CLIP
    if not clip.is_file():
        yield line(f"clip to predictions, {CLIP}: the file is not here", None, "frames/s")
        return
    best = {}
    with tempfile.TemporaryDirectory() as place:
        for name in ("cpu", device):
            recognizer, detector = TemporalMultimodal(device=name), FaceDetector(name)
            for _ in range(3):
                frames, _, spent, _ = through(recognizer, lambda found=detector: FaceTracker(found), clip, Path(place))
                best[name] = max(best.get(name, 0.0), frames / spent)
    yield line("clip to predictions, 640x360, body+face+voice, best of 3", best[device], "frames/s",
               "the CPU of this machine", best["cpu"])  # fmt: skip


def line(
    name: str, value: float | None, unit: str, peer: str = "", peer_value: float | None = None, *,
    bar: float | None = None, held: bool | None = None,
) -> dict[str, object]:  # fmt: skip
    """A figure in the form that every benchmark here has."""
    return {
        "name": name, "value": None if value is None else float(f"{value:.5g}"), "unit": unit, "peer": peer,
        "peer_value": None if peer_value is None else float(f"{peer_value:.5g}"), "bar": bar, "held": held,
        "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def main(asked: str) -> None:
    """Prints the lines; on a GPU keeps them, with the machine's name in each."""
    if asked == "cuda" and not torch.cuda.is_available():
        print(json.dumps(line("not measured: torch finds no GPU here", None, "")))
        return
    machine = torch.cuda.get_device_name() if asked == "cuda" else asked
    told = []
    for one in figures(asked):
        told.append(json.dumps(one | {"machine": machine, "torch": torch.__version__}))
        print(told[-1], flush=True)
    if asked == "cuda":
        KEPT.write_text("\n".join(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "cuda")
