"""The two real tables through the whole command: the figures that are known from elsewhere come out."""

import json
from pathlib import Path

import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from vemo_audit.audit import export
from vemo_audit.cli import audit

pytestmark = pytest.mark.real_data
POINT, CLOSED_FORM, BOOTSTRAP = 5e-4, 3e-3, 6e-3
"""Tolerances of a point, of a closed-form end and of a resampled end."""


def audited(name: str, root: Path, folder: Path) -> tuple[int, dict, str]:
    app = typer.Typer()
    app.command()(audit.audit)
    plan = root / "tests" / "plans" / f"{name}.toml"
    result = CliRunner().invoke(app, [str(plan), "--out", str(folder)], catch_exceptions=False)
    schema = json.loads(Path(export.__file__).with_name("audit.schema.json").read_text())
    found = json.loads((folder / "audit.json").read_text())
    jsonschema.validate(found, schema)
    return result.exit_code, found, (folder / "report.html").read_text()


@pytest.fixture(scope="module")
def ravdess(shared_data: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict, str]:
    return audited("ravdess", root, tmp_path_factory.mktemp("ravdess") / "out")


@pytest.fixture(scope="module")
def cremad(shared_data: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict, str]:
    return audited("cremad", root, tmp_path_factory.mktemp("cremad") / "out")


def level(found: dict, recognizer: str, name: str = "overall", metric: str = "accuracy") -> dict:
    (one,) = (
        m for m in found["measurements"]
        if (m["recognizer"], m["slice"], m["metric"]) == (recognizer, name, metric)
    )  # fmt: skip
    return one


def gap(found: dict, recognizer: str, a: str, b: str) -> tuple[float, float, float, dict]:
    """Value, low and high of accuracy of `a` minus accuracy of `b`, whichever way round the run has it."""
    for g in found["gaps"]:
        if (g["recognizer"], g["metric"]) == (recognizer, "accuracy") and {g["a"], g["b"]} == {a, b}:
            return (g["value"], g["low"], g["high"], g) if g["a"] == a else (-g["value"], -g["high"], -g["low"], g)
    raise AssertionError(f"no gap between {a} and {b}")


@pytest.mark.parametrize(
    ("recognizer", "accuracy", "women", "men"),
    [
        ("wav2vec_voice", 0.819, 0.842, 0.797),
        ("au_mlp_face", 0.604, 0.651, 0.557),
        ("au_bilstm_face", 0.624, 0.646, 0.601),
        ("fusion_av", 0.867, 0.897, 0.838),
    ],
)
def test_ravdess_accuracies(
    ravdess: tuple[int, dict, str], recognizer: str, accuracy: float, women: float, men: float
) -> None:
    _, found, _ = ravdess
    assert level(found, recognizer)["value"] == pytest.approx(accuracy, abs=POINT)
    assert level(found, recognizer, "sex=female")["value"] == pytest.approx(women, abs=POINT)
    assert level(found, recognizer, "sex=male")["value"] == pytest.approx(men, abs=POINT)
    assert (level(found, recognizer)["rows"], level(found, recognizer)["subjects"]) == (1440, 24)


def test_the_sex_gap_of_the_fusion_is_undecided_by_actor(ravdess: tuple[int, dict, str]) -> None:
    code, found, html = ravdess
    value, low, high, whole = gap(found, "fusion_av", "female", "male")
    assert value == pytest.approx(0.060, abs=POINT)
    assert (low, high) == pytest.approx((-0.011, 0.131), abs=CLOSED_FORM)
    (beside,) = whole["others"]
    assert beside["method"] == "percentile"
    assert (beside["low"], beside["high"]) == pytest.approx((-0.004, 0.124), abs=BOOTSTRAP)
    assert whole["verdict"] == "undecided" and code == 1 and "sex-gap" in found["undecided"]
    assert whole["icc"] == pytest.approx(0.05, abs=0.01)
    assert (low, high) != pytest.approx((0.025, 0.095), abs=CLOSED_FORM)  # what rows would say
    assert "Undecided" in html


