"""One person ready to be posed: mesh with hair and clothes, atlas, and what shading needs to know of both."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from vemo_audit.probe import paint
from vemo_audit.probe.identity import Identity, shaped
from vemo_audit.probe.mesh import incidence, neighbour_mean, sheet, smooth, vertex_normals
from vemo_audit.probe.rig import PARTS, Rig

ALL_PARTS = (*PARTS, "hair", "cloth")
"""Parts of a figure, in the order of `Figure.part`."""
CAP_DM = {"none": 0.0, "short": 0.10, "long": 0.13}
"""Thickness of the cap of hair."""
OPENNESS = {"mouth": 0.35, "socket": 0.6, "eye": 0.92, "teeth": 1.0, "tongue": 0.7, "lash": 0.8}
"""Share of light that reaches a part; 1 for the others."""
NECK_TURN_DM = (5.9, 6.5)
"""Heights between which the neck begins to follow the head."""
CLOTH_DM = 5.93
"""Below this height the base mesh wears cloth."""

COLLAR = (
    (6.04, 1.02, 1.02), (6.07, 1.10, 1.10), (6.0, 1.22, 1.2), (5.88, 1.7, 1.35), (5.75, 2.4, 1.5), (5.5, 3.0, 1.7),
    (4.6, 3.3, 1.9),
)  # fmt: skip
"""Rings of the clothes: height in dm, and width and depth in half-widths of the neck."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """V vertices of which the first belong to the rig; C corners; F triangles over corners."""

    identity: Identity
    neutral: NDArray[np.float32]  # [V, 3]
    corner_vertex: NDArray[np.int32]  # [C]
    triangles: NDArray[np.int32]  # [F, 3]
    part: NDArray[np.uint8]  # [F], index into ALL_PARTS
    shown_skin: NDArray[np.bool_]  # [F] skin that no hair or cloth covers
    face: NDArray[np.bool_]  # [F] shown skin of the face itself: no neck, no ears, no back of the head
    cheek: NDArray[np.bool_]  # [F]
    places: NDArray[np.float32]  # [C, 2] in texels
    atlas: NDArray[np.float32]  # [h, w, 4]
    openness: NDArray[np.float32]  # [V]
    teeth: NDArray[np.int64]  # vertices of the teeth
    follow: NDArray[np.float32]  # [V] share of the head's turn
    pivot: NDArray[np.float64]  # [3]
    to_vertices: csr_matrix  # [V, F] sums triangles at their vertices
    neighbours: csr_matrix  # [V, V] mean of the neighbours


def build(rig: Rig, identity: Identity) -> Figure:
    """A person from a rig."""
    face = shaped(rig, identity)
    base = rig.vertices.astype(np.float64)
    vertex_triangles = rig.corner_vertex[rig.triangles]
    cap = np.zeros(len(face))
    if identity.hair != "none":
        skin = np.unique(vertex_triangles[rig.part == PARTS.index("skin")])
        cap[skin] = paint.hair_mask(base[skin])
    normals = vertex_normals(face, vertex_triangles)
    lift = CAP_DM[identity.hair] * np.clip(cap, 0, 1) * np.clip(paint.hairline(base) / 0.25, 0.25, 1)
    head = face + (lift[:, None] * normals).astype(np.float32)
    sheets = [cloth_sheet(face, base)]
    if identity.hair == "long":
        sheets.append(hair_sheet(head, base))
    return assembled(rig, identity, head, cap, sheets)


def assembled(
    rig: Rig, identity: Identity, head: NDArray[np.float32], cap: NDArray[np.float64],
    sheets: list[tuple[str, NDArray[np.float64], NDArray[np.int32]]],
) -> Figure:  # fmt: skip
    """Joins head and sheets (part, vertices, triangles) into one mesh."""
    base = rig.vertices.astype(np.float64)
    vertices, corner_vertex, triangles = [head], [rig.corner_vertex], [rig.triangles]
    part, place = [rig.part.astype(np.uint8)], [paint.places(rig)]
    follow = [smooth(base[:, 1], *NECK_TURN_DM)]
    sides = [np.ones(len(rig.triangles))]
    total = len(head)
    corners = len(rig.corner_vertex)
    for name, points, faces in sheets:
        vertices.append(points.astype(np.float32))
        corner_vertex.append(np.arange(total, total + len(points), dtype=np.int32))
        both = np.concatenate(
            [faces, faces[:, ::-1]]
        )  # a sheet is seen from both sides; its first side has the normals
        sides.append(np.repeat([1.0, 0.0], len(faces)))
        triangles.append((both + corners).astype(np.int32))
        part.append(np.full(len(both), ALL_PARTS.index(name), np.uint8))
        place.append(np.broadcast_to(paint.patch_place(name), (len(points), 2)).astype(np.float32))
        follow.append(np.full(len(points), 1.0 if name == "hair" else 0.0))
        total, corners = total + len(points), corners + len(points)
    joined = np.concatenate(corner_vertex), np.concatenate(triangles), np.concatenate(part)
    part_of, shown, of_face, cheek, places = skin_regions(rig, joined[2], cap, np.concatenate(place))
    neutral = np.concatenate(vertices).astype(np.float32)
    over_vertices = joined[0][joined[1]]
    return Figure(
        identity=identity, neutral=neutral, corner_vertex=joined[0], triangles=joined[1], part=part_of,
        shown_skin=shown, face=of_face, cheek=cheek, places=places, atlas=paint.paint(rig, identity),
        openness=static_openness(rig, over_vertices, part_of, len(neutral)),
        teeth=np.unique(over_vertices[part_of == ALL_PARTS.index("teeth")]),
        follow=np.concatenate(follow).astype(np.float32),
        pivot=rig.joint_neck.astype(np.float64) + np.array([0, 0.45, 0.15]),
        to_vertices=incidence(over_vertices, len(neutral), np.concatenate(sides)),
        neighbours=neighbour_mean(over_vertices, len(neutral)),
    )  # fmt: skip


def skin_regions(
    rig: Rig, part: NDArray[np.uint8], cap: NDArray[np.float64], place: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]]:
    """Dresses the neck; says which triangles are shown skin, face and cheek."""
    count = len(rig.triangles)
    base = rig.vertices.astype(np.float64)
    middle = base[rig.corner_vertex[rig.triangles]].mean(axis=1)
    skin = np.isin(rig.part, (PARTS.index("skin"), PARTS.index("neck")))
    low = base[rig.corner_vertex][:, 1] < CLOTH_DM
    dressed = skin & low[rig.triangles].all(axis=1)
    part = part.copy()
    part[:count][dressed] = ALL_PARTS.index("cloth")
    place = place.copy()
    place[np.unique(rig.triangles[dressed])] = paint.patch_place("cloth")
    shown = np.zeros(len(part), bool)
    shown[:count] = skin & ~dressed & (cap[rig.corner_vertex[rig.triangles]].max(axis=1) < 0.5)
    of_face, cheek = np.zeros(len(part), bool), np.zeros(len(part), bool)
    x, y, z = np.abs(middle[:, 0]), middle[:, 1], middle[:, 2]
    of_face[:count] = shown[:count] & (z > 0.85) & (y > 6.17) & (x < 0.74) & (y < 8.1)
    cheek[:count] = of_face[:count] & (np.abs(x - 0.42) < 0.14) & (np.abs(y - 6.92) < 0.14) & (z > 1.1)
    return part, shown, of_face, cheek, place


def static_openness(
    rig: Rig, over_vertices: NDArray[np.int32], part: NDArray[np.uint8], count: int
) -> NDArray[np.float32]:
    """Share of light [V] by part, less under the chin and deep in the mouth."""
    openness = np.ones(count)
    for name, value in OPENNESS.items():
        openness[np.unique(over_vertices[part == ALL_PARTS.index(name)])] = value
    base = rig.vertices.astype(np.float64)
    under = smooth(6.32 - base[:, 1], 0.0, 0.2) * smooth(1.42 - base[:, 2], 0.0, 0.25)
    openness[: len(base)] *= 1 - 0.42 * under
    deep = np.unique(over_vertices[part == ALL_PARTS.index("mouth")])
    openness[deep] *= 0.25 + 0.75 * smooth(base[deep, 2], 1.1, 1.5)
    return openness.astype(np.float32)


def cloth_sheet(
    face: NDArray[np.float32], base: NDArray[np.float64]
) -> tuple[str, NDArray[np.float64], NDArray[np.int32]]:
    """Collar and shoulders round the neck of this face."""
    band = face[np.abs(base[:, 1] - 6.06) < 0.05].astype(np.float64)
    level = band[:, 1].mean() - 6.06
    centre = (band.max(0) + band.min(0)) / 2
    a, b = np.ptp(band[:, 0]) / 2, np.ptp(band[:, 2]) / 2
    turn = np.linspace(0, 2 * np.pi, 41)
    rows = []
    for height, wide, deep in COLLAR:
        dip = -0.10 * np.maximum(np.cos(turn), 0) * (height > 5.9)
        rows.append(
            np.stack(
                [centre[0] + a * wide * np.sin(turn), level + height + dip, centre[2] + b * deep * np.cos(turn)], 1
            )
        )
    points, quads = sheet(rows)
    return "cloth", points, quads


def hair_sheet(
    head: NDArray[np.float32], base: NDArray[np.float64]
) -> tuple[str, NDArray[np.float64], NDArray[np.int32]]:
    """Long hair: a curtain from the crown round the sides and the back."""
    skull = head[base[:, 1] > 7.3].astype(np.float64)
    centre = (skull.max(0) + skull.min(0)) / 2
    a, b, top = np.ptp(skull[:, 0]) / 2 + 0.03, np.ptp(skull[:, 2]) / 2, skull[:, 1].max()
    turn = np.linspace(0, 1, 33)
    rows = []
    for height in np.linspace(top - 0.06, 5.75, 16):
        up = max((height - 7.4) / (top + 0.03 - 7.4), 0.0)
        wide = np.sqrt(max(1 - up * up, 0.0)) * (1.0 + 0.06 * np.clip((7.4 - height), 0, 1))
        open_from = 0.85 + 0.25 * np.clip(up, 0, 1) - 0.1 * np.clip(7.2 - height, 0, 1)
        angle = open_from + turn * (2 * np.pi - 2 * open_from)
        rows.append(
            np.stack([a * wide * np.sin(angle), np.full(33, height), centre[2] - 0.05 + b * wide * np.cos(angle)], 1)
        )
    points, quads = sheet(rows)
    return "hair", points, quads
