"""Traits of a subject: self-reported or stated by a dataset, never inferred."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SubjectTraits:
    """One subject of one dataset. None is unknown."""

    dataset: str
    subject: str
    traits: Mapping[str, str | None]
