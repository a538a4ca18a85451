"""Tests of probe: facts from headers, and a clear answer to every kind of bad file."""

import hashlib
import math
import os
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from vemo_audit.errors import MediaError
from vemo_audit.media import jail
from vemo_audit.media import probe as probe_module
from vemo_audit.media.probe import ClipLimits, probe


def test_facts_of_a_video_with_sound(make_clip):
    path = make_clip("a.mp4", sound_s=0.5)
    clip = probe(path)
    assert (clip.name, clip.container, clip.bytes) == ("a.mp4", "mov", path.stat().st_size)
    assert clip.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (clip.video.width, clip.video.height, clip.video.rotation_deg) == (64, 48, 0)
    assert clip.video.codec == "h264" and clip.video.frames == 10 and clip.video.rate_hz == pytest.approx(25)
    assert clip.audio.rate_hz == 22050 and clip.audio.channels == 1 and not clip.is_still
    assert probe(path, name="other").name == "other"


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [
        ("a.mov", "mov", "libx264"), ("a.mkv", "matroska", "libx264"), ("a.webm", "matroska", "libvpx-vp9"),
        ("a.avi", "avi", "mpeg4"),
    ],
)  # fmt: skip
def test_containers_are_known_by_content(make_clip, name, container, codec):
    path = make_clip(name, codec=codec)
    hidden = path.rename(path.with_name("noname"))
    clip = probe(hidden)
    assert clip.container == container and clip.audio is None
    assert clip.duration_s == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.flac", "flac"), ("a.mp4", "aac")])
def test_sound_alone_is_a_clip_without_picture(make_clip, name, codec):
    clip = probe(make_clip(name, ticks=(), sound_s=0.5, sound_codec=codec))
    assert clip.video is None and clip.audio.rate_hz == 22050
    assert clip.duration_s == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_the_turn_of_the_header_swaps_the_sides(make_clip, turn):
    video = probe(make_clip("a.mp4", turn=turn)).video
    assert video.rotation_deg == turn
    assert (video.width, video.height) == ((64, 48) if turn in (0, 180) else (48, 64))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_still_is_a_clip_of_one_frame(tmp_path, suffix):
    from PIL import Image

    path = tmp_path / f"still.{suffix}"
    Image.fromarray(np.zeros((30, 50, 3), np.uint8)).save(path)
    clip = probe(path)
    assert clip.is_still and clip.duration_s == 0 and clip.audio is None
    assert (clip.video.width, clip.video.height, clip.video.frames) == (50, 30, 1)
    assert math.isnan(clip.video.rate_hz)


def test_a_stream_without_stated_duration_is_read_to_its_end(tmp_path):
    path = tmp_path / "live.mkv"
    with av.open(str(path), "w", format="matroska", options={"live": "1"}) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(50):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    assert probe(path).duration_s == pytest.approx(2.0, abs=0.05)


def _write_without_frames(path: Path) -> None:
    """A fragmented MP4 whose first fragment never came: a picture track, and nothing in it."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "empty_moov+frag_keyframe"}) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moof") - 4])


def _bad(tmp_path: Path, make_clip, kind: str) -> Path:
    path = tmp_path / "bad.mp4"
    if kind == "absent":
        return path
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("This is no video.\n" * 50)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "headless":
        whole = make_clip("whole.mp4").read_bytes()
        path.write_bytes(whole[: whole.index(b"moov") - 8])
    elif kind == "noise":
        path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8)))
    elif kind == "no frame":
        _write_without_frames(path)
    elif kind == "no cluster":
        whole = make_clip("whole.mkv").read_bytes()
        path.write_bytes(whole[: whole.index(b"\x1f\x43\xb6\x75")])
    elif kind == "cut png":
        path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("absent", "no such file"), ("folder", "a folder"), ("empty", "an empty file"), ("text", "no media we read"),
        ("pipe", "not a regular file"), ("headless", "damaged"), ("noise", "damaged"), ("no frame", "no frame"),
        ("no cluster", "damaged"), ("cut png", "ends early"),
    ],
)  # fmt: skip
def test_bad_files_are_named(tmp_path, make_clip, kind, words):
    path = _bad(tmp_path, make_clip, kind)
    with pytest.raises(MediaError, match=words) as caught:
        probe(path)
    assert caught.value.exit_code == 2 and "bad.mp4" in str(caught.value)


def test_a_huge_picture_is_refused_by_its_header_alone(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 16000, 16000, 8, 2, 0, 0, 0))
    with pytest.raises(MediaError, match="16000 x 16000"):
        probe(path)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (ClipLimits(duration_s=0.1), "at most 0 s"),
        (ClipLimits(side_px=50), "at most 50 a side"),
        (ClipLimits(area_px=1000), "1,000 in all"),
        (ClipLimits(rate_hz=10), "at most 10"),
    ],
)
def test_limits_hold(make_clip, monkeypatch, limits, words):
    path = make_clip("a.mp4")
    probe(path)
    monkeypatch.setattr(probe_module, "LIMITS", limits)
    with pytest.raises(MediaError, match=words):
        probe(path)


def test_a_link_is_followed_once_to_the_real_file(make_clip, tmp_path):
    path = make_clip("a.mp4")
    link = tmp_path / "link.mp4"
    link.symlink_to(path)
    assert probe(link).path == path.resolve()


def test_probe_asks_the_jail_for_facts_only(make_clip, monkeypatch):
    asked, start = [], jail.start
    monkeypatch.setattr(jail, "start", lambda job, *a, **k: asked.append(job["do"]) or start(job, *a, **k))
    probe(make_clip("a.mp4"))
    assert asked == ["facts"]
