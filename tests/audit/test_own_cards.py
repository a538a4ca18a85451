"""Model cards: what an audit adds to one, and what every shipped card must say."""

import math
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vemo_audit.audit.held_out import figures
from vemo_audit.audit.own_cards import CardAudit, with_audits, without_audits
from vemo_audit.audit.own_voice import as_table
from vemo_audit.errors import BadInput
from vemo_audit.recognition.training.outcome import HeldOut
from vemo_audit.records.group_figure import GroupFigure, GroupGap
from vemo_audit.tables.read import read_predictions

CARD = 'name = "m"\nkind = "face"\n\n[weights]\nsha256 = "ab"\n\n[[figures]]\nmetric = "accuracy"\nvalue = 0.5\n'
FOUND = GroupFigure("face found", "sex", "female", 40, 0.75, 0.6, 0.86, 0.95, "wilson", "share")
GAP = GroupGap(
    "face found", "sex", "female", "male", 40, 30, 0.1, -0.1, 0.3, 0.95, "newcombe, Bonferroni over 1", 0.2, "share"
)
AUDIT = CardAudit("face found", "d", "validation", 'as "perceived"', "the gate", (FOUND,), {}, (GAP,))
NOTES = {"command": "make audit-own", "weights_sha256": "ab"}
SHIPPED = sorted((Path(__file__).resolve().parents[2] / "models").glob("*.card.toml"))


def written(*audits: CardAudit, card: str = CARD) -> str:
    return with_audits(card, audits, notes=NOTES, cannot_show=("Labelled emotion video by group.",))


def test_a_card_takes_figures_with_n_and_interval_and_keeps_what_it_said() -> None:
    text = written(AUDIT)
    assert text.startswith(CARD) and without_audits(text).rstrip() == CARD.rstrip()
    read = tomllib.loads(text)
    ((one,), (number,)) = read["audit"], read["audit"][0]["numbers"]
    assert (one["dataset"], one["groups"]) == ("d", 'as "perceived"')
    assert number["figures"] == [{"group": "sex: female", "n": 40, "value": 0.75, "low": 0.6, "high": 0.86}]
    assert number["gaps"][0]["n"] == [40, 30] and number["gaps_method"] == "newcombe, Bonferroni"
    assert read["audit_notes"]["cannot_show"] == ["Labelled emotion video by group."]


def test_a_second_audit_takes_the_place_of_the_first() -> None:
    once = written(AUDIT)
    assert written(AUDIT, card=once) == once
    other = replace(AUDIT, metric="no answer")
    numbers = tomllib.loads(written(other, card=once))["audit"][0]["numbers"]
    assert [one["metric"] for one in numbers] == ["no answer"]


def test_numbers_of_one_dataset_share_what_is_said_of_it() -> None:
    read = tomllib.loads(written(AUDIT, replace(AUDIT, metric="no answer"), replace(AUDIT, dataset="e")))
    assert [(one["dataset"], len(one["numbers"])) for one in read["audit"]] == [("d", 2), ("e", 1)]


@pytest.mark.parametrize("change", [{"n": None}, {"low": math.nan}, {"value": math.nan}])
def test_a_figure_without_n_or_interval_needs_a_reason(change: dict[str, Any]) -> None:
    """The twin of every card: a bare number is not written."""
    bare = replace(FOUND, **change)
    with pytest.raises(BadInput, match="without n or interval"):
        written(replace(AUDIT, figures=(bare,)))
    told = written(replace(AUDIT, figures=(replace(bare, because="fewer than 5 pictures"),)))
    (figure,) = tomllib.loads(told)["audit"][0]["numbers"][0]["figures"]
    assert "value" not in figure and figure["because"] == "fewer than 5 pictures"


def test_a_card_that_is_no_toml_is_refused() -> None:
    with pytest.raises(BadInput, match="model card"):
        written(AUDIT, card="name = ")


def test_held_out_answers_become_a_table_that_gives_the_same_figures(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    p = rng.dirichlet([1, 1], 60).astype(np.float32)
    held_out = HeldOut(
        "EmoDB", "held out", tuple(f"u{k}" for k in range(60)), tuple(f"s{k % 6}" for k in range(60)),
        ("anger", "fear"), rng.integers(0, 2, 60).astype(np.int16), p, {"sex": ("f", "m") * 30},
    )  # fmt: skip
    assert as_table(held_out, tmp_path / "t.parquet", name="voice", digest="ab" * 32) == 60
    table = read_predictions(tmp_path / "t.parquet")
    np.testing.assert_allclose(table.probability, p, atol=1e-6)
    assert table.metadata["digest"] == "ab" * 32 and set(table.dataset.tolist()) == {"emodb"}
    hits = (table.probability.argmax(axis=1) == held_out.truth).mean()
    assert figures(held_out, recognizer="voice")[0].value == pytest.approx(hits)


def experts() -> list[tuple[Path, dict[str, Any]]]:
    read = [(path, tomllib.loads(path.read_text("utf-8"))) for path in SHIPPED]
    return [(path, card) for path, card in read if card.get("kind") in ("face", "voice")]


@pytest.mark.parametrize(("path", "card"), experts(), ids=[path.name for path, _ in experts()])
def test_a_shipped_card_says_data_licence_groups_and_limits(path: Path, card: dict[str, Any]) -> None:
    for key in ("what", "licence", "training_data"):
        assert len(card[key]) > 10, key
    assert any("does not read what a person feels" in limit for limit in card["limits"])
    notes = card.get("audit_notes")
    assert notes, f"{path.name} holds no audit of this model: run `make audit-own`"
    assert notes["weights_sha256"] == card["weights"]["sha256"], "audited were other weights: run `make audit-own`"
    assert any("labelled emotion video" in one for one in notes["cannot_show"])


@pytest.mark.parametrize(("path", "card"), experts(), ids=[path.name for path, _ in experts()])
def test_every_audited_figure_on_a_shipped_card_has_n_and_interval(path: Path, card: dict[str, Any]) -> None:
    numbers = [number for one in card.get("audit", ()) for number in one["numbers"]]
    assert numbers, f"{path.name} holds no audited numbers"
    assert all(one["dataset"] and one["split"] and one["groups"] and "gate" in one["through"] for one in card["audit"])
    told = faults(card)
    assert not told, told[0]


def test_the_check_sees_a_figure_without_interval() -> None:
    broken = tomllib.loads(written(AUDIT).replace(", low = 0.6000, high = 0.8600", ""))
    assert faults(broken) and not faults(tomllib.loads(written(AUDIT)))


def faults(card: dict[str, Any]) -> list[str]:
    """Figures of a card that have no n and interval, and no reason for it; or whose interval does not hold them."""
    found = []
    for one in card.get("audit", ()):
        for number in one["numbers"]:
            for figure in number["figures"]:
                name = f"{number['metric']}, {figure['group']}"
                whole = {"n", "value", "low", "high"} <= figure.keys()
                if not whole and not figure.get("because"):
                    found.append(f"{name}: neither n with interval nor a reason")
                if whole and not figure["low"] <= figure["high"]:
                    found.append(f"{name}: an interval that is none")
    return found
