"""Times the face front end against facenet-pytorch's MTCNN on the same frames, and compares what both found.

The peer's code is imported in a process of its own, where five modules of torchvision are stubbed: it needs of them
only non-maximum suppression, which is given to it in numpy. Both sides get the same smallest face and thread count.
"""

import json
import os
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks.figures.rendered import five_people

ROOT = Path(__file__).resolve().parents[2]
MIN_FACE_PX = 40
RUNS = 5
RATE_HZ = 25.0
FRAMES = 50


def figures(data: Path | None = None) -> Iterator[dict[str, object]]:
    """Lines for one face (a clip), five faces (a photograph, held) and five rendered people who move."""
    folder = (data or Path(os.environ.get("VEMO_SHARED_DATA", "../shared/data"))) / "video"
    command = [sys.executable, "-m", "benchmarks.figures.faces", str(folder.resolve())]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    told = [json.loads(row) for row in done.stdout.splitlines() if row.startswith("{")]
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no word"])[-1]
        told.append(figure(f"face front end: the run ended early ({reason})", None, ""))
    yield from told


def measured(folder: Path) -> Iterator[dict[str, object]]:
    """What `figures` yields; runs in its own process."""
    import torch

    from vemo_audit.recognition.perception.faces import DetectorSettings, FaceDetector
    from vemo_audit.recognition.perception.tracks import FaceTracker

    peer = upstream()(keep_all=True, min_face_size=MIN_FACE_PX)
    detector = FaceDetector(settings=DetectorSettings(min_face_px=MIN_FACE_PX))
    for name, images, truth, bar in scenes(folder):
        time_s = np.arange(len(images)) / RATE_HZ
        sample = range(0, len(images), 5)  # the peer is slow; its frames are independent of each other
        mine, theirs, result, found = [], [], [], {}
        for _ in range(RUNS):
            start = time.perf_counter()
            result = FaceTracker(detector).find(images, time_s)
            mine.append((time.perf_counter() - start) / len(images) * 1e3)
            start = time.perf_counter()
            found = {k: boxes(peer.detect(images[k], landmarks=True)[0], first=1) for k in sample}
            theirs.append((time.perf_counter() - start) / len(sample) * 1e3)
        for kind, pick in (("best", min), ("median", statistics.median)):
            yield figure(
                f"{name}: front end per frame, {kind} of {RUNS}, {torch.get_num_threads()} threads", pick(mine), "ms",
                "facenet-pytorch MTCNN in every frame", pick(theirs), bar=bar,
                held=bool(pick(theirs) / pick(mine) >= bar),
            )  # fmt: skip
        yield from agreement(name, {k: boxes([f.box for f in result[k]]) for k in sample}, found, truth)
        if name.startswith("five"):
            ours_calls = calls(lambda i=images, t=time_s: FaceTracker(detector).find(i, t)) / len(images)
            peer_calls = calls(lambda i=images: peer.detect(i[0], landmarks=True))
            yield figure(f"{name}: torch operator calls per frame", ours_calls, "calls", "facenet-pytorch MTCNN",
                         peer_calls, bar=0.2, held=bool(ours_calls <= 0.2 * peer_calls))  # fmt: skip
            whole = calls(lambda i=images: detector.detect(i[:1]))
            yield figure(f"{name}: torch operator calls of one whole search", whole, "calls", "facenet-pytorch MTCNN",
                         peer_calls, bar=0.2, held=bool(whole <= 0.2 * peer_calls))  # fmt: skip


