"""The witness over HTTP: add-checkpoint of c2sp.org/tlog-witness."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from vemo_audit.errors import VemoError
from vemo_audit.governance.ledger.witness import MAX_REQUEST_BYTES, Answer

PATH = "/add-checkpoint"
PATIENCE_S = 10.0
"""How long a line may stay silent. Each has a thread of its own, so that whoever drips keeps nobody waiting."""
SIZE_TYPE = "text/x.tlog.size"

Judge = Callable[[str], Answer]
"""The body of a request -> the answer to it."""


def serve_witness(judge: Judge, *, host: str, port: int, told: Callable[[int, str], None]) -> ThreadingHTTPServer:
    """A server that is bound and not yet running: call `serve_forever`. Port 0 takes a free one.

    `told` learns of each answer: status and reason. An error of ours is answered with 500, and nothing is cosigned.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE_S
        server_version, sys_version = "witness", ""

        def do_POST(self) -> None:
            status, body, kind = self._answered()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")  # a log asks once in a while
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def _answered(self) -> tuple[int, bytes, str]:
            plain, length = "text/plain; charset=utf-8", self.headers.get("Content-Length", "")
            if self.path != PATH:
                return self._told(404, "no such address"), b"no such address\n", plain
            if not (length.isascii() and length.isdigit()) or int(length[:12]) > MAX_REQUEST_BYTES:
                return self._told(400, "no length, or too long"), b"no length, or too long\n", plain
            text = self.rfile.read(int(length)).decode(errors="replace")
            try:
                answer = judge(text)
            except VemoError as error:
                return self._told(500, str(error)), b"the witness cannot answer\n", plain
            kind = SIZE_TYPE if answer.status == 409 else plain
            return self._told(answer.status, answer.reason), answer.body.encode(), kind

        def _told(self, status: int, reason: str) -> int:
            told(status, reason)
            return status

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed here: `told` knows."""

    return ThreadingHTTPServer((host, port), Handler)
