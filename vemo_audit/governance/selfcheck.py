"""Checks a deployment without changing it: signature, keys, policies, stores, ledger, jail."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vemo_audit.errors import VemoError
from vemo_audit.governance import deployment, manifest
from vemo_audit.governance.ledger.store import Ledger
from vemo_audit.governance.policy.engine import Engine
from vemo_audit.governance.policy.packs import load_bundle
from vemo_audit.media import jail
from vemo_audit.resources import places


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold; `exit_code` is what it means when it does not."""

    name: str
    holds: bool
    found: str
    exit_code: int = 4


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
            return f"{log.size} entries, {log.signed_size} signed, root {log.root.hex()[:16]}"

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
        _tried("policies valid", policies),
        _tried("consent store", consents),
        _tried("ledger", ledger),
        _tried("jail", lambda: ", ".join(jail.walls())),
    ]


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except VemoError as error:
        return Check(name, False, str(error), error.exit_code)
