"""Limits: each sentence stands there because of a state of the run, and only then."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audit.made_up import measured
from fakes import PLAN as VENDOR_PLAN
from fakes import vendor
from throwaway import NOON

from vemo_audit.audit.judge import judge
from vemo_audit.audit.limits import ACTED, ONE_WAY, Outcome, limits_of
from vemo_audit.audit.plan import read_plan
from vemo_audit.audit.run import run_audit
from vemo_audit.evaluation.slices import Protection, Slice
from vemo_audit.records.audit_run import AuditRun, GateEvidence
from vemo_audit.records.card import DatasetCard

GATE = GateEvidence("gated inference", "d", "research", (), 20, 20, 0, (), 10, 0)


def run(folder: Path, **more: object) -> AuditRun:
    plan = read_plan(vendor(folder, **more))  # type: ignore[arg-type]
    return run_of(plan, folder)


def run_of(plan, folder: Path) -> AuditRun:  # type: ignore[no-untyped-def]
    return run_audit(
        plan, gate=None, folder=folder, now=NOON, rng=np.random.default_rng(0), listener=lambda *_: None
    )  # fmt: skip


def outcome(folder: Path) -> Outcome:
    """An outcome of a small vendor's table behind a gate that refused nobody."""
    one = measured(vendor(folder))
    plan = read_plan(folder / "plan.toml")
    findings = judge(plan.criteria, measurements=one.measurements, gaps=one.gaps)
    card = DatasetCard("made-up", "1", "in the wild", "", "", "", "", "", ())
    return Outcome(card, (one,), findings, GATE, ("sex",), 0.95)


def test_a_quiet_run_still_says_what_is_always_so(tmp_path: Path) -> None:
    found = run(tmp_path)
    assert ONE_WAY in found.limits and ACTED not in found.limits
    assert any(limit.startswith("No decision of the gate stands behind these rows") for limit in found.limits)
    assert any("The smallest group that is compared by sex has 6 people" in limit for limit in found.limits)


def test_unknown_people_are_counted_but_not_below_the_limit(tmp_path: Path) -> None:
    path = vendor(tmp_path, people=12)
    traits = tmp_path / "data" / "traits.csv"
    text = traits.read_text()
    for k in range(6):
        text = text.replace(f"\nfemale{k},female", f"\nfemale{k},")
    traits.write_text(text)
    assert any("Of 24 people, 6 have no known sex" in limit for limit in run_of(read_plan(path), tmp_path).limits)
    traits.write_text(text.replace("\nfemale0,", "\nfemale0,female").replace("\nfemale1,", "\nfemale1,female"))
    limits = run_of(read_plan(path), tmp_path).limits
    assert any("fewer than 5 have no known sex" in limit for limit in limits)
    assert not any("4 have no known" in limit for limit in limits)


def test_a_withheld_number_of_unknown_people_is_not_told_in_words(tmp_path: Path) -> None:
    path = vendor(tmp_path, people=12)
    traits = tmp_path / "data" / "traits.csv"
    text = traits.read_text()
    for k in range(6):
        text = text.replace(f"\nfemale{k},female", f"\nfemale{k},")
    traits.write_text(text)
    one = measured(path)
    unknown = Slice((("sex", "unknown"),))
    card = DatasetCard("made-up", "1", "in the wild", "", "", "", "", "", ())
    for covered in (Protection({}, frozenset({unknown})), Protection({unknown: "together"}, frozenset())):
        said = limits_of(Outcome(card, (replace(one, protection=covered),), (), GATE, ("sex",), 0.95))
        assert any("Of 24 people, 5 or more have no known sex" in limit for limit in said)


def test_states_are_counted(tmp_path: Path) -> None:
    plan = VENDOR_PLAN.replace("draws = 200", 'draws = 200\nmetrics = ["accuracy", "ece"]')
    assert any("carry an approximate interval" in limit for limit in run(tmp_path, plan=plan).limits)


def test_many_comparisons_are_said_to_be_many(tmp_path: Path) -> None:
    again = '\n[[criterion]]\nid = "b"\nmetric = "accuracy"\nkind = "at_least"\nlimit = 0.1\n'
    limits = run(tmp_path, plan=VENDOR_PLAN + again).limits
    assert any(limit.startswith("2 comparisons are judged") for limit in limits)
    assert not any("comparisons are judged" in limit for limit in run(tmp_path / "one").limits)


def test_refused_clips_are_said_to_be_absent(tmp_path: Path) -> None:
    quiet = outcome(tmp_path)
    assert not any("refused by the gate" in limit for limit in limits_of(quiet))
    told = limits_of(replace(quiet, gate=replace(GATE, admitted=15)))
    assert "5 of 20 clips were refused by the gate. The numbers speak only of the clips that were let in." in told


@pytest.mark.parametrize(("kind", "said"), [("acted", True), ("in the wild", False)])
def test_acted_clips_are_said_to_be_acted(kind: str, said: bool, tmp_path: Path) -> None:
    quiet = outcome(tmp_path)
    assert (ACTED in limits_of(replace(quiet, card=replace(quiet.card, kind=kind)))) is said
