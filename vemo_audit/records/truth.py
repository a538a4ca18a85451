"""What a dataset states about its clips: where the file is, who is in it and which label is true."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from vemo_audit.errors import BadInput


@dataclass(frozen=True, slots=True)
class DatasetClip:
    """A media file of a dataset. `name` is the key by which every table speaks of it."""

    name: str
    path: Path
    subject: str = ""  # the one subject in view; '' when there are several or nobody knows


@dataclass(frozen=True, slots=True)
class Truth:
    """The label of one subject in one clip. An empty `person` means: whoever is seen in the clip."""

    clip: str
    label: str
    subject: str
    person: str = ""  # a track, as the prediction table names it
    start_s: float = math.nan  # NaN: the label holds for the whole clip
    end_s: float = math.nan
    conditions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # lighting, pose, sentence, ...

    def __post_init__(self) -> None:
        if not (self.clip and self.label and self.subject):
            raise BadInput(
                f"a truth of clip '{self.clip}', label '{self.label}', subject '{self.subject}'",
                expected="all three to be stated",
            )
