"""Real video through the real gate, decoder and face finder: refusals decode nothing, and bystanders are filled."""

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import throwaway
from throwaway import Throwaway

from vemo_audit.cli import infer
from vemo_audit.governance import manifest
from vemo_audit.governance.masking import FILL, Guard
from vemo_audit.media import decode, jail
from vemo_audit.media.encode import VideoWriter
from vemo_audit.media.probe import probe
from vemo_audit.recognition.recognizers.temporal_multimodal import TemporalMultimodal
from vemo_audit.records.clip import AdmittedClip, FaceFinder, GuardedFrame
from vemo_audit.serving.clip import Service
from vemo_audit.serving.finder import Remembered

pytestmark = pytest.mark.real_data

SCALE = 0.5
FRAMES = 8
"""Of the street clip, around each time that was boxed by hand: enough for a track to be sure of itself."""
WHO_AGREED = {0.0: 2, 2.0: 1, 4.0: 0}
"""By time: the index of the hand-drawn box whose person consents, by a zone around the place."""


@pytest.fixture(scope="module")
def finder() -> Callable[[], FaceFinder]:
    return infer.face_finder()


@pytest.fixture(scope="module")
def guest() -> TemporalMultimodal:
    return TemporalMultimodal()


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What every jail was started for: `facts` reads a header, `frames` and `sound` decode."""
    done: list[str] = []
    start = jail.start
    monkeypatch.setattr(jail, "start", lambda job, *a, **k: done.append(job["do"]) or start(job, *a, **k))
    return done


def served(
    house: Throwaway, guest: TemporalMultimodal, finder: Callable[[], FaceFinder], path: Path, out: Path,
    *consents: bytes, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """The row that `infer` ends with."""
    named, _ = manifest.load(house.path)
    finders = Remembered(finder)
    with house.gate(finders) as gate:
        service = Service(gate, guest, "throwaway", named.digest, {}, finders)
        return infer.one(service, path, out, house.case(*consents, **more))


def nobody(house: Throwaway, _: Path) -> list[bytes]:
    return []


def expired(house: Throwaway, _: Path) -> list[bytes]:
    given = house.give(lasts=timedelta(hours=1))[1]
    house.clock.forward(hours=2)
    return [given]


def withdrawn(house: Throwaway, _: Path) -> list[bytes]:
    record_id, given = house.give()
    house.withdraw(record_id)
    return [given]


def forged(house: Throwaway, _: Path) -> list[bytes]:
    """A minor's consent, made an adult's."""
    envelope = json.loads(house.give(age_band="13-15")[1])
    payload = base64.b64decode(envelope["payload"]).replace(b'"13-15"', b'"adult"')
    return [json.dumps(envelope | {"payload": base64.b64encode(payload).decode()}).encode()]


def foreign(_: Throwaway, folder: Path) -> list[bytes]:
    return [throwaway.build(folder / "elsewhere").give()[1]]


def minor(house: Throwaway, _: Path) -> list[bytes]:
    return [house.give(age_band="13-15")[1]]


def adult(house: Throwaway, _: Path) -> list[bytes]:
    return [house.give()[1]]


@pytest.mark.parametrize(
    ("consents", "purpose", "rule", "ref"),
    [
        (nobody, "research", "c.present", "GDPR art. 6"),
        (expired, "research", "c.window", "GDPR art. 5(1)(e)"),
        (withdrawn, "research", "c.state-given", "GDPR art. 7(3)"),
        (forged, "research", "g.signature", "base promise 5"),
        (foreign, "research", "g.issuer", "base promise 5"),
        (minor, "research", "c.guardian", "GDPR art. 8"),
        (adult, "employment_screening", "eu-ai-act.5.1.f.candidate", "art. 5(1)(f)"),
    ],
)
def test_a_refusal_names_rule_and_article_and_decodes_nothing(
    consents: Callable[[Throwaway, Path], list[bytes]], purpose: str, rule: str, ref: str, shared_data: Path,
    tmp_path: Path, jobs: list[str], guest: TemporalMultimodal, finder: Callable[[], FaceFinder],
) -> None:  # fmt: skip
    house = throwaway.build(tmp_path / "dep")
    given = consents(house, tmp_path)
    path = shared_data / "video" / "single_face.mp4"
    told = served(house, guest, finder, path, tmp_path / "out", *given, purpose=purpose)
    assert told["exit_code"] == 3 and told["outcome"] == "deny"
    assert told["rules"][0]["id"] == rule and ref in told["rules"][0]["ref"]
    assert jobs == ["facts"], "a header was read, and nothing was decoded"
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"page.html", "summary.json", "receipt.json"}


def test_with_consent_the_same_counter_sees_frames(
    shared_data: Path, tmp_path: Path, jobs: list[str], finder: Callable[[], FaceFinder]
) -> None:
    house = throwaway.build(tmp_path / "dep")
    with house.gate(finder) as gate:
        clip = gate.admit(probe(shared_data / "video" / "single_face.mp4"), house.case(house.give()[1]))
        assert isinstance(clip, AdmittedClip)
        frames = list(itertools.islice(decode.frames(clip), FRAMES))
    assert jobs == ["facts", "frames"] and len(frames) == FRAMES


def test_where_there_is_nobody_the_answer_says_so(
    shared_data: Path, tmp_path: Path, guest: TemporalMultimodal, finder: Callable[[], FaceFinder]
) -> None:
    house = throwaway.build(tmp_path / "dep")
    with house.gate(finder) as gate:
        clip = gate.admit(probe(shared_data / "video" / "no_face.mp4"), house.case(house.give()[1]))
        assert isinstance(clip, AdmittedClip)
        answers = gate.emit(clip, list(guest.recognize(clip)))
    assert [(one.person, one.probability, one.reason) for one in answers] == [("", None, "nobody was seen")]


def excerpt(source: Path, target: Path, time_s: float) -> tuple[Path, int]:
    """Some frames of the street clip at half size, and the place among them of the one at `time_s`."""
    images: list[np.ndarray] = []
    times: list[float] = []
    with av.open(str(source)) as container:
        for frame in container.decode(video=0):
            if frame.time > max(time_s, (FRAMES - 1) / 25) + 0.01:
                break
            images, times = images[-FRAMES + 1 :], times[-FRAMES + 1 :]
            images.append(frame.to_ndarray(format="rgb24"))
            times.append(frame.time)
    height, width = (round(side * SCALE) for side in images[0].shape[:2])
    with VideoWriter(target, width=width, height=height, rate_hz=25) as writer:
        for image, t in zip(images, times, strict=True):
            writer.write(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), t - times[0])
    return target, int(np.argmin(np.abs(np.array(times) - time_s)))


def zone_around(box: list[int], width: int, height: int) -> tuple[int, int, int, int]:
    """Per mille: the box with its own size added on every side."""
    x0, y0, x1, y1 = box
    across, down = x1 - x0, y1 - y0
    sides = ((x0 - across) / width, (y0 - down) / height, (x1 + across) / width, (y1 + down) / height)
    left, top, right, bottom = (round(1000 * min(1.0, max(0.0, side))) for side in sides)
    return left, top, right, bottom


def seen_on_the_street(
    shared_data: Path, tmp_path: Path, time_s: float, finder: Callable[[], FaceFinder]
) -> tuple[list[GuardedFrame], int, list[list[int]], list[int]]:
    """What a recognizer gets, the index of the boxed frame, the bystanders' boxes and that of who agreed (pixels)."""
    boxes = json.loads((Path(__file__).parent / "recognition" / "perception" / "boxes.json").read_text())["street"]
    drawn = next(one["boxes"] for one in boxes if one["time_s"] == time_s)
    agreed = drawn[WHO_AGREED[time_s]]
    source = shared_data / "video" / "facenet_street.mp4"
    path, at = excerpt(source, tmp_path / "street.mp4", time_s)
    house = throwaway.build(tmp_path / "dep", modalities=("face",), bindings=("seat_zone",))
    zone = zone_around(agreed, 1920, 1080)
    consent = house.give(modalities=("face",), binding="seat_zone", zone=zone, max_faces=16)[1]
    with house.gate(finder) as gate:
        clip = gate.admit(probe(path), house.case(consent))
        assert isinstance(clip, AdmittedClip)
        frames = list(decode.frames(clip))
    return frames, at, [box for box in drawn if box is not agreed], agreed


