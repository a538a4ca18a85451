"""Writes a weight file and its model card; the figures on the card come from an audit of the held-out answers."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save

from vemo_audit.recognition.training import landing
from vemo_audit.recognition.training.compare import Comparison
from vemo_audit.recognition.training.outcome import HeldOut, Trained
from vemo_audit.recognition.training.recipe import Recipe
from vemo_audit.records.digest import canonical_json, sha256_hex
from vemo_audit.records.measurement import Measurement


def write(
    folder: Path, recipe: Recipe, recipe_digest: str, trained: Trained, figures: Iterable[Measurement]
) -> tuple[Path, Path]:
    """`<name>.safetensors` (half precision) and `<name>.card.toml` in `folder`; each replaces its predecessor whole."""
    half = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in trained.weights.items()
    }
    # One entry: the format keeps several in no order, and the same weights would not have the same bytes.
    data = save(half, metadata={"reading": canonical_json(trained.header).decode()})
    weights, card = folder / f"{recipe.name}.safetensors", folder / f"{recipe.name}.card.toml"
    text = toml(
        {
            "name": recipe.name, "kind": trained.header.get("kind", recipe.kind),
            "what": recipe.card.what, "licence": recipe.card.licence,
            "training_data": recipe.card.training_data, "limits": list(recipe.card.limits),
            "weights": {"file": weights.name, "bytes": len(data), "sha256": sha256_hex(data), "precision": "float16"},
            "reading": dict(trained.header),
            "training": {
                "recipe": f"recipes/{recipe.name}.toml", "recipe_sha256": recipe_digest, "rows": trained.trained_rows,
                "seed": recipe.seed, "torch": torch.__version__.split("+")[0],
            },
        }
        | kept_apart(trained.held_out)
        | {"figures": [figure(one) for one in figures]}
        | {"comparison": [rounded(one) for one in trained.comparisons]}
    )  # fmt: skip
    for path, content in ((weights, data), (card, text.encode())):
        landing.land(path, content)
    return weights, card


def kept_apart(held_out: HeldOut | None) -> dict[str, object]:
    """What the figures stand on; nothing where the data has no label to be scored on."""
    return {} if held_out is None else {"held_out": {"dataset": held_out.dataset, "split": held_out.split}}


def rounded(one: Comparison) -> dict[str, object]:
    """A comparison as it stands on the card."""
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(one).items()}


def figure(one: Measurement) -> dict[str, object]:
    """One figure as it stands on the card; what could not be measured carries its reason instead of a value."""
    row: dict[str, object] = {"metric": one.metric, "slice": one.slice, "state": one.state.value}
    if one.value == one.value:
        row["value"] = round(one.value, 4)
    if one.interval is not None:
        row |= {"low": round(one.interval.low, 4), "high": round(one.interval.high, 4), "level": one.interval.level,
                "method": one.interval.method}  # fmt: skip
    if one.rows is not None and one.subjects is not None:
        row |= {"rows": one.rows, "clusters": one.subjects}
    if one.because:
        row["because"] = one.because
    return row


def toml(table: Mapping[str, object], prefix: str = "") -> str:
    """A table of texts, numbers, lists of texts, tables and lists of tables as TOML."""
    plain, nested = [], []
    for key, value in table.items():
        if isinstance(value, Mapping):
            nested.append(f"\n[{prefix}{key}]\n{toml(value, f'{prefix}{key}.')}")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            nested += [f"\n[[{prefix}{key}]]\n{toml(row, f'{prefix}{key}.')}" for row in value]
        elif isinstance(value, list):
            plain.append(f"{key} = [\n" + "".join(f"  {_scalar(item)},\n" for item in value) + "]\n")
        else:
            plain.append(f"{key} = {_scalar(value)}\n")
    return "".join(plain + nested)


def _scalar(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
