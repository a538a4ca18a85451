"""Gated inference on one file: what leaves, what never does, and what a second run finds."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow.parquet as parquet
import pytest
import throwaway
from throwaway import Clock, Throwaway, face

from vemo_audit.governance import manifest
from vemo_audit.governance.masking import Guard
from vemo_audit.governance.screening import Case
from vemo_audit.media import decode, jail
from vemo_audit.media.encode import VideoWriter
from vemo_audit.records.clip import AdmittedClip, FaceFinder, FoundFace, GuardedFrame
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span
from vemo_audit.serving.clip import Service
from vemo_audit.serving.finder import Remembered

SENTINEL = (255, 0, 255)
WIDTH, HEIGHT, RATE_HZ, FRAMES = 160, 96, 10.0, 12


class TwoPeople:
    """Finds the person in the left half and the bystander in the right one, where the video shows them."""

    calls = 0

    def find(self, images: np.ndarray, time_s: np.ndarray) -> list[tuple[FoundFace, ...]]:
        TwoPeople.calls += 1
        return [(face(1, 24, 24, 56, 64), face(2, 104, 24, 136, 64))] * len(images)


class Watcher:
    """A recognizer that keeps every frame it was shown, as a hostile one would."""

    card = RecognizerCard("watcher", "1", EKMAN, ("face",), "clip", "none", "none", "d" * 64)

    def __init__(self) -> None:
        self.frames: list[GuardedFrame] = []
        self.traces: dict[str, object] = {}

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        self.frames = list(decode.frames(clip))
        probability = np.full(7, 0.1, np.float32)
        probability[3] = 0.4
        yield Prediction(clip.clip.name, "1", Span(0, FRAMES / RATE_HZ), probability, 0.5, 0.2, modality="face",
                         contribution={"face": 1.0}, decision=clip.permit.decision_id)  # fmt: skip


def video(path: Path) -> Path:
    """Somebody green on the left, a bystander in the sentinel colour on the right."""
    with VideoWriter(path, width=WIDTH, height=HEIGHT, rate_hz=RATE_HZ) as writer:
        for k in range(FRAMES):
            picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
            picture[20:70, 20:60] = (40, 160, 40)
            picture[20:70, 100:140] = SENTINEL
            writer.write(picture, k / RATE_HZ)
    return path


def pinkish(image: np.ndarray) -> int:
    """Pixels that are anywhere near the sentinel colour, coding losses allowed for."""
    return int(np.all(np.abs(image.astype(int) - SENTINEL) < 90, axis=-1).sum())


@pytest.fixture
def house(tmp_path: Path) -> Throwaway:
    return throwaway.build(tmp_path / "dep", modalities=("face",), bindings=("seat_zone",))


@pytest.fixture
def consent(house: Throwaway) -> tuple[str, bytes]:
    return house.give(modalities=("face",), binding="seat_zone", zone=(0, 0, 500, 1000), max_faces=2)


def serve(
    house: Throwaway, folder: Path, path: Path, case: Case, make: type[FaceFinder] = TwoPeople
) -> tuple[object, Watcher]:
    watcher = Watcher()
    finders = Remembered(make)
    named, _ = manifest.load(house.path)
    with house.gate(finders) as gate:
        service = Service(gate, watcher, "throwaway", named.digest, {}, finders)
        return service.infer(path, folder, case), watcher


def test_a_bystander_reaches_neither_model_nor_file(
    house: Throwaway, consent: tuple[str, bytes], tmp_path: Path
) -> None:
    path = video(tmp_path / "two.mp4")
    served, watcher = serve(house, tmp_path / "out", path, house.case(consent[1]))
    assert served.decision.allowed and len(watcher.frames) == FRAMES
    assert sum(pinkish(frame.image) for frame in watcher.frames) == 0
    assert all(frame.image[40, 40, 1] > 120 for frame in watcher.frames), "the person who agreed is visible"
    with av.open(str(tmp_path / "out" / "annotated.mp4")) as drawn:
        pictures = [frame.to_ndarray(format="rgb24") for frame in drawn.decode(video=0)]
    assert len(pictures) == FRAMES and sum(pinkish(picture) for picture in pictures) == 0


def test_without_the_guard_the_sentinel_would_be_seen(
    house: Throwaway, consent: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_door(self: Guard, images: np.ndarray, time_s: np.ndarray, first: int) -> list[GuardedFrame]:
        return [
            GuardedFrame(first + k, float(t), i, (), ()) for k, (i, t) in enumerate(zip(images, time_s, strict=True))
        ]

    monkeypatch.setattr(Guard, "release", open_door)
    _, watcher = serve(house, tmp_path / "out", video(tmp_path / "two.mp4"), house.case(consent[1]))
    assert sum(pinkish(frame.image) for frame in watcher.frames) > 1000


def test_everything_that_leaves_is_there_and_named_on_the_receipt(
    house: Throwaway, consent: tuple[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    served, _ = serve(house, out, video(tmp_path / "two.mp4"), house.case(consent[1]))
    receipt = json.loads((out / "receipt.json").read_text())
    assert set(receipt["files"]) == {"predictions.parquet", "summary.json", "page.html", "annotated.mp4"}
    assert receipt["decision_id"] == served.decision.decision_id and receipt["proof"].startswith("c2sp.org/tlog-proof")
    rows = parquet.read_table(out / "predictions.parquet").to_pylist()
    assert rows[0]["decision"] == receipt["decision_id"] and rows[0]["p_happiness"] == pytest.approx(0.4)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["people"][0]["top_share"] == {"happiness": 1.0} and summary["frames"] == FRAMES
    assert (
        "does not" in (out / "page.html").read_text()
        or "not reading what a person feels" in (out / "page.html").read_text()
    )
    assert not list(tmp_path.glob(".*.part"))


def test_a_second_run_goes_on_where_the_first_one_stopped(
    house: Throwaway, consent: tuple[str, bytes], tmp_path: Path
) -> None:
    path, out = video(tmp_path / "two.mp4"), tmp_path / "out"
    serve(house, out, path, house.case(consent[1]))
    again, watcher = serve(house, out, path, house.case(consent[1]))
    assert again.again and watcher.frames == []
    (out / "page.html").write_text("somebody wrote here")
    broken, watcher = serve(house, out, path, house.case(consent[1]))
    assert not broken.again and len(watcher.frames) == FRAMES


def test_drawing_does_not_search_for_faces_again(house: Throwaway, consent: tuple[str, bytes], tmp_path: Path) -> None:
    TwoPeople.calls = 0
    serve(house, tmp_path / "out", video(tmp_path / "two.mp4"), house.case(consent[1]))
    assert TwoPeople.calls == 1


def test_a_refusal_leaves_a_page_and_a_receipt_and_decodes_nothing(
    house: Throwaway, consent: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []
    start = jail.start
    monkeypatch.setattr(jail, "start", lambda job, *a, **k: jobs.append(job["do"]) or start(job, *a, **k))
    house.withdraw(consent[0])
    served, watcher = serve(house, tmp_path / "out", video(tmp_path / "two.mp4"), house.case(consent[1]))
    assert not served.decision.allowed and watcher.frames == [] and set(jobs) == {"facts"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"page.html", "summary.json", "receipt.json"}
    receipt = json.loads((tmp_path / "out" / "receipt.json").read_text())
    assert receipt["rules"][0]["id"].startswith("c.") and "GDPR" in receipt["rules"][0]["ref"]


def test_consent_that_ends_during_inference_leaves_nothing_of_the_person(
    house: Throwaway, consent: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognize = Watcher.recognize

    def withdraw_meanwhile(self: Watcher, clip: AdmittedClip) -> Iterator[Prediction]:
        yield from recognize(self, clip)
        house.withdraw(consent[0])

    monkeypatch.setattr(Watcher, "recognize", withdraw_meanwhile)
    served, _ = serve(house, tmp_path / "out", video(tmp_path / "two.mp4"), house.case(consent[1]))
    assert not served.decision.allowed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"page.html", "summary.json", "receipt.json"}


def test_the_receipt_of_work_that_was_stopped_proves_the_denial_not_the_intent(
    house: Throwaway, consent: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognize = Watcher.recognize

    def withdraw_meanwhile(self: Watcher, clip: AdmittedClip) -> Iterator[Prediction]:
        yield from recognize(self, clip)
        house.withdraw(consent[0])

    monkeypatch.setattr(Watcher, "recognize", withdraw_meanwhile)
    serve(house, tmp_path / "out", video(tmp_path / "two.mp4"), house.case(consent[1]))
    receipt = json.loads((tmp_path / "out" / "receipt.json").read_text())
    entry = json.loads(base64.b64decode(receipt["proof"].splitlines()[1].removeprefix("extra ")))
    assert (entry["decision"], entry["decision_id"]) == ("deny", receipt["decision_id"])
    assert receipt["rules"][0]["id"] == "w.withdrawn-since" and "[" not in receipt["rules"][0]["message"]
    assert receipt["ledger"]["origin"] and "No frame" not in (tmp_path / "out" / "page.html").read_text()


def test_a_refusal_for_another_purpose_leaves_earlier_results_alone(
    house: Throwaway, consent: tuple[str, bytes], tmp_path: Path
) -> None:
    path, out = video(tmp_path / "two.mp4"), tmp_path / "out"
    serve(house, out, path, house.case(consent[1]))
    served, _ = serve(house, out, path, house.case(consent[1], purpose="employment_screening"))
    assert not served.decision.allowed and served.folder.name == "out-refused"
    assert (out / "predictions.parquet").is_file() and (served.folder / "receipt.json").is_file()


def test_a_still_picture_is_a_clip_of_one_frame(house: Throwaway, consent: tuple[str, bytes], tmp_path: Path) -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    picture[20:70, 100:140] = SENTINEL
    cv2.imwrite(str(tmp_path / "still.png"), picture[..., ::-1])
    served, watcher = serve(house, tmp_path / "out", tmp_path / "still.png", house.case(consent[1]))
    assert served.decision.allowed and len(watcher.frames) == 1 and pinkish(watcher.frames[0].image) == 0
    assert (tmp_path / "out" / "annotated.png").is_file()


def test_the_clock_is_that_of_the_gate(house: Throwaway, consent: tuple[str, bytes], tmp_path: Path) -> None:
    assert isinstance(house.clock, Clock)
    house.clock.forward(days=2)
    served, _ = serve(house, tmp_path / "out", video(tmp_path / "two.mp4"), house.case(consent[1]))
    assert served.decision.rules[0].rule_id == "c.window"
