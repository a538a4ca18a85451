"""Joining: every row finds its partners or is counted, and every fault is named with its row."""

import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.evaluation.join import join, subject_traits
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.scored import ABSTAINED, UNKNOWN

LABELS = LabelSet(("calm", "fear"))


def tables(**changes):
    """Three clips of two subjects, all in order."""
    found = {
        "predictions": {"clip": ["c1", "c2", "c3"], "p_calm": [0.9, 0.2, 0.5], "p_fear": [0.1, 0.8, 0.5]},
        "labels": {"clip": ["c1", "c2", "c3"], "label": ["calm", "fear", "fear"]},
        "subjects": {"clip": ["c1", "c2", "c3"], "subject": ["zoe", "ann", "ann"]},
        "traits": {"ann": {"sex": "female", "age": None}, "zoe": {"sex": "male", "age": "old"}},
    }
    for name, columns in changes.items():
        found[name] = found[name] | columns if name != "traits" else columns
    return found


def joined(*, unit="clip", **changes):
    return join(**tables(**changes), label_set=LABELS, recognizer="model", dataset="set", unit=unit)


def test_rows_join_by_hand():
    found = joined()
    scored = found.scored
    assert found.unjoined == ()
    assert scored.truth.tolist() == [0, 1, 1]
    assert scored.predicted.tolist() == [0, 1, 0]  # the tie goes to the first label
    assert [scored.subjects[i] for i in scored.subject] == ["zoe", "ann", "ann"]
    assert scored.vocabulary == {"age": ("old",), "sex": ("female", "male")}
    assert scored.traits["sex"].tolist() == [1, 0, 0]
    assert scored.traits["age"].tolist() == [0, UNKNOWN, UNKNOWN]


def test_probabilities_follow_names_not_the_order_of_columns():
    """Column order differs between files; a join by position would swap the classes."""
    swapped = {"p_fear": [0.1, 0.8, 0.5], "p_calm": [0.9, 0.2, 0.5], "clip": ["c1", "c2", "c3"]}
    changed = tables()
    changed["predictions"] = swapped
    found = join(**changed, label_set=LABELS, recognizer="model", dataset="set")
    np.testing.assert_array_equal(found.scored.probability, joined().scored.probability)


def windows(**changes):
    return {
        "clip": ["c1", "c1", "c1", "c2", "c3"], "person": [""] * 5, "start_s": [0.0, 1.0, 2.0, 0.0, 0.0],
        "end_s": [1.0, 2.0, 4.0, 1.0, 1.0], "abstained": [False, True, False, False, True],
        "p_calm": [0.9, None, 0.3, 0.2, None], "p_fear": [0.1, None, 0.7, 0.8, None],
    } | changes  # fmt: skip


def check_window_mean(mean):
    assert mean == pytest.approx([0.5, 0.5])  # (1 x .9 + 2 x .3) / 3, the silent second left out


def test_windows_become_clips_by_duration():
    found = joined(predictions=windows()).scored
    check_window_mean(found.probability[0])
    assert found.predicted.tolist()[1:] == [1, ABSTAINED]
    assert np.isnan(found.probability[2]).all()
    with pytest.raises(AssertionError):  # the twin: a plain mean of windows
        check_window_mean([0.6, 0.4])


def test_windows_may_be_scored_one_by_one():
    found = joined(predictions=windows(), unit="window").scored
    assert found.truth.tolist() == [0, 0, 0, 1, 1]
    assert found.unit == "window"


def test_one_window_keeps_its_probabilities_to_the_bit():
    p = np.random.default_rng(1).random(3).astype(np.float32)
    q = np.float32(1) - p
    found = joined(predictions={"p_calm": p, "p_fear": q, "start_s": [0.0] * 3, "end_s": [0.3, 1.7, 2.9]}).scored
    np.testing.assert_array_equal(found.probability, np.stack([p, q], axis=1))


def test_votes_carry_weights():
    votes = {
        "clip": ["c1", "c1", "c2", "c3"], "p_calm": [1, 0, 1, 0], "p_fear": [0, 1, 0, 1], "weight": [7, 3, 1, 2],
    }  # fmt: skip
    found = joined(predictions=votes, unit="vote").scored
    assert found.weight.tolist() == [7, 3, 1, 2]
    assert found.truth.tolist() == [0, 0, 1, 1]
    with pytest.raises(BadInput, match="vote"):
        joined(predictions=votes)


def test_rows_without_a_partner_are_counted_with_the_reason():
    found = joined(
        predictions={"clip": ["c1", "c2", "c3", "c4", "c5"], "p_calm": [1, 1, 1, 1, 1], "p_fear": [0, 0, 0, 0, 0]},
        labels={"clip": ["c1", "c2", "c4", "c9"], "label": ["calm", None, "fear", "fear"]},
    )
    assert len(found.scored) == 1
    assert dict(found.unjoined) == {
        "prediction without a label": 2, "prediction without a subject": 1, "label without a prediction": 1,
        "label dropped by the label mapping": 1,
    }  # fmt: skip


