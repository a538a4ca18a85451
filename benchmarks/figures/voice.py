"""Times and checks the pitch of planted voices against librosa.pyin and Praat, in an environment of their own.

VEMO_PEERS names a python in which librosa and praat-parselmouth are installed; without it the lines say so.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.oracles import planted_voice

KINDS = ("steady", "glide", "vibrato", "breathy", "jittered")
SEEDS = (201, 202, 203)
"""None of the seeds that settings were tuned on (100-102)."""
RUNS = 5
FLOOR_HZ, CEILING_HZ = 60, 500
MEASURES = (("median_cents", "cents"), ("gross_share", "share"), ("voicing_error", "share"))
PEER = """
import sys, time
import numpy as np
sounds = np.load(sys.argv[1])
RATE, FLOOR, CEILING = 16000, {floor}, {ceiling}

def praat(x):
    import parselmouth
    found = parselmouth.Sound(x.astype(float), RATE).to_pitch_ac(
        time_step=0.01, pitch_floor=FLOOR, pitch_ceiling=CEILING)
    hz = found.selected_array["frequency"]
    return found.xs(), np.where(hz > 0, hz, np.nan)

def pyin(x):
    import librosa
    hz, voiced, _ = librosa.pyin(x, fmin=FLOOR, fmax=CEILING, sr=RATE, frame_length=1024, hop_length=160)
    return np.arange(len(hz)) * 160 / RATE, np.where(voiced, hz, np.nan)

work = {{"praat": praat, "pyin": pyin}}[sys.argv[2]]
try:
    work(sounds["timed"][:16000])
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(9)
found = {{}}
start = time.perf_counter()
work(sounds["timed"])
found["seconds"] = time.perf_counter() - start
if sys.argv[4] == "all":
    for name in sounds.files:
        if name != "timed":
            found[name + " s"], found[name + " hz"] = work(sounds[name])
np.savez(sys.argv[3], **found)
"""


def planted() -> dict[str, planted_voice.Planted]:
    """The voices by name: clean, and with white noise 10 dB below them."""
    voices = {}
    for kind in KINDS:
        for seed in SEEDS:
            clean = planted_voice.spoken(kind, seed)
            voices[f"clean {kind} {seed}"] = clean
            voices[f"10 dB {kind} {seed}"] = planted_voice.with_noise(clean, 10, seed)
    return voices


def asked(peer: str, sounds: Path, *, what: str) -> dict[str, np.ndarray] | None:
    """The answers of a peer and the seconds it took for `timed`; None when it is not there."""
    python = os.environ.get("VEMO_PEERS")
    if not python:
        return None
    out = sounds.with_name(f"{peer}.npz")
    code = PEER.format(floor=FLOOR_HZ, ceiling=CEILING_HZ)
    command = [python, "-c", code, str(sounds), peer, str(out), what]
    ran = subprocess.run(command, capture_output=True, check=False)
    if ran.returncode:
        return None
    with np.load(out) as found:
        return dict(found)


def pooled(answers: dict[str, tuple[np.ndarray, np.ndarray]], voices: dict, condition: str, measure: str) -> float:
    """The mean of an error over all voices of a condition ('clean', '10 dB', or one with its kind)."""
    chosen = [name for name in voices if name.startswith(condition)]
    return float(np.mean([planted_voice.errors(*answers[name], voices[name])[measure] for name in chosen]))


def figures() -> Iterator[dict[str, object]]:
    """Speed of the pitch, then its errors, each beside the peers on the same sound in the same run."""
    import torch

    from vemo_audit.recognition.perception.voice import analyse
    from vemo_audit.recognition.perception.voice_track import track_pitch

    voices = planted()
    samples = {name: one.samples.astype(np.float32) for name, one in voices.items()}
    timed = np.concatenate([samples[f"clean {kind} {SEEDS[0]}"] for kind in KINDS])[: 10 * 16_000]
    with tempfile.TemporaryDirectory() as folder:
        sounds = Path(folder) / "sounds.npz"
        np.savez(sounds, timed=timed, **samples)
        answers = {"ours": {name: track_pitch(one) for name, one in samples.items()}}
        seconds: dict[str, list[float]] = {"ours": [], "analysis": []}
        minute = np.tile(timed, 6)
        for run in range(RUNS):
            for name, work in (("ours", track_pitch), ("analysis", analyse)):
                start = time.perf_counter()
                work(minute)
                seconds[name].append((time.perf_counter() - start) / 6)
            for peer in ("pyin", "praat"):
                told = asked(peer, sounds, what="speed" if run else "all")
                if told is not None:
                    seconds.setdefault(peer, []).append(float(told["seconds"]))
                    if not run:
                        answers[peer] = {n: (told[f"{n} s"], told[f"{n} hz"]) for n in samples}
    yield from _speed(seconds, threads=torch.get_num_threads())
    for condition in ("clean", "10 dB"):
        for measure, unit in MEASURES:
            own = pooled(answers["ours"], voices, condition, measure)
            for peer in ("pyin", "praat"):
                theirs = pooled(answers[peer], voices, condition, measure) if peer in answers else None
                yield line(f"f0 {condition}: {measure}", own, unit, peer, theirs, bar=theirs, least=False)
            for kind in KINDS:  # without a bar: what the pooled figure hides
                theirs = (
                    pooled(answers["praat"], voices, f"{condition} {kind}", measure) if "praat" in answers else None
                )
                own_kind = pooled(answers["ours"], voices, f"{condition} {kind}", measure)
                yield line(f"f0 {condition}, {kind}: {measure}", own_kind, unit, "praat", theirs)


def _speed(seconds: dict[str, list[float]], *, threads: int) -> Iterator[dict[str, object]]:
    for name, pick in (("best", min), ("median", statistics.median)):
        own, theirs = pick(seconds["ours"]), (pick(seconds["pyin"]) if "pyin" in seconds else None)
        yield line(
            f"f0 speed over pyin, {name} of {RUNS}, {threads} threads", theirs / own if theirs else None, "times",
            "librosa.pyin, s for 10 s", theirs, bar=50.0,
        )  # fmt: skip
        yield line(f"f0, {name}: real time over time", 10 / own, "times", "praat, s for 10 s",
                   pick(seconds["praat"]) if "praat" in seconds else None)  # fmt: skip
        yield line(f"all contours, {name}: real time over time", 10 / pick(seconds["analysis"]), "times")


def line(
    name: str, value: float | None, unit: str, peer: str = "", peer_value: float | None = None, *,
    bar: float | None = None, least: bool = True,
) -> dict[str, object]:  # fmt: skip
    """A figure in the form that every benchmark here has; `least` says on which side of the bar it is held."""
    missing = bool(peer) and peer_value is None
    held = None if bar is None or value is None else (value >= bar if least else value <= bar)
    return {
        "name": name, "value": None if value is None else round(value, 5), "unit": unit,
        "peer": f"{peer}: missing, set VEMO_PEERS" if missing else peer,
        "peer_value": None if peer_value is None else round(peer_value, 5),
        "bar": None if bar is None else round(bar, 5), "held": held, "load": os.getloadavg()[0],
    }  # fmt: skip
