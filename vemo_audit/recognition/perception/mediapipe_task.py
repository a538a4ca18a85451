"""Opens a task file that the user gives, with the optional mediapipe package; nothing is downloaded."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput


def load_extra(package: str, extra: str) -> ModuleType:
    """An optional package. Raises BadInput that names the extra when it is not installed."""
    try:
        return import_module(package)
    except ImportError as error:
        raise BadInput(
            f"the package '{package}' cannot be imported ({error})", expected=f"the extra '{extra}'",
            advice=f"pip install 'vemo-audit[{extra}]', in an environment of its own if packages disagree "
            "(it brings a second build of OpenCV).",
        ) from error  # fmt: skip


def read_model(path: Path, *, what: str) -> bytes:
    """The bytes of a model file that the user names. Raises BadInput when there is none."""
    if not path.is_file():
        raise BadInput(f"no {what}", where=str(path), expected="a file", advice="None is shipped: give your own copy.")
    return path.read_bytes()


def open_task(mediapipe: ModuleType, kind: str, *, content: bytes, where: str, **options: Any) -> Any:
    """A landmarker of `kind` ('FaceLandmarker', 'PoseLandmarker') for single pictures. Raises BadInput when it is none.

    The bytes are handed over, not the path, so that what runs is what was read and digested.
    """
    vision = mediapipe.tasks.vision
    settings = getattr(vision, f"{kind}Options")(
        base_options=mediapipe.tasks.BaseOptions(model_asset_buffer=content), **options
    )
    try:
        return getattr(vision, kind).create_from_options(settings)
    except (RuntimeError, ValueError) as error:
        raise BadInput(f"not a task file of a {kind} ({error})", where=where) from error


def picture(mediapipe: ModuleType, image: NDArray[np.uint8]) -> Any:
    """An RGB picture [H, W, 3] as mediapipe takes it."""
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
