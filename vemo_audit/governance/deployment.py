"""A deployment on disk: made by `gate init`, opened by the gate."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance import keys, manifest
from vemo_audit.governance.consents import ConsentStore
from vemo_audit.governance.journal import SCHEMA, Journal, Note, private_facts
from vemo_audit.governance.keys import KeyPair, KeyRing
from vemo_audit.governance.ledger.store import Ledger
from vemo_audit.governance.manifest import Manifest, Stores
from vemo_audit.governance.policy.engine import Engine
from vemo_audit.governance.policy.packs import Bundle, load_bundle
from vemo_audit.governance.screening import Desk
from vemo_audit.records.decision import Outcome
from vemo_audit.records.strict import uuid7
from vemo_audit.resources import places

OWNERS = ("policy", "issuer", "log", "steward")
STORES = Stores(keys="keys", ledger="ledger", consents="consents.db", stop_file="STOP")
PSEUDONYM, PSEUDONYM_BYTES = "pseudonym.key", 32
"""The secret behind subject references: destroying it unlinks them all."""
LOOK_BACK = 1024
"""Entries read at a time when the newest policy_change is looked for, from the end."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open deployment. `close` lets go of ledger and store."""

    desk: Desk
    journal: Journal
    session_id: str

    def close(self) -> None:
        self.desk.store.close()
        self.journal.ledger.close()


def create(folder: Path, *, origin: str, now: datetime, passphrase: bytes | None = None) -> dict[str, str]:
    """Makes keys, an empty ledger whose first entry names them, and an empty consent store.

    Returns owner -> key id, for the manifest. Raises BadInput when the folder holds a deployment already.
    """
    key_folder = folder / STORES.keys
    if key_folder.exists():
        raise BadInput("a deployment exists already", where=str(folder), expected="a new folder")
    key_folder.mkdir(parents=True, mode=0o700)
    pairs = {owner: keys.generate(owner) for owner in OWNERS}
    for owner, pair in pairs.items():
        pair.save(key_folder / f"{owner}.key", passphrase)
        pair.public.save(key_folder / f"{owner}.pub")
    keys.write_new(key_folder / PSEUDONYM, os.urandom(PSEUDONYM_BYTES), mode=0o600)
    kids = {owner: pair.kid for owner, pair in pairs.items()}
    with Ledger.create(folder / STORES.ledger, origin=origin, log_key=pairs["log"], now=now) as ledger:
        write = Journal(ledger, {}, lambda: now, lambda: 0, os.urandom)
        write.write(Note(phase="key_event", action="trust_keys", outcome=Outcome.ALLOW, more=(("kids", kids),)))
    ConsentStore.create(folder / STORES.consents, keys={}).close()
    return kids


def private_key(base: Path, stores: Stores, owner: str, passphrase: bytes | None = None) -> KeyPair:
    """The private key of one owner. Raises BadInput when it is not here or does not open."""
    return keys.load_private(base / stores.keys / f"{owner}.key", passphrase, name=owner)


def pseudonym_key(base: Path, stores: Stores) -> bytes:
    """The secret that turns names into subject references. Raises BadInput when it is not here."""
    return keys.read_private(base / stores.keys / PSEUDONYM)


def consent_store(path: Path, named: Manifest, ring: KeyRing) -> ConsentStore:
    """The consent store of a deployment."""
    return ConsentStore(path.parent / named.stores.consents, keys=ring.trusted("issuer"))


def open_deployment(
    path: Path, *, clock: Callable[[], datetime], boottime_ns: Callable[[], int], policies: Path | None,
    passphrase: bytes | None, entropy: Callable[[int], bytes],
) -> Opened:  # fmt: skip
    """Opens everything behind a signed manifest, for writing. Raises EvidenceBroken or BadInput."""
    named, ring = manifest.load(path)
    now = clock()
    bundle = load_bundle(policies or places.folder("policies"))
    engine = Engine(bundle, places=named.scope.places, as_of=now.date())
    store = consent_store(path, named, ring)
    try:
        journal, session_id = _journal(
            path.parent, named, ring, engine, clock=clock, boottime_ns=boottime_ns, passphrase=passphrase,
            entropy=entropy,
        )  # fmt: skip
        try:
            _check_memory(journal.ledger, named, bundle)
            check_endings(journal.ledger, store, now=now)
            change = (("bundle_version", bundle.version),)
            journal.write(Note(phase="policy_change", action="open_gate", outcome=Outcome.ALLOW, more=change))
        except BaseException:
            journal.ledger.close()
            raise
    except BaseException:
        store.close()
        raise
    issuer_file = path.parent / named.stores.keys / "issuer.key"
    issuer = private_key(path.parent, named.stores, "issuer", passphrase) if issuer_file.exists() else None
    stop_file = path.parent / named.stores.stop_file
    desk = Desk(named, ring, issuer, store, engine, entropy, stop_file.exists)
    return Opened(desk, journal, session_id)


