"""Consent files: each is shown for whom it is named, and for nobody else."""

import base64
import json
from pathlib import Path

import pytest

from vemo_audit.audit.consents import ConsentFiles
from vemo_audit.errors import BadInput
from vemo_audit.records.truth import DatasetClip


def clip(name: str, subject: str = "") -> DatasetClip:
    return DatasetClip(name, Path("nowhere"), subject)


def release(*digests: str) -> bytes:
    payload = base64.b64encode(json.dumps({"digests": digests}).encode()).decode()
    return json.dumps({"payloadType": "application/vnd.vemo.dataset+json; version=1", "payload": payload}).encode()


def test_a_folder_shows_files_of_the_clip_and_of_its_subject(tmp_path: Path) -> None:
    (tmp_path / "ann.json").write_bytes(b'{"of": "ann"}')
    (tmp_path / "clip1.json").write_bytes(b'{"of": "clip1"}')
    (tmp_path / "clip2").mkdir()
    (tmp_path / "clip2" / "bob.json").write_bytes(b'{"of": "bob in clip2"}')
    files = ConsentFiles([tmp_path])
    assert files.of(clip("clip1", "ann")) == (b'{"of": "clip1"}', b'{"of": "ann"}')
    assert files.of(clip("clip2", "bob")) == (b'{"of": "bob in clip2"}',)
    assert files.of(clip("clip3", "cy")) == () and files.of_all() == ()


def test_a_file_that_the_plan_names_is_shown_for_every_clip_once(tmp_path: Path) -> None:
    (tmp_path / "all.json").write_bytes(b'{"of": "all"}')
    files = ConsentFiles([tmp_path / "all.json", tmp_path])
    assert files.of(clip("all", "ann")) == files.of_all() == (b'{"of": "all"}',)


def test_a_name_cannot_reach_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "consents").mkdir()
    (tmp_path / "stolen.json").write_bytes(b'{"of": "somebody else"}')
    assert ConsentFiles([tmp_path / "consents"]).of(clip("../stolen", "../stolen")) == ()


def test_a_release_is_shown_for_the_digests_that_it_lists(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(release("aa" * 32))
    (tmp_path / "two.json").write_bytes(release("bb" * 32))
    (tmp_path / "ann.json").write_bytes(b'{"payloadType": "other", "payload": ""}')
    files = ConsentFiles([tmp_path])
    assert files.release_of("bb" * 32) == release("bb" * 32)
    assert files.release_of("cc" * 32) == release("aa" * 32)
    assert files.of(clip("c", "ann")) == (b'{"payloadType": "other", "payload": ""}',)
    assert ConsentFiles([]).release_of("aa" * 32) is None


def test_absent_and_oversized_files_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file or folder"):
        ConsentFiles([tmp_path / "absent"])
    (tmp_path / "big.json").write_bytes(b" " * 1_000_001)
    with pytest.raises(BadInput, match="1,000,001 bytes"):
        ConsentFiles([tmp_path / "big.json"])
