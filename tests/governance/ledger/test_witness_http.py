"""The witness answers over the wire as it does over files, and stays up whatever is sent."""

import http.client
import socket
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.governance.ledger.test_witness import ORIGIN, Log
from vemo_audit.governance.keys import generate
from vemo_audit.governance.ledger import witness_http
from vemo_audit.governance.ledger.witness import STATE, Submission, add_checkpoint, create_witness
from vemo_audit.governance.ledger.witness_http import serve_witness


class Running:
    """A witness on a free port of this machine."""

    def __init__(self, folder: Path, log: Log, now: datetime) -> None:
        key, self.folder, self.told = generate("witness"), folder, list[tuple[int, str]]()
        create_witness(folder, logs={ORIGIN: log.key.public})
        self.server = serve_witness(
            lambda text: add_checkpoint(folder, text, key=key, name="w", now=now), host="127.0.0.1", port=0,
            told=lambda *answer: self.told.append(answer),
        )  # fmt: skip
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=lambda: self.server.serve_forever(poll_interval=0.02))
        self.thread.start()

    def send(self, body: str, path: str = "/add-checkpoint", method: str = "POST") -> tuple[int, str, str]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.request(method, path, body.encode())
            answer = line.getresponse()
            return answer.status, answer.read().decode(), answer.headers["Content-Type"]
        finally:
            line.close()


@pytest.fixture
def log() -> Log:
    return Log(generate("log"), [b"entry %d" % k for k in range(40)])


@pytest.fixture
def running(tmp_path: Path, log: Log, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(witness_http, "PATIENCE_S", 0.3)
    made = Running(tmp_path / "witness", log, now)
    yield made
    made.server.shutdown()
    made.thread.join()
    made.server.server_close()


def test_growth_is_cosigned_and_all_else_gets_its_code(running: Running, log: Log) -> None:
    status, body, _ = running.send(log.ask(0, 20).to_text())
    assert (status, body.startswith("— w "), body.endswith("\n")) == (200, True, True)
    assert running.send(log.ask(0, 30).to_text()) == (409, "20\n", "text/x.tlog.size")
    fork = Log(log.key, [b"other", *log.entries[1:]])
    assert running.send(fork.ask(20, 30).to_text())[0] == 422
    assert running.send(Log(generate("log"), log.entries).ask(20, 30).to_text())[0] == 403
    assert running.send(Submission(20, (), log.note(20).replace(ORIGIN, "elsewhere")).to_text())[0] == 404
    assert running.send("nonsense")[0] == 400
    assert [status for status, _ in running.told] == [200, 409, 422, 403, 404, 400]


def test_it_stays_up_whatever_is_sent(running: Running, log: Log) -> None:
    assert running.send("x" * 40_000)[0] == 400
    assert running.send("", path="/")[0] == 404
    assert running.send("", method="GET")[0] == 501
    for raw in (b"\x00\xff\r\n\r\n", b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 500\r\n\r\nold 0"):  # fmt: skip
        with socket.create_connection(("127.0.0.1", running.port), timeout=20) as line:
            line.sendall(raw)  # the last one never sends the rest: it is hung up on
            line.recv(100)
    assert running.send(log.ask(0, 20).to_text())[0] == 200


def test_a_witness_that_lost_its_memory_cosigns_nothing(running: Running, log: Log) -> None:
    (running.folder / STATE).unlink()
    assert running.send(log.ask(0, 20).to_text()) == (500, "the witness cannot answer\n", "text/plain; charset=utf-8")
