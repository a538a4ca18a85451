"""mini-XCEPTION behind the seam: a real third-party frame model, with faces from our tracker and weights of the user's.

It exists so that audits have subjects that are not ours; nothing recommends it.
"""

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.media import decode
from vemo_audit.recognition.network import keras_file
from vemo_audit.recognition.network.mini_xception import CLASSES, build
from vemo_audit.recognition.perception import align
from vemo_audit.recognition.recognizers.windows import STILL_S, Averages, FrameAnswer, Windowing, readable
from vemo_audit.records import reasons
from vemo_audit.records.clip import AdmittedClip, FoundFace
from vemo_audit.records.digest import digest, sha256_hex
from vemo_audit.records.labels import EKMAN, LabelMapping
from vemo_audit.records.prediction import Prediction, RecognizerCard

MAPPING = LabelMapping((
    ("angry", "anger"), ("disgust", "disgust"), ("fear", "fear"), ("happy", "happiness"), ("sad", "sadness"),
    ("surprise", "surprise"), ("neutral", "neutral"),
))  # fmt: skip
ORDER = [CLASSES.index(source) for name in EKMAN.names for source, target in MAPPING.pairs if target == name]
KNOWN = MappingProxyType({
    "378742e6754c71a7a8e2b2e8c0d3158a658f4255344e116b725704ace08f996b": "00-0.47",
    "827cf5c10c11e4367d1ad3238721878be41dacb72970c9a1bf144390641ecadf": "02-0.52",
    "5a19a2ffb403e87443d0a198ce1d694486a32691eb0bbe8049c77a13f7fb429d": "04-0.55",
    "453366a569ca8e9640d98b481a7600691ed4f9295b6d50eab505e39716bf609f": "08-0.57",
    "06d88d92856f56fc15a2093931016497559f2d0f2b5fa929257a84995ccf1ec0": "15-0.60",
    "4671d0c85952531d0b019794048bab109edfecfea8f0a9480e3afe987d9fb8e2": "29-0.62",
    "5bcbd5e7dd3c167a13665bd99e7a104c56837172cbaf355c4d8cdb63307f2f88": "97-0.65",
    "59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e": "102-0.66",
})  # fmt: skip
"""SHA-256 -> epoch and accuracy that its authors state. Source: oarriaga/face_classification at b861d21b, MIT."""
BATCH = 64
CROPS = ("aligned", "box")
TRAINING = "FER2013 (images scraped from the web, rights unclear); stated accuracy is on data that chose the checkpoint"


