"""Names come from outside: control and direction characters are made visible, endless names cut."""

import unicodedata
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

LONGEST = 1_000
"""Characters that a text may have on a page."""
_DIRECTION = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u2028\u2029")


def tidy_text(text: str, *, longest: int = LONGEST) -> str:
    """The text in one normal form; control, surrogate and direction characters become U+FFFD."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(
        char if char == "\n" else "\N{REPLACEMENT CHARACTER}" if _is_hidden(char) else char
        for char in unicodedata.normalize("NFC", cut)
    )


def tidy(value: Any) -> Any:
    """The same records with every text in them tidied; numbers, times and enumerations stay as they are."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return tidy_text(value)
    if isinstance(value, tuple):
        return tuple(tidy(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: tidy(getattr(value, field.name)) for field in fields(value) if field.init})
    return value


def _is_hidden(char: str) -> bool:
    return char in _DIRECTION or unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn")
