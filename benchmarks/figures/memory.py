"""Peak memory of a long clip over a short one, through gate and recognizer, each in a fresh process.

A rendered person of 160 px at 5 frames/s with a voice, repeated packet by packet, so that the hour is made in seconds.
What the jail holds is not counted: it is a process of its own with a limit of its own.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ, PART_S = 5, 10
BAR = 1.1


def figures(long_s: int = 3600, short_s: int = 60) -> Iterator[dict[str, object]]:
    """The ratio of the peaks, and each peak with the seconds it took."""
    with tempfile.TemporaryDirectory() as place:
        told = {length_s: peak(repeated(Path(place), length_s)) for length_s in (short_s, long_s)}
    load = round(os.getloadavg()[0], 2)
    for length_s, (mb, spent_s, rows) in told.items():
        yield line(f"peak memory of {length_s} s ({rows} predictions, {spent_s:.0f} s of work)", mb, "MB") | {
            "load": load
        }
    ratio = told[long_s][0] / told[short_s][0]
    yield line(f"peak memory, {long_s} s over {short_s} s", ratio, "times") | {
        "bar": BAR, "held": bool(ratio <= BAR), "load": load,
    }  # fmt: skip


def peak(path: Path) -> tuple[float, float, int]:
    """MB, seconds and predictions of one clip in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.figures.memory", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    told = json.loads(done.stdout.splitlines()[-1])
    return told["mb"], told["s"], told["rows"]


def alone(path: Path) -> dict[str, float]:
    """Recognizes the clip and keeps no prediction; runs in a process of its own."""
    sys.path[:0] = [str(ROOT / "tests")]
    import throwaway

    from vemo_audit.media.probe import probe
    from vemo_audit.recognition.perception.faces import FaceDetector
    from vemo_audit.recognition.perception.tracks import FaceTracker
    from vemo_audit.recognition.recognizers.temporal_multimodal import TemporalMultimodal

    named, start, detector, recognizer = ("body", "face", "voice"), time.perf_counter(), FaceDetector(), None
    with tempfile.TemporaryDirectory() as folder:
        house = throwaway.build(Path(folder) / "deployment", modalities=named)
        _, consent = house.give(modalities=named)
        with house.gate(lambda: FaceTracker(detector)) as gate:
            admitted = gate.admit(probe(path), house.case(consent, modalities=frozenset(named)))
            recognizer = TemporalMultimodal()
            rows = sum(one.probability is not None for one in recognizer.recognize(admitted))
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"mb": mb, "s": time.perf_counter() - start, "rows": rows}


def repeated(folder: Path, length_s: int) -> Path:
    """One part after another, without encoding anything twice."""
    import av

    part, path = folder / "part.mp4", folder / f"{length_s}.mp4"
    if not part.is_file():
        filmed(part)
    with av.open(str(part)) as source, av.open(str(path), "w") as made:
        streams = {one.index: made.add_stream_from_template(one) for one in source.streams}
        parts = [
            (p.stream.index, bytes(p), (p.pts, p.dts, p.time_base), p.is_keyframe) for p in source.demux() if p.size
        ]
        last = dict.fromkeys(streams, -(1 << 60))
        for k in range(length_s // PART_S):
            for index, body, (pts, dts, base), is_key in parts:
                shift = round(k * PART_S / base)
                if dts + shift <= last[index]:  # sound that was encoded ahead of its part, or beyond its end
                    continue
                packet = av.Packet(body)
                packet.pts, packet.dts, packet.time_base = pts + shift, dts + shift, base
                packet.is_keyframe, packet.stream = is_key, streams[index]
                last[index] = dts + shift
                made.mux(packet)
    return path


def filmed(path: Path) -> None:
    """Ten seconds: a face that smiles and returns, and a voice that glides."""
    import av

    from vemo_audit.probe.cast import cast
    from vemo_audit.probe.dataset import Shoot, shoot

    settings = Shoot(classes=("happiness",), duration_s=float(PART_S), rate_hz=float(RATE_HZ), fall="full")
    clip = next(iter(shoot(cast(adults=1, minors=0), settings)))
    t = np.arange(PART_S * 16_000) / 16_000
    phase = 2 * np.pi * np.cumsum(140 * 2 ** (0.3 * np.sin(2 * np.pi * 0.5 * t))) / 16_000
    wave = (0.1 * sum(np.sin(k * phase) / k for k in range(1, 9)) * np.abs(np.sin(4 * t))).astype(np.float32)
    with av.open(str(path), "w") as made:
        picture = made.add_stream("libx264", rate=RATE_HZ, options={"bf": "0", "g": str(RATE_HZ * PART_S)})
        picture.width = picture.height = settings.side_px
        picture.pix_fmt = "yuv420p"
        sound = made.add_stream("aac", rate=16_000, layout="mono")
        for k, (image, _) in enumerate(clip.frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, RATE_HZ)
            made.mux(picture.encode(frame))
        made.mux(picture.encode(None))
        heard = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        heard.sample_rate, heard.pts, heard.time_base = 16_000, 0, Fraction(1, 16_000)
        made.mux(sound.encode(heard))
        made.mux(sound.encode(None))


def line(name: str, value: float, unit: str) -> dict[str, object]:
    """A figure without a peer."""
    return {"name": name, "value": round(value, 4), "unit": unit, "peer": "", "peer_value": None, "bar": None,
            "held": None, "load": None}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(alone(Path(sys.argv[1]))), flush=True)
