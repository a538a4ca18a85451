"""Measuring: tables, labels and traits come together, and the numbers are those of a plain loop."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from audit.made_up import measured
from fakes import PLAN, vendor
from faults import evaluation as faults

from vemo_audit.audit import measure
from vemo_audit.audit.answers import from_table, open_dataset
from vemo_audit.audit.measure import Known, Measured, sketch_of
from vemo_audit.audit.plan import read_plan
from vemo_audit.errors import BadInput
from vemo_audit.records.labels import LabelMapping
from vemo_audit.records.measurement import State
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import Truth
from vemo_audit.report.suppress import disclosure


def hit_rate(folder: Path, start: str) -> float:
    """Share of right answers among clips whose name starts so, straight from the CSV."""
    hits = rows = 0
    for line in (folder / "predictions.csv").read_text().splitlines()[1:]:
        name, calm, tense = line.split(",")
        if name.startswith(start):
            rows += 1
            hits += name.split("-")[1] == ("calm" if float(calm) >= float(tense) else "tense")
    return hits / rows


def test_the_numbers_are_those_of_a_plain_loop(tmp_path: Path) -> None:
    found = measured(vendor(tmp_path))
    accuracy = {m.slice: m for m in found.measurements if m.metric == "accuracy"}
    assert accuracy["overall"].value == pytest.approx(hit_rate(tmp_path, ""))
    for sex in ("female", "male"):
        assert accuracy[f"sex={sex}"].value == pytest.approx(hit_rate(tmp_path, sex))
        assert (accuracy[f"sex={sex}"].subjects, accuracy[f"sex={sex}"].rows) == (6, 60)
    (gap,) = (g for g in found.gaps if g.metric == "accuracy")
    assert (gap.a, gap.b) == ("female", "male")
    assert gap.value == pytest.approx(hit_rate(tmp_path, "female") - hit_rate(tmp_path, "male"))
    assert gap.interval is not None and gap.interval.low < gap.value < gap.interval.high
    assert sum(map(sum, found.confusion.counts)) == 120


def test_the_twin_that_swaps_people_between_groups_measures_another_gap(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    before = next(g.value for g in measured(path).gaps if g.metric == "accuracy")
    traits = tmp_path / "data" / "traits.csv"
    traits.write_text(
        traits.read_text().replace("female2,female", "female2,male").replace("\nmale0,male", "\nmale0,female")
    )
    assert next(g.value for g in measured(path).gaps if g.metric == "accuracy") != pytest.approx(before)


def test_a_group_of_one_is_hidden_with_its_counts(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    traits = tmp_path / "data" / "traits.csv"
    traits.write_text(traits.read_text().replace("female0,female", "female0,other"))
    found = measured(path)
    one = next(m for m in found.measurements if m.slice == "sex=other" and m.metric == "accuracy")
    assert one.state is State.HIDDEN and one.rows is None and one.subjects is None and np.isnan(one.value)


def test_the_parts_of_a_hidden_group_are_not_listed(tmp_path: Path) -> None:
    path = vendor(tmp_path, people=8, plan=PLAN.replace('traits = ["sex"]', 'traits = ["age", "sex"]'))
    rows = [f"{sex}{k},{sex},{('old', 'young')[k % 2]}" for sex in ("female", "male") for k in range(8)]
    rows[0] = "female0,other,old"
    (tmp_path / "data" / "traits.csv").write_text("\n".join(["subject,sex,age", *rows]) + "\n")
    names = {m.slice for m in measured(path).measurements}
    assert "sex=other" in names and "age=young & sex=male" in names
    assert not any("sex=other" in name and "age=" in name for name in names)


def test_a_gap_with_a_withheld_count_tells_no_degrees_of_freedom(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    traits = tmp_path / "data" / "traits.csv"
    traits.write_text(traits.read_text().replace("female0,female", "female0,"))
    found = measured(path)
    (gap,) = (g for g in found.gaps if g.metric == "accuracy")
    assert None in (gap.subjects_a, gap.subjects_b) and gap.interval is not None
    assert np.isnan(gap.interval.degrees_of_freedom)
    assert gap.minimum_detectable == float(f"{gap.minimum_detectable:.2g}")
    open_gap = next(g for g in measured(vendor(tmp_path)).gaps if g.metric == "accuracy")
    assert open_gap.interval is not None and open_gap.interval.degrees_of_freedom > 0


def small_audit_of_three_traits(folder: Path) -> Measured:
    """26 people, many of them hidden in one crossing or another."""
    path = vendor(folder, people=13, plan=PLAN.replace('traits = ["sex"]', 'traits = ["age", "sex", "skin"]'))
    rng = np.random.default_rng(6)
    rows = ["subject,sex,age,skin"]
    for name in (f"{sex}{k}" for sex in ("female", "male") for k in range(13)):
        age, skin = rng.choice(["old", "young", "young"]), rng.choice(["a", "a", "b", "c", ""])
        rows.append(f"{name},{rng.choice(['f', 'm', 'm', ''])},{age},{skin}")
    (folder / "data" / "traits.csv").write_text("\n".join(rows) + "\n")
    return measured(path)


def withheld_by(found: Measured) -> tuple[set[str], set[str]]:
    """Slices whose counts the measuring withholds, and those whose counts the report would."""
    here = {m.slice for m in found.measurements if m.subjects is None and m.state is not State.HIDDEN}
    run = SimpleNamespace(datasets=(), measurements=found.measurements)  # all that the second line looks at
    return here, {name for _, name in disclosure(run).coarse}  # type: ignore[arg-type]


def test_the_report_finds_nothing_more_to_withhold_in_a_small_audit_of_three_traits(tmp_path: Path) -> None:
    found = small_audit_of_three_traits(tmp_path)
    here, report = withheld_by(found)
    assert here and report == here
    for gap in found.gaps:
        for value, count in ((gap.a, gap.subjects_a), (gap.b, gap.subjects_b)):
            assert count is None or f"{gap.trait}={value}" not in here
    assert not any(any(one.rows) for one in found.reliabilities if one.slice in here)


def test_the_twin_that_protects_each_table_alone_leaves_the_report_more_to_withhold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "protect_all", faults.protect_each_table_alone)
    here, report = withheld_by(small_audit_of_three_traits(tmp_path))
    assert report > here


def test_rows_that_do_not_join_are_counted(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    with (tmp_path / "predictions.csv").open("a") as file:
        file.write("nobody-calm-0,.5,.5\n")
    labels = tmp_path / "data" / "labels.csv"
    labels.write_text(labels.read_text() + "silent-calm-0,calm,female0\n")
    assert dict(measured(path).unjoined) == {"prediction without a label": 1, "label without a prediction": 1}


def test_labels_are_renamed_by_the_plan_and_dropped_ones_counted(tmp_path: Path) -> None:
    mapping = 'path = "data"\ndrop = ["bored"]\nmapping = { relaxed = "calm", tense = "tense" }'
    path = vendor(tmp_path, plan=PLAN.replace('path = "data"', mapping))
    labels = tmp_path / "data" / "labels.csv"
    text = labels.read_text().replace(",calm,", ",relaxed,").replace("0,relaxed,female0", "0,bored,female0")
    labels.write_text(text)
    found = measured(path)
    assert found.unjoined == (("label dropped by the label mapping", 1),)
    labels.write_text(text + "angry-0,angry,female0\n")
    with pytest.raises(BadInput, match="no new name for the label 'angry'"):
        measured(path)


def test_a_table_of_another_dataset_is_refused(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    table = tmp_path / "predictions.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join(["dataset," + lines[0], *("elsewhere," + line for line in lines[1:])]))
    with pytest.raises(BadInput, match="rows of the dataset 'elsewhere'"):
        measured(path)


def test_a_label_that_no_column_answers_is_refused(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    labels = tmp_path / "data" / "labels.csv"
    labels.write_text(labels.read_text().replace(",calm,", ",bored,", 1))
    with pytest.raises(BadInput, match="no column 'p_bored' for the label 'bored'"):
        measured(path)


def test_two_rows_for_one_subject_are_refused(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    plan = read_plan(path)
    dataset = open_dataset(plan.dataset, where="plan")
    choice = plan.recognizers[0]
    assert choice.table is not None
    table = from_table(choice, choice.table, known=dataset.label_set, mapping=None).table
    twice = (SubjectTraits("made-up", "ann", {"sex": "f"}), SubjectTraits("made-up", "ann", {"sex": "m"}))
    known = Known("made-up", (Truth("c", "calm", "ann"),), twice, LabelMapping((("calm", "calm"),)))
    with pytest.raises(BadInput, match="the subject 'ann' twice"):
        sketch_of(table, known, recognizer="vendor", digest="")


def test_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    path = vendor(tmp_path)
    assert repr(measured(path).gaps) == repr(measured(path).gaps)
