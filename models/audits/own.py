"""Runs our recognizer under its own audit, on real people, through the gate, and writes the figures onto its cards.

`make audit-own` calls this. Everything it makes lies below reports/runs/own and is made again when weights or data
change; pictures that were looked at by the same weights are not looked at again. Only aggregates reach the cards.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vemo_audit.audit import own_cards, unlabelled
from vemo_audit.audit.answers import open_dataset
from vemo_audit.audit.folder import whole_folder
from vemo_audit.audit.own_voice import held_out_table
from vemo_audit.audit.pictures import COVERED, OneLook, look, reasons
from vemo_audit.audit.plan import read_plan
from vemo_audit.audit.stage import Vouched, set_stage
from vemo_audit.audit.unlabelled import CANNOT_SHOW, NO_LABELS, PERCEIVED
from vemo_audit.cli.audit import audit_into, open_gate
from vemo_audit.cli.clocks import boottime_ns, wall_clock
from vemo_audit.cli.infer import face_finder
from vemo_audit.datasets import emodb_speech, fairface_pictures, ravdess_speech
from vemo_audit.governance.gate import Gate
from vemo_audit.recognition.recognizers.temporal_multimodal import TemporalMultimodal
from vemo_audit.records.audit_run import AuditRun, GateEvidence
from vemo_audit.records.digest import digest, sha256_hex
from vemo_audit.records.group_figure import Unlabelled
from vemo_audit.report.render import render
from vemo_audit.report.unlabelled import LAYOUT, page
from vemo_audit.tables.write import write_whole

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "reports" / "runs" / "own"
MODELS = ROOT / "models"
SEED = 20261123
COMMAND = "make audit-own"
FACE_METRICS = (
    "face found", "face found by the teacher", "no answer", "no answer though a face was found", "quality: score",
    "most likely:", "mean score:", "mean estimate:", "mean agreement", "agreement:",
)  # fmt: skip
"""What of the pages of pictures goes onto the cards; the page in reports/runs holds all."""
MINORS = "released without anybody's guardian, as annotators took the person for younger than 20"


def main() -> None:
    """Audits the voice expert, then each face expert that was named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of real data, ../shared/data")
    parser.add_argument("--faces", nargs="*", help="names of face experts; by default the recognizer's own")
    parser.add_argument("--only", choices=["voice", "face"], help="leave the other one out")
    asked = parser.parse_args()
    default = TemporalMultimodal()
    if asked.only != "face":
        voice(asked.data, default)
    if asked.only != "voice":
        for name in asked.faces or [default.settings.face]:
            face(asked.data, default if name == default.settings.face else TemporalMultimodal(face=name))


def voice(data: Path, recognizer: TemporalMultimodal) -> None:
    """RAVDESS speech through the gate, and the held-out answers on EmoDB; both onto the card of the voice expert."""
    name = recognizer.settings.voice
    table = held_out_table(MODELS, data / "emodb", OUT / "emodb-held-out.parquet", name=name, listener=say)
    speech = [
        sha256_hex(clip.path.read_bytes()) for clip in ravdess_speech.RavdessSpeech(data / "ravdess" / "speech").clips()
    ]
    releases = (
        Vouched("ravdess_speech", "CC BY-NC-SA 4.0, evaluation only", ravdess_speech.CONSENT, tuple(speech)),
        Vouched("emodb", "CC0-1.0", emodb_speech.CONSENT, (sha256_hex(table.read_bytes()),)),
    )
    set_stage(OUT / "voice", releases, modalities=("voice",), now=wall_clock())
    ravdess, emodb = (labelled(plan) for plan in ("voice-ravdess", "voice-emodb"))
    entries = own_cards.of_run(
        ravdess, through=gate_words(ravdess.gate), groups="sex of the actor, coded by the actor's number",
        split="speech of actors 01 to 16, foreign data: English, and nothing of it was trained on. Calm and surprised "
        "have no counterpart and are left out: " + left_out("voice-ravdess"),
    ) + own_cards.of_run(
        emodb, through=gate_words(emodb.gate), groups="sex of the speaker, documented by the dataset",
        split="the expert's own training data: held-out answers, each speaker by a model that never heard them. "
        "Boredom is none of the classes and is left out: " + left_out("voice-emodb"),
    )  # fmt: skip
    write_card(name, entries, recognizer)


def labelled(name: str) -> AuditRun:
    """One plan beside this file, audited into a folder of its name."""
    plan = read_plan(Path(__file__).with_name(f"{name}.toml"))
    with open_gate(plan) as gate, whole_folder(OUT / name) as folder:
        run, _ = audit_into(folder, plan, gate=gate, layout="audit", now=wall_clock(), listener=say)
    return run


