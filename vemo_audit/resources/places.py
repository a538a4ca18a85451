"""Finds policies, models and layouts: in the checkout when there is one, else inside the installed package."""

from pathlib import Path

from vemo_audit.errors import BadInput

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent
FOLDERS = {"policies": "policies", "models": "models", "layouts": "reports/layouts"}
"""Kind of thing -> its folder in the checkout; the wheel carries it under vemo_audit/resources/<kind>."""


def folder(kind: str) -> Path:
    """The folder of one kind of thing. Raises BadInput when neither checkout nor package holds it."""
    checkout = CHECKOUT / FOLDERS[kind]
    installed = PACKAGE / "resources" / kind
    if (CHECKOUT / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    if installed.is_dir():
        return installed
    raise BadInput(
        f"no folder of {kind}", where=str(installed), expected="it inside the package",
        advice="Install vemo-audit again.",
    )  # fmt: skip