def test_fusion_calibration(ravdess: tuple[int, dict, str]) -> None:
    ece = level(ravdess[1], "fusion_av", metric="ece")
    assert ece["value"] == pytest.approx(0.021, abs=POINT) and ece["state"] == "approximate"


def test_ravdess_keeps_its_eight_classes(ravdess: tuple[int, dict, str]) -> None:
    assert all(len(card["labels"]["names"]) == 8 for card in ravdess[1]["recognizers"])
    assert "calm" in ravdess[1]["recognizers"][0]["labels"]["names"]


GAPS = {
    ("crowd_voice", "female", "male"): (0.045, 0.015, 0.075),
    ("crowd_face", "female", "male"): (0.057, 0.022, 0.091),
    ("crowd_audio_visual", "female", "male"): (0.058, 0.024, 0.093),
    ("crowd_voice", "Caucasian", "African American"): (-0.007, -0.042, 0.027),
    ("crowd_face", "Caucasian", "African American"): (0.007, -0.037, 0.050),
    ("crowd_audio_visual", "Caucasian", "African American"): (-0.001, -0.042, 0.040),
    ("crowd_voice", "Caucasian", "Asian"): (0.028, -0.028, 0.085),
    ("crowd_face", "Caucasian", "Asian"): (0.033, -0.026, 0.092),
    ("crowd_audio_visual", "Caucasian", "Asian"): (0.014, -0.030, 0.057),
}


@pytest.mark.parametrize("which", GAPS, ids="/".join)
def test_cremad_gaps(cremad: tuple[int, dict, str], which: tuple[str, str, str]) -> None:
    value, low, high, whole = gap(cremad[1], *which)
    expected = GAPS[which]
    assert value == pytest.approx(expected[0], abs=2 * POINT)
    assert (low, high) == pytest.approx(expected[1:], abs=CLOSED_FORM)
    assert whole["method"] == "cluster-t"


@pytest.mark.parametrize(
    ("crowd", "share", "women", "men"),
    [("crowd_voice", 0.400, 0.424, 0.379), ("crowd_face", 0.574, 0.604, 0.548),
     ("crowd_audio_visual", 0.631, 0.661, 0.603)],
)  # fmt: skip
def test_cremad_shares_of_votes(
    cremad: tuple[int, dict, str], crowd: str, share: float, women: float, men: float
) -> None:
    _, found, _ = cremad
    assert level(found, crowd)["value"] == pytest.approx(share, abs=POINT)
    assert level(found, crowd, "sex=female")["value"] == pytest.approx(women, abs=POINT)
    assert level(found, crowd, "sex=male")["value"] == pytest.approx(men, abs=POINT)
    assert level(found, crowd)["subjects"] == 91
    assert sum(level(found, name)["rows"] for name in ("crowd_voice", "crowd_face", "crowd_audio_visual")) == 212_000


def test_cremad_intervals_by_actor(cremad: tuple[int, dict, str]) -> None:
    women, men = (level(cremad[1], "crowd_audio_visual", f"sex={sex}") for sex in ("female", "male"))
    assert (women["low"], women["high"]) == pytest.approx((0.637, 0.686), abs=CLOSED_FORM)
    assert (men["low"], men["high"]) == pytest.approx((0.578, 0.628), abs=CLOSED_FORM)


def test_the_one_actor_slice_is_hidden_and_no_count_gives_it_away(cremad: tuple[int, dict, str]) -> None:
    _, found, _ = cremad
    for crowd in ("crowd_voice", "crowd_face", "crowd_audio_visual"):
        unknown = level(found, crowd, "race=unknown")
        assert unknown["state"] == "hidden"
        assert unknown["value"] is None and unknown["rows"] is None and unknown["subjects"] is None
        counts = [
            level(found, crowd, f"race={race}")["subjects"] for race in ("Caucasian", "African American", "Asian")
        ]
        assert counts[:2] == [61, 22] and counts[2] is None


def test_the_report_says_that_raters_could_not_be_modelled(cremad: tuple[int, dict, str]) -> None:
    _, found, html = cremad
    assert any("raters" in limit for limit in found["limits"])
    assert "no row for each rater" in html
    assert any("one vote" in limit for limit in found["limits"])
    assert any("fewer than 5 have no known race" in limit for limit in found["limits"])