def scenes(folder: Path) -> Iterator[tuple[str, np.ndarray, list[np.ndarray] | None, float]]:
    """Name, frames [N, H, W, 3], true boxes by frame or None, and the bar."""
    import av

    if (folder / "single_face.mp4").is_file():
        with av.open(str(folder / "single_face.mp4")) as container:
            images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        yield "one face, single_face.mp4", np.stack(images), None, 10.0
        photograph = cv2.cvtColor(cv2.imread(str(folder / "multi_face.jpg")), cv2.COLOR_BGR2RGB)
        yield "five faces, multi_face.jpg held", np.stack([photograph] * (FRAMES // 2)), None, 4.0
        panned = [photograph[2 * k : 2 * k + 600, 3 * k : 3 * k + 920] for k in range(FRAMES // 2)]
        yield "five faces, multi_face.jpg panned", np.stack(panned), None, 4.0
    images, truth = five_people(FRAMES)
    yield "five rendered people who move", images, truth, 4.0


def agreement(
    name: str, ours: dict[int, np.ndarray], theirs: dict[int, np.ndarray], truth: list[np.ndarray] | None
) -> Iterator[dict[str, object]]:
    """Recall of the peer's faces and mean overlap with them; with a truth also both sides' against it."""
    recall, iou = found_of(theirs, ours)
    yield figure(f"{name}: share of the peer's faces found", recall, "", bar=0.99, held=recall >= 0.99)
    yield figure(f"{name}: mean IoU with the peer's boxes, whose pixels count from 1", iou, "",
                 bar=0.93, held=iou >= 0.93)  # fmt: skip
    if truth is not None:
        true = {k: truth[k] for k in ours}
        (recall, iou), (peer_recall, peer_iou) = found_of(true, ours), found_of(true, theirs)
        yield figure(f"{name}: share of true faces found", recall, "", "facenet-pytorch MTCNN", peer_recall,
                     bar=1.0, held=recall >= peer_recall)  # fmt: skip
        yield figure(f"{name}: mean IoU with true boxes", iou, "", "facenet-pytorch MTCNN", peer_iou,
                     bar=1.0, held=iou >= peer_iou)  # fmt: skip


def found_of(wanted: dict[int, np.ndarray], found: dict[int, np.ndarray]) -> tuple[float, float]:
    """Share of the wanted boxes that some found one overlaps by .4 or more, and the mean overlap of those."""
    from vemo_audit.recognition.perception.boxes import overlap

    best = [
        value
        for k, boxes_k in wanted.items()
        for value in (overlap(boxes_k, found[k]).max(axis=1) if len(found[k]) else np.zeros(len(boxes_k)))
    ]
    hit = [value for value in best if value >= 0.4]
    return (len(hit) / len(best) if best else float("nan")), (float(np.mean(hit)) if hit else float("nan"))


def boxes(rows: object, *, first: int = 0) -> np.ndarray:
    """Edges [M, 4] of boxes whose pixels count from `first`, the last one included where they count from 1.

    The peer counts so: it cuts `image[y - 1 : y2, x - 1 : x2]` and takes `x2 - x + 1` for the width, so the left edge
    of its box lies at x - 1 and the right edge at x2.
    """
    found = np.zeros((0, 4), np.float32) if rows is None else np.array(rows, np.float32).reshape(-1, 4)
    found[:, :2] -= first
    return found


def calls(work) -> int:
    """Torch operators that one run calls."""
    from torch.profiler import ProfilerActivity, profile

    work()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        work()
    return sum(event.count for event in seen.key_averages() if event.key.startswith("aten::"))


def upstream() -> type:
    """The peer's class. Only for a process that ends after the measurement: it stubs modules for good."""
    names = ("ops", "ops.boxes", "transforms", "transforms.functional", "datasets", "datasets.utils")
    made = {name: types.ModuleType(f"torchvision.{name}") for name in names}
    root = types.ModuleType("torchvision")
    root.ops, root.transforms, root.datasets = made["ops"], made["transforms"], made["datasets"]
    made["ops"].boxes, made["transforms"].functional = made["ops.boxes"], made["transforms.functional"]
    made["datasets"].utils = made["datasets.utils"]
    made["transforms.functional"].to_tensor = None
    made["ops.boxes"].batched_nms = batched_nms
    sys.modules |= {"torchvision": root, **{f"torchvision.{name}": module for name, module in made.items()}}
    from facenet_pytorch import MTCNN

    return MTCNN


def batched_nms(box, score, group, limit):
    """Greedy suppression within groups, as the peer expects it of torchvision (torch tensors, indices back)."""
    import torch

    if not len(box):
        return torch.empty(0, dtype=torch.int64)
    shifted = (box + (group.to(box) * (box.max() + 1))[:, None]).numpy()
    left, top, right, bottom = shifted.T
    area, order, kept = (right - left) * (bottom - top), score.numpy().argsort()[::-1], []
    while order.size:
        first, rest = order[0], order[1:]
        kept.append(first)
        across = np.minimum(right[first], right[rest]) - np.maximum(left[first], left[rest])
        down = np.minimum(bottom[first], bottom[rest]) - np.maximum(top[first], top[rest])
        both = np.clip(across, 0, None) * np.clip(down, 0, None)
        order = rest[both / (area[first] + area[rest] - both) <= limit]
    return torch.as_tensor(np.array(kept))


def figure(
    name: str, value: float | None, unit: str, peer: str = "", peer_value: float | None = None, *,
    bar: float | None = None, held: bool | None = None,
) -> dict[str, object]:  # fmt: skip
    """A figure in the form that every benchmark here has."""
    return {
        "name": name, "value": None if value is None else round(float(value), 4), "unit": unit, "peer": peer,
        "peer_value": None if peer_value is None else round(float(peer_value), 4), "bar": bar, "held": held,
        "load": os.getloadavg()[0],
    }  # fmt: skip


if __name__ == "__main__":
    for one in measured(Path(sys.argv[1])):
        print(json.dumps(one), flush=True)