def test_windows_that_do_not_join_are_counted_each():
    found = joined(predictions=windows(), labels={"clip": ["c2", "c3"], "label": ["fear", "fear"]})
    assert dict(found.unjoined) == {"prediction without a label": 3}


def test_persons_join_by_name_or_as_the_only_one():
    predictions = {"clip": ["c1", "c2", "c2", "c3"], "person": ["p0", "p0", "p1", "p0"],
                   "p_calm": [1, 1, 0, 1], "p_fear": [0, 0, 1, 0]}  # fmt: skip
    named = {"clip": ["c1", "c2", "c2", "c3"], "person": ["p0", "p0", "p1", "p0"]}
    full = joined(
        predictions=predictions, labels=named | {"label": ["calm", "calm", "fear", "calm"]},
        subjects=named | {"subject": ["a", "b", "c", "d"]}, traits={},
    )  # fmt: skip
    assert full.scored.truth.tolist() == [0, 0, 1, 0]
    assert full.scored.subjects == ("a", "b", "c", "d")
    unnamed = joined(predictions=predictions)
    assert dict(unnamed.unjoined) == {"several persons in a clip whose label names none": 2}


def test_a_subject_without_traits_is_unknown_in_each():
    assert joined(traits={"ann": {"sex": "female"}}).scored.traits["sex"].tolist() == [UNKNOWN, 0, 0]
    assert joined(traits={"ann": {"sex": "Unknown"}}).scored.traits["sex"].tolist() == [UNKNOWN] * 3


BAD = {
    "logits": ({"predictions": {"p_calm": [2.3, 0.2, 0.5]}}, r"row 0.*softmax"),
    "sums to less": ({"predictions": {"p_calm": [0.9, 0.2, 0.4]}}, r"row 2.*sum to 0\.9"),
    "negative": ({"predictions": {"p_calm": [1.1, 0.2, 0.5], "p_fear": [-0.1, 0.8, 0.5]}}, "row 0"),
    "not a number": ({"predictions": {"p_calm": [0.9, None, 0.5]}}, "row 1.*abstained"),
    "text": ({"predictions": {"p_calm": ["high", 0.2, 0.5]}}, "p_calm"),
    "foreign class": ({"predictions": {"p_joy": [0.0, 0.0, 0.0]}}, "p_joy"),
    "duplicate": ({"predictions": {"clip": ["c1", "c2", "c1"]}}, r"row 2.*as in row 0"),
    "short column": ({"predictions": {"p_calm": [0.9]}}, "different lengths"),
    "nameless clip": ({"predictions": {"clip": ["c1", None, "c3"]}}, "row 1"),
    "empty": ({"predictions": {"clip": [], "p_calm": [], "p_fear": []}}, "empty table"),
    "backwards": ({"predictions": {"start_s": [0, 2, 0], "end_s": [1, 1, 1]}}, "row 1.*from 2"),
    "unknown label": ({"labels": {"label": ["calm", "joy", "fear"]}}, r"row 1.*'joy'.*calm, fear"),
    "two labels": ({"labels": {"clip": ["c1", "c1", "c3"]}}, r"labels, row 1.*calm, then fear"),
    "two subjects": ({"subjects": {"clip": ["c1", "c1", "c3"]}}, r"subjects, row 1.*zoe, then ann"),
    "nothing joins": ({"labels": {"clip": ["x1", "x2", "x3"]}}, r"3 x prediction without a label"),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_tables_are_refused_by_name(fault):
    changes, message = BAD[fault]
    with pytest.raises(BadInput, match=message) as raised:
        joined(**changes)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(("table", "column"), [("predictions", "p_fear"), ("labels", "label"), ("subjects", "subject")])
def test_a_missing_column_is_named(table, column):
    changed = tables()
    del changed[table][column]
    with pytest.raises(BadInput, match=f"{table}: no column {column}"):
        join(**changed, label_set=LABELS, recognizer="model", dataset="set")


@pytest.mark.parametrize("weight", [0, -1, 1.5, None])
def test_a_weight_is_a_whole_number(weight):
    with pytest.raises(BadInput, match="row 1"):
        joined(predictions={"weight": [1, weight, 2]}, unit="vote")


def test_the_same_vote_twice_is_refused():
    votes = {"clip": ["c1", "c1"], "p_calm": [1, 1], "p_fear": [0, 0], "weight": [1, 2]}
    with pytest.raises(BadInput, match="vote 'calm' as in row 0"):
        joined(predictions=votes, unit="vote")


def test_another_unit_is_refused():
    with pytest.raises(BadInput, match="clip, window, vote"):
        joined(unit="frame")


def test_a_subject_with_two_values_of_a_trait_is_refused():
    rows = {"subject": [7, 8, 7], "sex": ["f", "m", "f"], "age": [None, "old", None]}
    assert subject_traits(rows) == {"7": {"sex": "f", "age": None}, "8": {"sex": "m", "age": "old"}}
    with pytest.raises(BadInput, match=r"row 2.*'7' with sex 'm'.*'f' as in row 0"):
        subject_traits(rows | {"sex": ["f", "m", "m"]})
