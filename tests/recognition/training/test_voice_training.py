"""The voice recipe, run again on the real data, gives the figures on the shipped card."""

import tomllib
from pathlib import Path

import pytest

from vemo_audit.audit.held_out import figures
from vemo_audit.recognition.training import recipe
from vemo_audit.recognition.training.voice import train_voice


@pytest.mark.real_data
def test_the_voice_recipe_makes_what_the_card_says(root: Path, shared_data: Path) -> None:
    read, _ = recipe.read(root / "models" / "recipes" / "voice-emodb.toml")
    card = tomllib.loads((root / "models" / "voice-emodb.card.toml").read_text())
    trained = train_voice(read, shared_data / "emodb")
    assert len(set(trained.held_out.subjects)) == 10 and trained.trained_rows == card["training"]["rows"]
    stated = {(row["metric"], row["slice"]): row["value"] for row in card["figures"] if "value" in row}
    for one in figures(trained.held_out, recognizer=read.name):
        if (one.metric, one.slice) in stated:
            assert one.value == pytest.approx(stated[one.metric, one.slice], abs=0.01)
