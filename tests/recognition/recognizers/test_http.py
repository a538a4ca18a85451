"""A recognizer behind HTTP, on a real server: what is posted, what is taken back, and where nothing is sent at all."""

import contextlib
import json
import ssl
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import guests
import jsonschema
import open_door
import pytest

from vemo_audit.errors import BadInput, Refused
from vemo_audit.recognition.recognizers import http
from vemo_audit.recognition.recognizers.http import Http, demand_transfer, is_near, schema
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.digest import digest, sha256_hex
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction


@pytest.fixture
def clip(tmp_path: Path) -> AdmittedClip:
    return open_door.admit(open_door.film(tmp_path / "film.mp4"), "face")


class Taken:
    """What a server saw: bodies, keys, and how often it was asked."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.answers: list[bytes] = []


def server(change: Callable[[Taken, dict[str, Any]], tuple[int, bytes]] | None = None) -> tuple[type, Taken]:
    taken = Taken()

    class Handler(guests.Honest):
        def do_POST(self) -> None:  # noqa: N802
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            taken.bodies.append(message)
            taken.keys.append(self.headers["Idempotency-Key"])
            status, body = change(taken, message) if change else (200, json.dumps(guests.reply(message)).encode())
            taken.answers.append(body)
            self.say(status, body, **({"Location": "http://127.0.0.1:9/"} if status == 302 else {}))

    return Handler, taken


def asked(clip: AdmittedClip, handler: type, **options: Any) -> tuple[list[Prediction], Http]:
    with open_door.endpoint(handler) as url:
        recognizer = Http(url, labels=EKMAN.names, **options)
        return list(recognizer.recognize(clip)), recognizer


def test_request_and_response_keep_to_the_schema_and_to_the_mask(clip: AdmittedClip) -> None:
    handler, taken = server()
    found, recognizer = asked(clip, handler, frames_per_part=4, window_s=0.5)
    assert [len(body["frames"]) for body in taken.bodies] == [4, 4, 2]
    shape = schema()
    for body, answer in zip(taken.bodies, taken.answers, strict=True):
        jsonschema.validate(body, {**shape, "$ref": "#/$defs/request"})
        jsonschema.validate(json.loads(answer), {**shape, "$ref": "#/$defs/response"})
    assert "film" not in json.dumps(taken.bodies)
    assert [one.person for one in found] == ["1", "1"] and all(one.probability is not None for one in found)
    trace = recognizer.traces[found[0].trace]
    assert digest(trace) == found[0].trace and trace["frames_sent"] == 10
    assert [part["response"] for part in trace["parts"]] == [sha256_hex(answer) for answer in taken.answers]


def test_frames_without_an_admitted_face_are_not_sent(tmp_path: Path) -> None:
    handler, taken = server()
    alone = open_door.admit(open_door.film(tmp_path / "film.mp4"), "face", present=False)
    (only,), _ = asked(alone, handler)
    assert only.reason == "nobody was seen" and not taken.bodies


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda answer: answer | {"more": 1}, "another message"),
        (lambda answer: answer | {"schema": "other/1"}, "another message"),
        (lambda answer: answer | {"answers": answer["answers"][1:]}, "no answer for frame"),
        (lambda answer: answer | {"answers": answer["answers"] * 2}, "a second answer"),
        (lambda answer: answer | {"answers": [*answer["answers"], {"index": 99, "person": "1", "reason": "x"}]}, "99"),
        (lambda answer: changed(answer, probability={"anger": 1.0}), "other labels"),
        (lambda answer: changed(answer, probability=dict.fromkeys(EKMAN.names, 0.5)), "sum to 3.5"),
        (lambda answer: changed(answer, probability=dict.fromkeys(EKMAN.names, True)), "anger True"),
        (lambda answer: changed(answer, reason="lost"), "both or none"),
        (lambda answer: changed(answer, valence=7), "valence 7"),
        (lambda answer: changed(answer, mood=1), "other keys"),
        (lambda answer: [], "another message"),
    ],
)
def test_an_answer_outside_the_schema_is_refused(clip: AdmittedClip, change: Callable, found: str) -> None:
    handler, _ = server(lambda _, message: (200, json.dumps(change(guests.reply(message))).encode()))
    with pytest.raises(BadInput, match=found):
        asked(clip, handler)


def changed(answer: dict[str, Any], **keys: Any) -> dict[str, Any]:
    first, *others = answer["answers"]
    return answer | {"answers": [first | keys, *others]}


def test_a_reason_in_place_of_probabilities_is_kept(clip: AdmittedClip) -> None:
    def silent(_: Taken, message: dict[str, Any]) -> tuple[int, bytes]:
        answers = [{"index": f["index"], "person": "1", "reason": "too dark"} for f in message["frames"]]
        return 200, json.dumps({"schema": message["schema"], "answers": answers}).encode()

    (only,), _ = asked(clip, server(silent)[0])
    assert only.probability is None and only.reason == "too dark"


def test_nan_redirects_and_long_answers_are_refused(clip: AdmittedClip) -> None:
    for status, body, found in ((200, b'{"a": NaN}', "constant NaN"), (302, b"", "status 302"), (404, b"", "404")):
        with pytest.raises(BadInput, match=found):
            asked(clip, server(lambda *_, s=status, b=body: (s, b))[0])
    with pytest.raises(BadInput, match="over 100 bytes"):
        asked(clip, server()[0], most_bytes=100)


def test_it_asks_again_only_when_that_does_no_harm(clip: AdmittedClip) -> None:
    def busy_once(taken: Taken, message: dict[str, Any]) -> tuple[int, bytes]:
        return (503, b"") if len(taken.bodies) == 1 else (200, json.dumps(guests.reply(message)).encode())

    handler, taken = server(busy_once)
    with pytest.raises(BadInput, match="503"):
        asked(clip, handler)
    assert len(taken.keys) == 1
    handler, taken = server(busy_once)
    found, _ = asked(clip, handler, idempotent=True)
    assert found[0].probability is not None and len(taken.keys) == 2 and len(set(taken.keys)) == 1
    handler, taken = server(lambda *_: (503, b""))
    with pytest.raises(BadInput, match="503"):
        asked(clip, handler, idempotent=True, retries=2)
    assert len(taken.keys) == 3
    handler, taken = server(lambda *_: (500, b""))
    with pytest.raises(BadInput, match="500"):
        asked(clip, handler, idempotent=True)
    assert len(taken.keys) == 1


class Dripping(guests.Honest):
    """Sends its answer byte by byte, each in time, the whole never."""

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            for k in range(len(body)):
                self.wfile.write(body[k : k + 1])
                time.sleep(0.05)


@pytest.mark.parametrize("tls", [False, True])
def test_the_time_is_for_the_whole_answer(clip: AdmittedClip, tmp_path: Path, tls: bool) -> None:
    certificate = self_signed(tmp_path)
    started = time.monotonic()
    with secure(Dripping, certificate) if tls else open_door.endpoint(Dripping) as url:
        with pytest.raises(BadInput, match=r"no whole answer within 0\.5 s"):
            list(Http(url, labels=EKMAN.names, timeout_s=0.5, ca_file=str(certificate) if tls else "").recognize(clip))
        assert time.monotonic() - started < 10


def test_without_the_watch_it_would_wait_for_every_byte(clip: AdmittedClip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "cut", lambda line, late: None)
    monkeypatch.setattr(guests, "reply", lambda message: {"schema": "x" * 30})  # about two seconds of bytes
    with open_door.endpoint(Dripping) as url, pytest.raises(BadInput, match="another message"):
        list(Http(url, labels=EKMAN.names, timeout_s=0.5).recognize(clip))


@pytest.mark.parametrize(
    "wrong",
    [{"frames_per_part": 1.5}, {"frames_per_part": 0}, {"retries": 11}, {"timeout_s": float("inf")},
     {"timeout_s": float("nan")}, {"labels": "abc"}, {"most_bytes": 0}, {"window_s": -1.0}],
)  # fmt: skip
def test_options_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        Http("http://localhost/", **({"labels": EKMAN.names} | wrong))
    Http("http://localhost/", labels=EKMAN.names)


def test_a_key_that_stands_twice_and_shares_that_do_not_sum_are_told_with_their_place(clip: AdmittedClip) -> None:
    def twice(taken: Taken, message: dict[str, Any]) -> tuple[int, bytes]:
        return 200, json.dumps(guests.reply(message)).encode().replace(b'"anger": ', b'"anger": 0, "anger": ')

    def short(taken: Taken, message: dict[str, Any]) -> tuple[int, bytes]:
        said = guests.reply(message)
        for one in said["answers"]:
            one["probability"]["happiness"] = 0.0
        return 200, json.dumps(said).encode()

    for reply, found in ((twice, "a key twice"), (short, r"frame 0, person '1': probabilities that sum to 0\.")):
        with pytest.raises(BadInput, match=found):
            asked(clip, server(reply)[0])


def test_nobody_listening_is_said_so(clip: AdmittedClip) -> None:
    with pytest.raises(BadInput, match="no answer"):
        list(Http("http://127.0.0.1:9/", labels=EKMAN.names).recognize(clip))


def test_no_frame_is_decoded_for_a_host_outside(tmp_path: Path) -> None:
    guards: list[open_door.Guard] = []
    clip = open_door.admit(open_door.film(tmp_path / "film.mp4"), "face", guards=guards)
    with pytest.raises(Refused) as refusal:
        list(Http("https://vendor.example/v1", labels=EKMAN.names).recognize(clip))
    assert refusal.value.rule_id == "p.transfer" and not guards
    demand_transfer(
        "vendor.example", near=False, allowed=frozenset({"vendor.example"}), where=""
    )  # were it consented to
    with pytest.raises(Refused):
        demand_transfer("other.example", near=False, allowed=frozenset({"vendor.example"}), where="")


@pytest.mark.parametrize(
    ("host", "near"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False),
     ("192.0.2.1", False), ("localhost.example", False), ("vendor.example", False)],
)  # fmt: skip
def test_only_this_machine_is_near(host: str, near: bool) -> None:
    assert is_near(host) is near


@pytest.mark.parametrize(
    "url",
    ["http://vendor.example/", "ftp://localhost/", "localhost/x", "https://user:word@localhost/", "https:///x",
     "http://localhost:99999/", "http://localhost:abc/", "http://[::1", "http://localhost/\u00fc",
     "http://localhost/\r\nX: y"],
)  # fmt: skip
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(BadInput, match="address"):
        Http(url, labels=EKMAN.names)


def test_https_is_checked_against_the_stated_authority(clip: AdmittedClip, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with secure(guests.Honest, certificate) as url:
        (only,) = Http(url, labels=EKMAN.names, ca_file=str(certificate)).recognize(clip)
        assert only.probability is not None
        with pytest.raises(BadInput, match="SSLCertVerificationError"):
            list(Http(url, labels=EKMAN.names).recognize(clip))


class secure:  # noqa: N801 - a context like `open_door.endpoint`
    """The same server over TLS."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], certificate: Path) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"https://127.0.0.1:{self._server.server_address[1]}/"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def self_signed(folder: Path) -> Path:
    import ipaddress
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path
