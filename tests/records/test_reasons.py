"""Recognizers here give no reason in words of their own: each stands in the closed set that may leave the gate."""

import ast
from pathlib import Path

import pytest

from vemo_audit.records import reasons

FOLDER = Path(reasons.__file__).resolve().parents[1] / "recognition" / "recognizers"
FILES = sorted(FOLDER.rglob("*.py"))
NAMES = {"reason", "nobody", "unread", "why"}


def strays(source: str) -> list[str]:
    """Texts that are given as a reason where they stand."""
    found: list[ast.expr] = []
    for node in ast.walk(ast.parse(source)):
        if (isinstance(node, ast.keyword) and node.arg in NAMES) or (
            isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id in NAMES for t in node.targets)
        ):
            found.append(node.value)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "silent_where":
            found += node.args[1:]
    texts = (one for value in found for one in ast.walk(value) if isinstance(one, ast.Constant))
    return [one.value for one in texts if isinstance(one.value, str) and " " in one.value]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_recognizer_words_a_reason_itself(path: Path) -> None:
    assert not strays(path.read_text("utf-8"))


def test_every_constant_is_in_the_set() -> None:
    assert {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)} == (
        reasons.REASONS
    )


@pytest.mark.parametrize(
    "source",
    [
        "Prediction(None, reason='it is anger')", "sums.predictions(nobody=x or 'nobody at all')",
        "reason = 'too dark' if dark else ''", "reason = f'the label {name} is gone'",
        "silent_where(gone, 'no face here')",
    ],
)  # fmt: skip
def test_twin_a_reason_in_own_words_is_seen(source: str) -> None:
    assert strays(source)
