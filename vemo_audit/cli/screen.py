"""What the commands share with the person at the terminal: console, progress, JSON, and how an error ends."""

import json as jsonlib
import os
import sys
from typing import Any

from rich.console import Console


def console(json: bool = False) -> Console:
    """Where words for people go: standard output, or standard error when standard output carries JSON."""
    return Console(stderr=json, highlight=False, soft_wrap=True)


def shown(text: object) -> str:
    """Text, such as the name of a file, as any terminal takes it: what is no text or breaks a line becomes a mark."""
    whole = os.fsencode(str(text)).decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in whole)


def say_json(value: Any) -> None:
    """One JSON document on standard output, readable by a person too."""
    sys.stdout.write(jsonlib.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")
