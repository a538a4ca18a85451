"""Recipes: everything that decides what a trained weight file becomes, read from TOML and checked once."""

import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.face_expert import FaceExpertSettings
from vemo_audit.recognition.training.augment import Augmentation
from vemo_audit.recognition.training.loop import Schedule
from vemo_audit.recognition.training.sources import FaceData
from vemo_audit.recognition.training.time_settings import FusionData, FusionFit, TemporalData, TemporalFit
from vemo_audit.records.digest import sha256_hex

STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class VoiceData:
    """Which voices are learned from."""

    __pydantic_config__: ClassVar = STRICT
    source: Literal["emodb", "ravdess"] = "emodb"


@dataclass(frozen=True, slots=True)
class VoiceFit:
    """Between which values the voice head is chosen, on speakers left out one by one."""

    __pydantic_config__: ClassVar = STRICT
    reach: tuple[float, ...] = (0.25, 0.5, 1.0)  # of the kernel: exp(-reach * mean squared difference)
    penalty: tuple[float, ...] = (0.1, 0.3, 1.0)  # of the squared votes


@dataclass(frozen=True, slots=True)
class CardText:
    """The words on the card that the trainer cannot know."""

    __pydantic_config__: ClassVar = STRICT
    what: str
    licence: str
    training_data: str
    limits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FaceRecipe:
    """A face expert: data, network, schedule, augmentation."""

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["face"]
    name: str
    seed: int
    card: CardText
    data: FaceData = field(default_factory=FaceData)
    network: FaceExpertSettings = field(default_factory=FaceExpertSettings)
    schedule: Schedule = field(default_factory=Schedule)
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, slots=True)
class VoiceRecipe:
    """A voice expert: data and fit."""

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["voice"]
    name: str
    seed: int
    card: CardText
    data: VoiceData = field(default_factory=VoiceData)
    fit: VoiceFit = field(default_factory=VoiceFit)


@dataclass(frozen=True, slots=True)
class ClipData:
    """Which published set of clips or pictures is learned from, and what is kept apart."""

    __pydantic_config__: ClassVar = STRICT
    source: Literal["dfew", "mafw", "cremad", "ravdess", "affectnet", "rafdb"]
    fold: int = 1  # of DFEW and MAFW
    held_out_actors: tuple[int, ...] = ()  # of CREMA-D and RAVDESS: scored, never fitted
    frames: int = 8  # of each clip, at even distances
    held_back_share: float = 0.1  # of the training part, by subject: the temperature
    split_seed: int = 1


@dataclass(frozen=True, slots=True)
class ClipsRecipe:
    """A face expert from published clips: data, network, schedule, augmentation."""

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["clips"]
    name: str
    seed: int
    card: CardText
    data: ClipData
    network: FaceExpertSettings = field(default_factory=FaceExpertSettings)
    schedule: Schedule = field(default_factory=Schedule)
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, slots=True)
class TemporalRecipe:
    """A temporal module over the tokens of a shipped face expert: which modules are tried, on what, and how."""

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["temporal"]
    name: str
    seed: int
    card: CardText
    modules: tuple[str, ...] = ("mean", "mean-spread", "gru", "lstm", "transformer", "conv3d")
    reach: Literal["both", "past"] = "both"
    data: TemporalData = field(default_factory=TemporalData)
    fit: TemporalFit = field(default_factory=TemporalFit)


@dataclass(frozen=True, slots=True)
class FusionRecipe:
    """Feature-level fusion of two shipped experts."""

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["fusion"]
    name: str
    seed: int
    card: CardText
    data: FusionData = field(default_factory=FusionData)
    fit: FusionFit = field(default_factory=FusionFit)
    voice: VoiceFit = field(default_factory=VoiceFit)


Recipe = FaceRecipe | VoiceRecipe | ClipsRecipe | TemporalRecipe | FusionRecipe


def read(path: Path) -> tuple[Recipe, str]:
    """A recipe and the SHA-256 of its file. Raises BadInput that names the key."""
    try:
        raw = path.read_bytes()
        table = tomllib.loads(raw.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"no readable recipe: {error}", where=str(path), expected="a TOML file") from error
    kinds: dict[str, type] = {"face": FaceRecipe, "voice": VoiceRecipe, "clips": ClipsRecipe,
                              "temporal": TemporalRecipe, "fusion": FusionRecipe}  # fmt: skip
    if not isinstance(table.get("kind"), str) or table["kind"] not in kinds:
        raise BadInput(f"kind = {table.get('kind')!r}", where=str(path), expected=f"one of {', '.join(kinds)}")
    try:
        return TypeAdapter(kinds[table["kind"]]).validate_python(table), sha256_hex(raw)
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: one["type"] == "missing")  # a misspelt key says more
        key = ".".join(str(part) for part in first["loc"])
        found = f"no key '{key}'" if first["type"] == "missing" else f"{key} = {str(first['input'])[:80]!r}"
        raise BadInput(f"{found}: {first['msg']}", where=str(path), expected="the keys of a recipe") from error


def settings(recipe: Recipe) -> dict[str, object]:
    """The recipe as plain values, for the card."""
    return asdict(recipe)
