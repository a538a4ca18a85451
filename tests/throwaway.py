"""A real gate for anybody's tests: throw-away keys, a signed manifest, consents on demand, and a clock that obeys."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from vemo_audit.governance import deployment, forms, manifest, releases, withdrawal
from vemo_audit.governance.consents import ConsentStore
from vemo_audit.governance.forms import ConsentForm, ManifestForm
from vemo_audit.governance.gate import Case, Gate
from vemo_audit.governance.keys import KeyPair
from vemo_audit.governance.policy.packs import load_bundle
from vemo_audit.governance.releases import Release
from vemo_audit.records.clip import AudioFacts, Clip, FaceFinder, FoundFace, VideoFacts
from vemo_audit.records.consent import ConsentRecord
from vemo_audit.records.consent_terms import Actor, Channel, State
from vemo_audit.records.digest import sha256_hex
from vemo_audit.resources import places

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FACE = frozenset({"face"})
LABEL = frozenset({"expression_label", "valence_arousal"})


@dataclass
class Clock:
    """Wall clock and boot-time clock of a test: they move together unless told otherwise."""

    now: datetime = NOON
    boot_ns: int = 0

    def __call__(self) -> datetime:
        return self.now

    def boottime_ns(self) -> int:
        return self.boot_ns

    def forward(self, **by: float) -> None:
        step = timedelta(**by)
        self.now += step
        self.boot_ns += int(step.total_seconds() * 1e9)


@dataclass
class Throwaway:
    """One deployment in a folder of its own. The stores are opened per call, so that a gate may be open beside it."""

    folder: Path
    form: ManifestForm
    clock: Clock = field(default_factory=Clock)

    @property
    def path(self) -> Path:
        return self.folder / "deployment.toml"

    def key(self, owner: str) -> KeyPair:
        return deployment.private_key(self.folder, deployment.STORES, owner)

    def store(self) -> ConsentStore:
        public = self.key("issuer").public
        return ConsentStore(self.folder / deployment.STORES.consents, keys={public.kid: public})

    def gate(self, make_finder: Callable[[], FaceFinder] | None = None) -> Gate:
        return Gate.open(
            self.path, clock=self.clock, boottime_ns=self.clock.boottime_ns, make_finder=make_finder or AlwaysOne
        )

    def record(self, subject: str = "person-1", **answers: Any) -> ConsentRecord:
        """A consent that nobody has signed or stored yet; `answers` are fields of ConsentForm."""
        answers = {"purposes": self.form.purposes} | answers
        form = ConsentForm(subject_ref=subject, **answers)
        return forms.new_record(form, forms.controller_of(self.form), now=self.clock.now, entropy=os.urandom)

    def give(self, subject: str = "person-1", **answers: Any) -> tuple[str, bytes]:
        """Record id and envelope of a consent, signed and stored."""
        record = self.record(subject, **answers)
        with self.store() as store:
            return record.record_id, withdrawal.give(record, store, key=self.key("issuer"), now=self.clock.now)

    def withdraw(self, record_id: str) -> None:
        with self.store() as store:
            withdrawal.change(
                store, record_id, State.WITHDRAWN, key=self.key("issuer"), by=Actor.SUBJECT, method=Channel.UI,
                now=self.clock.now,
            )  # fmt: skip

    def release(self, digests: Sequence[str], **more: Any) -> bytes:
        """A signed dataset manifest for these digests."""
        fields = {
            "schema": releases.SCHEMA, "dataset_id": "made-up", "licence": "CC0", "consent_statement": "all agreed",
            "purposes": ("dataset_audit",), "role": "participant", "adults_only": True, "guardians_agreed": False,
            "single_speaker": True, "max_faces": 1, "not_before": NOON - timedelta(days=1),
            "expires_at": NOON + timedelta(days=100), "digests": tuple(sorted(digests)),
        }  # fmt: skip
        return releases.sign(Release(**(fields | more)), key=self.key("steward"))

    def case(self, *consents: bytes, **more: Any) -> Case:
        """What the tests ask for unless they say otherwise."""
        fields = {"purpose": self.form.purposes[0], "modalities": FACE, "outputs": LABEL, "consents": consents}
        return Case(**(fields | more))


def build(folder: Path, **stated: Any) -> Throwaway:
    """A deployment for research with participants in the EU; `stated` are fields of ManifestForm."""
    fields = {
        "deployment_id": "throwaway", "controller": "lab", "controller_name": "The Lab", "contact": "lab@example.org",
        "operator": "tester", "overseer": "Olga",
    }  # fmt: skip
    form = ManifestForm(**(fields | stated))
    made = Throwaway(folder, form)
    kids = deployment.create(folder, origin="throwaway.example/vemo-audit/2026-11", now=NOON)
    digest = load_bundle(places.folder("policies")).digest
    made.path.write_text(forms.manifest_text(form, kids=kids, bundle_digest=digest, now=NOON), "utf-8")
    manifest.sign(made.path, key=made.key("policy"))
    return made


def clip(name: str = "clip.mp4", *, width: int = 64, height: int = 48, sound: bool = False, **more: Any) -> Clip:
    """A clip by name only; there is no file behind it."""
    fields: dict[str, Any] = {
        "name": name, "path": Path("nowhere") / name, "sha256": sha256_hex(name.encode()), "bytes": 1000,
        "container": "mp4", "duration_s": 2.0, "video": VideoFacts(width, height, 0, 25.0, 50, "h264", "yuv420p"),
        "audio": AudioFacts(16_000, 1, "aac") if sound else None,
    }  # fmt: skip
    return Clip(**(fields | more))


def face(track: int, x0: float, y0: float, x1: float, y1: float) -> FoundFace:
    """A found face whose five points lie in the middle of its box."""
    points = np.full((5, 2), ((x0 + x1) / 2, (y0 + y1) / 2), np.float32)
    return FoundFace(track, (x0, y0, x1, y1), points, 0.99)


class Scripted:
    """A FaceFinder that finds what the test says, frame by frame."""

    def __init__(self, script: Sequence[Sequence[FoundFace]]) -> None:
        self._script, self._at = script, 0

    def find(self, images: np.ndarray, time_s: np.ndarray) -> list[tuple[FoundFace, ...]]:
        found = [tuple(faces) for faces in self._script[self._at : self._at + len(images)]]
        self._at += len(images)
        return found


class AlwaysOne:
    """A FaceFinder that finds one still face in the middle of every frame."""

    def find(self, images: np.ndarray, time_s: np.ndarray) -> list[tuple[FoundFace, ...]]:
        height, width = images.shape[1:3]
        return [(face(1, width * 0.4, height * 0.4, width * 0.6, height * 0.6),)] * len(images)