class MiniXceptionZoo:
    """A mini-XCEPTION checkpoint in `weights` (HDF5 of Keras 2). Windows are means over frames.

    The file must be one of the eight that are known here, or `sha256` must state its digest. `crop = "box"` takes the
    square around the tracker's box, larger by `margin` of its side on each edge: on 277 FER+ training faces that our
    detector found it agreed with the crops that FER2013 itself made (.794 against .787 for checkpoint 29-0.62; margins
    of .1 and .2 had .769 and .664). `crop = "aligned"` (.758) turns faces upright and frames them as our own expert
    does. Raises BadInput or EvidenceBroken before anything is
    read when the file is absent or another.
    """

    PATHS: ClassVar[tuple[str, ...]] = ("weights",)
    card: RecognizerCard

    def __init__(
        self, weights: str | Path, *, sha256: str = "", crop: str = "box", margin: float = 0.0,
        window_s: float = 1.0, hop_s: float = 0.0,
    ) -> None:  # fmt: skip
        path = Path(weights)
        found = "" if sha256 or not path.is_file() else sha256_hex(path.read_bytes())
        if found and found not in KNOWN:
            raise BadInput(
                f"weights with SHA-256 {found[:12]}…", where=str(path),
                expected=f"one of the known checkpoints {', '.join(KNOWN.values())}, or sha256 to be stated",
            )  # fmt: skip
        stated = sha256 or found
        if crop not in CROPS or not 0 <= margin <= 1:
            raise BadInput(
                f"crop '{crop}' with margin {margin}", expected=f"{' or '.join(CROPS)}, and a margin of 0 to 1"
            )
        tensors, self._side_px = keras_file.read(path, stated)
        self._network, self._crop, self._margin = build(tensors), crop, margin
        self._windowing = Windowing(window_s, hop_s)
        settings = {
            "crop": crop,
            "margin": str(margin),
            "window": [str(window_s), str(hop_s)],
            "side_px": self._side_px,
        }
        self.card = RecognizerCard(
            "mini-xception", KNOWN.get(stated, stated[:12]), EKMAN, ("face",), self._windowing.words, TRAINING, "MIT",
            digest({"weights": stated, "settings": settings}),
            ("A model of single frames, trained by others on FER2013 labels; an audit subject, not a suggestion.",),
        )  # fmt: skip

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        """One prediction for each person and window; where nobody is seen, one that says so."""
        sums, last_s = Averages(self._windowing), 0.0
        waiting: list[tuple[str, float, NDArray[np.uint8]]] = []
        if clip.permit.modalities & decode.PICTURE:
            for frame in decode.frames(clip):
                last_s = max(last_s, frame.time_s)
                seen = [face for face in frame.faces if readable(face)]
                waiting += [(str(face.track), max(frame.time_s, 0.0), self.cut(frame.image, face)) for face in seen]
                if len(waiting) >= BATCH:
                    self._flush(waiting, sums)
        self._flush(waiting, sums)
        end_s = max(clip.clip.duration_s, last_s) or STILL_S
        yield from sums.predictions(
            clip.clip.name, end_s, nobody=reasons.NOBODY_SEEN, trace=self.card.digest, decision=clip.permit.decision_id
        )  # fmt: skip

    def cut(self, image: NDArray[np.uint8], face: FoundFace) -> NDArray[np.uint8]:
        """The face of an RGB picture [H, W, 3] as the model takes it: grey `[S, S]`."""
        if self._crop == "aligned":
            return align.to_grey(align.align(image, face.points, size_px=self._side_px))
        return squared(image, face.box, self._margin, size_px=self._side_px)

    def probabilities(self, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Grey crops `[N, S, S]` to shares `[N, 7]` in the order of EKMAN."""
        return self._network.probabilities(faces)[:, ORDER]

    @property
    def size_px(self) -> int:
        """The side of its crops."""
        return self._side_px

    def _flush(self, waiting: list[tuple[str, float, NDArray[np.uint8]]], sums: Averages) -> None:
        if waiting:
            shares = self.probabilities(np.stack([crop for _, _, crop in waiting]))
            for (person, time_s, _), share in zip(waiting, shares, strict=True):
                sums.add(FrameAnswer(person, time_s, share))
            waiting.clear()


def squared(
    image: NDArray[np.uint8], box: tuple[float, float, float, float], margin: float, *, size_px: int
) -> NDArray[np.uint8]:
    """The square around a box, `margin` of its longer side added on each edge, grey `[S, S]`.

    What lies beyond the picture repeats its edge. A face that shrinks is drawn larger first and then averaged, so that
    nothing is thinned.
    """
    x0, y0, x1, y1 = box
    side = max(x1 - x0, y1 - y0, 1.0) * (1 + 2 * margin)
    times = min(align.FINEST, max(1, round(side / size_px + 0.49)))
    large = size_px * times
    scale = large / side
    shift_x, shift_y = ((scale - 1) / 2 - scale * (low + high - side) / 2 for low, high in ((x0, x1), (y0, y1)))
    matrix = np.array([[scale, 0, shift_x], [0, scale, shift_y]])
    drawn = cv2.warpAffine(
        align.to_grey(image), matrix, (large, large), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return drawn if times == 1 else cv2.resize(drawn, (size_px, size_px), interpolation=cv2.INTER_AREA)
