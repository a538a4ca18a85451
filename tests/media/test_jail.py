"""Tests of the jail: every end of a prisoner has its own words, the limits bite, and nothing is left behind."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vemo_audit.errors import MediaError
from vemo_audit.media import decode, jail
from vemo_audit.media.probe import probe


def _start(path, job, **limits):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return jail.start(job, descriptor, where=str(path), limits=jail.Limits(**limits))
    finally:
        os.close(descriptor)


def test_a_prisoner_that_dies_is_an_error(make_clip):
    with (
        _start(make_clip("a.mp4"), {"do": "nothing of this kind"}) as cell,
        pytest.raises(MediaError, match="status 1"),
    ):
        cell.receive()


@pytest.mark.parametrize(
    ("status", "words"),
    [(b"-11", "SIGSEGV"), (b"-24", "processor time"), (b"-9", "processor time"), (b"", "without a word")],
)
def test_the_obituary_says_how_it_ended(status, words):
    data, inside = socket.socketpair()
    lifeline, warden = socket.socketpair()
    inside.close()
    warden.sendall(status)
    warden.close()
    with jail.Jail(data, lifeline, where="x.mp4", limits=jail.Limits()) as cell, pytest.raises(MediaError, match=words):
        cell.receive()


def test_a_prisoner_that_hangs_is_given_up():
    data, inside = socket.socketpair()
    lifeline, warden = socket.socketpair()
    with inside, warden, jail.Jail(data, lifeline, where="x", limits=jail.Limits(stall_s=0.05)) as cell:  # noqa: SIM117
        with pytest.raises(MediaError, match=r"no answer from the decoder for 0\.05 s"):
            cell.receive()


@pytest.mark.parametrize("header", [b"?" + bytes(8), b"F" + b"\xff" * 8])
def test_nonsense_from_a_prisoner_is_not_believed(header):
    data, inside = socket.socketpair()
    lifeline, warden = socket.socketpair()
    inside.sendall(header)
    with inside, warden, jail.Jail(data, lifeline, where="x", limits=jail.Limits()) as cell:  # noqa: SIM117
        with pytest.raises(MediaError, match="nonsense"):
            cell.receive()


def _memory_limit_bites(tmp_path, admit):
    from PIL import Image

    path = tmp_path / "large.png"
    Image.new("RGB", (8000, 4000)).save(path)
    admitted, _ = admit(probe(path))
    with pytest.raises(MediaError, match=r"more than|damaged|no frame|crashed"):
        list(decode.frames(admitted))


def test_the_memory_limit_bites(tmp_path, admit, monkeypatch):
    monkeypatch.setattr(decode, "_limits", lambda clip: jail.Limits(memory_bytes=520_000_000))
    _memory_limit_bites(tmp_path, admit)


def test_twin_without_the_limit_the_picture_decodes(tmp_path, admit):
    with pytest.raises(BaseException, match="DID NOT RAISE"):
        _memory_limit_bites(tmp_path, admit)


def test_the_processor_limit_bites(make_clip, admit, monkeypatch):
    admitted, _ = admit(probe(make_clip("a.mp4", ticks=range(0, 2400, 24), size=(1920, 1080))))
    monkeypatch.setattr(decode, "_limits", lambda clip: jail.Limits(cpu_s=0))
    with pytest.raises(MediaError, match="processor time"):
        list(decode.frames(admitted))


def test_jails_run_side_by_side(make_clip):
    path = make_clip("a.mp4")
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(probe(path).sha256)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1


def test_the_warden_is_replaced_when_it_dies(make_clip):
    path = make_clip("a.mp4")
    probe(path)
    jail._warden.process.kill()
    jail._warden.process.wait()
    assert probe(path).video is not None


def test_no_descriptor_is_left_behind(make_clip):
    path = make_clip("a.mp4")
    probe(path)
    open_now = Path("/proc/self/fd")
    before = len(list(open_now.iterdir())) if open_now.is_dir() else 0
    for _ in range(20):
        probe(path)
    assert (len(list(open_now.iterdir())) if before else 0) == before


REACH = """
import socket, sys
from vemo_audit.media import warden
walls = warden._build_walls() if sys.argv[2] == 'walls' else ['no-network']
try:
    socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=2).close()
    reached = True
except OSError:
    reached = False
sys.exit(3 if reached and 'no-network' in walls else 0)
"""


def test_the_network_is_out_of_reach_where_the_walls_say_so():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert subprocess.run([sys.executable, "-c", REACH, port, "walls"], check=False).returncode == 0
        twin = subprocess.run([sys.executable, "-c", REACH, port, "none"], check=False)
        assert twin.returncode == 3, "without walls the same process reaches the network"


def test_the_jail_loads_no_network_library():
    told = subprocess.run(
        [sys.executable, "-c", "import sys, vemo_audit.media.inside; print('torch' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == "False"
