"""Tests of weights: the digest decides, and the package that carries the face detector is never imported."""

import hashlib
import subprocess
import sys

import pytest

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.records.digest import sha256_hex
from vemo_audit.resources import weights


def test_the_pinned_digests_are_those_of_the_installed_files():
    for stage, begin in (("pnet", "a2a71925"), ("rnet", "bbb937de"), ("onet", "165bfbe4")):
        data = weights.face_detector(stage)
        assert sha256_hex(data) == weights.FACE_DETECTOR[stage] and weights.FACE_DETECTOR[stage].startswith(begin)


def _changed_weights_stop(tmp_path):
    path = tmp_path / "w.bin"
    path.write_bytes(b"weights")
    digest = sha256_hex(b"weights")
    assert weights.checked_bytes(path, digest) == b"weights"
    path.write_bytes(b"weightz")
    with pytest.raises(EvidenceBroken, match="nothing was loaded"):
        weights.checked_bytes(path, digest)


def test_changed_weights_stop(tmp_path):
    _changed_weights_stop(tmp_path)


def test_twin_without_the_digest_they_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(weights.hashlib, "sha256", lambda data, true=hashlib.sha256: true(b"weights"))
    with pytest.raises(BaseException, match="DID NOT RAISE"):
        _changed_weights_stop(tmp_path)


def test_absent_weights_say_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(BadInput, match="cannot be read"):
        weights.checked_bytes(tmp_path / "none", "")
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match="pip install facenet-pytorch"):
        weights.face_detector("pnet")


def test_nothing_foreign_is_imported_for_the_weights():
    code = (
        "import sys, vemo_audit.recognition.perception.faces as f; f.FaceDetector();"
        "print([m for m in ('torchvision', 'torchaudio', 'timm', 'facenet_pytorch') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
