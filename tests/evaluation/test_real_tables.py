"""Known results on real tables: acted speech by 24 actors, and crowd votes on clips of 91 actors."""

import math
from functools import cache

import numpy as np
import pytest

from tests.faults import evaluation as faults
from vemo_audit.evaluation.disparity import gap, gaps
from vemo_audit.evaluation.join import join, subject_traits
from vemo_audit.evaluation.levels import level, levels
from vemo_audit.evaluation.metrics import METRICS
from vemo_audit.evaluation.power import subjects_needed
from vemo_audit.evaluation.resample import draws, percentile
from vemo_audit.evaluation.sketch import Sketch, merge
from vemo_audit.evaluation.slices import OVERALL, Slice, slices
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.measurement import State

pytestmark = pytest.mark.real_data
POINT, CLOSED, BOOTSTRAP = 0.0005, 0.003, 0.006
ACCURACY = METRICS["accuracy"]
VOTES = ("anger", "disgust", "fear", "happy", "neutral", "sad")


@cache
def columns(path):
    """A table as lists."""
    return pytest.importorskip("pyarrow.parquet").read_table(path).to_pydict()


@cache
def ravdess(folder, recognizer):
    """Scored clips of one recognizer."""
    table = columns(folder / "ravdess" / "recognizers.parquet")
    rows = [i for i, name in enumerate(table["recognizer"]) if name == recognizer]
    chosen = {name: [values[i] for i in rows] for name, values in table.items()}
    actors = [str(actor) for actor in chosen["actor"]]
    return join(
        predictions={name: chosen[name] for name in chosen if name == "clip" or name.startswith("p_")},
        labels={"clip": chosen["clip"], "label": chosen["emotion"]},
        subjects={"clip": chosen["clip"], "subject": actors},
        traits=subject_traits({"subject": actors, "sex": chosen["sex"]}),
        label_set=LabelSet(tuple(name[2:] for name in table if name.startswith("p_"))),
        recognizer=recognizer, dataset="ravdess",
    )  # fmt: skip


@cache
def cremad(folder, modality):
    """One row for each answer that a clip was given, weighted by how many raters gave it."""
    table, actors = (columns(folder / "cremad" / f"{name}.parquet") for name in ("clips", "actors"))
    rows = [i for i, name in enumerate(table["modality"]) if name == modality]
    given = [(table["clip"][i], k, table[f"votes_{v}"][i]) for i in rows for k, v in enumerate(VOTES)]
    given = [(clip, k, times) for clip, k, times in given if times]
    return join(
        predictions={"clip": [clip for clip, *_ in given], "weight": [times for *_, times in given]}
        | {f"p_{name}": [float(k == answer) for _, answer, _ in given] for k, name in enumerate(VOTES)},
        labels={"clip": [table["clip"][i] for i in rows], "label": [table["intended"][i] for i in rows]},
        subjects={"clip": [table["clip"][i] for i in rows], "subject": [table["actor"][i] for i in rows]},
        traits=subject_traits({"subject": actors["actor"], "sex": actors["sex"], "race": actors["race"]}),
        label_set=LabelSet(VOTES), recognizer=modality, dataset="cremad", unit="vote",
    )  # fmt: skip


def seeded(count):
    return draws(count, 2000, np.random.default_rng(2026))


@pytest.mark.parametrize(
    ("recognizer", "accuracy", "women", "men"),
    [
        ("wav2vec_voice", 0.819, 0.842, 0.797), ("au_mlp_face", 0.604, 0.651, 0.557),
        ("au_bilstm_face", 0.624, 0.646, 0.601), ("fusion_av", 0.867, 0.897, 0.838),
    ],
)  # fmt: skip
def test_accuracy_of_the_acted_speech_recognizers(shared_data, recognizer, accuracy, women, men):
    joined = ravdess(shared_data, recognizer)
    assert joined.unjoined == ()
    assert len(joined.scored) == 1440
    sketch = Sketch.of(joined.scored)
    found = levels(sketch, slices(sketch, ["sex"]), [ACCURACY])
    assert [m.subjects for m in found] == [24, 12, 12]
    assert [m.value for m in found] == pytest.approx([accuracy, women, men], abs=POINT)


def test_the_sex_gap_of_the_fusion_is_not_what_rows_would_say(shared_data):
    scored = ravdess(shared_data, "fusion_av").scored
    sketch = Sketch.of(scored)
    found = gap(sketch, "sex", "female", "male", ACCURACY, draws=seeded(24))
    assert found.value == pytest.approx(0.060, abs=POINT)
    assert (found.interval.low, found.interval.high) == pytest.approx((-0.011, 0.131), abs=CLOSED)
    assert (found.others[0].low, found.others[0].high) == pytest.approx((-0.004, 0.124), abs=BOOTSTRAP)
    assert found.icc == pytest.approx(0.05, abs=0.01)
    assert found.minimum_detectable > 0.09
    assert subjects_needed(found, 0.12) > 12
    rng = np.random.default_rng(1)
    sides = [np.flatnonzero(Slice((("sex", value),)).mask(scored)) for value in ("female", "male")]
    rows = percentile(
        np.subtract(*(faults.row_bootstrap(scored, side, rng=rng, draws=1000) for side in sides)), level=0.95
    )
    assert (rows.low, rows.high) == pytest.approx((0.025, 0.095), abs=BOOTSTRAP)  # the twin would publish a finding


