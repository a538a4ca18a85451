"""Aligned face crops with what is known of each: shares of votes, action units, or both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.units import UNITS


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """N faces to learn from. What is not known of a face is NaN, and nothing is learned from it."""

    faces: NDArray[np.uint8]  # [N, S, S] luma
    shares: NDArray[np.float32]  # [N, 7] of the votes; a row of NaN: no label
    units: NDArray[np.float32]  # [N, 20] in 0-1; NaN: not known

    def __post_init__(self) -> None:
        count = len(self.faces)
        if self.shares.shape != (count, len(EKMAN)) or self.units.shape != (count, len(UNITS)):
            raise BadInput(f"{count} faces with shares {self.shares.shape} and units {self.units.shape}",
                           expected=f"[{count}, {len(EKMAN)}] and [{count}, {len(UNITS)}]")  # fmt: skip

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def digest(self) -> str:
        """SHA-256 over faces, shares and units: by it a checkpoint knows what it learned from."""
        arrays = (self.faces, self.shares, self.units)
        return sha256_hex("".join(f"{one.shape} {sha256_hex(one.tobytes())} " for one in arrays).encode())

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "Corpus":
        """The chosen faces, in order."""
        return Corpus(self.faces[keep], self.shares[keep], self.units[keep])


def joined(parts: Sequence[Corpus]) -> Corpus:
    """Several corpora as one. Raises BadInput for none, or for crops of different sizes."""
    if len({part.faces.shape[1:] for part in parts}) != 1:
        raise BadInput(f"crops of {sorted({part.faces.shape[1:] for part in parts})}", expected="crops of one size")
    return Corpus(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("faces", "shares", "units")))


def labelled(faces: NDArray[np.uint8], shares: NDArray[np.float32]) -> Corpus:
    """Faces of which only the votes are known."""
    return Corpus(faces, shares, np.full((len(faces), len(UNITS)), np.nan, np.float32))


def with_units(faces: NDArray[np.uint8], units: NDArray[np.float32]) -> Corpus:
    """Faces of which only the units are known."""
    return Corpus(faces, np.full((len(faces), len(EKMAN)), np.nan, np.float32), units)
