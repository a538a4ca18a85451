"""Signed dataset manifests: which clips and tables a dataset released, under what licence, for which purposes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vemo_audit.errors import BadInput
from vemo_audit.governance import dsse
from vemo_audit.governance.keys import KeyPair, PublicKey
from vemo_audit.records import strict
from vemo_audit.records.consent import SHA256

SCHEMA = "vemo.dataset/1"
TYPE = dsse.type_of("dataset")


@dataclass(frozen=True, slots=True)
class Release:
    """What a steward vouches for. Used in offline audits only, never for a live stream.

    `digests` are SHA-256 of clips or prediction tables, sorted. `max_faces` is how many people one clip may show.
    An envelope holds at most 64 KiB, so about 900 digests; a larger dataset has several.
    """

    schema: str
    dataset_id: str
    licence: str
    consent_statement: str  # how its people consented, in the dataset's own words; "" when it does not say
    purposes: tuple[str, ...]
    role: str
    adults_only: bool
    guardians_agreed: bool
    single_speaker: bool
    max_faces: int
    not_before: datetime
    expires_at: datetime
    digests: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise BadInput(f"schema {self.schema!r}", where="dataset manifest", expected=SCHEMA)
        strict.check_set(self.purposes, "dataset manifest: purposes")
        strict.check_set(self.digests, "dataset manifest: digests")
        if not self.digests or not all(SHA256.fullmatch(one) for one in self.digests):
            raise BadInput("no digests, or other text among them", where="dataset manifest", expected="SHA-256 digests")
        if not 1 <= self.max_faces <= 16 or self.not_before >= self.expires_at:
            raise BadInput(
                f"{self.max_faces} faces, {self.not_before} to {self.expires_at}", where="dataset manifest",
                expected="1 to 16 faces, and an end after the start",
            )  # fmt: skip


def sign(release: Release, *, key: KeyPair) -> bytes:
    """The envelope, signed by the dataset steward. Raises BadInput beyond 64 KiB."""
    return dsse.sign(strict.to_payload(release), payload_type=TYPE, key=key)


def verify(envelope: bytes, *, keys: Mapping[str, PublicKey]) -> Release:
    """The release, once the steward's signature holds. Raises EvidenceBroken or BadInput."""
    payload = dsse.verify(envelope, payload_type=TYPE, keys=keys)
    return strict.from_payload(Release, payload, where="dataset manifest")