def test_calibration_of_the_fusion(shared_data):
    sketch = Sketch.of(ravdess(shared_data, "fusion_av").scored)
    found = level(sketch, OVERALL, METRICS["ece"])
    assert found.value == pytest.approx(0.021, abs=POINT)
    assert found.state is State.APPROXIMATE  # 24 actors


@pytest.mark.parametrize(
    ("modality", "overall", "women", "men", "difference", "low", "high"),
    [
        ("voice", 0.400, 0.424, 0.379, 0.045, 0.015, 0.075),
        ("face", 0.574, 0.604, 0.548, 0.057, 0.022, 0.091),
        ("audio_visual", 0.631, 0.661, 0.603, 0.058, 0.024, 0.093),
    ],
)
def test_the_crowd_by_sex_of_the_actor(shared_data, modality, overall, women, men, difference, low, high):
    sketch = Sketch.of(cremad(shared_data, modality).scored)
    found = levels(sketch, slices(sketch, ["sex"]), [ACCURACY])
    assert [m.value for m in found] == pytest.approx([overall, women, men], abs=POINT)
    one = gap(sketch, "sex", "Female", "Male", ACCURACY, draws=seeded(91))
    assert one.value == pytest.approx(difference, abs=POINT)
    assert (one.interval.low, one.interval.high) == pytest.approx((low, high), abs=CLOSED)
    assert (one.others[0].low, one.others[0].high) == pytest.approx((low, high), abs=BOOTSTRAP)


@pytest.mark.parametrize(
    ("modality", "other", "difference", "low", "high"),
    [
        ("voice", "African American", -0.007, -0.042, 0.027),
        ("face", "African American", 0.007, -0.037, 0.050),
        ("audio_visual", "African American", -0.001, -0.042, 0.040),
        ("voice", "Asian", 0.028, -0.028, 0.085),
        ("face", "Asian", 0.033, -0.026, 0.092),
        ("audio_visual", "Asian", 0.014, -0.030, 0.057),
    ],
)
def test_the_crowd_by_race_of_the_actor(shared_data, modality, other, difference, low, high):
    sketch = Sketch.of(cremad(shared_data, modality).scored)
    found = gap(sketch, "race", "Caucasian", other, ACCURACY)
    assert found.value == pytest.approx(difference, abs=POINT)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=CLOSED)
    if other == "Asian":
        assert 8 < found.interval.degrees_of_freedom < 15


def test_rows_would_find_a_race_gap_that_is_not_there(shared_data):
    """The twin of the last cell: independent votes say [.001, .027]."""
    scored = cremad(shared_data, "audio_visual").scored
    parts = []
    for value in ("Caucasian", "Asian"):
        mine = Slice((("race", value),)).mask(scored)
        weight, hits = scored.weight[mine], (scored.truth == scored.predicted)[mine]
        share = (weight * hits).sum() / weight.sum()
        parts.append((share, share * (1 - share) / weight.sum()))
    (a, va), (b, vb) = parts
    half = 1.96 * math.sqrt(va + vb)
    assert (a - b - half, a - b + half) == pytest.approx((0.001, 0.027), abs=CLOSED)


def test_the_actor_of_unknown_race_is_hidden_and_cannot_be_computed(shared_data):
    sketch = Sketch.of(cremad(shared_data, "audio_visual").scored)
    found = {m.slice: m for m in levels(sketch, slices(sketch, ["race"]), [ACCURACY])}
    unknown = found["race=unknown"]
    assert (unknown.state, unknown.rows, unknown.subjects) == (State.HIDDEN, None, None)
    assert math.isnan(unknown.value)
    assert (found["race=Asian"].rows, found["race=Asian"].subjects) == (None, None)
    assert found["race=Asian"].state is State.OK
    assert all("unknown" not in (g.a, g.b) for g in gaps(sketch, "race", ACCURACY))


def test_the_crowd_in_parts_gives_the_same_sketch(shared_data):
    """Shards by actor, merged in two orders."""
    whole = Sketch.of(cremad(shared_data, "voice").scored)
    half = whole
    for subject in whole.subjects[::2]:
        half = half.without_subject(subject)
    rest = whole
    for subject in half.subjects:
        rest = rest.without_subject(subject)
    assert merge(half, rest).to_bytes() == merge(rest, half).to_bytes() == whole.to_bytes()
