"""The manifest and the deployment around it: signed, strict, and remembered by the ledger."""

import shutil

import pytest
from throwaway import NOON, build

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance import manifest
from vemo_audit.governance.deployment import create
from vemo_audit.governance.selfcheck import selfcheck_deployment


@pytest.fixture
def world(tmp_path):
    return build(tmp_path / "dep")


def edit(world, old, new):
    text = world.path.read_text("utf-8")
    assert old in text
    world.path.write_text(text.replace(old, new, 1), "utf-8")


def test_a_signed_manifest_loads_and_says_what_it_is_for(world):
    named, ring = manifest.load(world.path)
    assert named.scope.purposes == ("research",) and named.allows_model("whatever")
    assert set(ring.keys) == {"policy", "issuer", "log", "steward"}
    assert named.holds_at(NOON) and not named.holds_at(named.deployment.expires_at)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('use_area = "research"', 'use_area = "retail"'),
        ('"keep_only"', '"strict"'),
        ('"Olga"', '"Oleg"'),
        ("400", "401"),
    ],
)
def test_any_change_after_signing_breaks_the_signature(world, old, new):
    edit(world, old, new)
    with pytest.raises(EvidenceBroken, match="changed after it was signed"):
        manifest.load(world.path)
    manifest.sign(world.path, key=world.key("policy"))
    manifest.load(world.path)


def test_comments_may_change(world):
    edit(world, "# who runs it", "# the team that runs it")
    manifest.load(world.path)


def test_an_unsigned_manifest_opens_nothing(world):
    manifest.signature_path(world.path).unlink()
    with pytest.raises(BadInput, match="not signed"):
        manifest.load(world.path)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("[scope]", '[scope]\nfavourite = "red"', "favourite"),
        ("log_retention_days = 400", "log_retention_days = 182", "log_retention_days"),
        ("log_retention_days = 400", "log_retention_days = 400.0", "log_retention_days"),
        ('mode = "keep_only"', 'mode = "fail_open"', "mode"),
        ('models = ["any"]', "models = []", "models"),
        ('ledger = "ledger"', 'ledger = "../elsewhere"', "stores.ledger"),
        ('consents = "consents.db"', 'consents = "/tmp/consents.db"', "stores.consents"),
        ('overseer = "Olga"', "", "overseer"),
        ("covert = false", 'covert = "false"', "covert"),
        ('schema = "vemo.manifest/1"', 'schema = "vemo.manifest/2"', "schema"),
    ],
)
def test_a_manifest_that_is_not_understood_is_refused_by_key(world, old, new, named):
    edit(world, old, new)
    with pytest.raises(BadInput, match=named):
        manifest.sign(world.path, key=world.key("policy"))


def test_only_the_policy_key_signs(world):
    with pytest.raises(BadInput, match="policy_kid"):
        manifest.sign(world.path, key=world.key("issuer"))


def test_a_swapped_key_is_seen(world, tmp_path):
    other = build(tmp_path / "other")
    shutil.copy(other.folder / "keys" / "issuer.pub", world.folder / "keys" / "issuer.pub")
    with pytest.raises(EvidenceBroken, match="issuer key"):
        manifest.load(world.path)


def test_an_insider_who_swaps_keys_and_manifest_is_betrayed_by_the_ledger(world, tmp_path):
    """All signatures hold, with other keys; but the ledger remembers which keys it was made for."""
    other = build(tmp_path / "other")
    log = world.key("log")
    shutil.rmtree(world.folder / "keys")
    shutil.copytree(other.folder / "keys", world.folder / "keys")
    for name in ("log.key", "log.pub"):
        (world.folder / "keys" / name).unlink()
    log.save(world.folder / "keys" / "log.key", None)
    log.public.save(world.folder / "keys" / "log.pub")
    text = other.path.read_text("utf-8").replace(other.key("log").kid, log.kid)
    world.path.write_text(text, "utf-8")
    manifest.sign(world.path, key=other.key("policy"))
    with pytest.raises(EvidenceBroken, match="this ledger was not made for"):
        world.gate()


def test_a_deployment_is_never_made_over_another(world):
    with pytest.raises(BadInput, match="exists already"):
        create(world.folder, origin="a/b", now=NOON)


def test_one_gate_at_a_time_has_the_ledger(world):
    with world.gate(), pytest.raises(BadInput, match="another writer"):
        world.gate()
    with world.gate():
        pass


def test_selfcheck_says_what_holds_and_what_does_not(world):
    assert all(check.holds for check in selfcheck_deployment(world.path, now=NOON))
    (world.folder / "STOP").touch()
    (world.folder / "consents.db").write_bytes(b"garbage" * 1000)
    failed = {check.name: check.exit_code for check in selfcheck_deployment(world.path, now=NOON) if not check.holds}
    assert failed == {"not stopped": 3, "consent store": 4}
