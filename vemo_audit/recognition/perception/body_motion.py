"""How a body moves under its face, from optical flow: no model, no posture, only movement that was seen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the picture."""
CLOCK_S = 1e-6
"""Timestamps are this exact: a frame that is this much early still opens its slot."""


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """What is looked at, and how finely. Lengths are in face widths unless the name says otherwise."""

    rate_hz: float = 12.5  # flow is computed at most so often, in slots of an absolute grid from time 0
    longest_step_s: float = 0.5  # pictures further apart are not compared
    width_px: int = 160  # of the luma that flow is computed on
    reach: float = 3.0  # the region is so wide and so tall, under the face box
    trunk_wide: float = 1.4  # its middle column: the trunk; hands are looked for beside it
    least_face_px: float = 4.0  # in the small picture; smaller faces have a body that is too small to read
    least_share: float = 0.1  # of the region that must be seen
    least_background: float = 0.02  # of the picture, to know how the camera moved
    rim_px: int = 3  # in the small picture: left out round what is covered

    def __post_init__(self) -> None:
        if min(self.rate_hz, self.longest_step_s, self.reach, self.trunk_wide, self.least_face_px) <= 0 or (
            self.width_px < 32 or self.trunk_wide >= self.reach
        ):
            raise BadInput("body motion that cannot be measured", expected="sizes above 0, a trunk inside the region")


@dataclass(frozen=True, slots=True)
class MotionSample:
    """One person's movement between two frames, the camera's taken away. Speeds in face widths per second.

    NaN where nothing can be said: `because` says why. Flat clothes without folds move unseen: a lower bound.
    """

    start_s: float
    end_s: float
    trunk_x: float = math.nan  # median speed of the trunk, positive to the right of the picture
    trunk_y: float = math.nan  # positive downwards
    hands: float = math.nan  # mean speed beside and before the trunk, against the trunk
    energy: float = math.nan  # mean speed in the whole region
    seen_share: float = 0.0  # of the region that lies in the picture and is not covered
    because: str = ""

    @property
    def trunk(self) -> float:
        """Speed of the trunk."""
        return math.hypot(self.trunk_x, self.trunk_y)


class BodyMotion:
    """Follows the movement under each face of one clip; make a new one for the next. Holds one small picture."""

    def __init__(self, settings: MotionSettings | None = None) -> None:
        self.settings = settings or MotionSettings()
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        # At a quarter of 160 px the preset reads slow movements a third too small; at half, unrefined, it does not.
        self._flow.setFinestScale(1)
        self._flow.setVariationalRefinementIterations(0)
        self._small: NDArray[np.uint8] | None = None
        self._boxes: dict[str, NDArray[np.float64]] = {}
        self._covered: list[NDArray[np.float64]] = []
        self._slot, self._last_s = -math.inf, -math.inf

    def step(
        self, image: NDArray[np.uint8], boxes: Mapping[str, Box], *, time_s: float, covered: Sequence[Box] = ()
    ) -> dict[str, MotionSample]:
        """Movement since the last frame that opened a slot, of each person with a face box in both frames.

        An empty dict for a frame in a slot that has been read, for the first frame, and after a gap. `image` is RGB
        [H, W, 3]; `covered` are boxes that were filled. Raises BadInput when time runs backwards.
        """
        rules = self.settings
        if not time_s >= self._last_s:
            raise BadInput(
                f"a frame at {time_s} s after one at {self._last_s} s", expected="frames in order of time",
                advice="Make a new BodyMotion for every clip.",
            )  # fmt: skip
        slot = math.floor((time_s + CLOCK_S) * rules.rate_hz)
        if slot == self._slot:
            return {}
        scale = rules.width_px / image.shape[1]
        here = {person: np.asarray(box, np.float64) * scale for person, box in boxes.items()}
        filled = [np.asarray(box, np.float64) * scale for box in covered]
        small = luma(image, rules.width_px)
        before, there, were_filled, start_s = self._small, self._boxes, self._covered, self._last_s
        self._small, self._boxes, self._covered, self._slot, self._last_s = small, here, filled, slot, time_s
        if before is None or before.shape != small.shape or not 0 < time_s - start_s <= rules.longest_step_s:
            return {}
        both = {person: (there[person] + here[person]) / 2 for person in here if person in there}
        if not both:
            return {}
        faces = [*here.values(), *there.values()]
        return self._samples(
            (before, small), both, faces=faces, hidden=[*filled, *were_filled], times=(start_s, time_s)
        )

    def _samples(
        self, pair: tuple[NDArray[np.uint8], NDArray[np.uint8]], people: dict[str, NDArray[np.float64]], *,
        faces: list[NDArray[np.float64]], hidden: list[NDArray[np.float64]], times: tuple[float, float],
    ) -> dict[str, MotionSample]:  # fmt: skip
        """Flow once for the pair of small pictures, then one sample a person."""
        rules = self.settings
        shape = pair[0].shape
        usable = np.ones(shape, bool)
        if hidden:  # a filled box that moves is not a movement of anybody: fill both pictures alike
            pair = (pair[0].copy(), pair[1].copy())
            for box in hidden:
                for picture in pair:
                    picture[area(box, shape)] = 0
                usable[area(box, shape, rim=rules.rim_px)] = False
        flow = self._flow.calc(pair[0], pair[1], None)
        owner, free = regions(people, faces, shape, reach=rules.reach)
        free &= usable
        if free.mean() < rules.least_background:
            return {p: MotionSample(*times, because="no background: the camera may have moved") for p in people}
        flow = np.ascontiguousarray(flow.transpose(2, 0, 1))
        flow -= median(flow, free)[:, None, None]
        return {
            person: self._sample(flow, box, mine=(owner == k) & usable, times=times)
            for k, (person, box) in enumerate(people.items())
        }

    def _sample(
        self, flow: NDArray[np.float32], box: NDArray[np.float64], *, mine: NDArray[np.bool_],
        times: tuple[float, float],
    ) -> MotionSample:  # fmt: skip
        rules = self.settings
        face_px = float(box[2] - box[0])
        if face_px < rules.least_face_px:
            return MotionSample(*times, because="the face is too small")
        seen_share = float(mine.sum()) / (rules.reach * face_px) ** 2
        middle, half = (box[0] + box[2]) / 2, rules.trunk_wide * face_px / 2
        columns = np.arange(flow.shape[2]) + 0.5
        trunk = mine & (np.abs(columns - middle) < half)[None]
        if seen_share < rules.least_share or not trunk.any():
            return MotionSample(*times, seen_share=seen_share, because="no body under the face")
        unit = face_px * (times[1] - times[0])
        speed_x, speed_y = flow[0][mine] / unit, flow[1][mine] / unit
        body = median(flow, trunk) / unit
        return MotionSample(
            *times, trunk_x=float(body[0]), trunk_y=float(body[1]),
            hands=float(np.hypot(speed_x - body[0], speed_y - body[1]).mean()),
            energy=float(np.hypot(speed_x, speed_y).mean()),
            seen_share=min(seen_share, 1.0),
        )  # fmt: skip