def pen(
    path: Path, *, clock: Callable[[], datetime], boottime_ns: Callable[[], int], passphrase: bytes | None = None
) -> Journal:
    """A journal for what happens outside an open gate: endings, stops, resumptions. Close its ledger afterwards."""
    named, ring = manifest.load(path)
    journal, _ = _journal(
        path.parent, named, ring, None, clock=clock, boottime_ns=boottime_ns, passphrase=passphrase,
        entropy=os.urandom,
    )  # fmt: skip
    return journal


def _journal(
    base: Path, named: Manifest, ring: KeyRing, engine: Engine | None, *, clock: Callable[[], datetime],
    boottime_ns: Callable[[], int], passphrase: bytes | None, entropy: Callable[[int], bytes],
) -> tuple[Journal, str]:  # fmt: skip
    now = clock()
    ledger = Ledger.open(
        base / named.stores.ledger, log_public=ring.key_of("log"), now=now,
        log_key=private_key(base, named.stores, "log", passphrase), entropy=entropy,
    )  # fmt: skip
    session_id = uuid7(now, entropy(10))
    same: dict[str, Any] = {
        "session_id": session_id, "deployment_id": named.deployment.id, "manifest_digest": named.digest,
        "principal": named.deployment.operator, "authn": "os-user", "human_overseer": named.oversight.overseer,
    }  # fmt: skip
    if engine is not None:
        same |= {
            "active_packs": list(engine.active_packs), "as_of": engine.as_of.isoformat(), "engine": engine.name,
            "bundle_digest": engine.bundle_digest, "schema_digest": engine.schema_digest,
        }  # fmt: skip
    return Journal(ledger, same, clock, boottime_ns, entropy), session_id


def _check_memory(ledger: Ledger, named: Manifest, bundle: Bundle) -> None:
    """The ledger remembers which keys it was made for and which policies came last: neither goes back unseen."""
    first = next(ledger.entries(0, 1), None)
    kids = {owner: getattr(named.trust, f"{owner}_kid") for owner in OWNERS}
    if first is None or first.header.get("kids") != kids or first.header.get("schema") != SCHEMA:
        raise EvidenceBroken(
            "keys that this ledger was not made for", where=str(ledger.folder),
            advice="Somebody may have swapped keys and manifest: restore them, or start a new deployment.",
        )  # fmt: skip
    last = _last_bundle_version(ledger)
    if bundle.version < last:
        raise EvidenceBroken(
            f"policy bundle version {bundle.version}", where=str(bundle.folder),
            expected=f"at least {last}, the version in force before", advice="Policies never go back.",
        )  # fmt: skip


def check_endings(ledger: Ledger, store: ConsentStore, *, now: datetime) -> None:
    """Raises EvidenceBroken when a consent that the ledger saw end stands as it did before its end.

    So no older copy of the store brings a withdrawn consent back. Endings whose key was destroyed tell nothing.
    """
    for entry in ledger.of_phase("withdrawal"):
        facts = private_facts(ledger.read_private(entry.index))
        standing = store.standing(str(facts["consent"]), now=now) if facts else None
        if facts and standing and standing.version < facts["version"]:
            raise EvidenceBroken(
                f"version {standing.version} of consent {standing.record_id}, which ended", where=str(store.path),
                expected=f"version {facts['version']} or later, as entry {entry.index} of the ledger says",
                advice="An older copy of the store may have been put back: restore the newest, or withdraw again.",
            )  # fmt: skip


def _last_bundle_version(ledger: Ledger) -> int:
    stop = ledger.size
    while stop > 0:
        start = max(0, stop - LOOK_BACK)
        changes = [e for e in ledger.entries(start, stop) if e.header.get("phase") == "policy_change"]
        if changes:
            return int(changes[-1].header["bundle_version"])
        stop = start
    return 0