def unfilled(frame: GuardedFrame, box: list[int]) -> int:
    """Pixels within a hand-drawn box (of the full size) that are not the fill."""
    x0, y0, x1, y1 = (round(side * SCALE) for side in box)
    return int(np.any(frame.image[y0:y1, x0:x1] != FILL, axis=-1).sum())


@pytest.mark.parametrize("time_s", sorted(WHO_AGREED))
def test_every_hand_boxed_face_that_no_consent_names_is_filled(
    shared_data: Path, tmp_path: Path, time_s: float, finder: Callable[[], FaceFinder]
) -> None:
    frames, at, bystanders, agreed = seen_on_the_street(shared_data, tmp_path, time_s, finder)
    assert len(frames) == FRAMES and len(bystanders) >= 4
    assert [unfilled(frames[at], box) for box in bystanders] == [0] * len(bystanders)
    shown = max(unfilled(frame, agreed) for frame in frames)
    assert shown > 100, "who agreed is visible in some frame, so it is not all filled for another reason"


@pytest.mark.parametrize("time_s", sorted(WHO_AGREED))
def test_without_the_guard_every_one_of_them_would_be_seen(
    shared_data: Path, tmp_path: Path, time_s: float, finder: Callable[[], FaceFinder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_door(self: Guard, images: np.ndarray, time_s: np.ndarray, first: int) -> Iterator[GuardedFrame]:
        return (
            GuardedFrame(first + k, float(t), i, (), ()) for k, (i, t) in enumerate(zip(images, time_s, strict=True))
        )

    monkeypatch.setattr(Guard, "release", open_door)
    frames, at, bystanders, _ = seen_on_the_street(shared_data, tmp_path, time_s, finder)
    assert all(unfilled(frames[at], box) > 100 for box in bystanders)
