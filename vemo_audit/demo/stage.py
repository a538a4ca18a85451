"""Sets the stage of the demo: a deployment with throw-away keys, and a consent record for everybody in the cast."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from vemo_audit.governance import deployment, forms, keys, manifest, withdrawal
from vemo_audit.governance.consents import ConsentStore
from vemo_audit.governance.forms import ConsentForm, ManifestForm
from vemo_audit.governance.keys import KeyPair
from vemo_audit.governance.policy.packs import load_bundle
from vemo_audit.probe.cast import CHILD
from vemo_audit.records.consent_terms import Actor, Channel, State
from vemo_audit.resources import places

PURPOSE = "demo"
FORM = ManifestForm(
    deployment_id="demo", controller="demo-lab", controller_name="The demo of vemo-audit",
    contact="nobody: the people are rendered", operator="demo", overseer="whoever runs the demo",
    purposes=(PURPOSE,), modalities=("face",), bindings=("single_subject_device",),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """How the consent of one subject differs from a valid one."""

    fields: tuple[tuple[str, Any], ...] = ()
    given_ago: timedelta = timedelta(0)
    withdrawn: bool = False


ANSWERS = {
    "p05": Answer(withdrawn=True),
    "p12": Answer(withdrawn=True),
    "p17": Answer((("lasts", timedelta(days=1)),), given_ago=timedelta(days=3)),
    "p22": Answer((("purposes", ("media_testing",)),)),
    CHILD: Answer((("age_band", "under-13"),)),
}
"""Withdrawn twice, expired, given for another purpose, and a minor without a guardian. Everybody else agreed."""


def set_stage(folder: Path, subjects: Sequence[str], *, now: datetime) -> Path:
    """A signed manifest, keys, ledger, consent store and `consents/NAME.json` for each subject; the manifest's path."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kids = deployment.create(folder, origin=f"demo/vemo-audit/{now:%Y-%m}", now=now)
    bundle = load_bundle(places.folder("policies"))
    path = folder / "deployment.toml"
    path.write_text(forms.manifest_text(FORM, kids=kids, bundle_digest=bundle.digest, now=now), "utf-8")
    manifest.sign(path, key=deployment.private_key(folder, deployment.STORES, "policy"))
    issuer = deployment.private_key(folder, deployment.STORES, "issuer")
    secret = deployment.pseudonym_key(folder, deployment.STORES)
    (folder / "consents").mkdir()
    with ConsentStore(folder / deployment.STORES.consents, keys={issuer.kid: issuer.public}) as store:
        for subject in subjects:
            envelope = ask(store, subject, issuer, secret, now=now)
            keys.write_new(folder / "consents" / f"{subject}.json", envelope, mode=0o600)
    return path


def ask(store: ConsentStore, subject: str, issuer: KeyPair, secret: bytes, *, now: datetime) -> bytes:
    """Records what one subject answered; the envelope that the subject would show."""
    answer = ANSWERS.get(subject, Answer())
    stated: dict[str, Any] = {"purposes": (PURPOSE,), "modalities": ("face",)} | dict(answer.fields)
    form = ConsentForm(subject_ref=forms.pseudonym(secret, subject), **stated)
    given = now - answer.given_ago
    record = forms.new_record(form, forms.controller_of(FORM), now=given, entropy=os.urandom)
    envelope = withdrawal.give(record, store, key=issuer, now=given)
    if answer.withdrawn:
        withdrawal.change(
            store, record.record_id, State.WITHDRAWN, key=issuer, by=Actor.SUBJECT, method=Channel.UI, now=now
        )  # fmt: skip
    return envelope
