"""Holds the numbers of a recipe to ranges in which training means anything, before any data is read."""

import math
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.temporal import TEMPORAL
from vemo_audit.recognition.training.recipe import (
    ClipsRecipe,
    FaceRecipe,
    FusionRecipe,
    Recipe,
    TemporalRecipe,
    VoiceRecipe,
)
from vemo_audit.records.labels import EKMAN

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""It becomes the name of two files, and must not lead out of their folder."""
TINY = 1e-9
LEAST = {
    "epochs": 1, "batch": 2, "frames": 1, "fold": 1, "steps": 1, "folds": 2, "pairs": 1, "stills": 1, "least_votes": 1,
    "size_px": 16, "peak_rate": TINY, "reach": TINY, "penalty": TINY, "held_back_share": TINY, "held_out_share": TINY,
    "select_share": TINY,
}  # fmt: skip
"""By the last part of a key; every other number must be 0 or more. Normalisation needs two faces in a batch."""
MOST = {
    "epochs": 100_000, "batch": 1 << 16, "steps": 10**7, "frames": 10_000, "size_px": 512, "seed": (1 << 31) - 1,
    "least_votes": 10, "peak_rate": 10.0, "rotation_deg": 180.0, "class_balance": 4.0, "momentum": 0.9999,
    "average_decay": 0.99999, "drop_each": 1.0, "drop_all_but_one": 1.0, "smoothing": 0.9, "brightness": 2.0,
    "held_back_share": 0.9, "held_out_share": 0.9, "select_share": 0.9, "scale_share": 0.9,
    "face_reliability": 1.0, "voice_reliability": 1.0,
}  # fmt: skip
"""By the last part of a key; every other share is at most 1."""
TAUGHT = frozenset({"fairface", "rendered"})
"""Sources that know units by themselves; FER+ does with the table of a teacher."""


def demand(recipe: Recipe, *, where: str) -> None:
    """Raises BadInput that names the key for a number out of range, a name that is a path, or a head without data."""
    if not NAME.fullmatch(recipe.name):
        raise BadInput(
            f"name = '{recipe.name[:80]}'", where=where, expected="letters, digits, '.', '_' and '-', no folder"
        )
    for key, value in numbers(asdict(recipe)):
        last = key.rpartition(".")[2]
        low, high = LEAST.get(last, 0), MOST.get(last, 1.0 if last.endswith("_share") else math.inf)
        if not (math.isfinite(value) and low <= value <= high):
            upper = "" if math.isinf(high) else f" and at most {high:g}"
            raise BadInput(f"{key} = {value:g}", where=where, expected=f"at least {low:g}{upper}")
    if isinstance(recipe, ClipsRecipe | FaceRecipe):
        _demand_heads(recipe, where=where)
    for key, values in _choices(recipe):
        if not values:
            raise BadInput(f"{key} = []", where=where, expected="one value or more to choose from")
    if isinstance(recipe, TemporalRecipe):
        unknown = [name for name in recipe.modules if name not in TEMPORAL]
        if unknown or "mean" not in recipe.modules:
            raise BadInput(f"modules = {list(recipe.modules)}", where=where,
                           expected=f"'mean', the baseline, and any of {', '.join(TEMPORAL)}")  # fmt: skip


def _choices(recipe: Recipe) -> list[tuple[str, tuple[float, ...]]]:
    """The lists of which a fit chooses one."""
    fit = recipe.fit if isinstance(recipe, VoiceRecipe) else recipe.voice if isinstance(recipe, FusionRecipe) else None
    return [] if fit is None else [("reach", fit.reach), ("penalty", fit.penalty)]


def numbers(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """Every number below a table of plain values, with its dotted key."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from numbers(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from numbers(inner, key)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield key, value


def _demand_heads(recipe: ClipsRecipe | FaceRecipe, *, where: str) -> None:
    """A head that nothing teaches would ship with the numbers that it began with."""
    network = recipe.network
    if network.classes not in (0, len(EKMAN)):
        raise BadInput(f"network.classes = {network.classes}", where=where, expected=f"{len(EKMAN)}")
    if isinstance(recipe, ClipsRecipe):
        classes, units = True, False
    else:
        classes = "ferplus" in recipe.data.sources
        units = bool(TAUGHT & set(recipe.data.sources)) or (classes and bool(recipe.data.unit_table))
    if isinstance(recipe, ClipsRecipe) and not network.classes:
        raise BadInput("network.classes = 0", where=where, expected=f"{len(EKMAN)}, which is all that clips teach")
    for name, wanted, taught in (("classes", network.classes, classes), ("units", network.units, units)):
        if wanted and not taught:
            raise BadInput(f"network.{name} = {wanted}, and no data that teaches them", where=where,
                           expected=f"{name} = 0, or a source that knows them")  # fmt: skip
