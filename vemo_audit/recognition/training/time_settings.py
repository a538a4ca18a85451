"""Settings of temporal modules and of feature-level fusion in training, as a recipe gives them."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class TemporalData:
    """What is learned from and what is kept apart. Shares are of people, or of the stills that FER+ keeps back."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    face: str = "face-ferplus"  # whose tokens; the shipped face expert of that name
    stills: int = 5000
    least_votes: int = 6  # this and the next two as in the recipe of the face
    held_back_share: float = 0.1
    split_seed: int = 20261123
    held_out_share: float = 0.33
    select_share: float = 0.13


@dataclass(frozen=True, slots=True)
class TemporalFit:
    """How long and on what a temporal module learns."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    steps: int = 700
    batch: int = 48
    peak_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_share: float = 0.1
    average_decay: float = 0.99  # of the weights, per step
    played_share: float = 0.4  # of a batch; the rest are stills
    moving_share: float = 0.5  # of the stills
    smoothing: float = 0.0  # of the labels; those of stills are a calibrated answer already
    step_weight: float = 0.5  # of the loss over steps, beside that over windows


@dataclass(frozen=True, slots=True)
class FusionData:
    """Which experts are fused, and how the stills of the face expert are kept apart."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    face: str = "face-ferplus"
    voice: str = "voice-emodb"
    least_votes: int = 6  # this and the next two as in the recipe of the face
    held_back_share: float = 0.1
    split_seed: int = 20261123


@dataclass(frozen=True, slots=True)
class FusionFit:
    """How feature-level fusion learns, and the pool that it is compared with."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    steps: int = 400
    batch: int = 128
    peak_rate: float = 2e-3
    weight_decay: float = 0.05
    drop_each: float = 0.3  # of the pairs lose a modality, each on its own
    drop_all_but_one: float = 0.2
    smoothing: float = 0.05  # of the labels
    folds: int = 5  # of the speakers
    pairs: int = 4  # faces that each held-out voice is paired with
    face_reliability: float = 0.72  # in the pool, as the recognizer has them
    voice_reliability: float = 0.40
