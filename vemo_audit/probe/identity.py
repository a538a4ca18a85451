"""Who is rendered: a mix of morphs, sex and age shape, skin, features and a small individual shape."""

from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vemo_audit.errors import BadInput
from vemo_audit.probe.rig import Rig
from vemo_audit.probe.skin import tone
from vemo_audit.records.digest import digest

MORPHS = ("A", "B", "C")
"""Morph letters; the asset's own names for them stand in the rig's card."""
HAIR = ("none", "short", "long")
HAIR_COLOURS = {"black": "1c1714", "brown": "46301f", "auburn": "5e3420", "blond": "a58252", "grey": "9a9792"}
IRIS_COLOURS = {"brown": "4a2c17", "hazel": "6d5430", "green": "5c7350", "blue": "5b7f9c", "grey": "76828a"}
SHAPE_LIMIT = 0.5
"""Largest weight, in sd, of one small shape."""
SHAPE_FOLDERS = ("forehead/", "eyes/", "nose/", "mouth/", "chin/", "cheek/", "head/")
OPPOSITES = (("-incr", "-decr"), ("-up", "-down"), ("-convex", "-concave"), ("-compress", "-uncompress"))
LEFT_OUT = ("head/head-trans", "head/head-age", "head/head-angle", "-trans-in", "-trans-out", "mouth/mouth-angles")
"""Shapes that would move the whole head, change the age, or look like an expression."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One rendered person, as plain data. Colours do not depend on morphs: they are crossed on purpose."""

    morph: tuple[float, float, float]  # shares of morphs A, B, C; they sum to 1
    sex: float  # shape, 0 female to 1 male
    age: float  # shape, 0 young to 1 old; exactly -1 is a child, for the minor of the demo only
    skin: int  # Monk tone, 1 to 10
    brow: float = 0.6  # thickness and darkness, 0-1
    lip: float = 0.5  # redness, 0-1
    iris: str = "brown"
    hair: str = "short"
    hair_colour: str = "black"
    shape_sd: float = 0.3  # spread of the small random shape, in weights of the asset
    seed: int = 0  # of the small shape and the blotches

    def __post_init__(self) -> None:
        shares = self.morph
        if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
            raise BadInput(f"morph shares {shares}", expected="three shares of 0 or more that sum to 1")
        for name in ("sex", "brow", "lip"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} {getattr(self, name)}", expected="0 to 1")
        if not (0 <= self.age <= 1 or self.age == -1):
            raise BadInput(f"age {self.age}", expected="0 (young) to 1 (old), or -1 for a child")
        if not 0 <= self.shape_sd <= SHAPE_LIMIT:
            raise BadInput(f"shape_sd {self.shape_sd}", expected=f"0 to {SHAPE_LIMIT}")
        for name, known in (("hair", HAIR), ("iris", IRIS_COLOURS), ("hair_colour", HAIR_COLOURS)):
            if getattr(self, name) not in known:
                raise BadInput(f"{name} '{getattr(self, name)}'", expected=f"one of {', '.join(known)}")
        tone(self.skin)

    @property
    def is_minor(self) -> bool:
        """Whether the child morphs are used."""
        return self.age == -1

    @property
    def digest(self) -> str:
        """SHA-256 over every field; floats by their exact hexadecimal form."""
        return digest({name: exact(value) for name, value in asdict(self).items()})

    def but(self, **change: object) -> "Counterfactual":
        """The same person with exactly one field changed, and which. Raises BadInput for none, several or unknown."""
        known = {field.name for field in fields(self)}
        if len(change) != 1 or not set(change) <= known:
            raise BadInput(f"a change of {sorted(change)}", expected=f"exactly one of {', '.join(sorted(known))}")
        ((name, value),) = change.items()
        return Counterfactual(replace(self, **{name: value}), self.digest, name)


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """An identity that differs from another in one field."""

    identity: Identity
    origin: str  # digest of the identity that it was made from
    changed: str  # name of the field


def exact(value: object) -> object:
    """A value that canonical JSON takes: floats become their hexadecimal text, tuples lists."""
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, list | tuple):
        return [exact(item) for item in value]
    return value


def shaped(rig: Rig, identity: Identity) -> NDArray[np.float32]:
    """The neutral face [V, 3] of an identity, without hair."""
    face = rig.vertices.astype(np.float64)
    for share, cell in cell_shares(rig, identity):
        face = face + share * rig.identity[cell]
    if identity.shape_sd > 0:
        rng = np.random.default_rng([identity.seed, 1])
        for positive, negative in shape_families(rig):
            weight = float(np.clip(rng.normal(0, identity.shape_sd / 2), -SHAPE_LIMIT, SHAPE_LIMIT))
            for name in positive if weight > 0 else negative:
                index, delta = rig.shape(name)
                face[index] += abs(weight) * delta.astype(np.float64)
    return face.astype(np.float32)


def cell_shares(rig: Rig, identity: Identity) -> list[tuple[float, int]]:
    """Shares of the identity cells; they sum to 1."""
    ages = {"child": 1.0} if identity.is_minor else {"young": 1 - identity.age, "old": identity.age}
    sexes = {"female": 1 - identity.sex, "male": identity.sex}
    shares = []
    for morph, share in zip(asset_names(rig), identity.morph, strict=True):
        for sex, of_sex in sexes.items():
            for age, of_age in ages.items():
                if share * of_sex * of_age > 0:
                    shares.append((share * of_sex * of_age, rig.identity_names.index(f"{morph}-{sex}-{age}")))
    return shares


def asset_names(rig: Rig) -> tuple[str, ...]:
    """The asset's names of morphs A, B and C, in alphabetical order."""
    return tuple(sorted({name.split("-")[0] for name in rig.identity_names}))


@lru_cache(maxsize=1)
def shape_families(rig: Rig) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Opposite pairs of small shapes, both sides of the face together, so that faces stay symmetric."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for name in rig.shape_names:
        if not name.startswith(SHAPE_FOLDERS) or any(part in name for part in LEFT_OUT):
            continue
        for k in range(len(OPPOSITES)):
            for side, ending in enumerate(OPPOSITES[k]):
                if name.endswith(ending):
                    family = name.removesuffix(ending).replace("/l-", "/").replace("/r-", "/") + str(k)
                    found.setdefault(family, ([], []))[side].append(name)
    return tuple((tuple(a), tuple(b)) for a, b in found.values() if a and b)
