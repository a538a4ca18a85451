"""Tests of VideoWriter: exact times, odd sizes, and nothing half-written."""

import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.media import decode
from vemo_audit.media.encode import VideoWriter
from vemo_audit.media.probe import probe


def test_what_is_written_comes_back_with_its_times(tmp_path, admit):
    path, times = tmp_path / "a.mp4", [0.0, 1001 / 30000, 0.1, 0.5, 0.52]
    with VideoWriter(path, width=64, height=48, rate_hz=30) as writer:
        for k, time_s in enumerate(times):
            writer.write(np.full((48, 64, 3), 40 * k, np.uint8), time_s)
        assert not path.exists()
    admitted, _ = admit(probe(path))
    frames = list(decode.frames(admitted))
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=1 / 60_000)
    assert [int(frame.image.mean()) for frame in frames] == pytest.approx([0, 40, 80, 120, 160], abs=3)
    assert list(tmp_path.iterdir()) == [path]


def test_odd_sizes_are_padded_by_their_edge(tmp_path):
    path = tmp_path / "odd.mp4"
    with VideoWriter(path, width=33, height=31, rate_hz=25) as writer:
        writer.write(np.full((31, 33, 3), 128, np.uint8), 0.0)
    video = probe(path).video
    assert (video.width, video.height, video.codec) == (34, 32, "h264")


def test_an_error_leaves_nothing_and_spares_the_old_file(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), VideoWriter(path, width=32, height=32, rate_hz=25) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8), 0.0)
        raise RuntimeError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_bad_frames_are_named(tmp_path):
    path = tmp_path / "a.mp4"
    with pytest.raises(BadInput, match="without a frame"), VideoWriter(path, width=32, height=32, rate_hz=25):
        pass
    with VideoWriter(path, width=32, height=32, rate_hz=25) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8), 0.0)
        with pytest.raises(BadInput, match="shape"):
            writer.write(np.zeros((32, 30, 3), np.uint8), 0.1)
        with pytest.raises(BadInput, match="after the one before"):
            writer.write(np.zeros((32, 32, 3), np.uint8), 0.0)
    with pytest.raises(BadInput, match="pixels"):
        VideoWriter(path, width=0, height=32, rate_hz=25)
    with pytest.raises(BadInput, match="cannot be written"):
        VideoWriter(tmp_path / "none" / "a.mp4", width=32, height=32, rate_hz=25)
