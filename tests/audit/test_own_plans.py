"""The plans of our own audit: they ask for an offline audit of the voice alone, and lose no label in silence."""

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from vemo_audit.audit.answers import open_dataset
from vemo_audit.audit.own_cards import of_run, with_audits
from vemo_audit.audit.plan import read_plan
from vemo_audit.audit.stage import PURPOSE, Vouched, set_stage
from vemo_audit.cli.audit import audit_into, open_gate
from vemo_audit.cli.clocks import wall_clock
from vemo_audit.datasets.ravdess_speech import CONSENT
from vemo_audit.errors import Refused
from vemo_audit.records.digest import sha256_hex

pytestmark = pytest.mark.real_data
PLANS = ("voice-ravdess", "voice-emodb")


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_stands_before_a_gate_and_maps_every_label(name: str, root: Path, shared_data: Path) -> None:
    plan = read_plan(root / "models" / "audits" / f"{name}.toml")
    assert plan.gate.purpose == PURPOSE and not plan.gate.historic
    dataset = open_dataset(plan.dataset, where=name)
    mapping = plan.dataset.mapping
    assert mapping is not None and mapping.dropped
    renamed = {label: mapping(label) for label in dataset.label_set.names}
    assert {label for label, new in renamed.items() if new is None} == set(mapping.dropped)


def some_speech(shared_data: Path, folder: Path) -> list[str]:
    """Angry and sad clips of all sixteen actors; their digests."""
    folder.mkdir()
    for emotion in ("04", "05"):
        for file in sorted((shared_data / "ravdess" / "speech").glob(f"03-01-{emotion}-01-01-01-*.flac")):
            shutil.copyfile(file, folder / file.name)
    return [sha256_hex(file.read_bytes()) for file in sorted(folder.iterdir())]


def test_real_speech_goes_through_the_gate_by_its_voice_alone_and_onto_a_card(
    root: Path, shared_data: Path, tmp_path: Path
) -> None:
    digests = some_speech(shared_data, tmp_path / "speech")
    vouched = [Vouched("ravdess_speech", "CC BY-NC-SA 4.0", CONSENT, tuple(digests))]
    manifest, releases = set_stage(tmp_path / "dep", vouched, modalities=("voice",), now=wall_clock())
    plan = read_plan(root / "models" / "audits" / "voice-ravdess.toml")
    plan = replace(
        plan, dataset=replace(plan.dataset, path=tmp_path / "speech"), draws=100,
        gate=replace(plan.gate, deployment=manifest, consents=(releases,)),
    )  # fmt: skip
    out = tmp_path / "out"
    out.mkdir()
    with open_gate(plan) as gate:
        run, _ = audit_into(out, plan, gate=gate, layout="audit", now=wall_clock(), listener=lambda *_: None)
    assert (run.gate.asked, run.gate.admitted) == (32, 32)
    (table,) = (out / "predictions").glob("*.parquet")
    said = set(parquet.read_table(table)["modality"].to_pylist())
    assert "voice" in said and said <= {"", "voice"}
    entries = of_run(run, split="some", groups="sex of the actor", through="the gate")
    text = with_audits('name = "m"\n', entries, notes={}, cannot_show=("much",))
    assert 'metric = "accuracy"' in text and "people = 8" in text
    assert not any(file.stem in text for file in (tmp_path / "speech").iterdir()), "no row reaches a card"


def test_speech_that_no_release_lists_is_not_heard(root: Path, shared_data: Path, tmp_path: Path) -> None:
    """The twin: the same clips before the same gate, with a release of one file that is not among them."""
    some_speech(shared_data, tmp_path / "speech")
    vouched = [Vouched("ravdess_speech", "CC BY-NC-SA 4.0", CONSENT, ("00" * 32,))]
    manifest, releases = set_stage(tmp_path / "dep", vouched, modalities=("voice",), now=wall_clock())
    plan = read_plan(root / "models" / "audits" / "voice-ravdess.toml")
    plan = replace(
        plan, dataset=replace(plan.dataset, path=tmp_path / "speech"),
        gate=replace(plan.gate, deployment=manifest, consents=(releases,)),
    )  # fmt: skip
    with open_gate(plan) as gate, pytest.raises(Refused, match="not one of 32 clips"):
        audit_into(tmp_path, plan, gate=gate, layout="audit", now=wall_clock(), listener=lambda *_: None)
