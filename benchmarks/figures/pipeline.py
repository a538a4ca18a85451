"""Times a clip from the gate to its predictions, all modalities, against the same pipeline with the peer's detector.

Both run in one process of their own, one after the other in turn: only the face finder differs. The peer is
facenet-pytorch's MTCNN in every frame, its boxes followed by overlap; where it cannot be imported, ours is timed alone.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
CLIPS = ("WolfgangLanger_Pexels.mp4", "single_face.mp4")
"""Both are 640 x 360 with sound: 472 and 72 frames."""
MODALITIES = ("body", "face", "voice")
RUNS = 5
PEER_FRAMES = 72
"""The peer is slow: of the longer clip it sees the beginning; without a memory it costs the same in each frame."""
RATE_BAR_HZ, RATIO_BAR = 150.0, 5.0
SAME_IOU = 0.3


def figures(data: Path | None = None) -> Iterator[dict[str, object]]:
    """Lines for each clip: frames per second of both, and how many predictions came of it."""
    folder = (data or Path(os.environ.get("VEMO_SHARED_DATA", "../shared/data"))) / "video"
    command = [sys.executable, "-m", "benchmarks.figures.pipeline", str(folder.resolve())]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    told = [json.loads(row) for row in done.stdout.splitlines() if row.startswith("{")]
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no word"])[-1]
        told.append(line(f"clip to predictions: the run ended early ({reason})", None, ""))
    yield from told


class EveryFrame:
    """The peer as a FaceFinder: all faces of every frame anew, numbered by overlap with the frame before."""

    def __init__(self, network: object) -> None:
        self._network, self._boxes, self._numbers, self._next = network, np.zeros((0, 4)), [], 0

    def find(self, images: np.ndarray, time_s: np.ndarray) -> list[tuple]:
        """See `records.clip.FaceFinder`."""
        from vemo_audit.recognition.perception.boxes import overlap
        from vemo_audit.records.clip import FoundFace

        answers = []
        for image in images:
            boxes, scores, points = self._network.detect(image, landmarks=True)
            boxes = np.zeros((0, 4)) if boxes is None else np.asarray(boxes, np.float64)
            numbers = []
            for box in boxes:
                iou = overlap(box[None], self._boxes)[0] if len(self._boxes) else np.zeros(0)
                known = int(iou.argmax()) if len(iou) and iou.max() >= SAME_IOU else -1
                if known < 0 or self._numbers[known] in numbers:
                    numbers.append(self._next)
                    self._next += 1
                else:
                    numbers.append(self._numbers[known])
            self._boxes, self._numbers = boxes, numbers
            answers.append(tuple(
                FoundFace(number, tuple(map(float, box)), np.asarray(five, np.float32), float(score))
                for number, box, five, score in zip(numbers, boxes, points if len(boxes) else [], scores, strict=False)
            ))  # fmt: skip
        return answers


def measured(folder: Path) -> Iterator[dict[str, object]]:
    """What `figures` yields; runs in its own process."""
    sys.path[:0] = [str(ROOT / "tests")]
    import torch

    from vemo_audit.recognition.perception.faces import DetectorSettings, FaceDetector
    from vemo_audit.recognition.perception.tracks import FaceTracker
    from vemo_audit.recognition.recognizers.temporal_multimodal import TemporalMultimodal

    recognizer, detector = TemporalMultimodal(), FaceDetector()
    peer, why = peers(int(DetectorSettings().min_face_px))
    with tempfile.TemporaryDirectory() as place:
        for name in CLIPS:
            path = folder / name
            if not path.is_file():
                yield line(f"clip to predictions, {name}: the file is not here", None, "frames/s")
                continue
            short = begun(path, Path(place) / name, frames=PEER_FRAMES)
            mine, theirs, costs, their_costs, rows = [], [], [], [], 0
            through(recognizer, lambda: FaceTracker(detector), short, Path(place))  # warms caches and the jail
            for _ in range(RUNS):
                frames, rows, spent, cost = through(recognizer, lambda: FaceTracker(detector), path, Path(place))
                mine.append(frames / spent)
                costs.append(1e3 * cost / frames)
                if peer is not None:
                    frames, _, spent, cost = through(recognizer, lambda: EveryFrame(peer), short, Path(place))
                    theirs.append(frames / spent)
                    their_costs.append(1e3 * cost / frames)
            label = f"clip to predictions, {name}, {'+'.join(MODALITIES)}, {torch.get_num_threads()} threads"
            for kind, pick in (("best", max), ("median", statistics.median)):
                yield line(f"{label}, {kind} of {RUNS}", pick(mine), "frames/s", "", None, bar=RATE_BAR_HZ,
                           held=bool(pick(mine) >= RATE_BAR_HZ))  # fmt: skip
                ratio = pick(mine) / pick(theirs) if theirs else None
                yield line(
                    f"{label}, {kind}: over the same with the peer", ratio, "times",
                    why or "facenet-pytorch MTCNN in every frame, frames/s", pick(theirs) if theirs else None,
                    bar=RATIO_BAR, held=None if ratio is None else bool(ratio >= RATIO_BAR),
                )  # fmt: skip
            yield line(
                f"{label}: processor time without the decoder's, least of {RUNS}", min(costs), "ms/frame",
                why or "the same with the peer", min(their_costs) if their_costs else None,
            )  # fmt: skip
            yield line(f"{label}: predictions", rows, "rows")


def peers(min_face_px: int) -> tuple[object | None, str]:
    """The peer's network, or why there is none."""
    from benchmarks.figures.faces import upstream

    try:
        return upstream()(keep_all=True, min_face_size=min_face_px), ""
    except ImportError as error:
        return None, f"facenet-pytorch: missing ({error})"


