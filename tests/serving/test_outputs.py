"""Movements, quality, affect and states from a recognizer to every file: told where consented, nowhere else."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
import throwaway
from throwaway import AlwaysOne, Throwaway

from vemo_audit.errors import Refused
from vemo_audit.governance import leaving, manifest
from vemo_audit.media import decode
from vemo_audit.media.encode import VideoWriter
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.event import Event
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span
from vemo_audit.serving.clip import Served, Service
from vemo_audit.serving.finder import Remembered

EVERYTHING = ("action_units", "expression_label", "sustained_states", "valence_arousal")
UNITS = frozenset({"action_units"})


class Talkative:
    """Tells everything there is to tell of one person, whatever the permit says; says which settings it has."""

    card = RecognizerCard("talkative", "1", EKMAN, ("face",), "1 s", "none", "none", "d" * 64)

    def __init__(self, *, unit_rate_hz: float = 25.0) -> None:
        self.settings = type("Settings", (), {"unit_rate_hz": unit_rate_hz})()
        self.looked = 0

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        self.looked += 1
        list(decode.frames(clip))
        probability = np.full(7, 0.1, np.float32)
        probability[3] = 0.4
        for k, height in enumerate((0.05, 0.75)):
            events = (
                Event("au12", 0.2, 0.4, 0.6, 0.7), Event("au6+au12", 0.2, 0.4, 0.6, 0.5),
                Event("nod", 0.1, 0.2, 0.4, 9.0), Event("attention drop", 0.1, 0.4, math.nan, 0.6),
            )  # fmt: skip
            yield Prediction(
                clip.clip.name, "1", Span(0.5 * k, 0.5 * k + 1), probability, 0.5, 0.25, -0.125, 0.25,
                {"yaw_deg": 70.0, "exposure": 0.5}, "face+words", {"face": 1.0, "words": -0.5},
                {"face": 0.75, "words": 1.0}, {"au6": 0.1, "au12": height}, {"attention drop": 0.3 + 0.3 * k},
                events if k == 0 else (), decided_label="fear",
            )  # fmt: skip


class NeedsVoice(Talkative):
    """Refuses on its way, as ours does for a transcript under a permit without voice."""

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        yield from super().recognize(clip)
        raise Refused("a transcript under a permit without voice", rule_id="c.modality", ref="not named, not decoded")


@pytest.fixture
def house(tmp_path: Path) -> Throwaway:
    return throwaway.build(tmp_path / "dep", modalities=("face",), outputs=EVERYTHING)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "clip.mp4", width=320, height=240, rate_hz=10) as writer:
        for k in range(15):
            writer.write(np.full((240, 320, 3), 60 + 5 * k, np.uint8), k / 10)
    return tmp_path / "clip.mp4"


def serve(
    house: Throwaway, video: Path, outputs: tuple[str, ...], *, who: Talkative | None = None,
    files: tuple[str, ...] = (), asked: tuple[str, ...] = EVERYTHING,
) -> Served:  # fmt: skip
    _, consent = house.give(modalities=("face",), outputs=outputs)
    named, _ = manifest.load(house.path)
    finders = Remembered(AlwaysOne)
    with house.gate(finders) as gate:
        service = Service(gate, who or Talkative(), "throwaway", named.digest, {}, finders, files)
        return service.infer(video, video.parent / "out", house.case(consent, outputs=frozenset(asked)))


def leaks(folder: Path) -> list[str]:
    """Where anything of a unit or a movement stands among the files of a run."""
    found = []
    table = parquet.read_table(folder / "predictions.parquet")
    found += [name for name in table.column_names if name.endswith("_estimate")]
    if (folder / "events.csv").exists() and "au12" in (folder / "events.csv").read_text():
        found.append("events.csv")
    person = json.loads((folder / "summary.json").read_text())["people"][0]
    found += [key for key in ("units", "events") if any("au" in name or name == "nod" for name in person[key])]
    page = (folder / "page.html").read_text()
    return found + [words for words in ("AU12", "Nod", "Micro-expressions") if words in page]


def test_everything_that_was_consented_to_is_told(house: Throwaway, video: Path) -> None:
    served = serve(house, video, EVERYTHING)
    assert set(leaks(served.folder)) == {
        "au6_estimate", "au12_estimate", "events.csv", "units", "events", "AU12", "Nod", "Micro-expressions",
    }  # fmt: skip
    summary: dict[str, Any] = dict(served.summary)
    person = summary["people"][0]
    assert person["units"]["au12"] == {"mean": pytest.approx(0.4), "peak": pytest.approx(0.75)}
    assert person["events"] == {"attention drop": 1, "au12": 1, "au6+au12": 1, "nod": 1}
    assert person["quality"]["yaw_deg"] == 70 and person["held_down_by"] == {"yaw_deg": 2}
    assert person["states"] == {"attention drop": {"mean": 0.45, "peak": 0.6}}
    assert person["modalities"]["words"] == {"windows": 2, "windows_against": 2, "log_odds": -0.5}
    assert person["top_share"] == {"fear": 1.0} and person["mean_probability"]["happiness"] > 0.3, "as decided"
    assert person["affect"] == {"valence": 0.5, "arousal": 0.25, "dominance": -0.125}
    assert person["sentiment_windows"] == {"negative": 0, "neutral": 0, "positive": 2}
    assert summary["outputs_withheld"] == [] and "10.0 frames/s" in summary["micro_expressions"]
    page = (served.folder / "page.html").read_text()
    for words in ("co-occurrence only", "Attention drop", "not validated", "declared projection", "Sentiment of face"):
        assert words in page
    assert json.loads((served.folder / "receipt.json").read_text())["files"].keys() >= {"events.csv"}


def test_without_consent_to_units_nothing_of_them_is_in_any_file(house: Throwaway, video: Path) -> None:
    served = serve(house, video, ("expression_label", "valence_arousal", "sustained_states"))
    assert leaks(served.folder) == []
    assert served.summary["outputs_withheld"] == ["action_units"] and served.summary["micro_expressions"] == ""
    page = (served.folder / "page.html").read_text()
    assert "Action units and movements were asked for, but consent or deployment do not cover them" in page
    assert "Attention drop" in page, "what was consented to is still told"


def test_the_twin_whose_gate_cuts_nothing_leaks_them(
    house: Throwaway, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "reduce", lambda prediction, permit: prediction)
    served = serve(house, video, ("expression_label", "valence_arousal", "sustained_states"))
    assert leaks(served.folder), "the check above can see a leak"


def test_what_nobody_asked_for_is_not_told_even_where_it_was_consented_to(house: Throwaway, video: Path) -> None:
    served = serve(house, video, EVERYTHING, asked=("expression_label",))
    assert leaks(served.folder) == [] and served.summary["outputs_withheld"] == []
    page = (served.folder / "page.html").read_text()
    assert "Declared states" not in page and "Movements of face" not in page and "Sentiment" not in page
    assert served.summary["people"][0]["affect"] == {} and served.summary["people"][0]["states"] == {}


def test_units_alone_make_a_page_without_any_label(house: Throwaway, video: Path) -> None:
    served = serve(house, video, ("action_units",))
    page = (served.folder / "page.html").read_text()
    assert "AU12" in page and "output not covered by consent" in page and "probability of each" not in page
    assert served.summary["people"][0]["mean_probability"] is None
    assert served.summary["outputs_withheld"] == ["expression_label", "sustained_states", "valence_arousal"]


@pytest.mark.parametrize(("rate_hz", "answered"), [(10.0, False), (120.0, True)])
def test_the_question_for_micro_expressions_needs_looks_and_not_only_frames(
    house: Throwaway, tmp_path: Path, rate_hz: float, answered: bool
) -> None:
    path = tmp_path / "fast.mp4"
    with VideoWriter(path, width=64, height=48, rate_hz=rate_hz) as writer:
        for k in range(30):
            writer.write(np.full((48, 64, 3), 40 + 5 * k, np.uint8), k / rate_hz)
    said = serve(house, path, EVERYTHING, who=Talkative(unit_rate_hz=120.0)).summary["micro_expressions"]
    assert ("1 movement shorter than 0.5 s" in said) == answered and ("no answer" in said) != answered
    slow = serve(house, path, EVERYTHING, who=Talkative(unit_rate_hz=25.0)).summary["micro_expressions"]
    assert "no answer" in slow, "a recognizer that looks 25 times a second saw no more, whatever the video holds"


def test_a_repeated_frame_shows_nothing_new(house: Throwaway, tmp_path: Path) -> None:
    path = tmp_path / "padded.mp4"
    with VideoWriter(path, width=64, height=48, rate_hz=100) as writer:
        for k in range(60):
            writer.write(np.full((48, 64, 3), 40 + 10 * (k // 4), np.uint8), k / 100)
    said = serve(house, path, EVERYTHING, who=Talkative(unit_rate_hz=200.0)).summary["micro_expressions"]
    assert "25.0 frames/s" in said


def test_a_refusal_on_the_way_leaves_nothing_and_names_its_rule(house: Throwaway, video: Path) -> None:
    served = serve(house, video, EVERYTHING, who=NeedsVoice())
    assert not served.decision.allowed and served.decision.rules[0].rule_id == "c.modality"
    assert {path.name for path in served.folder.iterdir()} == {"page.html", "summary.json", "receipt.json"}
    assert served.decision.log_index is None, "the ledger holds the admission; no entry proves this refusal"
    assert "permit without voice" in (served.folder / "page.html").read_text()


def test_another_transcript_is_another_run(house: Throwaway, video: Path) -> None:
    _, consent = house.give(modalities=("face",), outputs=EVERYTHING)
    named, _ = manifest.load(house.path)
    finders, who = Remembered(AlwaysOne), Talkative()
    with house.gate(finders) as gate:
        for files in (("a" * 64,), ("a" * 64,), ("b" * 64,)):
            service = Service(gate, who, "throwaway", named.digest, {}, finders, files)
            service.infer(video, video.parent / "out", house.case(consent, outputs=UNITS))
    assert who.looked == 2, "the same words are not read twice, and changed ones are"
