"""Sets up a deployment in which published datasets are audited: throw-away keys, and signed releases of their files.

The releases repeat what each dataset itself says of consent. They open the gate for `dataset_audit` and nothing else.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from vemo_audit.errors import VemoError
from vemo_audit.governance import deployment, forms, keys, manifest, releases
from vemo_audit.governance.forms import ManifestForm
from vemo_audit.governance.policy.packs import load_bundle
from vemo_audit.governance.releases import Release
from vemo_audit.resources import places

PURPOSE = "dataset_audit"
OUTPUTS = ("action_units", "expression_label", "valence_arousal")
MANIFEST, RELEASES = "deployment.toml", "releases"
LASTS = timedelta(days=30)
IN_ONE_RELEASE = 800
"""Digests in one envelope, which holds 64 KiB."""
EARLIER = timedelta(seconds=2)
"""A deployment begins a moment before it is used."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a dataset releases, in its own words. `adults_only` may only be said where the dataset says so."""

    dataset_id: str
    licence: str
    consent_statement: str
    digests: tuple[str, ...]  # SHA-256 of clips or tables
    role: str = "participant"
    adults_only: bool = True
    single_speaker: bool = True
    max_faces: int = 1


def set_stage(
    folder: Path, vouched: Sequence[Vouched], *, modalities: tuple[str, ...], now: datetime
) -> tuple[Path, Path]:
    """The manifest and the folder of releases. A deployment that still holds is kept, with its keys and its ledger.

    Guardians never agreed here: what is released without `adults_only` is for the gate to refuse.
    """
    path = folder / MANIFEST
    digest = load_bundle(places.folder("policies")).digest
    if not _holds(path, bundle_digest=digest, now=now):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        start = now - EARLIER
        kids = deployment.create(folder, origin=f"audit/vemo-audit/{now:%Y-%m}", now=start)
        form = ManifestForm(
            deployment_id="own-audit", controller="auditor", controller_name="Whoever runs this audit",
            contact="whoever runs this audit", operator="auditor", overseer="whoever runs this audit",
            purposes=(PURPOSE,), roles=("other", "participant"), modalities=modalities, outputs=OUTPUTS,
            bindings=("dataset_release",), lasts=LASTS,
        )  # fmt: skip
        path.write_text(forms.manifest_text(form, kids=kids, bundle_digest=digest, now=start), "utf-8")
        manifest.sign(path, key=deployment.private_key(folder, deployment.STORES, "policy"))
    shutil.rmtree(folder / RELEASES, ignore_errors=True)
    (folder / RELEASES).mkdir()
    steward = deployment.private_key(folder, deployment.STORES, "steward")
    for name, release in _releases(vouched, now=now):
        keys.write_new(folder / RELEASES / f"{name}.json", releases.sign(release, key=steward), mode=0o600)
    return path, folder / RELEASES


def _holds(path: Path, *, bundle_digest: str, now: datetime) -> bool:
    """Whether a deployment lies there whose manifest holds, for the policies of today."""
    if not path.is_file():
        return False
    try:
        named, _ = manifest.load(path)
    except VemoError:
        return False
    return named.holds_at(now) and named.trust.bundle_digest == bundle_digest


def _releases(vouched: Sequence[Vouched], *, now: datetime) -> list[tuple[str, Release]]:
    found = []
    for number, one in enumerate(vouched, start=1):
        digests = sorted(set(one.digests))
        for part, first in enumerate(range(0, len(digests), IN_ONE_RELEASE), start=1):
            release = Release(
                schema=releases.SCHEMA, dataset_id=one.dataset_id, licence=one.licence,
                consent_statement=one.consent_statement, purposes=(PURPOSE,), role=one.role,
                adults_only=one.adults_only, guardians_agreed=False, single_speaker=one.single_speaker,
                max_faces=one.max_faces, not_before=now - EARLIER, expires_at=now + LASTS,
                digests=tuple(digests[first : first + IN_ONE_RELEASE]),
            )  # fmt: skip
            found.append((f"{one.dataset_id}-{number}-{part}", release))
    return found
