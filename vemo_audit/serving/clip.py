"""One file behind the gate: admitted or refused, recognized, drawn, and written whole or not at all."""

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2

from vemo_audit.errors import BadInput, Refused
from vemo_audit.governance.gate import Case, Gate
from vemo_audit.media import decode
from vemo_audit.media.encode import VideoWriter
from vemo_audit.media.probe import probe
from vemo_audit.recognition.recognizers import asking
from vemo_audit.recognition.recognizers.interface import Recognizer
from vemo_audit.records.clip import AdmittedClip, Clip
from vemo_audit.records.decision import Decision, Outcome, RuleHit
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.prediction import Prediction
from vemo_audit.report import inference
from vemo_audit.report.render import render
from vemo_audit.serving import told
from vemo_audit.serving.annotate import Seen, annotated
from vemo_audit.serving.finder import Remembered
from vemo_audit.tables.write import write_events, write_predictions

RECEIPT = "receipt.json"
WRITTEN = frozenset(
    [RECEIPT, "page.html", "summary.json", "predictions.parquet", "events.csv", "annotated.mp4", "annotated.png"]
)
"""All that is ever written. A folder that holds anything else is somebody's, and is left alone."""


@dataclass(frozen=True, slots=True)
class Served:
    """How one file ended: its decision, its folder, and whether the work had been done before."""

    clip: Clip
    decision: Decision
    folder: Path
    summary: Mapping[str, Any]
    again: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """An open gate with a recognizer behind it. `rules` names every rule that may cover a face."""

    gate: Gate
    recognizer: Recognizer
    deployment: str
    manifest: str  # digest
    rules: Mapping[str, RuleHit]
    finders: Remembered
    files: tuple[str, ...] = ()  # digests of what else the recognizer reads: a transcript

    def infer(self, path: Path, folder: Path, case: Case) -> Served:
        """Everything about one file, into `folder`, in place of an earlier run's.

        Raises MediaError when it is no media file; BadInput, before the gate is asked, when `folder` holds other files,
        and when it cannot be written.
        """
        demand_room(folder)
        try:
            return self._infer(path, folder, case)
        except OSError as error:
            raise BadInput(
                f"results cannot be written ({error.strerror or error})", where=str(error.filename or folder),
                advice="Give another --out.",
            ) from error  # fmt: skip

    def _infer(self, path: Path, folder: Path, case: Case) -> Served:
        clip = probe(path)
        self.finders.forget()
        consents = [sha256_hex(consent) for consent in case.consents]
        run = told.key(
            clip, self.recognizer.card, case, consents=consents, manifest=self.manifest, files=self.files
        )  # fmt: skip
        answer = self.gate.admit(clip, replace(case, model_digest=self.recognizer.card.digest))
        if isinstance(answer, Decision):
            return self._refused(clip, answer, folder, case, run)
        decision = allowed(answer, self.gate.origin)
        done = finished(folder, run)
        if done is not None:
            return Served(clip, decision, folder, done, again=True)
        try:
            with drafted(folder) as draft:
                summary = self._serve(answer, decision, draft, case, run)
        except Refused as refused:  # consent ended, or somebody without it came into a strict view
            denial = self.gate.denial(answer) or stopped(decision, refused)
            return self._refused(clip, denial, folder, case, run, decoded=None)
        return Served(clip, decision, folder, summary)

    def _serve(self, admitted: AdmittedClip, decision: Decision, draft: Path, case: Case, run: str) -> dict[str, Any]:
        """Recognizes and writes all but what consent forbids; leaves `draft` complete."""
        clip, card = admitted.clip, self.recognizer.card
        found = asking.answers(self.recognizer, admitted)
        kept = self._emitted(admitted, found)
        about = {"recognizer": card.name, "recognizer_version": card.version, "recognizer_digest": card.digest}
        write_predictions(draft / "predictions.parquet", kept, labels=card.labels, dataset="", metadata=about)
        if any(one.events for one in kept):
            write_events(draft / "events.csv", kept)
        seen = self._draw(admitted, kept, draft)
        settings = getattr(self.recognizer, "settings", None)
        followed_hz = float(getattr(settings, "unit_rate_hz", math.inf))
        more = told.look(kept, case=case, permit=admitted.permit, seen=seen, followed_hz=followed_hz)
        summary = told.summary(
            clip, decision, card, purpose=case.purpose, predictions=kept, seen=seen,
            traces=getattr(self.recognizer, "traces", {}) and self.recognizer.traces, more=more,
        )  # fmt: skip
        told_of = sorted({p.trace for p in kept} & set(summary["traces"]))  # in an order that no hash seed decides
        summary["traces"] = {one: summary["traces"][one] for one in told_of}
        (draft / "summary.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", "utf-8")
        page = told.facts(
            clip, decision, card, purpose=case.purpose, deployment=self.deployment, predictions=kept, seen=seen,
            rules=self.rules, receipt=RECEIPT, more=more,
        )  # fmt: skip
        (draft / "page.html").write_text(render(inference.page(page), layout="inference"), "utf-8")
        self._receipt(draft, clip, decision, case, run, admitted)
        self._emitted(admitted, kept)  # the last word before anything leaves
        return summary

    def _emitted(self, admitted: AdmittedClip, predictions: Sequence[Prediction]) -> list[Prediction]:
        kept = self.gate.emit(admitted, predictions)
        if predictions and not kept:
            raise Refused(
                "Consent ended while the clip was being read; nothing was kept.", rule_id="w.withdrawn-since",
                ref="GDPR art. 7(3)", where=admitted.clip.name,
            )  # fmt: skip
        return kept

    def _draw(self, admitted: AdmittedClip, kept: Sequence[Prediction], draft: Path) -> Seen | None:
        video = admitted.clip.video
        if video is None or not admitted.permit.modalities & {"face", "body"}:
            return None
        seen = Seen()
        labels = self.recognizer.card.labels.names
        pictures = annotated(decode.frames(admitted), kept, labels=labels, seen=seen)
        if admitted.clip.is_still:
            for picture, _ in pictures:
                cv2.imwrite(str(draft / "annotated.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            return seen
        rate_hz = video.rate_hz if video.rate_hz > 0 else 25.0
        with VideoWriter(draft / "annotated.mp4", width=video.width, height=video.height, rate_hz=rate_hz) as writer:
            for picture, time_s in pictures:
                writer.write(picture, time_s)
        return seen

    def _refused(
        self, clip: Clip, decision: Decision, folder: Path, case: Case, run: str, *, decoded: int | None = 0
    ) -> Served:
        """A refusal leaves a page and a receipt, and nothing of the person. `decoded` frames; None: not counted."""
        card = self.recognizer.card
        folder = beside(folder, case.purpose)
        page = told.facts(
            clip, decision, card, purpose=case.purpose, deployment=self.deployment, receipt=RECEIPT, decoded=decoded
        )  # fmt: skip
        summary = told.summary(clip, decision, card, purpose=case.purpose, predictions=(), seen=None, traces={})
        with drafted(folder) as draft:
            (draft / "page.html").write_text(render(inference.page(page), layout="inference"), "utf-8")
            (draft / "summary.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", "utf-8")
            self._receipt(draft, clip, decision, case, run, None)
        return Served(clip, decision, folder, summary)

    def _receipt(
        self, folder: Path, clip: Clip, decision: Decision, case: Case, run: str, admitted: AdmittedClip | None
    ) -> None:
        files = {path.name: sha256_hex(path.read_bytes()) for path in sorted(folder.iterdir())}
        proof = self.gate.proof(decision.log_index) if decision.log_index is not None else ""
        content = told.receipt(
            clip, decision, run=run, purpose=case.purpose, files=files, proof=proof,
            permit=admitted.permit if admitted else None,
        )  # fmt: skip
        (folder / RECEIPT).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def demand_room(folder: Path) -> None:
    """Raises BadInput unless the folder is new, empty, or holds nothing but an earlier run's files."""
    expected = "a folder of its own for the results"
    try:
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise BadInput("a file or a link", where=str(folder), expected=expected, advice="Give another --out.")
        strange = sorted({path.name for path in folder.iterdir()} - WRITTEN) if folder.exists() else []
    except OSError as error:
        raise BadInput(f"a folder that cannot be read ({error.strerror})", where=str(folder)) from error
    if strange:
        raise BadInput(
            f"a folder with other files in it, such as {strange[0]!r}", where=str(folder), expected=expected,
            advice="Nothing was touched. Give another --out.",
        )  # fmt: skip


@contextmanager
def drafted(folder: Path) -> Iterator[Path]:
    """A hidden folder to write in, put in the place of `folder` at the end; after an error, nothing is left of it."""
    draft = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def allowed(admitted: AdmittedClip, origin: str) -> Decision:
    """The decision behind an open door; `origin` names the ledger that it stands in."""
    permit = admitted.permit
    return Decision(
        permit.decision_id, permit.issued_at, "infer_emotion", Outcome.ALLOW, (), log_index=permit.log_index,
        log_origin=origin, clip_sha256=permit.clip_sha256,
    )  # fmt: skip


def stopped(decision: Decision, refused: Refused) -> Decision:
    """What to tell when work stopped on something that the gate itself did not record: no entry proves it."""
    hit = RuleHit(refused.rule_id, refused.ref, refused.message)
    return replace(decision, outcome=Outcome.DENY, rules=(hit,), advice=refused.advice, log_index=None)


def beside(folder: Path, purpose: str) -> Path:
    """Where a refusal goes: over earlier results for the same purpose, but never over those for another one."""
    try:
        earlier = json.loads((folder / RECEIPT).read_text("utf-8"))
        kept = earlier["outcome"] == Outcome.ALLOW.value and earlier["purpose"] != purpose
    except (OSError, ValueError, KeyError, TypeError):
        return folder
    return folder.with_name(f"{folder.name}-refused") if kept else folder


def finished(folder: Path, run: str) -> dict[str, Any] | None:
    """The summary of an earlier run with the same inputs whose files are all still as written; else None."""
    try:
        receipt = json.loads((folder / RECEIPT).read_text("utf-8"))
        whole = receipt["run"] == run and receipt["outcome"] == Outcome.ALLOW.value
        whole = whole and all(sha256_hex((folder / n).read_bytes()) == d for n, d in receipt["files"].items())
        return json.loads((folder / "summary.json").read_text("utf-8")) if whole else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
