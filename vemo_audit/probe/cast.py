"""Who plays in a rendered dataset: adults balanced over sex shape, morph and skin tone, and one child for the gate."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from vemo_audit.errors import BadInput
from vemo_audit.probe.identity import MORPHS, Identity
from vemo_audit.probe.skin import TONE_GROUPS, tone_group

TRAITS = MappingProxyType({
    "age": "rendered: shape between the young and the old cell, cut at the middle; child cells are 'child'",
    "sex": "rendered: shape between the female and the male cell, cut at the middle",
    "morph": "rendered: largest share of the asset's morphs (their names stand in the rig's card); not a population",
    "skin": "rendered: Monk tone 1-3 light, 4-7 medium, 8-10 dark; crossed with the morphs on purpose",
})  # fmt: skip
"""Trait -> where its values come from."""
ADULTS = 20
CHILD = "p-minor"
"""Name of the one subject with child morphs."""


@dataclass(frozen=True, slots=True)
class Player:
    """A subject of a rendered dataset."""

    subject: str
    identity: Identity

    @property
    def traits(self) -> dict[str, str]:
        """Rendered traits, by the names of `TRAITS`."""
        who = self.identity
        return {
            "age": "child" if who.is_minor else "old" if who.age >= 0.5 else "young",
            "sex": "male" if who.sex >= 0.5 else "female",
            "morph": f"morph {MORPHS[int(np.argmax(who.morph))]}",
            "skin": tone_group(who.skin),
        }


def cast(*, adults: int = ADULTS, minors: int = 1, seed: int = 0) -> tuple[Player, ...]:
    """Players p01, p02, ... and the minor last. Sex, morph and tone group are crossed, so that none explains another.

    The 18 cells of 2 sexes x 3 morphs x 3 tone groups are filled in a fixed order that keeps every trait balanced to
    one; age alternates within it. Raises BadInput for fewer than one player or more than one minor.
    """
    if adults < 0 or minors not in (0, 1) or adults + minors < 1:
        raise BadInput(f"{adults} adults and {minors} minors", expected="at least one player and at most one minor")
    players = [Player(f"p{k + 1:02d}", adult(k, seed=seed)) for k in range(adults)]
    if minors:
        rng = np.random.default_rng([seed, 99])
        child = Identity(
            morph=(0.0, 0.0, 1.0), sex=0.0, age=-1, skin=4, hair="short", hair_colour="brown",
            brow=0.4, seed=int(rng.integers(2**31)),
        )  # fmt: skip
        players.append(Player(CHILD, child))
    return tuple(players)


def adult(k: int, *, seed: int) -> Identity:
    """The k-th adult of a cast."""
    rng = np.random.default_rng([seed, 98, k])
    sex, morph = k % 2, (k // 2) % 3
    group = list(TONE_GROUPS)[(k // 2 + k // 6) % 3]  # a Latin square: each morph meets each tone group
    old = (k // 2 + k) % 2 == 1
    shares = rng.dirichlet([1.0, 1.0, 1.0]) * 0.2
    shares[morph] += 0.8
    shares[morph] += 1 - shares.sum()
    return Identity(
        morph=tuple(float(s) for s in shares),  # type: ignore[arg-type]
        sex=float(rng.uniform(0.85, 1.0) if sex else rng.uniform(0.0, 0.15)),
        age=float(rng.uniform(0.6, 0.9) if old else rng.uniform(0.0, 0.25)),
        skin=int(rng.choice(TONE_GROUPS[group])),
        brow=float(rng.uniform(0.5, 0.9) if sex else rng.uniform(0.35, 0.7)),
        lip=float(rng.uniform(0.3, 0.7)),
        iris=str(rng.choice(["brown", "brown", "hazel", "green", "blue", "grey"])),
        hair=("long", "short")[sex] if rng.random() < 0.85 else "none" if sex else "short",
        hair_colour="grey" if old and rng.random() < 0.5 else str(rng.choice(["black", "black", "brown", "auburn"])),
        shape_sd=0.3,
        seed=int(rng.integers(2**31)),
    )
