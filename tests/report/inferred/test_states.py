"""Declared states on the page: definition, terms and limits stand before any level, and only when asked for."""

from dataclasses import replace

import numpy as np

from tests.report.made_up_people import ALL, STATE, smiles
from vemo_audit.records.event import Event
from vemo_audit.report.blocks import Figure, Heading, Prose, Section, Table
from vemo_audit.report.inferred.shown import DeclaredState, PersonShown, Wanted
from vemo_audit.report.inferred.states import section


def made(*people: PersonShown, wanted: Wanted = ALL, states: tuple[DeclaredState, ...] = (STATE,)) -> Section:
    found = section(people, wanted, states, duration_s=20.0)
    assert found is not None
    return found


def words(found: Section) -> str:
    return " ".join(text for block in found.blocks if isinstance(block, Prose) for text in block.paragraphs)


def test_definition_terms_and_limits_stand_before_the_level() -> None:
    found = made(smiles())
    kinds = [type(block) for block in found.blocks]
    assert kinds.index(Heading) < kinds.index(Figure) and isinstance(found.blocks[2], Prose)
    said = words(found)
    for part in ("not states that anybody measured", "Head turned away", "head turned away 60 %", "eyes closed 40 %",
                 "about 2 s", "0.35", "not validated", "People look away to think."):  # fmt: skip
        assert part in said


def test_a_lost_face_is_a_hole_and_not_a_low_level() -> None:
    (figure,) = (block for block in made(smiles()).blocks if isinstance(block, Figure))
    assert [row[2].text for row in figure.table.rows[9:13]] == ["0.031", "face lost", "face lost", "0.108"]


def test_when_a_state_was_up_is_a_row() -> None:
    (table,) = (block for block in made(smiles()).blocks if isinstance(block, Table))
    assert [cell.text for cell in table.rows[0]] == ["Attention drop", "15.00 s", "19.75 s", "not seen", "0.800"]


def test_nobody_asked_nothing_stands_and_a_cut_is_said() -> None:
    assert section((smiles(),), Wanted(("expression_label",)), (STATE,), duration_s=20.0) is None
    cut = made(smiles(), wanted=replace(ALL, withheld=("sustained_states",)))
    assert len(cut.blocks) == 1 and "nothing of them left the gate" in words(cut)


def test_a_purpose_that_no_state_may_serve_and_a_recognizer_without_states() -> None:
    assert "No declared state may serve this purpose" in words(made(states=()))
    silent = replace(smiles(), indices={}, events=())
    assert "told no level of any of them" in words(made(silent))
    assert "told no level" not in words(made(smiles()))


def test_a_sustained_expression_is_defined_where_it_is_told() -> None:
    event = Event("sustained happiness", 1.0, 2.0, 4.0, 0.9)
    told = made(replace(smiles(), indices={"attention drop": np.full(40, np.nan)}, events=(event,)))
    assert "stays above .6 for at least 2 s" in words(told)
    assert "stays above" not in words(made(smiles()))