def through(recognizer: object, finder: Callable[[], object], path: Path, place: Path) -> tuple[int, int, float, float]:
    """Frames, predictions, seconds and seconds of processor time of one clip, from the admitted door to the last
    prediction. The decoder's processor time is not in it: it runs in a jail of its own."""
    import throwaway

    from vemo_audit.media.probe import probe

    with tempfile.TemporaryDirectory(dir=place) as folder:
        house = throwaway.build(Path(folder) / "deployment", modalities=MODALITIES)
        _, consent = house.give(modalities=MODALITIES)
        with house.gate(finder) as gate:
            admitted = gate.admit(probe(path), house.case(consent, modalities=frozenset(MODALITIES)))
            start, began = time.perf_counter(), time.process_time()
            rows = list(recognizer.recognize(admitted))
            spent, cost = time.perf_counter() - start, time.process_time() - began
        trace = recognizer.traces[rows[0].trace]
        return int(trace["frames"]), len(rows), spent, cost


def begun(path: Path, short: Path, *, frames: int) -> Path:
    """The first frames of a clip and their sound, packet by packet; nothing is decoded."""
    import av

    with av.open(str(path)) as source, av.open(str(short), "w") as made:
        streams = {one.index: made.add_stream_from_template(one) for one in (*source.streams.video[:1],
                                                                            *source.streams.audio[:1])}  # fmt: skip
        rate_hz, count = float(source.streams.video[0].average_rate), 0
        for packet in source.demux():
            if packet.dts is None or packet.stream.index not in streams:
                continue
            pictured = packet.stream.type == "video"
            if (pictured and count >= frames) or float(packet.pts * packet.time_base) > frames / rate_hz:
                continue
            count += pictured
            packet.stream = streams[packet.stream.index]
            made.mux(packet)
    return short


def line(
    name: str, value: float | None, unit: str, peer: str = "", peer_value: float | None = None, *,
    bar: float | None = None, held: bool | None = None,
) -> dict[str, object]:  # fmt: skip
    """A figure in the form that every benchmark here has."""
    return {
        "name": name, "value": None if value is None else round(float(value), 4), "unit": unit, "peer": peer,
        "peer_value": None if peer_value is None else round(float(peer_value), 4), "bar": bar, "held": held,
        "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip


if __name__ == "__main__":
    for one in measured(Path(sys.argv[1])):
        print(json.dumps(one), flush=True)
