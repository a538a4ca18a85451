"""CREMA-D: one row for each vote, by weight, and the traps of the table."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from vemo_audit.datasets.cremad import LABELS, CremaD
from vemo_audit.datasets.interface import Answered, Dataset
from vemo_audit.errors import BadInput

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def cremad(shared_data: Path) -> CremaD:
    return CremaD(shared_data / "cremad")


def test_it_implements_both_seams(cremad: CremaD) -> None:
    assert isinstance(cremad, Dataset) and isinstance(cremad, Answered)


@pytest.mark.parametrize(
    ("crowd", "share", "winner"),
    [("crowd_voice", 0.400, 0.416), ("crowd_face", 0.574, 0.663), ("crowd_audio_visual", 0.631, 0.722)],
)
def test_the_estimand_is_the_vote_and_not_the_winner(
    cremad: CremaD, crowd: str, share: float, winner: float, shared_data: Path
) -> None:
    table = cremad.predictions(crowd)
    assert table.weight is not None
    truth = {t.clip: LABELS.index(t.label) for t in cremad.labels()}
    hits = table.probability.argmax(axis=1) == np.array([truth[c] for c in table.clip])
    assert table.weight[hits].sum() / table.weight.sum() == pytest.approx(share, abs=5e-4)
    rows = pyarrow.parquet.ParquetFile(shared_data / "cremad" / "clips.parquet").read().to_pylist()
    mine = [row for row in rows if row["modality"] == crowd.removeprefix("crowd_")]
    assert np.mean([row["crowd_label"] == row["intended"] for row in mine]) == pytest.approx(winner, abs=5e-4)


def test_no_vote_is_lost_and_no_key_is_used_twice(cremad: CremaD) -> None:
    votes = 0
    for card in cremad.recognizers():
        table = cremad.predictions(card.name)
        assert table.weight is not None
        votes += int(table.weight.sum())
        assert len(set(zip(table.clip, table.probability.argmax(axis=1), strict=True))) == len(table)
    assert votes == 212_000


def test_the_one_race_nobody_stated_is_unknown_and_not_a_group(cremad: CremaD) -> None:
    race = Counter(row.traits["race"] for row in cremad.traits())
    assert race == {"Caucasian": 61, "African American": 22, "Asian": 7, None: 1}
    assert Counter(row.traits["sex"] for row in cremad.traits()) == {"male": 48, "female": 43}


def test_ages_are_in_three_bands(cremad: CremaD, shared_data: Path) -> None:
    years = pyarrow.parquet.ParquetFile(shared_data / "cremad" / "actors.parquet").read().column("age").to_pylist()
    bands = Counter(row.traits["age"] for row in cremad.traits())
    assert bands == {
        "under 30": sum(y < 30 for y in years),
        "30 to 49": sum(30 <= y < 50 for y in years),
        "50 and over": sum(y >= 50 for y in years),
    }


def test_the_missing_raters_are_said_on_the_card(cremad: CremaD) -> None:
    assert any("no row for each rater" in limit for limit in cremad.card.limits)
    assert "ODbL" in cremad.card.licence


def test_a_crowd_that_is_not_there_is_named_with_those_that_are(cremad: CremaD) -> None:
    with pytest.raises(BadInput, match="crowd_face"):
        cremad.predictions("voice")
