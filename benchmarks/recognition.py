"""Every figure of the recognizer as a line of JSON: `make bench NAME=recognition`.

A room whose peer or data is missing says so in its own line; a room that breaks is named, and the others go on. With
arguments, only the rooms of those names are measured: `python benchmarks/recognition.py decode pipeline`.
"""

import json
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

ROOMS = (
    "faces", "decode", "voice", "body", "dynamics", "pixels", "contracts", "reading", "zoo", "own_audit", "memory",
    "pipeline",
)  # fmt: skip


def figures(rooms: tuple[str, ...] = ROOMS) -> Iterator[dict[str, object]]:
    """The lines of the rooms, one after another."""
    for room in rooms:
        try:
            yield from import_module(f"benchmarks.figures.{room}").figures()
        except Exception as error:  # one room never stops the rest
            yield {
                "name": f"{room}: not measured, {type(error).__name__}: {error}", "value": None, "unit": "",
                "peer": "", "peer_value": None, "bar": None, "held": None, "load": round(os.getloadavg()[0], 2),
            }  # fmt: skip


if __name__ == "__main__":
    for one in figures(tuple(sys.argv[1:]) or ROOMS):
        print(json.dumps(one), flush=True)
