"""Finds faces in frames: box, five points and score of each, batched over frames and candidates."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network import mtcnn
from vemo_audit.recognition.perception import mosaic
from vemo_audit.recognition.perception.boxes import Boxes, Crops, overlap, refined, squared, suppress
from vemo_audit.recognition.perception.halves import Halves
from vemo_audit.recognition.perception.mosaic import CELL_PX, Tile

TALL_PX = 32_000
"""Frames that are looked at together may be this tall when stacked: the resampler counts rows in 16 bits."""
BUCKETS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256)
"""Candidates are looked at in batches of these sizes, filled up with grey: a network is made ready once per size."""
CPU_BATCHES = {24: 24, 48: 12}
"""So many squares of this side at once on a processor: what a layer leaves for the next then stays in its cache."""
FOLLOWED_IOU, FOLLOWED_SHARE = 0.4, 0.7
"""A proposal is the followed face itself if it overlaps it so much, or lies in it with this share of its area."""

AHEAD_PX = 0.5
"""Crops begin so much before their squares: the networks' authors cut whole pixels, rounded down; this is the mean."""
AGREE_IOU = 0.6
"""Answers of the last network that overlap the best one so much speak of the same face, and share in its place,"""
DOUBT = 1e-4
"""each by one over its doubt, which is 1 - score and this: a score differs little where doubts differ much."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Source of thresholds and factor: Zhang et al. 2016 and its public ports."""

    min_face_px: float = 40.0  # smallest face that is looked for; half of it makes four times the work
    factor: float = 0.709  # between two levels of the pyramid: half the area
    proposal_score: float = 0.6
    refine_score: float = 0.7
    output_score: float = 0.7
    candidates: int = 200  # strongest proposals that a level of a frame may hand on

    def __post_init__(self) -> None:
        if not (self.min_face_px >= CELL_PX and 0 < self.factor < 1 and self.candidates > 0):
            raise BadInput(
                f"a detector for faces of {self.min_face_px} px in steps of {self.factor}",
                expected=f"{CELL_PX} px or more, and a factor between 0 and 1",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """M faces in N frames, by frame and then by falling score. M may be 0."""

    box: NDArray[np.float32]  # [M, 4] x0, y0, x1, y1 in pixels; may reach beyond the picture
    points: NDArray[np.float32]  # [M, 5, 2] left eye, right eye (as seen), nose, left and right mouth corner, pixels
    score: NDArray[np.float32]  # [M] 0-1
    frame: NDArray[np.int64]  # [M] index of the frame
    looked: NDArray[np.float32]  # [M, 4] the square that the last network looked at


class FaceDetector:
    """MTCNN with its published weights, on any device that torch knows."""

    def __init__(self, device: str = "cpu", settings: DetectorSettings | None = None) -> None:
        self.device, self.settings = device, settings or DetectorSettings()
        self._proposal, self._refine, self._output = mtcnn.load_cascade(device)

    def detect(self, images: NDArray[np.uint8] | Halves) -> Detections:
        """The faces in RGB frames `[N, H, W, 3]`, each frame on its own. Raises BadInput for other arrays."""
        if isinstance(images, Halves):
            return self._detect(images, mosaic.whole(self._levels(images)), grain_px=2)
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise BadInput(f"frames of shape {images.shape}, {images.dtype}", expected="[N, H, W, 3] of uint8")
        room = max(1, TALL_PX // max(1, images.shape[1]))
        parts = [self.detect(Halves(images[k : k + room])) for k in range(0, len(images), room)]
        if not parts:
            return _none()
        box, points, score, looked = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("box", "points", "score", "looked")
        )
        frame = np.concatenate([part.frame + k * room for k, part in enumerate(parts)])
        return Detections(box, points, score, frame, looked)

    def within(
        self, image: Halves, changed: NDArray[np.bool_], *, followed: Boxes, least_share: float
    ) -> tuple[Detections, NDArray[np.bool_]]:
        """New faces in one frame where it changed, and where was looked `[h, w]` (at least where it had to be).

        `changed` is [h, w] in blocks that cover the picture. Looked at is every window, at every size, of which at
        least `least_share` changed; proposals that are a `followed` face [F, 4] are left to who follows it.
        """
        sizes = self._levels(image)
        rows, columns = changed.shape
        block_px = (image.width / columns, image.height / rows)
        tiles = mosaic.around(changed, sizes, block_px, least_share)
        return self._detect(image, tiles, grain_px=mosaic.GRAIN_PX, followed=followed), mosaic.covered(
            tiles, sizes, changed.shape
        )

    def check(self, image: Halves, looked: Boxes) -> Detections:
        """What the last network says of squares `[T, 4]` of one frame: T rows in their order, whatever the score."""
        if not len(looked):
            return _none()
        looked = on_grid(looked)
        frame = np.zeros(len(looked), np.int64)
        score, offset, points = self._asked(self._output, Crops(image), looked, frame, 48)
        return Detections(on_grid(refined(looked, offset)), _places(looked, points), score, frame, looked)

    def _levels(self, image: Halves) -> tuple[mosaic.Level, ...]:
        return mosaic.levels(image.width, image.height, self.settings.min_face_px, self.settings.factor)

    def _detect(
        self, images: Halves, tiles: tuple[Tile, ...], *, grain_px: int, followed: Boxes | None = None
    ) -> Detections:
        if not tiles or not images.count:
            return _none()
        box, frame = self._propose(images, tiles, grain_px)
        if followed is not None and len(followed):
            new = ~_is_followed(box, followed)
            box, frame = box[new], frame[new]
        crops = Crops(images)
        box, frame = self._check(crops, box, frame)
        if not len(box):
            return _none()
        score, offset, points = self._asked(self._output, crops, box, frame, 48)
        keep = score > self.settings.output_score
        looked, frame, score, offset, points = box[keep], frame[keep], score[keep], offset[keep], points[keep]
        places, box = _places(looked, points), on_grid(refined(looked, offset))
        kept = suppress(box, score, frame, limit=0.7, share_of_smaller=True)
        vote = agreed(box, score, frame, kept)
        return Detections(
            on_grid(vote @ box), on_grid(np.einsum("km,mpx->kpx", vote, places)), score[kept], frame[kept],
            on_grid(squared(vote @ looked)),
        )  # fmt: skip

    @torch.inference_mode()
    def _propose(self, images: Halves, tiles: tuple[Tile, ...], grain_px: int) -> tuple[Boxes, NDArray[np.int64]]:
        """Square boxes `[M, 4]` that may hold a face, and their frames `[M]`: one pass over a mosaic of all sizes."""
        sizes = self._levels(images)
        tiles, width, height = mosaic.packed(tiles, grain_px)
        canvas = mosaic.laid(images, sizes, tiles, width=width, height=height)
        answer = self._proposal(mtcnn.scaled(torch.from_numpy(canvas).to(self.device)))
        share, shift = (part.cpu().numpy() for part in answer)
        owner = mosaic.owners(tiles, *share.shape[1:])
        frame, row, column = np.nonzero((share > self.settings.proposal_score) & (owner >= 0))
        score, offset = share[frame, row, column], shift[frame, :, row, column]
        box, level = mosaic.windows(
            tiles, sizes, owner[row, column], row=row, column=column, shape=(images.height, images.width)
        )
        box = on_grid(box)
        kept = suppress(box, score, frame * len(sizes) + level, limit=0.5, most=self.settings.candidates)
        box, score, offset, frame = box[kept], score[kept], offset[kept], frame[kept]
        kept = suppress(box, score, frame, limit=0.7, most=2 * self.settings.candidates)
        return on_grid(squared(refined(box[kept], offset[kept]))), frame[kept]

    def _check(self, crops: Crops, box: Boxes, frame: NDArray[np.int64]) -> tuple[Boxes, NDArray[np.int64]]:
        """The boxes that the refine network also takes for faces, moved and square again."""
        if not len(box):
            return box, frame
        score, offset = self._asked(self._refine, crops, box, frame, 24)
        keep = score > self.settings.refine_score
        box, frame, score, offset = box[keep], frame[keep], score[keep], offset[keep]
        kept = suppress(box, score, frame, limit=0.7)
        return on_grid(squared(refined(box[kept], offset[kept]))), frame[kept]

    @torch.inference_mode()
    def _asked(
        self, net: torch.nn.Module, crops: Crops, box: Boxes, frame: NDArray[np.int64], side_px: int
    ) -> tuple[NDArray[np.float32], ...]:
        """The network's answers for squares `[M, 4]`, in batches of the fixed sizes."""
        pixels, most, parts = crops.cut(box - np.float32(AHEAD_PX), frame, side_px), self._most(side_px), []
        for begin in range(0, len(pixels), most):
            part = pixels[begin : begin + most]
            room = next(size for size in BUCKETS if size >= len(part))
            if room > len(part):
                part = np.concatenate((part, np.full((room - len(part), *part.shape[1:]), 127, np.uint8)))
            answers = net(mtcnn.scaled(torch.from_numpy(part).to(self.device)))
            parts.append([answer.cpu().numpy()[: len(pixels) - begin] for answer in answers])
        return tuple(np.concatenate(answers) for answers in zip(*parts, strict=True))

    def _most(self, side_px: int) -> int:
        return CPU_BATCHES[side_px] if self.device == "cpu" else BUCKETS[-1]


def on_grid(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Positions in sixteenths of a pixel: the last digits of a network depend on the batch that a frame came in."""
    return np.round(pixels * 16) / 16


def agreed(
    box: Boxes, score: NDArray[np.float32], frame: NDArray[np.int64], kept: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Shares `[K, M]` with which the boxes near each kept one enter its place: which of them won is chance, less so
    their mean. Each row sums to 1."""
    near = (overlap(box[kept], box) >= AGREE_IOU) & (frame[kept][:, None] == frame[None])
    near[np.arange(len(kept)), kept] = True
    weight = near / (1 + DOUBT - np.round(score, 4))[None]
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), np.float32)


def _places(looked: Boxes, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points `[M, 2, 5]` in shares of squares `[M, 4]` to places `[M, 5, 2]` in the picture."""
    size = looked[:, 2:] - looked[:, :2]
    return on_grid(looked[:, None, :2] + points.transpose(0, 2, 1) * size[:, None]).astype(np.float32)


def _is_followed(box: Boxes, followed: Boxes) -> NDArray[np.bool_]:
    """[M]: whether a proposal is one of the faces `[F, 4]` that are followed already."""
    size = np.minimum(box[:, None, 2:], followed[None, :, 2:]) - np.maximum(box[:, None, :2], followed[None, :, :2])
    own = np.maximum((box[:, 2:] - box[:, :2]).prod(axis=1), 1e-6)
    inside = np.clip(size, 0, None).prod(axis=2) / own[:, None]
    return np.any((overlap(box, followed) >= FOLLOWED_IOU) | (inside >= FOLLOWED_SHARE), axis=1)


def _none() -> Detections:
    return Detections(
        np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32), np.empty(0, np.float32), np.empty(0, np.int64),
        np.empty((0, 4), np.float32),
    )  # fmt: skip
