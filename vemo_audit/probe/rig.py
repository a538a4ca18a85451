"""The head rig: neutral mesh, face units, identity cells and small shapes, read from models/face_rig.npz."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.records.digest import sha256_hex
from vemo_audit.resources.places import folder

PARTS = ("skin", "mouth", "neck", "socket", "eye", "lash", "teeth", "tongue")
"""Parts of the rig, in the order of `Rig.part`."""
UNITS = 52
"""Face units, named as by ARKit."""
ARRAYS = (
    "vertices", "corner_vertex", "corner_uv", "triangles", "part", "part_names", "unit_names", "units",
    "identity_names", "identity", "shape_names", "shape_offsets", "shape_index", "shape_deltas", "joint_neck",
    "eye_left", "eye_right", "landmarks",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """V vertices in decimetres (x to the person's left, y up, z out of the face), C corners, F triangles.

    A corner is a vertex with a place in the texture; the triangles name corners. All arrays are read-only.
    """

    vertices: NDArray[np.float32]  # [V, 3]
    corner_vertex: NDArray[np.int32]  # [C]
    corner_uv: NDArray[np.float32]  # [C, 2]
    triangles: NDArray[np.int32]  # [F, 3], counter-clockwise from outside
    part: NDArray[np.uint8]  # [F], index into PARTS
    unit_names: tuple[str, ...]
    units: NDArray[np.float32]  # [52, V * 3], displacement at weight 1
    identity_names: tuple[str, ...]
    identity: NDArray[np.float32]  # [18, V, 3], centred on the eyes
    shape_names: tuple[str, ...]
    shape_offsets: NDArray[np.int32]  # [271]
    shape_index: NDArray[np.uint16]
    shape_deltas: NDArray[np.float16]
    joint_neck: NDArray[np.float32]  # [3]
    eye_left: NDArray[np.int32]  # vertices of the person's left eye
    eye_right: NDArray[np.int32]
    landmarks: NDArray[np.int32]  # [5, 4] left eye, right eye, nose, mouth corners, as seen in the picture
    digest: str

    def unit(self, name: str) -> int:
        """Index of a face unit. Raises BadInput when the rig has none of that name."""
        try:
            return self.unit_names.index(name)
        except ValueError:
            raise BadInput(f"the face unit '{name}'", expected=f"one of {', '.join(self.unit_names)}") from None

    def shape(self, name: str) -> tuple[NDArray[np.uint16], NDArray[np.float16]]:
        """Vertices [n] that a small shape moves, and by how much [n, 3] at weight 1."""
        j = self.shape_names.index(name)
        own = slice(self.shape_offsets[j], self.shape_offsets[j + 1])
        return self.shape_index[own], self.shape_deltas[own]

    def posed(self, neutral: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float32]:
        """A face [V, 3] moved by unit weights [52]. Zero weights give `neutral` itself, bit for bit."""
        active = np.flatnonzero(weights)
        if not active.size:
            return neutral.copy()
        moved = weights[active].astype(np.float32) @ self.units[active]
        return neutral + moved.reshape(-1, 3)


@lru_cache(maxsize=1)
def load() -> Rig:
    """The rig that ships in models/. Raises BadInput when the file is missing or lacks an array."""
    return read(folder("models") / "face_rig.npz")


def read(path: Path) -> Rig:
    """A rig from a file. Raises BadInput that lists the missing arrays."""
    if not path.is_file():
        raise BadInput("no head rig", where=str(path), advice="Run models/recipes/face_rig.py.")
    with np.load(path, allow_pickle=False) as archive:
        missing = [name for name in ARRAYS if name not in archive.files]
        if missing:
            raise BadInput(f"arrays {', '.join(missing)} missing", where=str(path), expected=", ".join(ARRAYS))
        held = {name: archive[name] for name in ARRAYS}
    names = tuple(str(name) for name in held.pop("part_names"))
    if names != PARTS or len(held["unit_names"]) != UNITS:
        raise BadInput(
            f"parts {names} and {len(held['unit_names'])} units", where=str(path),
            expected=f"parts {PARTS} and {UNITS} units", advice="Run models/recipes/face_rig.py.",
        )  # fmt: skip
    for name in ("unit_names", "identity_names", "shape_names"):
        held[name] = tuple(str(text) for text in held[name])
    held["units"] = held["units"].astype(np.float32).reshape(UNITS, -1)
    held["identity"] = held["identity"].astype(np.float32)
    for value in held.values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return Rig(**held, digest=sha256_hex(path.read_bytes()))
