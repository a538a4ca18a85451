"""Finds plug-ins: by entry point, or by 'module:Name'. Nothing registers itself at import."""

import importlib
from importlib.metadata import entry_points
from typing import Any

from vemo_audit.errors import BadInput

GROUPS = {"recognizer": "vemo_audit.recognizers", "dataset": "vemo_audit.datasets"}
"""Seam -> entry point group."""


def load(seam: str, name: str) -> Any:
    """The class behind a name. Raises BadInput that lists what is there when the name is unknown."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as error:  # a module may do anything while it is imported
            raise BadInput(
                f"the {seam} '{name}' cannot be loaded: {str(error) or type(error).__name__}",
                expected="an importable module:Name",
            ) from error
    found = {point.name: point for point in entry_points(group=GROUPS[seam])}
    if name not in found:
        raise BadInput(f"the {seam} '{name}'", expected=f"one of {', '.join(sorted(found))}, or module:Name")
    return found[name].load()


def names(seam: str) -> tuple[str, ...]:
    """The names of all installed plug-ins of a seam."""
    return tuple(sorted({point.name for point in entry_points(group=GROUPS[seam])}))
