"""The built wheel carries policies, layouts and models, and works in an empty environment."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(root)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_carries_what_the_checkout_holds(wheel: Path, root: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, kind in (("policies", "policies"), ("models", "models"), ("reports/layouts", "layouts")):
        here = [path for path in (root / folder).rglob("*") if path.is_file() and not path.name.startswith(".")]
        here = [path for path in here if "__pycache__" not in path.parts]
        assert here
        for path in here:
            assert f"vemo_audit/resources/{kind}/{path.relative_to(root / folder).as_posix()}" in names
    assert "vemo_audit/governance/ledger/verify_proof.py" in names
    assert "vemo_audit/demo/plan.toml" in names
    assert not any(name.startswith(("tests/", "reports/runs")) for name in names)


def test_the_wheel_audits_a_table_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """The environment holds our wheel and borrows only third-party packages: nothing of the checkout is in reach."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", str(wheel)], check=True, capture_output=True)
    (site,) = (tmp_path / "env" / "lib").glob("python3*/site-packages")
    ours = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    borrowed = site / "borrowed"
    borrowed.mkdir()
    for item in ours.iterdir():
        if "vemo_audit" not in item.name and not item.name.endswith(".pth"):
            (borrowed / item.name).symlink_to(item)
    (site / "borrowed.pth").write_text(f"{borrowed}\n")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(tmp_path / "env" / "bin" / "vemo-audit"), *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    where = subprocess.run(
        [python, "-c", "import vemo_audit.resources.places as p; print(p.folder('policies'))"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.strip().startswith(str(site))
    assert "Audits video emotion recognition" in run("--help").stdout
    small_table(tmp_path)
    told = run("audit", "plan.toml", "--out", "out")
    assert told.returncode in (0, 1), told.stderr
    report = (tmp_path / "out" / "report.html").read_text()
    assert "Undecided" in report or "Met" in report or "Missed" in report
    assert run("policy", "test").returncode == 0
    assert run("gate", "init", "lab", "--sign").returncode == 0


def small_table(folder: Path) -> None:
    """Twelve people with four clips each, two labels, one trait."""
    from fakes import PLAN

    data = folder / "data"
    data.mkdir()
    labels, traits, rows = ["clip,label,subject"], ["subject,sex"], ["clip,p_calm,p_tense"]
    for subject in range(12):
        traits.append(f"s{subject},{'female' if subject % 2 else 'male'}")
        for k in range(4):
            clip, label = f"s{subject}-{k}", ("calm", "tense")[k % 2]
            labels.append(f"{clip},{label},s{subject}")
            right = (subject + k) % 5 != 0
            calm = 0.8 if (label == "calm") == right else 0.2
            rows.append(f"{clip},{calm},{round(1 - calm, 2)}")
    (data / "labels.csv").write_text("\n".join(labels) + "\n")
    (data / "traits.csv").write_text("\n".join(traits) + "\n")
    (folder / "predictions.csv").write_text("\n".join(rows) + "\n")
    (folder / "plan.toml").write_text(PLAN)