def median(flow: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The median movement [2] of a flow [2, h, w] where a mask [h, w] holds; plane by plane, pairs are slow to sort."""
    return np.array([np.median(plane[where]) for plane in flow], np.float32)


def luma(image: NDArray[np.uint8], width_px: int) -> NDArray[np.uint8]:
    """Luma [h, width_px] of an RGB picture [H, W, 3], averaged down."""
    height_px = max(16, round(image.shape[0] * width_px / image.shape[1]))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (width_px, height_px), interpolation=cv2.INTER_AREA)


def area(box: NDArray[np.float64], shape: tuple[int, ...], *, rim: int = 0) -> tuple[slice, slice]:
    """The rows and columns that a box and a rim round it touch; empty when that is outside."""
    sides = np.clip([box[0] - rim, box[1] - rim, box[2] + rim, box[3] + rim], -1, max(shape) + 1)
    x0, y0, x1, y1 = math.floor(sides[0]), math.floor(sides[1]), math.ceil(sides[2]), math.ceil(sides[3])
    top, left = min(max(0, y0), shape[0]), min(max(0, x0), shape[1])
    return slice(top, max(top, min(shape[0], y1))), slice(left, max(left, min(shape[1], x1)))


def regions(
    people: Mapping[str, NDArray[np.float64]], faces: Sequence[NDArray[np.float64]], shape: tuple[int, ...], *,
    reach: float,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:  # fmt: skip
    """Whose body a pixel shows [h, w] (index of the person, -1 nobody's), and what is background [h, w].

    Where regions of two overlap, the person whose face is nearer, in face widths, has the pixel; faces are nobody's.
    """
    owner = np.full(shape, -1)
    nearest = np.full(shape, np.inf)
    background = np.ones(shape, bool)
    for k, (x0, _, x1, y1) in enumerate(people.values()):
        middle, wide = (x0 + x1) / 2, max(x1 - x0, 1e-6)
        part = area(np.array([middle - reach * wide / 2, y1, middle + reach * wide / 2, y1 + reach * wide]), shape)
        rows, columns = np.mgrid[part] + 0.5
        far = np.hypot(columns - middle, rows - y1) / wide
        mine = far < nearest[part]
        owner[part] = np.where(mine, k, owner[part])
        nearest[part] = np.where(mine, far, nearest[part])
        background[part] = False
    for box in faces:
        wide = box[2] - box[0]
        head = box + np.array([-0.3, -0.4, 0.3, 0.1]) * wide  # hair and ears move with the face
        background[area(head, shape)] = False
        owner[area(box, shape)] = -1
    return owner, background
