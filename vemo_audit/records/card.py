"""What a dataset says of itself; printed as its data sheet in every report."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraitCard:
    """A trait of subjects and where its values come from."""

    name: str
    basis: str  # self-reported, declared by the dataset, annotated by others, rendered


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """Source, licence and consent of a dataset, and what its labels mean."""

    name: str
    version: str
    kind: str  # acted, posed, in the wild, rendered, crowd votes
    source: str
    licence: str
    consent_basis: str
    label_basis: str  # acted intent, crowd perception, self-report, rendered truth
    language: str
    traits: tuple[TraitCard, ...]
    limits: tuple[str, ...] = ()
    digest: str = ""
