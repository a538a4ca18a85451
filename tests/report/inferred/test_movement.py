"""The movements on the page: only what moved, every height an estimate, refusals and cuts in words."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.report.made_up_people import ALL, SLOW, smiles
from vemo_audit.records.event import Event
from vemo_audit.report.blocks import Figure, Number, Prose, Section, Table
from vemo_audit.report.inferred.movement import MOST_EVENTS, brief_words, kind_words, moved, section
from vemo_audit.report.inferred.shown import BriefMovements, PersonShown, Wanted


def made(*people: PersonShown, wanted: Wanted = ALL, brief: BriefMovements | None = None) -> Section:
    found = section(people, wanted, brief, duration_s=20.0)
    assert found is not None
    return found


def words(found: Section) -> str:
    return " ".join(text for block in found.blocks if isinstance(block, Prose) for text in block.paragraphs)


def test_only_units_that_moved_are_drawn_in_the_order_of_their_numbers() -> None:
    (figure,) = (block for block in made(smiles()).blocks if isinstance(block, Figure))
    titles = [column.title for column in figure.table.columns]
    assert titles == [
        "From", "To", "AU6, cheek raised", "AU12, lip corners pulled", "AU43, eyes closed", "Highest",
    ]  # fmt: skip
    assert "17 further units moved by less than 0.15." in figure.note and "not drawn" not in figure.note
    assert [cell.text for cell in figure.table.rows[5][2:5]][2] == "not estimated"
    assert figure.description.startswith("Estimates over time") and "Highest: AU43" in figure.description


def test_what_moved_most_is_drawn_and_the_rest_is_counted() -> None:
    rng = np.random.default_rng(0)
    units = {f"au{k}": rng.random(40) * (0.2 + k / 50) for k in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14)}
    (figure,) = (block for block in made(replace(smiles(), units=units)).blocks if isinstance(block, Figure))
    assert len(figure.table.columns) == 3 + 8 and "AU1," not in figure.table.columns[2].title
    assert "2 units that moved less are not drawn." in figure.note


def test_a_still_face_is_said_to_be_still() -> None:
    still = replace(smiles(), units={"au12": np.full(40, 0.9)}, events=())
    assert moved(still) == []
    assert "Person 1: 1 unit was followed, and none moved by 0.15 or more." in words(made(still))
    assert "No movement was told of anybody." in words(made())


def test_an_event_is_a_row_with_what_was_not_seen_in_words() -> None:
    (table,) = (block for block in made(smiles()).blocks if isinstance(block, Table))
    told = [[cell.text for cell in row] for row in table.rows]
    assert told[0] == ["AU12, lip corners pulled", "2.96 s", "5.01 s", "7.44 s", "0.700"]
    assert told[3] == ["Nod", "8.00 s", "8.20 s", "8.50 s", "11.2°"]
    assert told[4][3] == "not seen"
    assert not any("Attention" in row[0] for row in told), "a declared state is no movement"
    assert isinstance(table.rows[0][1], Number)


def test_many_events_are_cut_to_the_highest_in_order_of_time() -> None:
    many = tuple(Event("au4", k, k + 0.2, k + 0.5, peak=(k % 50) / 50) for k in range(100))
    (table,) = (b for b in made(replace(smiles(), events=many)).blocks if isinstance(b, Table))
    starts = [row[1].value for row in table.rows if isinstance(row[1], Number)]
    assert len(starts) == MOST_EVENTS and starts == sorted(starts) and starts[0] == 35
    assert "The 30 highest are shown; 70 more stand in events.csv." in table.note


def test_raised_cheeks_and_lip_corners_are_co_occurrence_only() -> None:
    assert "co-occurrence only" in words(made(smiles())) and "no evidence" in words(made(smiles()))
    without = replace(smiles(), events=tuple(e for e in smiles().events if "+" not in e.kind))
    assert "co-occurrence" not in words(made(without))


def test_estimates_are_called_estimates_and_nobody_coded_them() -> None:
    said = words(made(smiles())).lower()
    assert "a model's estimate" in said and "no trained coder" in said
    for never in ("facs coded", "facs-coded", "genuine smile", "micro-expression detected"):
        assert never not in said


def test_micro_expressions_are_refused_with_the_numbers() -> None:
    said = words(made(smiles(), brief=SLOW))
    assert "no answer (25.0 frames/s; 1/25 s is 1.0 frames)" in said and "at most 25 times a second" in said
    assert "at most" not in brief_words(BriefMovements(30.0, "30.0 frames/s", 0))
    allowed = brief_words(BriefMovements(120.0, "", 1))
    assert "1 movement shorter than 0.5 s at 120.0" in allowed and "no meaning" in allowed


def test_what_was_not_asked_for_has_no_section_and_what_was_cut_says_so() -> None:
    assert section((smiles(),), Wanted(("expression_label",)), SLOW, duration_s=20.0) is None
    cut = made(smiles(), wanted=replace(ALL, withheld=("action_units",)), brief=SLOW)
    assert len(cut.blocks) == 1 and "nothing of them left the gate" in words(cut)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("au4", "AU4, brow lowered"), ("au99", "Au99"), ("lean in", "Lean in"), ("au6+au12", "AU6 with AU12"),
     ("a\u202eb", "A\ufffdb"), ("", "")],
)  # fmt: skip
def test_kinds_have_names(kind: str, said: str) -> None:
    assert kind_words(kind).startswith(said)


def test_a_movement_without_a_height_is_kept_last() -> None:
    cut = Event("au4", 1.0, math.nan, math.nan, math.nan)
    (table,) = (b for b in made(replace(smiles(), units={}, events=(cut,))).blocks if isinstance(b, Table))
    assert [cell.text for cell in table.rows[0][1:]] == ["1.00 s", "not seen", "not seen", "not seen"]
