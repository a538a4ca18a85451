"""A recognizer behind an HTTP endpoint: guarded, masked frames are posted to it, and its answers come back."""

import contextlib
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from threading import Event, Timer
from typing import ClassVar
from urllib.parse import urlsplit

from vemo_audit.errors import BadInput, Refused
from vemo_audit.media import decode
from vemo_audit.recognition.recognizers import wire
from vemo_audit.recognition.recognizers.windows import STILL_S, Averages, Windowing, readable
from vemo_audit.records import reasons
from vemo_audit.records.clip import AdmittedClip, GuardedFrame
from vemo_audit.records.digest import digest, sha256_hex
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import Prediction, RecognizerCard

AGAIN = frozenset({429, 502, 503, 504})
"""Answers after which the same request may be sent again, if that does no harm."""
LONGEST_S = 86_400.0
"""Of one exchange."""
NOBODY_NAMED: frozenset[str] = frozenset()
"""Hosts to which a permit allows pictures to go. Consent records of `vemo.consent/1` ask about none, so it is empty."""


class Http:
    """Posts frames to `url` in parts (`http.schema.json`) and averages the answers over windows.

    Only frames in which an admitted person is seen are sent, masked, without the name of the clip. Off this machine
    `url` must be https, and `recognize` raises Refused: no permit names anybody outside to whom pictures may go. A
    private authority is given as `ca_file`. A part is sent again (at most `retries` times, after 429, 502, 503, 504
    or a broken connection) only when `idempotent` says that the endpoint honours the Idempotency-Key, which is the
    same for the same part. `timeout_s` is for a whole exchange. No redirect is followed, no proxy is asked. Digests of
    all answers are in `traces`.

    Raises BadInput for another address, an answer over `most_bytes`, another status than 200, or an answer outside
    the schema.
    """

    PATHS: ClassVar[tuple[str, ...]] = ("ca_file",)
    card: RecognizerCard

    def __init__(
        self, url: str, *, labels: Sequence[str], window_s: float = 1.0, hop_s: float = 0.0,
        frames_per_part: int = 16, timeout_s: float = 30.0, most_bytes: int = 1 << 22, idempotent: bool = False,
        retries: int = 2, ca_file: str = "", name: str = "http", version: str = "",
        training_data: str = "not stated", licence: str = "unknown",
    ) -> None:  # fmt: skip
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise BadInput(f"the address '{url}': {error}", expected="https://host/path") from None
        if not (url.isascii() and url.isprintable()):
            raise BadInput(f"the address {url!r}", expected="letters of an address; others as %XX")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
            raise BadInput(f"the address '{url}'", expected="https://host/path, without a user and a fragment")
        self._host, self._port = parts.hostname, port
        self._secure, self._near = parts.scheme == "https", is_near(parts.hostname)
        if not self._secure and not self._near:
            raise BadInput(f"the address '{url}'", expected="https, as it is not on this machine")
        whole = isinstance(frames_per_part, int) and isinstance(retries, int)
        if not (whole and 1 <= frames_per_part <= 256 and 0 <= retries <= 10):
            raise BadInput(f"{frames_per_part} frames, {retries} retries", expected="1 to 256 frames, 0 to 10 retries")
        if isinstance(labels, str) or not (0 < timeout_s <= LONGEST_S and most_bytes > 0):
            raise BadInput(f"labels {labels!r} within {timeout_s} s, {most_bytes} bytes",
                           expected=f"a list of labels, at most {LONGEST_S:g} s, and a number of bytes")  # fmt: skip
        self._url, self._target = url, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._windowing, self._room = Windowing(window_s, hop_s), frames_per_part
        self._timeout_s, self._most_bytes, self._ca_file = timeout_s, most_bytes, ca_file
        self._tries = 1 + (retries if idempotent else 0)
        self.traces: dict[str, dict[str, object]] = {}
        made = digest(
            {"url": url, "labels": list(labels), "window": [str(window_s), str(hop_s)], "schema": wire.SCHEMA}
        )
        self.card = RecognizerCard(
            name, version, LabelSet(tuple(labels)), ("face",), self._windowing.words, training_data, licence, made,
            ("Only its answers are known here; what runs behind the endpoint may change unseen.",),
        )  # fmt: skip

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        """One answer for each person and window. Raises Refused, before a frame is decoded, for a host outside."""
        demand_transfer(self._host, near=self._near, allowed=NOBODY_NAMED, where=clip.clip.name)
        sums, digests = Averages(self._windowing), []
        pseudonym = digest({"decision": clip.permit.decision_id, "endpoint": self.card.digest})[:32]
        waiting: list[GuardedFrame] = []
        sent, last_s = 0, 0.0
        for frame, final in with_last(decode.frames(clip) if clip.permit.modalities & decode.PICTURE else iter(())):
            if frame is not None:
                last_s = max(last_s, frame.time_s)
                waiting += [frame] if any(readable(face) for face in frame.faces) else []
            if waiting and (final or len(waiting) == self._room):
                body = wire.request(waiting, labels=self.card.labels, clip=pseudonym, part=len(digests))
                answer = self._post(body)
                digests.append({"request": sha256_hex(body), "response": sha256_hex(answer)})
                for one in wire.answers(answer, waiting, labels=self.card.labels, where=self._url):
                    sums.add(one)
                sent, waiting = sent + len(waiting), []
        trace: dict[str, object] = {
            "recognizer_digest": self.card.digest, "clip_sha256": clip.clip.sha256, "frames_sent": sent,
            "decision": clip.permit.decision_id, "log_index": clip.permit.log_index, "parts": digests,
        }  # fmt: skip
        self.traces[digest(trace)] = trace
        end_s = max(clip.clip.duration_s, last_s) or STILL_S
        yield from sums.predictions(
            clip.clip.name, end_s, nobody=reasons.NOBODY_SEEN, trace=digest(trace), decision=clip.permit.decision_id
        )  # fmt: skip

    def _post(self, body: bytes) -> bytes:
        headers = {
            "Content-Type": "application/json", "Accept": "application/json", "Idempotency-Key": sha256_hex(body),
            "Connection": "close",
        }  # fmt: skip
        for left in range(self._tries - 1, -1, -1):
            try:
                status, answer = self._once(body, headers)
            except (OSError, HTTPException) as error:
                if left and not isinstance(error, ssl.SSLCertVerificationError):
                    continue
                raise BadInput(
                    f"no answer ({type(error).__name__}: {str(error)[:80]})",
                    where=self._url,
                    expected="an HTTP endpoint",
                ) from None
            if status == 200:
                return answer
            if status not in AGAIN or not left:
                raise BadInput(
                    f"status {status}", where=self._url, expected="200",
                    advice="Redirects are not followed." if 300 <= status < 400 else "",
                )  # fmt: skip
        raise AssertionError("unreachable")

    def _once(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if self._secure:
            trusted = ssl.create_default_context(cafile=self._ca_file or None)
            connection: HTTPConnection = HTTPSConnection(
                self._host, self._port, timeout=self._timeout_s, context=trusted
            )
        else:
            connection = HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        connection.connect()  # which has a limit of its own
        line, late = connection.sock, Event()
        watch = Timer(self._timeout_s, lambda: cut(line, late))
        watch.start()
        try:
            connection.request("POST", self._target, body, headers)
            response = connection.getresponse()
            answer = response.read(self._most_bytes + 1)
        except (OSError, HTTPException):
            if late.is_set():
                raise TimeoutError(f"no whole answer within {self._timeout_s:g} s") from None
            raise
        finally:
            watch.cancel()
            connection.close()
        if late.is_set():
            raise TimeoutError(f"no whole answer within {self._timeout_s:g} s")
        if len(answer) > self._most_bytes:
            raise BadInput(f"an answer over {self._most_bytes:,} bytes", where=self._url, expected="a smaller one")
        return response.status, answer


def cut(line: socket.socket, late: Event) -> None:
    """Ends an exchange that takes too long as a whole, however often a part of the answer came in time."""
    late.set()
    with contextlib.suppress(OSError):  # it has just ended by itself
        socket.socket.shutdown(line, socket.SHUT_RDWR)  # of the line itself: TLS would answer to the other thread


def is_near(host: str) -> bool:
    """Whether a host is this machine: 'localhost' or a loopback address. No other name is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def demand_transfer(host: str, *, near: bool, allowed: frozenset[str], where: str) -> None:
    """Raises Refused when pictures would leave this machine for a host that no consent names."""
    if not near and host not in allowed:
        raise Refused(
            f"pictures for '{host}', and a permit that names no recipient outside", rule_id="p.transfer",
            ref="GDPR art. 13(1)(e)-(f), 44; what consent does not name does not leave", where=where,
            advice="Run the recognizer on this machine, or audit a table of its answers.",
        )  # fmt: skip


def with_last(frames: Iterator[GuardedFrame]) -> Iterator[tuple[GuardedFrame | None, bool]]:
    """Each frame with False, then None with True at the end."""
    for frame in frames:
        yield frame, False
    yield None, True


def schema() -> dict[str, object]:
    """The JSON Schema of request and response, under `$defs`."""
    found: dict[str, object] = json.loads(Path(__file__).with_name("http.schema.json").read_text("utf-8"))
    return found
