"""The part of mediapipe that we call, without its models: names, keywords and shapes as in 0.10.21 and 1.2.2."""

from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace

import numpy as np

FACE_UNIT_NAMES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip


@dataclass
class BaseOptions:
    model_asset_path: str | None = None
    model_asset_buffer: bytes | None = None
    delegate: object = None


@dataclass
class FaceLandmarkerOptions:
    base_options: BaseOptions
    running_mode: str = "IMAGE"
    num_faces: int = 1
    min_face_detection_confidence: float = 0.5
    min_face_presence_confidence: float = 0.5
    min_tracking_confidence: float = 0.5
    output_face_blendshapes: bool = False
    output_facial_transformation_matrixes: bool = False
    result_callback: object = None


@dataclass
class PoseLandmarkerOptions:
    base_options: BaseOptions
    running_mode: str = "IMAGE"
    num_poses: int = 1
    min_pose_detection_confidence: float = 0.5
    min_pose_presence_confidence: float = 0.5
    min_tracking_confidence: float = 0.5
    output_segmentation_masks: bool = False
    result_callback: object = None


@dataclass
class Image:
    image_format: str
    data: np.ndarray

    def __post_init__(self):
        assert self.image_format == "SRGB" and self.data.dtype == np.uint8 and self.data.flags.c_contiguous


@dataclass
class Landmark:
    x: float
    y: float
    z: float = 0.0
    visibility: float = 0.0
    presence: float = 0.0


@dataclass
class Script:
    """What the fake models answer, and what they were asked."""

    faces: list = field(default_factory=list)  # per call: (landmarks [478, 2] in 0-1, scores by name) or None
    poses: list = field(default_factory=list)  # per call: (landmarks [33, 2] in 0-1, visibility [33]) or None
    asked: list = field(default_factory=list)  # the pictures
    closed: int = 0


def module(script: Script) -> ModuleType:
    """A stand-in for `import mediapipe` that follows a script."""

    class Landmarker:
        prefix = b""

        def __init__(self, options):
            self.options = options

        @classmethod
        def create_from_options(cls, options):
            if options.base_options.model_asset_buffer[:4] != b"PK\x03\x04":
                raise RuntimeError("Unable to open zip archive.")
            return cls(options)

        def close(self):
            script.closed += 1

    class FaceLandmarker(Landmarker):
        def detect(self, image, image_processing_options=None):
            script.asked.append(image.data)
            answer = script.faces.pop(0)
            if answer is None:
                return SimpleNamespace(face_landmarks=[], face_blendshapes=[], facial_transformation_matrixes=[])
            marks, scores = answer
            categories = [
                SimpleNamespace(index=k, score=scores.get(name, 0.0), display_name="", category_name=name)
                for k, name in enumerate(FACE_UNIT_NAMES)
            ]
            shapes = [categories] if self.options.output_face_blendshapes else []
            return SimpleNamespace(
                face_landmarks=[[Landmark(*xy) for xy in marks]], face_blendshapes=shapes,
                facial_transformation_matrixes=[],
            )  # fmt: skip

    class PoseLandmarker(Landmarker):
        def detect(self, image, image_processing_options=None):
            script.asked.append(image.data)
            answer = script.poses.pop(0)
            if answer is None:
                return SimpleNamespace(pose_landmarks=[], pose_world_landmarks=[], segmentation_masks=None)
            marks = [Landmark(*xy, visibility=v, presence=v) for xy, v in zip(*answer, strict=True)]
            return SimpleNamespace(pose_landmarks=[marks], pose_world_landmarks=[], segmentation_masks=None)

    fake = ModuleType("mediapipe")
    fake.Image, fake.ImageFormat = Image, SimpleNamespace(SRGB="SRGB")
    vision = SimpleNamespace(
        FaceLandmarker=FaceLandmarker, FaceLandmarkerOptions=FaceLandmarkerOptions,
        PoseLandmarker=PoseLandmarker, PoseLandmarkerOptions=PoseLandmarkerOptions,
    )  # fmt: skip
    fake.tasks = SimpleNamespace(BaseOptions=BaseOptions, vision=vision)
    return fake
