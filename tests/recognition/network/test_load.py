"""Tests of load: no tensor is made of a file that is not the expected one."""

import pytest
import safetensors.torch
import torch

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.recognition.network import load
from vemo_audit.records.digest import sha256_hex


def test_what_was_saved_comes_back(tmp_path):
    path = tmp_path / "w.safetensors"
    tensors = {"a": torch.arange(6).reshape(2, 3).half(), "b": torch.ones(1)}
    safetensors.torch.save_file(tensors, path)
    back = load.load_safetensors(path, sha256_hex(path.read_bytes()))
    assert back.keys() == tensors.keys() and all(torch.equal(back[k], tensors[k]) for k in tensors)


def test_a_wrong_digest_stops_before_anything_is_read(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({"a": torch.ones(1)}, path)
    read = []
    monkeypatch.setattr(load.safetensors.torch, "load", read.append)
    with pytest.raises(EvidenceBroken):
        load.load_safetensors(path, "0" * 64)
    assert not read
    with pytest.raises(BadInput):
        load.load_safetensors(tmp_path / "none", "0" * 64)


def test_a_file_of_another_form_is_broken_evidence(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"no tensors at all")
    with pytest.raises(EvidenceBroken, match="cannot be read"):
        load.load_safetensors(path, sha256_hex(path.read_bytes()))


def test_code_in_a_pickle_is_not_run(tmp_path, monkeypatch):
    class Evil:
        def __reduce__(self):
            return (exec, ("raise SystemExit('ran')",))

    path = tmp_path / "pnet.pt"
    torch.save(Evil(), path)
    monkeypatch.setattr(load.weights, "face_detector", lambda stage: path.read_bytes())
    with pytest.raises(Exception, match=r"weights_only|Weights only"):
        load.load_face_detector("pnet")
