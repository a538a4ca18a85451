"""Tests of shared memory: pictures come through whole, its size is sealed, a prisoner's word about it is checked."""

import fcntl
import os
import socket
from pathlib import Path

import av
import numpy as np
import pytest

from vemo_audit.errors import MediaError
from vemo_audit.media import decode, jail, shared
from vemo_audit.media.probe import probe
from vemo_audit.media.wire import HEADER, PLANES, TIME_BYTES

MEMORY = shared.offered(64)
needs_memory = pytest.mark.skipif(MEMORY is None, reason="this system has no memory that can be sealed")


def _open_now():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def cell():
    """A jail with slots of 64 bytes, and the prisoner's end of its socket."""
    data, inside = socket.socketpair()
    lifeline, warden = socket.socketpair()
    memory = shared.offered(64)
    with inside, warden, jail.Jail(data, lifeline, where="x", limits=jail.Limits(stall_s=0.05), shared=memory) as cell:
        yield cell, inside
    if memory is not None:
        os.close(memory.descriptor)


@needs_memory
def test_pictures_come_out_as_they_went_in_also_when_slots_are_used_again():
    owner = shared.offered(12)
    prisoner = shared.PrisonersSide(owner.descriptor, owner.slots, owner.slot_bytes)
    rng = np.random.default_rng(0)
    for _ in range(3 * owner.slots):
        wide = rng.integers(0, 256, (2, 7), dtype=np.uint8)
        parts = (wide[:, :4], wide[:1, 5:], wide[1:, 5:])  # padded rows, as decoders have them
        prisoner.give(parts)
        assert owner.take(12).tolist() == [*parts[0].ravel(), *parts[1].ravel(), *parts[2].ravel()]
        prisoner.free += owner.handed_back()
    assert 0 < prisoner.free <= owner.slots


@needs_memory
def test_the_owner_only_reads():
    owner = shared.offered(64)
    os.close(owner.descriptor)
    assert not owner.take(64).flags.writeable


def _cannot_be_resized(descriptor):
    for size in (1, 1 << 20):
        try:
            os.ftruncate(descriptor, size)
        except PermissionError:
            continue
        pytest.fail("its size was changed")


@needs_memory
def test_the_size_is_sealed():
    owner = shared.offered(64)
    _cannot_be_resized(owner.descriptor)
    os.close(owner.descriptor)


@needs_memory
def test_twin_without_the_seals_a_prisoner_could_shrink_it(monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(fcntl, "fcntl", lambda *a: 0)
        owner = shared.offered(64)
    with pytest.raises(BaseException, match="its size was changed"):
        _cannot_be_resized(owner.descriptor)
    os.close(owner.descriptor)


@needs_memory
def test_without_seals_nothing_is_shared(monkeypatch):
    def refused(*_):
        raise OSError("no seals here")

    monkeypatch.setattr(fcntl, "fcntl", refused)
    before = _open_now()
    assert shared.offered(64) is None
    assert _open_now() == before


@pytest.mark.parametrize("size", [0, shared.ROOM_BYTES // 2 + 1, shared.ROOM_BYTES * 2])
def test_nothing_and_too_much_is_not_shared(size):
    assert shared.offered(size) is None


@needs_memory
def test_all_slots_together_stay_within_their_room():
    for size in (1, 1000, shared.ROOM_BYTES // 5, shared.ROOM_BYTES // 2):
        owner = shared.offered(size)
        os.close(owner.descriptor)
        assert 2 <= owner.slots <= shared.SLOTS and owner.slots * owner.slot_bytes <= shared.ROOM_BYTES


SHAPES = [
    ("yuv420p", (64, 48), "planes.mp4"), ("yuv420p", (70, 50), "padded.mp4"), ("yuv444p", (63, 47), "odd.mp4"),
]  # fmt: skip


def _images(admit, path):
    admitted, _ = admit(probe(path))
    return [(frame.time_s, frame.image) for frame in decode.frames(admitted, chunk_frames=3)]


@needs_memory
@pytest.mark.parametrize(("pixel_format", "size", "name"), SHAPES)
def test_shared_pictures_are_those_of_the_socket(make_clip, admit, monkeypatch, pixel_format, size, name):
    path = make_clip(name, pixel_format=pixel_format, size=size)
    monkeypatch.setattr(shared, "SLOTS", 2)  # fewer than pictures: all of them are used again
    through = _images(admit, path)
    monkeypatch.setattr(jail, "offered", lambda size: None)
    across = _images(admit, path)
    assert len(through) == len(across) == 10
    for (a_s, a), (b_s, b) in zip(through, across, strict=True):
        assert a_s == b_s and np.array_equal(a, b)


@pytest.mark.parametrize(("pixel_format", "size", "name"), SHAPES)
def test_pictures_are_those_of_the_scaler(make_clip, admit, pixel_format, size, name):
    path = make_clip(name, pixel_format=pixel_format, size=size)
    with av.open(str(path)) as container:
        scaled = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    for (_, image), other in zip(_images(admit, path), scaled, strict=True):
        assert np.percentile(np.abs(image - other), 95) <= 6  # chroma at the edge of the quarter is interpolated


@needs_memory
def test_no_descriptor_is_left_behind_by_pictures(make_clip, admit):
    admitted, _ = admit(probe(make_clip("a.mp4")))
    list(decode.frames(admitted))
    before = _open_now()
    for _ in range(3):
        list(decode.frames(admitted))
        frames = decode.frames(admitted, chunk_frames=1)
        next(frames)
        frames.close()
    assert _open_now() == before


@pytest.mark.parametrize("memory", [None, *([MEMORY] if MEMORY else [])])
def test_memory_that_is_not_there_is_not_read(memory):
    data, inside = socket.socketpair()
    lifeline, warden = socket.socketpair()
    inside.sendall(HEADER.pack(PLANES, TIME_BYTES) + bytes(TIME_BYTES))
    limits = jail.Limits(stall_s=0.05)
    with inside, warden, jail.Jail(data, lifeline, where="x", limits=limits, shared=memory) as cell:  # noqa: SIM117
        with pytest.raises(MediaError, match="memory it does not have"):
            decode._chunk(cell, (48, 64, 3), 1, where="x")


@needs_memory
def test_a_prisoner_that_does_not_listen_is_given_up(cell):
    cell, _ = cell
    with pytest.raises(MediaError, match=r"no answer from the decoder for 0\.05 s"):
        for _ in range(100_000):
            cell.take(64)
            cell.hand_back()


@needs_memory
def test_slots_handed_back_to_a_prisoner_that_is_gone_raise_nothing(cell):
    cell, inside = cell
    inside.close()
    for _ in range(2 * shared.SLOTS):
        cell.take(64)
        cell.hand_back()
