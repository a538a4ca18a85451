"""The one-file verifier agrees with the public vectors and with our other code, and accepts nothing else."""

import ast
import base64
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from vemo_audit.errors import EvidenceBroken
from vemo_audit.governance.keys import PublicKey, generate
from vemo_audit.governance.ledger import verify_proof
from vemo_audit.governance.ledger.checkpoint import verifier_key
from vemo_audit.governance.ledger.proof import InclusionProof
from vemo_audit.governance.ledger.store import Draft
from vemo_audit.governance.ledger.verify_proof import ProofError, check_file, read_key

SCRIPT = Path(verify_proof.__file__)


@pytest.fixture
def proved(made: Any, some: Callable[..., list[Draft]], now: datetime) -> tuple[Any, str]:
    """A ledger, and the text of the proof of its entry 11 of 21."""
    with made.write() as log:
        log.append_many(some(21))
        log.checkpoint(now)
        return made, log.prove(11).to_text()


def run_alone(*arguments: object) -> subprocess.CompletedProcess[str]:
    """As a stranger runs it: isolated, without site-packages."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_is_one_file_of_the_standard_library() -> None:
    text = SCRIPT.read_text()
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").split(".")[0])
    assert imported <= sys.stdlib_module_names
    assert len(text.splitlines()) <= 400


def test_a_stranger_can_check_a_decision(proved: tuple[Any, str], tmp_path: Path) -> None:
    made, text = proved
    file, key = tmp_path / "d11.tlog-proof", tmp_path / "log.pub"
    file.write_text(text)
    made.key.public.save(key)
    done = run_alone(file, "--key", key)
    assert (done.returncode, done.stderr) == (0, "")
    assert "HOLDS" in done.stdout
    assert '"d11"' in done.stdout
    for form in (made.key.public.raw.hex(), verifier_key(made.origin, made.key.public)):
        assert run_alone(file, "--key", form, "--decision", "d11", "--origin", made.origin).returncode == 0
    found = json.loads(run_alone(file, "--key", key, "--json").stdout)
    assert (found["index"], found["size"], found["entry"]["decision_id"]) == (11, 21, "d11")
    note = tmp_path / "checkpoint"
    note.write_text(text.split("\n\n", 1)[1])
    assert run_alone(note, "--key", key).returncode == 0
    assert run_alone(file, "--key", key, "--checkpoint", note).returncode == 0


def test_a_stranger_is_told_what_is_wrong(proved: tuple[Any, str], tmp_path: Path) -> None:
    made, text = proved
    file, key = tmp_path / "d11.tlog-proof", made.key.public.raw.hex()
    other = InclusionProof.from_text(text)
    cases = {
        "does not lead to the signed root": (text.replace("index 11", "index 10"), []),
        "cannot be in a log": (text.replace("index 11", "index 21"), []),
        "is false": (text.replace("\n21\n", "\n22\n"), []),
        "not of 'd12'": (text, ["--decision", "d12"]),
        "not of 'elsewhere'": (text, ["--origin", "elsewhere"]),
        "proves no decision": (other.checkpoint, ["--decision", "d11"]),
        "this is no checkpoint": (text.split("\n\n")[0], []),
        "no index": (text.replace("index", "place"), []),
    }
    for words, (content, more) in cases.items():
        file.write_text(content)
        done = run_alone(file, "--key", key, *more)
        assert (done.returncode, words in done.stdout) == (4, True), (words, done)
    file.write_text(text)
    assert run_alone(file, "--key", generate("log").public.raw.hex()).returncode == 4
    assert run_alone(file, "--key", "nonsense").returncode == 2
    assert run_alone(tmp_path / "absent", "--key", key).returncode == 2


def accepted_flips(text: str, key: bytes) -> list[int]:
    data, accepted = text.encode(), []
    for bit in range(0, len(data) * 8, 3):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            check_file(flipped.decode(errors="replace"), key, "")
            accepted.append(bit)
        except ProofError:
            pass
    return accepted


def test_no_flipped_bit_is_accepted(proved: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    made, text = proved
    # the slow signature check is replaced by the fast one; the two agree on all public vectors (below)
    monkeypatch.setattr(verify_proof, "signature_holds", lambda key, *rest: PublicKey("", key).verify(*rest))
    assert accepted_flips(text, made.key.public.raw) == []


def test_twin_without_the_signature_flipped_bits_are_accepted(
    proved: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, text = proved
    monkeypatch.setattr(verify_proof, "signature_holds", lambda *_: True)
    assert accepted_flips(text, made.key.public.raw)


def test_the_package_agrees_with_the_one_file(proved: tuple[Any, str]) -> None:
    made, text = proved
    for content in (text, text.replace("index 11", "index 10"), text.replace("\n21\n", "\n22\n"), text + "x", text[9:]):
        try:
            InclusionProof.from_text(content).verify(origin=made.origin, key=made.key.public)
            here = True
        except EvidenceBroken:
            here = False
        try:
            there = bool(check_file(content, made.key.public.raw, made.origin))
        except ProofError:
            there = False
        assert here == there == (content == text)


def test_keys_in_other_forms_are_refused() -> None:
    for text in ("", "log+00000000+AQ==", "00" * 31, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"):
        with pytest.raises(ValueError, match="not an Ed25519 public key"):
            read_key(text)


def test_the_first_published_signature_by_hand() -> None:
    """RFC 8032, section 7.1, test 1: the empty message."""
    key = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert verify_proof.signature_holds(key, b"", signature)
    assert not verify_proof.signature_holds(key, b"x", signature)


@pytest.mark.real_data
def test_public_signature_vectors_hold_without_any_library(shared_data: Path) -> None:
    wrong, seen = [], 0
    for group in json.loads((shared_data / "vectors/wycheproof/ed25519_test.json").read_text())["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            seen += 1
            held = verify_proof.signature_holds(key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            wrong += [case["tcId"]] if held != (case["result"] == "valid") else []
    assert (seen, wrong) == (151, [])


@pytest.mark.real_data
def test_public_inclusion_vectors_hold_without_any_library(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = json.loads((shared_data / "vectors/merkle/inclusion.json").read_text())
    wrong = []
    real = verify_proof.hashlib.sha256

    class Leaf:
        """The vectors give the leaf's hash, not the entry."""

        def __init__(self, data: bytes) -> None:
            self.data = data

        def digest(self) -> bytes:
            return self.data[1:] if self.data[:1] == b"\x00" else real(self.data).digest()

    monkeypatch.setattr(verify_proof.hashlib, "sha256", Leaf)
    tried = 0
    for case in cases:
        path = [base64.b64decode(hash_) for hash_ in case["proof"] or []]
        leaf, root = base64.b64decode(case["leafHash"] or ""), base64.b64decode(case["root"] or "")
        if len(leaf) != 32:  # here the leaf is always made by SHA-256
            continue
        tried += 1
        try:
            held = verify_proof.root_from(leaf, case["leafIdx"], case["treeSize"], path) == root
        except ProofError:
            held = False
        wrong += [case["source"]] if held == case["wantErr"] else []
    assert (len(cases), wrong) == (98, [])
    assert tried > 85