def face(data: Path, recognizer: TemporalMultimodal) -> None:
    """The FairFace validation pictures through the gate, onto the card of the face expert and a page."""
    name = recognizer.settings.face
    pictures = fairface_pictures.FairFacePictures(data / "fairface", split="val", unpacked=str(OUT / "fairface"))
    clips, faces = tuple(pictures.clips()), pictures.faces
    digests = np.array([sha256_hex(clip.path.read_bytes()) for clip in clips])
    adult = np.isin(faces.age_band, fairface_pictures.ADULT_BANDS)
    with pictured(digests, adult) as (gate, finder, releases):
        key = digest([recognizer.card.digest, pictures.card.digest, code_digest()])
        looked = look(
            clips, recognizer, gate, finder, releases=releases, kept=OUT / f"{name}-fairface.parquet", key=key,
            listener=say,
        )  # fmt: skip
    place = {one: k for k, one in enumerate(faces.ids)}
    shown = faces.where(np.array([place[one] for one in looked.ids], dtype=np.int64))
    found = unlabelled.topics(
        looked, unlabelled.groups_of(shown), unlabelled.teacher_of(shown), rng=np.random.default_rng(SEED)
    )
    asked, refused = len(clips), sum(looked.refused.values())
    told = [("Pictures shown to the gate", f"{asked:,}"), ("Admitted", f"{asked - refused:,}")]
    told += [("Refused", f"{count:,}: {rule} They were {MINORS}.") for rule, count in looked.refused.items()]
    told += [("No answer", f"{count:,}: {reason}") for reason, count in reasons(looked)]
    facts = Unlabelled(
        f"{name} on FairFace validation pictures", "On whom does the face expert find, read and score faces, and how?",
        recognizer.card, pictures.card, "validation, the admitted pictures", found, tuple(told),
        (*CANNOT_SHOW, NO_LABELS, PERCEIVED, COVERED[0].upper() + COVERED[1:] + "."),
    )  # fmt: skip
    html = render(page(facts, made=wall_clock()), layout=LAYOUT)
    write_whole(OUT / f"{name}-fairface.html", html.encode())
    through = "the gate, dataset_release: " + "; ".join(f"{what.lower()} {value}" for what, value in told[:2])
    through += "".join(f"; refused {count:,}, {MINORS}" for count in looked.refused.values())
    through += f". {fairface_pictures.NOT_ASKED}"
    entries = own_cards.of_topics(
        found, FACE_METRICS, dataset="FairFace", split="validation; no emotion labels", groups=PERCEIVED,
        through=through,
    )  # fmt: skip
    write_card(name, entries, recognizer)


@contextmanager
def pictured(digests: np.ndarray, adult: np.ndarray) -> Iterator[tuple[Gate, OneLook, Path]]:
    """An open gate for pictures, its finder, and the releases: of adults, and of who may be a minor."""
    adults = Vouched(
        "fairface", "CC BY 4.0", fairface_pictures.CONSENT, tuple(digests[adult]), role="other", single_speaker=False
    )
    minors = replace(adults, dataset_id="fairface-minors", digests=tuple(digests[~adult]), adults_only=False)
    releases = [one for one in (adults, minors) if one.digests]
    manifest, folder = set_stage(OUT / "face", releases, modalities=("face",), now=wall_clock())
    finder = OneLook(face_finder())
    with Gate.open(manifest, clock=wall_clock, boottime_ns=boottime_ns, make_finder=finder) as gate:
        yield gate, finder, folder


def write_card(name: str, entries: tuple[own_cards.CardAudit, ...], recognizer: Any) -> None:
    """Puts the entries onto a card in place of older ones."""
    path = MODELS / f"{name}.card.toml"
    text = path.read_text("utf-8")
    notes = {
        "command": COMMAND, "weights_sha256": str(tomllib.loads(text)["weights"]["sha256"]),
        "recognizer_sha256": recognizer.card.digest, "made": f"{wall_clock():%Y-%m-%d}",
    }  # fmt: skip
    made = own_cards.with_audits(text, entries, notes=notes, cannot_show=CANNOT_SHOW)
    write_whole(path, made.encode())
    sys.stderr.write(f"{len(entries)} audited numbers on {path.name}\n")


def code_digest() -> str:
    """Of the code that finds, reads and scores: rows that other code made are not used again."""
    files = sorted((ROOT / "vemo_audit" / "recognition").rglob("*.py"))
    return digest([sha256_hex(file.read_bytes()) for file in files])


def gate_words(evidence: GateEvidence) -> str:
    """What the gate did, in words."""
    return f"{evidence.basis}, dataset_release: asked {evidence.asked:,}, admitted {evidence.admitted:,}"


def left_out(name: str) -> str:
    """How many clips of a plan's dataset carry a label that the plan drops."""
    plan = read_plan(Path(__file__).with_name(f"{name}.toml"))
    truths = tuple(open_dataset(plan.dataset, where=name).labels())
    dropped = plan.dataset.mapping.dropped if plan.dataset.mapping else ()
    counts = [f"{sum(one.label == label for one in truths):,} {label}" for label in dropped]
    return f"{' and '.join(counts)} of {len(truths):,} clips"


def say(stage: str, done: int, total: int) -> None:
    """Progress on the terminal, every fiftieth step."""
    if done % 50 == 0 or done == total:
        sys.stderr.write(f"\r{stage}: {done:,} of {total:,}   ")
        if done == total:
            sys.stderr.write("\n")


if __name__ == "__main__":
    main()
