"""Third-party models as audit subjects: the zoo on rendered people behind the gate, and foreign tables in a plan."""

import json
import shutil
from pathlib import Path

import fakes
import foreign_tables as tables
import numpy as np
import pytest
from throwaway import NOON, build

from vemo_audit.audit.plan import read_plan
from vemo_audit.audit.run import run_audit
from vemo_audit.demo.film import film
from vemo_audit.errors import BadInput, Refused
from vemo_audit.governance.gate import Gate
from vemo_audit.probe.cast import cast
from vemo_audit.probe.dataset import Probe, Shoot
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.perception.tracks import FaceTracker
from vemo_audit.records.audit_run import AuditRun
from vemo_audit.records.digest import sha256_hex
from vemo_audit.tables.read import read_predictions

NAMES = ("first", "middle", "last")


def quiet(stage: str, done: int, total: int) -> None:
    """A listener that does not listen."""


def value(run: AuditRun, recognizer: str, metric: str = "accuracy") -> float:
    (one,) = (m for m in run.measurements if (m.recognizer, m.metric, m.slice) == (recognizer, metric, "overall"))
    return one.value


def staged(folder: Path, root: Path, shared_data: Path, *, adults: int, classes: tuple[str, ...]) -> Path:
    """The plan beside its clips, its gate, a release that lists every clip, and the zoo."""
    shutil.copyfile(root / "tests" / "plans" / "zoo.toml", folder / "plan.toml")
    (folder / "zoo").symlink_to(shared_data / "models" / "zoo")
    settings = Shoot(classes=classes, duration_s=0.32, rate_hz=12.5)
    film(folder / "clips", cast(adults=adults, minors=0), settings, listener=quiet)
    made = build(folder / "gate", purposes=("dataset_audit",), bindings=("dataset_release",), modalities=("face",))
    digests = [sha256_hex(clip.path.read_bytes()) for clip in Probe(folder / "clips").clips()]
    said = "rendered from a CC0 head rig: nobody is depicted"
    (folder / "release.json").write_bytes(made.release(digests, dataset_id="probe", consent_statement=said))
    return folder / "plan.toml"


def audited(plan: Path, out: Path) -> AuditRun:
    detector = FaceDetector()
    with Gate.open(
        plan.parent / "gate" / "deployment.toml", clock=lambda: NOON, boottime_ns=lambda: 0,
        make_finder=lambda: FaceTracker(detector),
    ) as gate:  # fmt: skip
        return run_audit(read_plan(plan), gate=gate, folder=out, now=NOON, rng=np.random.default_rng(0), listener=quiet)


@pytest.mark.real_data
@pytest.mark.long
def test_the_zoo_is_audited_behind_the_gate(root: Path, shared_data: Path, tmp_path: Path) -> None:
    plan = staged(tmp_path, root, shared_data, adults=12, classes=("happiness", "surprise", "neutral", "anger"))
    (tmp_path / "out").mkdir()
    run = audited(plan, tmp_path / "out")
    assert (run.gate.basis, run.gate.asked, run.gate.admitted) == ("gated inference", 144, 144)
    for name in NAMES:
        line = {
            "name": f"zoo/{name}: accuracy on 48 rendered clips",
            "value": round(value(run, name), 3),
            "unit": "share",
        }
        print(json.dumps(line))
        table = read_predictions(tmp_path / "out" / "predictions" / f"{name}.parquet")
        assert len(set(table.clip)) == 48 and all(table.decision)
    cards = {card.name: card for card in run.recognizers}
    assert [cards[name].version for name in NAMES] == ["00-0.47", "15-0.60", "102-0.66"]
    assert len({cards[name].digest for name in NAMES}) == 3
    assert all(value(run, name) > 0.3 for name in NAMES)  # rendered people do not keep the order of real ones
    assert {finding.criterion.id for finding in run.findings} == {"accuracy", "sex-gap"}


@pytest.mark.real_data
def test_a_sample_of_the_zoo_is_audited_behind_the_gate(root: Path, shared_data: Path, tmp_path: Path) -> None:
    plan = staged(tmp_path, root, shared_data, adults=6, classes=("happiness",))
    release = (tmp_path / "release.json").read_bytes()
    (tmp_path / "out").mkdir()
    run = audited(plan, tmp_path / "out")
    assert (run.gate.asked, run.gate.admitted) == (18, 18)
    assert all(0 <= value(run, name) <= 1 for name in NAMES)
    (tmp_path / "release.json").write_bytes(release.replace(b'"sig":"', b'"sig":"AAAA', 1))
    with pytest.raises(Refused) as refusal:  # the twin: without a release that holds, nobody is seen
        audited(plan, tmp_path / "twin")
    assert refusal.value.rule_id == "g.signature"


PLAN = fakes.PLAN.replace('table = "predictions.csv"', 'table = "{table}"\noptions = {options}')


def vendor(folder: Path, table: str, options: str) -> Path:
    """The plan of a made-up vendor whose answers are foreign tables."""
    text = PLAN.replace("{table}", table).replace("{options}", options)
    return fakes.vendor(folder, plan=text)


def test_a_folder_of_foreign_tables_is_audited_without_a_clip(tmp_path: Path) -> None:
    words = {"Neutral": "calm", "Happiness": "calm"} | dict.fromkeys(
        ("Sadness", "Surprise", "Fear", "Disgust", "Anger"), "tense"
    )
    mapping = ", ".join(f'{word} = "{label}"' for word, label in words.items())
    options = f'{{ layout = "libreface", mapping = {{ {mapping} }}, drop = ["Contempt"] }}'
    plan = vendor(tmp_path, "answers", options)
    rows = (tmp_path / "data" / "labels.csv").read_text().splitlines()[1:]
    for k, row in enumerate(rows):
        clip, label, _ = row.split(",")
        word = {"calm": "Neutral", "tense": "Anger"}[label] if k % 4 else "Surprise"
        tables.libreface(tmp_path / "answers" / f"{clip}.csv", [(0.0, word), (40.0, word), (80.0, "Contempt")])
    (tmp_path / "out").mkdir()
    run = run_audit(
        read_plan(plan), gate=None, folder=tmp_path / "out", now=NOON, rng=np.random.default_rng(0), listener=quiet
    )
    wrong = sum(row.split(",")[1] == "calm" for row in rows[::4])
    assert value(run, "vendor") == pytest.approx(1 - wrong / len(rows))
    assert any("without a probability" in limit for limit in run.recognizers[0].limits)


@pytest.mark.parametrize(
    ("table", "options", "found"),
    [
        ("answers", '{ speed = 2 }', "option 'speed'"),
        ("answers", '{ classes = "guess" }', "classes = 'guess'"),
        ("answers", '{ layout = "pyfeat" }', "layout 'pyfeat'"),
        ("predictions.csv", '{ layout = "auto" }', "our own table"),
        ("nowhere", '{ layout = "auto" }', "no table"),
    ],
)  # fmt: skip
def test_what_a_plan_states_of_a_foreign_table_is_checked(tmp_path: Path, table: str, options: str, found: str) -> None:
    plan = vendor(tmp_path, table, options)
    tables.libreface(tmp_path / "answers" / "a.csv", [(0.0, "Neutral")])
    with pytest.raises(BadInput, match=found):
        run_audit(
            read_plan(plan), gate=None, folder=tmp_path / "out", now=NOON, rng=np.random.default_rng(0), listener=quiet
        )
