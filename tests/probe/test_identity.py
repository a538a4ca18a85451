"""Identities: plain data, one change at a time, symmetric faces."""

from dataclasses import fields, replace

import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.probe.cast import CHILD, TRAITS, cast
from vemo_audit.probe.identity import Identity, cell_shares, shaped
from vemo_audit.probe.rig import load

PERSON = Identity(morph=(0.2, 0.3, 0.5), sex=0.4, age=0.3, skin=4, seed=5)


def test_but_changes_one_field_and_says_which():
    other = PERSON.but(skin=8)
    changed = [f.name for f in fields(Identity) if getattr(PERSON, f.name) != getattr(other.identity, f.name)]
    assert changed == ["skin"] == [other.changed]
    assert other.origin == PERSON.digest != other.identity.digest


@pytest.mark.parametrize("change", [{}, {"skin": 3, "sex": 0.1}, {"weight": 2}])
def test_but_takes_exactly_one_known_field(change):
    with pytest.raises(BadInput, match="exactly one"):
        PERSON.but(**change)


def test_equal_fields_equal_digests_and_any_other_field_another():
    assert PERSON.digest == replace(PERSON).digest
    others = [replace(PERSON, seed=6), replace(PERSON, sex=0.4000001), replace(PERSON, hair="long")]
    assert len({PERSON.digest, *(o.digest for o in others)}) == 4


def test_skin_does_not_change_the_shape():
    rig = load()
    assert np.array_equal(shaped(rig, PERSON), shaped(rig, PERSON.but(skin=9).identity))


def test_a_pure_cell_is_the_base_and_its_delta():
    rig = load()
    pure = Identity(morph=(0.0, 1.0, 0.0), sex=1.0, age=0.0, skin=4, shape_sd=0.0)
    ((share, cell),) = cell_shares(rig, pure)
    assert share == 1 and rig.identity_names[cell] == "asian-male-young"
    assert np.allclose(shaped(rig, pure), rig.vertices + rig.identity[cell], atol=1e-6)


def test_shares_of_cells_sum_to_one_and_the_child_uses_child_cells_only():
    rig = load()
    assert sum(share for share, _ in cell_shares(rig, PERSON)) == pytest.approx(1)
    child = replace(PERSON, age=-1)
    assert child.is_minor
    assert all(rig.identity_names[cell].endswith("-child") for _, cell in cell_shares(rig, child))
    assert not any(rig.identity_names[cell].endswith("-child") for _, cell in cell_shares(rig, PERSON))


def test_small_shapes_keep_the_face_symmetric():
    rig = load()
    face = shaped(rig, PERSON)
    eyes = face[rig.eye_left].mean(0), face[rig.eye_right].mean(0)
    assert eyes[0] * [-1, 1, 1] == pytest.approx(eyes[1], abs=5e-3)


@pytest.mark.parametrize(
    "wrong", [{"morph": (0.5, 0.5, 0.5)}, {"age": 2.0}, {"skin": 0}, {"hair": "mohawk"}, {"shape_sd": 0.6}]
)
def test_impossible_people_are_refused(wrong):
    with pytest.raises(BadInput):
        replace(PERSON, **wrong)


def test_the_cast_is_balanced_and_has_one_minor():
    players = cast()
    assert [p.subject for p in players if p.identity.is_minor] == [CHILD]
    adults = [p.traits for p in players if not p.identity.is_minor]
    assert len(adults) == 20 and set(adults[0]) == set(TRAITS)
    for trait in TRAITS:
        counts = [sum(t[trait] == value for t in adults) for value in {t[trait] for t in adults}]
        assert max(counts) - min(counts) <= 2, trait
    cells = {(t["morph"], t["skin"]) for t in adults}
    assert len(cells) == 9  # every morph meets every tone group
    assert cast() == players != cast(seed=1)
