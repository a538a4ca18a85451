"""A backup brings back every proof and no key that opens it; an older one comes back only on record."""

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.consents import ConsentStore
from vemo_audit.governance.keys import generate
from vemo_audit.governance.ledger import backup
from vemo_audit.governance.ledger.backup import Loss, back_up, restore
from vemo_audit.governance.ledger.check import verify_ledger
from vemo_audit.governance.ledger.cosignature import witness_vkey
from vemo_audit.governance.ledger.store import Draft
from vemo_audit.governance.ledger.verify_proof import check_file, read_policy
from vemo_audit.governance.ledger.witness import add_checkpoint, create_witness
from vemo_audit.governance.ledger.witnessed import install_policy, keep, witnessed_beside


class Site:
    """A ledger of 60 entries with its consent store, and a place for backups."""

    def __init__(self, made: Any, folder: Path, now: datetime) -> None:
        self.made, self.now, self.target = made, now, folder / "backup"
        self.consents = made.folder.with_name("consents.db")
        ConsentStore.create(self.consents, keys={}).close()
        self.witness = generate("witness")
        self.policy = f"witness w {witness_vkey('w', self.witness.public)}\nquorum w\n".encode()
        create_witness(folder / "witness", logs={made.origin: made.key.public})
        self.place = folder / "witness"

    def back_up(self, target: Path | None = None) -> backup.Backup:
        return back_up(
            self.made.folder, target or self.target, log_public=self.made.key.public, now=self.now,
            consents=self.consents,
        )  # fmt: skip

    def restore(self, **more: Any) -> backup.Restored:
        return restore(
            self.target, self.made.folder, log_public=self.made.key.public, consents=self.consents, **more
        )  # fmt: skip

    def lose(self) -> None:
        shutil.rmtree(self.made.folder)
        for path in self.consents.parent.glob("consents.db*"):
            path.unlink()

    def grow_and_witness(self, word: str) -> None:
        with self.made.write() as log:
            log.append({"decision_id": word})
            note = log.checkpoint(self.now)
            sent = log.submission().to_text()
        answer = add_checkpoint(self.place, sent, key=self.witness, name="w", now=self.now)
        keep(
            self.made.folder, note, answer.line, policy=read_policy(self.policy), origin=self.made.origin,
            key=self.made.key.public,
        )  # fmt: skip
        install_policy(self.made.folder, self.policy)


@pytest.fixture
def site(made: Any, some: Callable[..., list[Draft]], tmp_path: Path, now: datetime) -> Site:
    with made.write() as log:
        log.append_many(some(60))
        log.checkpoint(now)
    return Site(made, tmp_path, now)


def test_every_proof_and_private_part_comes_back(site: Site) -> None:
    with site.made.read() as log:
        proofs = [log.prove(k).to_text() for k in range(log.size)]
        parts = [log.read_private(k) for k in range(log.size)]
    made = site.back_up()
    assert (made.size, set(made.files)) == (60, {"ledger.db", "keys.db", "payload.db", "consents.db"})
    site.lose()
    assert site.restore().lost is None
    with site.made.write() as log:
        assert [log.prove(k).to_text() for k in range(60)] == proofs
        assert [log.read_private(k) for k in range(60)] == parts
        assert log.append({"decision_id": "after"}).index == 60
    assert check_file(proofs[7], site.made.key.public.raw, "")["index"] == 7
    ConsentStore(site.consents, keys={}).close()
    assert not list(site.made.folder.parent.glob("*.restoring"))


def test_the_key_that_opens_all_is_not_in_a_backup(site: Site) -> None:
    site.back_up()
    kek = site.made.folder.with_name("ledger.kek").read_bytes()
    for path in site.target.rglob("*"):
        assert kek not in path.read_bytes() and path.stat().st_mode & 0o077 == 0, path
    (site.target / "twin").write_bytes(b"x" + kek)  # the same search finds it where it is
    assert [path.name for path in site.target.rglob("*") if kek in path.read_bytes()] == ["twin"]


def test_nothing_is_written_over(site: Site) -> None:
    site.back_up()
    with pytest.raises(BadInput, match="not empty"):
        site.back_up()
    with pytest.raises(BadInput, match="here already"):
        site.restore()
    shutil.rmtree(site.made.folder)
    with pytest.raises(BadInput, match=r"consents.db"):
        site.restore()
    assert not site.made.folder.exists()


def test_a_backup_taken_while_a_gate_writes_is_whole(site: Site, tmp_path: Path) -> None:
    stop, log = threading.Event(), site.made.write()

    def write() -> None:
        k = 0
        while not stop.is_set():
            log.append({"decision_id": f"live{k}"}, private=b"private", subject_ref=f"s{k % 5}")
            k += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        sizes = [site.back_up(tmp_path / f"live{k}").size for k in range(3)]
    finally:
        stop.set()
        thread.join()
        log.close()
    assert sizes == sorted(sizes) and sizes[0] >= 60
    for k in range(3):
        report = verify_ledger(tmp_path / f"live{k}", log_public=site.made.key.public)
        assert (report.holds, report.erased) == (True, 0)


