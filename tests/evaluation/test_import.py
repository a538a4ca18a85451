"""The room is light: it starts fast and pulls in nothing heavy."""

import subprocess
import sys

import pytest

MODULES = "across disparity displays join levels metrics power resample sketch slices"
HEAVY = ("torch", "pandas", "scipy.stats", "sklearn", "fairlearn", "pyarrow")


def check_light(extra=""):
    imports = "; ".join(f"import vemo_audit.evaluation.{name}" for name in MODULES.split())
    code = f"import sys; {imports}; {extra}print(*[name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not loaded


def test_nothing_heavy_is_imported():
    check_light()


def test_a_heavy_import_is_noticed():
    with pytest.raises(AssertionError):
        check_light("import scipy.stats; ")
