"""Figures of our recognizer under its own audit, as `make audit-own` left them on the model cards."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MODELS = Path(__file__).resolve().parents[2] / "models"
LEAST_AGREEMENT = 0.65
"""Mean Pearson r with the teacher that is asked of a face expert that estimates action units."""
BY_GROUP = ("accuracy", "uar", "ece", "face found", "no answer", "mean agreement")
"""Numbers that are told for each group; agreement by unit is told for everybody, race and sex."""


def figures() -> Iterator[dict[str, Any]]:
    """One line for each number; the bar is that of the mean agreement with the teacher alone."""
    load = os.getloadavg()[0]
    for path in sorted(MODELS.glob("*.card.toml")):
        card = tomllib.loads(path.read_text("utf-8"))
        if card.get("kind") not in ("face", "voice"):
            continue
        if card.get("audit_notes", {}).get("weights_sha256") != card["weights"]["sha256"]:
            yield _line(f"{card['name']}: audit of these weights", None, "none: run `make audit-own`", load=load)
            continue
        for one in card["audit"]:
            for number in one["numbers"]:
                yield from _lines(card["name"], one["dataset"], number, load=load)


def _lines(model: str, dataset: str, number: dict[str, Any], *, load: float) -> Iterator[dict[str, Any]]:
    metric = number["metric"]
    for figure in number["figures"]:
        if not (metric in BY_GROUP or metric.startswith("agreement: ")):
            continue
        unit = "Pearson r with the teacher" if "agreement" in metric else "share"
        line = _line(f"{model}, {dataset}, {metric}, {figure['group']}", figure.get("value"), unit, load=load)
        line |= {key: figure[key] for key in ("n", "people", "low", "high", "because") if key in figure}
        if metric == "mean agreement" and figure["group"] == "everybody":
            line |= {"bar": LEAST_AGREEMENT, "held": "value" in figure and figure["value"] >= LEAST_AGREEMENT}
        yield line


def _line(name: str, value: float | None, unit: str, *, load: float) -> dict[str, Any]:
    return {
        "name": name, "value": value, "unit": unit, "peer": "", "peer_value": None, "bar": None, "held": None,
        "load": round(load, 2),
    }  # fmt: skip