def test_twin_in_the_other_order_a_live_backup_loses_parts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry lands between the copies: with the log last, its ciphertext is missing, each time anew."""
    log, real, count = site.made.write(), backup._copy, iter(range(1000))

    def copy(source: Path, target: Path, **more: Any) -> None:
        real(source, target, **more)
        log.append({"decision_id": f"between{next(count)}"}, private=b"private", subject_ref="s")

    with log:
        monkeypatch.setattr(backup, "_copy", copy)
        assert site.back_up().size >= 60
        shutil.rmtree(site.target)
        monkeypatch.setattr(backup, "ORDER", ("payload.db", "keys.db", "ledger.db"))
        with pytest.raises(EvidenceBroken, match="private parts"):
            site.back_up()


def test_an_erasure_between_two_copies_is_taken_anew(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    log, real, done = site.made.write(), backup._copy, list[Path]()

    def copy(source: Path, target: Path, **more: Any) -> None:
        real(source, target, **more)
        done.append(target)
        if len(done) == 1:
            log.forget("subject-0", header={"decision_id": "gone"})

    with log:
        monkeypatch.setattr(backup, "_copy", copy)
        assert site.back_up().size == 61
    assert len(done) == 8


@pytest.mark.parametrize("name", ["ledger.db", "keys.db", "payload.db", "consents.db"])
def test_a_changed_file_is_not_restored(site: Site, name: str) -> None:
    site.back_up()
    site.lose()
    with sqlite3.connect(site.target / name) as sql:
        sql.execute("CREATE TABLE more(x)")
    sql.close()
    with pytest.raises(EvidenceBroken, match="not the file"):
        site.restore()
    manifest = json.loads((site.target / "backup.json").read_text())
    manifest["files"][name] = backup._sha256(site.target / name)
    (site.target / "backup.json").write_text(json.dumps(manifest))
    site.restore()  # the twin: with a manifest that fits, nothing of the log being changed, it comes back


def test_a_backup_in_another_form_is_not_restored(site: Site) -> None:
    with pytest.raises(BadInput, match="no backup here"):
        site.restore()
    site.back_up()
    site.lose()
    path = site.target / "backup.json"
    sound = json.loads(path.read_text())
    for bad in (None, [], {**sound, "format": 2}, {**sound, "x": 1}, {**sound, "files": {}}, {**sound, "size": 59}):
        path.write_text(json.dumps(bad))
        with pytest.raises(EvidenceBroken):
            site.restore()
    path.write_text(json.dumps(sound))
    (site.target / "ledger.db-wal").write_bytes(b"")
    with pytest.raises(EvidenceBroken, match="does not name"):
        site.restore()
    assert not site.made.folder.exists()


def test_an_entry_changed_in_the_backup_is_found_whatever_the_manifest_says(site: Site) -> None:
    site.back_up()
    site.lose()
    with sqlite3.connect(site.target / "ledger.db") as sql:
        sql.execute("UPDATE entry SET header=CAST(replace(CAST(header AS TEXT), 'allow', 'deny_') AS BLOB)")
    sql.close()
    manifest = json.loads((site.target / "backup.json").read_text())
    manifest["files"]["ledger.db"] = backup._sha256(site.target / "ledger.db")
    (site.target / "backup.json").write_text(json.dumps(manifest))
    with pytest.raises(EvidenceBroken, match="entries"):
        site.restore()


def test_a_backup_older_than_what_was_witnessed_comes_back_only_on_record(site: Site) -> None:
    site.grow_and_witness("seen before the backup")
    site.back_up()
    site.grow_and_witness("seen after the backup")
    site.lose()
    with pytest.raises(EvidenceBroken, match="61 entries, but 62 were witnessed"):
        site.restore()
    assert not site.made.folder.exists()
    loss = Loss(site.made.key, {"decision_id": "accepted", "approvers": ["a", "b"], "reason": "disk lost"}, site.now)
    restored = site.restore(loss=loss)
    assert restored.lost is not None and restored.lost.size == 62
    with site.made.read() as log:
        (entry,) = log.find("accepted")
        assert (entry.index, entry.header["phase"], entry.header["lost_size"]) == (61, "override", 62)
        assert log.signed_size == 62
        sent = log.submission().to_text()
    assert add_checkpoint(site.place, sent, key=site.witness, name="w", now=site.now).status == 409
    assert witnessed_beside(site.made.folder).with_name("ledger.witnessed.lost-62").exists()


def test_a_backup_as_new_as_what_was_witnessed_comes_back_and_is_held_to_it(site: Site) -> None:
    site.grow_and_witness("seen")
    site.back_up()
    site.lose()
    assert site.restore().lost is None
    site.made.read().close()
    assert witnessed_beside(site.made.folder).exists()


def test_twin_without_the_witnessed_checkpoint_an_older_backup_slips_through(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.back_up()
    site.grow_and_witness("seen after the backup")
    site.lose()
    monkeypatch.setattr(backup, "_lost", lambda *_, **__: None)
    assert site.restore().lost is None


def test_a_ledger_that_was_set_back_is_not_backed_up(site: Site, tmp_path: Path) -> None:
    shutil.copytree(site.made.folder, tmp_path / "older")
    site.grow_and_witness("seen")
    shutil.rmtree(site.made.folder)
    shutil.copytree(tmp_path / "older", site.made.folder)
    with pytest.raises(EvidenceBroken, match="rolled back"):
        site.back_up()
