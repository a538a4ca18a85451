"""How a person was read: contributions with their sign, quality parts, affect and sentiment as declared projections."""

from dataclasses import replace

from tests.report.made_up_people import ALL, smiles
from vemo_audit.report import numbers
from vemo_audit.report.blocks import Prose, Table
from vemo_audit.report.inferred.reading import MOST_ROWS, section
from vemo_audit.report.inferred.shown import ModalityShare, PersonShown, Wanted

RULE = "Sentiment is a declared projection of fused valence."


def tables(*people: PersonShown, wanted: Wanted = ALL) -> dict[str, Table]:
    found = section(people, wanted, sentiment_rule=RULE)
    return {block.caption.split(",")[0]: block for block in found.blocks if isinstance(block, Table)}


def test_a_modality_that_speaks_against_the_label_is_seen() -> None:
    rows = [[cell.text for cell in row] for row in tables(smiles())["What each modality said"].rows]
    assert rows == [
        ["Person 1", "face", "40", "96 %", "+1.620", "0"],
        ["Person 1", "voice", "36", "100 %", f"{numbers.MINUS}0.310", "22"],
    ]


def test_what_limited_the_reading_is_counted_in_windows() -> None:
    rows = [[cell.text for cell in row] for row in tables(smiles())["What limited the reading"].rows]
    assert rows[0][1:] == ["all parts together, 0 to 1", "0.810", "0.400", "1.000", ""]
    assert rows[1][1:] == ["turned to the side, degrees", "12.0", f"{numbers.MINUS}3.0", "52.0", "7"]


def test_affect_and_sentiment_are_called_declared_projections() -> None:
    found = tables(smiles())
    affect = found["Affect"]
    assert [row[1].text for row in affect.rows] == ["valence", "arousal", "dominance"]
    assert affect.rows[0][3].text == f"{numbers.MINUS}0.500" and "declared projection" in affect.note
    sentiment = found["Sentiment of face"]
    assert [cell.text for cell in sentiment.rows[0]] == ["Person 1", "10", "20", "10"] and sentiment.note == RULE


def test_what_is_not_known_has_no_table() -> None:
    bare = PersonShown("Person 1", smiles().time_s)
    assert tables(bare) == {}
    assert section((bare,), ALL, sentiment_rule=RULE).lead.startswith("Nothing is known")
    assert "Sentiment of face" not in tables(replace(smiles(), sentiment={}))


def test_cuts_and_what_was_not_looked_at_are_said() -> None:
    wanted = replace(ALL, withheld=("valence_arousal",), unread=("body", "voice"))
    found = section((smiles(),), wanted, sentiment_rule=RULE)
    said = " ".join(text for block in found.blocks if isinstance(block, Prose) for text in block.paragraphs)
    assert "Not looked at: body and voice." in said and "Valence and arousal were asked for, but" in said
    assert "Affect" not in tables(smiles(), wanted=wanted)


def test_a_table_of_a_crowd_is_cut_and_says_so() -> None:
    crowd = tuple(replace(smiles(), modalities=(ModalityShare(f"m{k}", 1, 1.0, 0.1, 0),)) for k in range(150))
    table = tables(*crowd)["What each modality said"]
    assert len(table.rows) == MOST_ROWS and "30 more rows stand in predictions.parquet." in table.note
