"""The README's commands run as they stand there, in its order."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [block for named, block in fenced if named == language]


@pytest.fixture(scope="module")
def readme() -> str:
    return (Path(__file__).parents[1] / "README.md").read_text()


def commands(readme: str, start: str) -> list[str]:
    """The lines of the first block that begins with `start`, without their comments."""
    (block,) = [found for found in blocks(readme, "") if found.startswith(start)]
    return [line.partition("#")[0].strip() for line in block.splitlines()]


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).parent / "vemo-audit"
    words = shlex.split(line)
    assert words[0] == "vemo-audit"
    return subprocess.run([script, *words[1:]], cwd=folder, capture_output=True, text=True, check=False)


def test_from_an_empty_folder_to_a_gated_result(readme: str, tmp_path: Path) -> None:
    """The picture is one rendered by the probe; the rest is word for word."""
    from vemo_audit.demo.film import write
    from vemo_audit.probe.cast import cast
    from vemo_audit.probe.dataset import Shoot, shoot

    settings = Shoot(classes=("happiness",))
    clip = next(iter(shoot(cast(adults=1, minors=0), settings)))
    write(tmp_path / "video.mp4", clip.name, clip.frames, settings)
    init, give, infer, withdraw, verify = commands(readme, "vemo-audit gate init")
    assert run(init, tmp_path).returncode == 0
    given = run(give, tmp_path)
    assert given.returncode == 0, given.stderr
    record = re.search(r"Consent ([0-9a-f-]{36})", given.stdout)
    assert record is not None
    inferred = run(infer, tmp_path)
    assert inferred.returncode == 0, inferred.stderr
    left = {path.name for path in (tmp_path / "results" / "video").iterdir()}
    assert left == {"predictions.parquet", "summary.json", "page.html", "annotated.mp4", "receipt.json"}
    assert run(withdraw.replace("RECORD_ID", record[1]), tmp_path).returncode == 0
    assert run(infer, tmp_path).returncode == 3, "after withdrawal the same command is refused"
    verified = run(verify, tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_plan_to_start_from_and_a_table_to_check(readme: str, tmp_path: Path) -> None:
    check, new, audit = commands(readme, "vemo-audit table check")
    (tmp_path / "predictions.csv").write_text("clip,p_calm,p_tense\na,0.4,0.7\n")
    refused = run(check, tmp_path)
    assert refused.returncode == 2
    assert "sum to 1.1" in refused.stdout
    assert run(new, tmp_path).returncode == 0 and (tmp_path / "plan.toml").is_file()
    stopped = run(audit, tmp_path)
    assert stopped.returncode == 2 and not (tmp_path / "results").exists()


def test_the_recognizer_of_the_readme_is_whole(readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import throwaway

    from vemo_audit.media.encode import VideoWriter
    from vemo_audit.media.probe import probe
    from vemo_audit.resources import plugins

    (source,) = blocks(readme, "python")
    (tmp_path / "their_module.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    theirs = plugins.load("recognizer", "their_module:AlwaysNeutral")()
    import numpy as np

    with VideoWriter(tmp_path / "video.mp4", width=64, height=48, rate_hz=10) as writer:
        for k in range(5):
            writer.write(np.full((48, 64, 3), 90, np.uint8), k / 10)
    house = throwaway.build(tmp_path / "dep", modalities=("face",))
    _, consent = house.give(modalities=("face",))
    with house.gate() as gate:
        admitted = gate.admit(probe(tmp_path / "video.mp4"), house.case(consent))
        (prediction,) = theirs.recognize(admitted)
        assert len(gate.emit(admitted, [prediction])) == 1
    assert prediction.probability[6] == pytest.approx(0.88)


def test_the_figures_are_those_of_the_cards(readme: str, root: Path) -> None:
    import tomllib

    for name in ("face-ferplus", "voice-emodb"):
        card = tomllib.loads((root / "models" / f"{name}.card.toml").read_text())
        (row,) = [line for line in readme.splitlines() if line.startswith(f"| `{name}`")]
        overall = {one["metric"]: one for one in card["figures"] if one["slice"] == "overall"}
        for metric, word in (("accuracy", "accuracy"), ("uar", "UAR"), ("ece", "ECE")):
            stated = re.search(rf"{word} (\.\d+)", row)
            assert stated is not None and float(stated[1]) == pytest.approx(overall[metric]["value"], abs=0.00051)
        low, high = re.search(r"accuracy \[(\.\d+), (\.\d+)\]", row).groups()  # type: ignore[union-attr]
        assert float(low) == pytest.approx(overall["accuracy"]["low"], abs=0.00051)
        assert float(high) == pytest.approx(overall["accuracy"]["high"], abs=0.00051)


def test_the_picture_and_the_sample_report_are_there(readme: str, root: Path) -> None:
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", readme):
        assert (root / name).is_file(), name
    sample = (root / "reports" / "sample" / "report.html").read_text()
    assert "<script" not in sample and "not reading what a person feels" in sample
    (told,) = blocks(readme, "text")
    for line in told.splitlines():
        if line.startswith("- "):  # the verdict words of the README stand in the sample it shows
            assert line[2:].partition(".")[0] in sample
