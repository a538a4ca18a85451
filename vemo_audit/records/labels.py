"""Label sets and the mappings between them."""

from dataclasses import dataclass

from vemo_audit.errors import BadInput
from vemo_audit.records.digest import digest


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Class names in a fixed order; the order is the order of every probability."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) < 2 or len(set(self.names)) != len(self.names) or not all(self.names):
            raise BadInput(f"the labels {list(self.names)}", expected="two or more different, non-empty names")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of a name. Raises BadInput when it is unknown."""
        try:
            return self.names.index(name)
        except ValueError:
            raise BadInput(f"the label '{name}'", expected=f"one of {', '.join(self.names)}") from None

    @property
    def digest(self) -> str:
        return digest(list(self.names))


EKMAN = LabelSet(("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"))
"""Six basic expressions and neutral. Source: Ekman 1992, doi:10.1080/02699939208411068."""


@dataclass(frozen=True, slots=True)
class LabelMapping:
    """Many-to-one renaming of labels. An unmapped label is an error, or counted when `dropped` names it; never lost."""

    pairs: tuple[tuple[str, str], ...]
    dropped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sources = [source for source, _ in self.pairs]
        if len(set(sources)) != len(sources) or set(sources) & set(self.dropped):
            raise BadInput("a label that is mapped twice", expected="each source label once")

    def __call__(self, name: str) -> str | None:
        """The new name; None when the label is dropped on purpose. Raises BadInput when it is in neither list."""
        for source, target in self.pairs:
            if source == name:
                return target
        if name in self.dropped:
            return None
        known = ", ".join([source for source, _ in self.pairs] + list(self.dropped))
        raise BadInput(f"the label '{name}'", expected=f"one of {known}", advice="Add it to the label mapping.")
