"""Checks a deployment without changing it: signature, keys, policies, stores, ledger, jail."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from vemo_audit.errors import EvidenceBroken, VemoError
from vemo_audit.governance import deployment, keys, manifest
from vemo_audit.governance.keys import KeyRing
from vemo_audit.governance.ledger.sealed import kek_beside, load_kek
from vemo_audit.governance.ledger.store import Ledger
from vemo_audit.governance.ledger.witnessed import standing
from vemo_audit.governance.manifest import Manifest
from vemo_audit.governance.policy.engine import Engine
from vemo_audit.governance.policy.packs import load_bundle
from vemo_audit.media import jail
from vemo_audit.resources import places

LOCKED = "not checked: passphrase needed"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold; `exit_code` is what it means when it does not."""

    name: str
    holds: bool
    found: str
    exit_code: int = 4
    checked: bool = True  # False where the means to look were not there: `found` says which


def selfcheck_deployment(path: Path, *, now: datetime) -> list[Check]:
    """Every check in order; those that need a sound manifest are left out when it is not."""
    try:
        named, ring = manifest.load(path)
    except VemoError as error:
        return [Check("manifest", False, str(error), error.exit_code)]
    bundle = load_bundle(places.folder("policies"))
    same = bundle.digest == named.trust.bundle_digest
    stopped = (path.parent / named.stores.stop_file).exists()

    def ledger() -> str:
        folder = path.parent / named.stores.ledger
        with Ledger.open(folder, log_public=ring.key_of("log"), now=now) as log:
            told = standing(folder, size=log.size, now=now)
            return f"{log.size} entries, {log.signed_size} signed, root {log.root.hex()[:16]}; {told}"

    def consents() -> str:
        with deployment.consent_store(path, named, ring) as store:
            standings = store.all(now=now)
            with Ledger.open(path.parent / named.stores.ledger, log_public=ring.key_of("log"), now=now) as log:
                deployment.check_endings(log, store, now=now)
        return f"{len(standings)} records, {sum(one.in_force for one in standings)} in force"

    def policies() -> str:
        engine = Engine(bundle, places=named.scope.places, as_of=now.date())
        return f"{', '.join(engine.active_packs)}; {engine.name}"

    return [
        Check("manifest", True, f"signed by key {named.trust.policy_kid}"),
        Check("term", named.holds_at(now), f"until {named.deployment.expires_at:%Y-%m-%d}", 3),
        Check("policies as signed", same, bundle.digest[:16], 3),
        Check("not stopped", not stopped, named.stores.stop_file if stopped else "no stop file", 3),
        *_secrets(path.parent, named, ring),
        _tried("policies valid", policies),
        _tried("consent store", consents),
        _tried("ledger", ledger),
        _tried("jail", lambda: ", ".join(jail.walls())),
    ]


def _secrets(base: Path, named: Manifest, ring: KeyRing) -> list[Check]:
    """One check for each secret file that lies there; a key that is kept elsewhere is not missed here."""
    checks: list[Check] = []
    for file in sorted((base / named.stores.keys).glob("*.key")):
        name = f"secret {file.name}"
        if file.name == deployment.PSEUDONYM:
            checks.append(_tried(name, partial(_pseudonym_key, file)))
            continue
        check = _tried(name, partial(_private_key, file, ring))
        checks.append(replace(check, checked=False) if check.found == LOCKED else check)
    kek = kek_beside(base / named.stores.ledger)
    if kek.exists():
        checks.append(_tried(f"secret {kek.name}", lambda: f"{len(load_kek(kek))} bytes"))
    return checks


def _private_key(file: Path, ring: KeyRing) -> str:
    """Its key id. The ring's keys are those that the manifest names: `manifest.load` has seen to it."""
    if keys.is_locked(file):
        return LOCKED
    owner = file.name.removesuffix(".key")
    found = keys.load_private(file, None, name=owner).kid
    if owner not in ring.keys:
        return f"key {found}, which the manifest does not name"
    if found != ring.keys[owner].kid:
        raise EvidenceBroken(
            f"private key {found}", where=str(file), expected=f"{ring.keys[owner].kid}, as the manifest says",
            advice="Put the private key of this deployment back.",
        )  # fmt: skip
    return f"key {found}, as the manifest says"


def _pseudonym_key(file: Path) -> str:
    found = len(keys.read_private(file))
    if found != deployment.PSEUDONYM_BYTES:
        raise EvidenceBroken(
            f"{found} bytes", where=str(file), expected=f"{deployment.PSEUDONYM_BYTES} bytes, as `gate init` made them",
            advice="Put the file of this deployment back: another leads to other subject references.",
        )  # fmt: skip
    return f"{found} bytes"


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except VemoError as error:
        return Check(name, False, str(error), error.exit_code)
