"""Face sequences to learn time from: aligned crops with their times, the strength of the expression, and who plays."""

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.training import landing
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.labels import EKMAN

STRONG = 0.3
"""From this strength on (0-1) a performance counts as its class in full; below, in proportion, the rest as neutral."""


@dataclass(frozen=True, slots=True, eq=False)
class Performed:
    """One performance of one person as the front end saw it. T frames; times only grow."""

    crops: NDArray[np.uint8]  # [T, S, S] luma; zeros where no face was found
    mask: NDArray[np.bool_]  # [T] a face was found
    time_s: NDArray[np.float64]  # [T]
    strength: NDArray[np.float32]  # [T] of the performed class, 0-1
    units: NDArray[np.float32]  # [T, U] in 0-1
    head_deg: NDArray[np.float32]  # [T, 3] yaw, pitch, roll
    label: str
    subject: str


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """Many sequences end to end: sequence k owns the frames `starts[k]:starts[k + 1]`."""

    crops: NDArray[np.uint8]  # [F, S, S]
    mask: NDArray[np.bool_]  # [F]
    time_s: NDArray[np.float64]  # [F]
    strength: NDArray[np.float32]  # [F]
    units: NDArray[np.float32]  # [F, U]
    head_deg: NDArray[np.float32]  # [F, 3]
    starts: NDArray[np.int64]  # [N + 1]
    label: NDArray[np.int64]  # [N] index into EKMAN
    subject: NDArray[np.str_]  # [N]

    def __len__(self) -> int:
        return len(self.label)

    @property
    def digest(self) -> str:
        """SHA-256 over every array."""
        parts = [np.ascontiguousarray(getattr(self, f.name)).tobytes() for f in fields(self)]
        return sha256_hex(b"".join(parts))

    def targets(self) -> NDArray[np.float32]:
        """What each frame shows `[F, K]`: its class as far as it is strong, the rest neutral. Rows sum to 1."""
        share = np.clip(self.strength / STRONG, 0, 1)
        target = np.zeros((len(share), len(EKMAN)), np.float32)
        of_frame = np.repeat(self.label, np.diff(self.starts))
        target[np.arange(len(share)), of_frame] = share
        target[:, EKMAN.index("neutral")] += 1 - share
        return target


def joined(parts: Iterable[Performed]) -> Sequences:
    """Sequences end to end. Raises BadInput for none, or for one whose arrays do not belong together."""
    rows = list(parts)
    if not rows:
        raise BadInput("no sequences", expected="at least one performance")
    for row in rows:
        count = len(row.time_s)
        lengths = {len(getattr(row, name)) for name in ("crops", "mask", "strength", "units", "head_deg")}
        if lengths != {count} or np.any(np.diff(row.time_s) <= 0):
            raise BadInput(f"a sequence of {row.subject} with {count} times and arrays of {sorted(lengths)} frames",
                           expected="one row per time, and times that grow")  # fmt: skip
    frames = {
        name: np.concatenate([getattr(row, name) for row in rows])
        for name in ("crops", "mask", "time_s", "strength", "units", "head_deg")
    }
    starts = np.cumsum([0, *(len(row.time_s) for row in rows)])
    labels = np.array([EKMAN.index(row.label) for row in rows])
    return Sequences(**frames, starts=starts, label=labels, subject=np.array([row.subject for row in rows]))


def write(path: Path, sequences: Sequences) -> None:
    """Keeps sequences in one file; it appears whole or not at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{field.name: getattr(sequences, field.name) for field in fields(sequences)})
    landing.land(path, buffer.getvalue())


def read(path: Path) -> Sequences:
    """Sequences that were kept. Raises BadInput when the file is missing, damaged or something else."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return Sequences(**{field.name: archive[field.name] for field in fields(Sequences)})
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadInput(f"no readable sequences ({error})", where=str(path), expected="a file of rendered sequences",
                       advice="Remove it to render them again.") from error  # fmt: skip


def held_out_subjects(sequences: Sequences, share: float, *, seed: int) -> NDArray[np.bool_]:
    """Which sequences `[N]` belong to the subjects that are kept apart: a share of the people, never of the clips."""
    people = sorted(set(sequences.subject.tolist()))
    order = np.random.default_rng(seed).permutation(len(people))
    kept = {people[k] for k in order[: round(share * len(people))]}
    return np.array([subject in kept for subject in sequences.subject.tolist()])
