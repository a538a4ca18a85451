"""A deployment on disk: secrets are secret, policies never go back, forms fill in to what is read."""

import dataclasses
import stat

import pytest
from throwaway import NOON, build

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance import deployment, forms, manifest, refusals
from vemo_audit.governance.keys import generate
from vemo_audit.governance.policy import packs
from vemo_audit.governance.policy.packs import load_bundle
from vemo_audit.governance.selfcheck import selfcheck_deployment
from vemo_audit.records.decision import RuleHit
from vemo_audit.resources import places


@pytest.fixture
def world(tmp_path):
    return build(tmp_path / "dep")


def test_private_files_are_for_their_owner_alone(world):
    private = [*world.folder.glob("keys/*.key"), world.folder / "consents.db", world.folder / "ledger.kek"]
    assert len(private) == 7
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in private)


def failed(world):
    """What does not hold: name -> (exit code, what was found)."""
    checks = selfcheck_deployment(world.path, now=NOON)
    return {check.name: (check.exit_code, check.found) for check in checks if not check.holds}


SECRETS = [f"keys/{name}.key" for name in ("issuer", "log", "policy", "pseudonym", "steward")] + ["ledger.kek"]


@pytest.mark.parametrize("name", SECRETS)
def test_selfcheck_sees_a_secret_that_others_may_read_and_one_that_is_damaged(world, name):
    file = world.folder / name
    assert failed(world) == {}
    file.chmod(0o644)
    ((check, (code, found)),) = failed(world).items()
    assert (check, code) == (f"secret {file.name}", 2) and "mode 0644" in found
    file.chmod(0o600)
    file.write_bytes(b"garbage")
    assert f"secret {file.name}" in failed(world)


def test_selfcheck_refuses_what_the_gate_refuses(world):
    (world.folder / "keys" / "log.key").chmod(0o644)
    with pytest.raises(BadInput, match="mode 0644"):
        world.gate()
    assert list(failed(world)) == ["secret log.key"]


def test_selfcheck_sees_a_private_key_of_another_deployment_and_misses_none_kept_elsewhere(world):
    file = world.folder / "keys" / "steward.key"
    file.unlink()
    assert failed(world) == {}
    generate("steward").save(file, None)
    code, found = failed(world)["secret steward.key"]
    assert code == 4 and "as the manifest says" in found


def test_selfcheck_says_that_a_locked_key_was_not_checked_but_looks_at_its_mode(world):
    file = world.folder / "keys" / "policy.key"
    pair = world.key("policy")
    file.unlink()
    pair.save(file, b"correct horse")
    (check,) = [c for c in selfcheck_deployment(world.path, now=NOON) if not c.checked]
    assert (check.name, check.holds, check.found) == ("secret policy.key", True, "not checked: passphrase needed")
    file.chmod(0o640)
    assert "mode 0640" in failed(world)["secret policy.key"][1]


def open_with_version(world, monkeypatch, version):
    """A gate over policies of this version, signed for: only the ledger can know that it went back."""
    bundle = dataclasses.replace(load_bundle(places.folder("policies")), version=version)
    monkeypatch.setattr(deployment, "load_bundle", lambda folder: bundle)
    with world.gate() as gate:
        return gate._journal.ledger.size


def test_policies_never_go_back(world, monkeypatch):
    open_with_version(world, monkeypatch, 5)
    open_with_version(world, monkeypatch, 5)
    with pytest.raises(EvidenceBroken, match="version in force before"):
        open_with_version(world, monkeypatch, 4)
    open_with_version(world, monkeypatch, 6)


def test_a_ledger_that_forgets_would_be_seen(world, monkeypatch):
    """Twin: without the memory of the last version, older policies open the gate."""
    open_with_version(world, monkeypatch, 5)
    monkeypatch.setattr(deployment, "_last_bundle_version", lambda ledger: 0)
    open_with_version(world, monkeypatch, 4)


def revived(world):
    """A deployment whose store was put back to before a withdrawal that the ledger holds; the record's id."""
    record_id, _ = world.give()
    store = world.folder / "consents.db"
    older = store.read_bytes()
    world.withdraw(record_id)
    world.gate().close()  # writes the leaf
    store.write_bytes(older)
    return record_id


def test_an_older_store_does_not_bring_a_withdrawn_consent_back(world):
    record_id = revived(world)
    with pytest.raises(EvidenceBroken, match="which ended"):
        world.gate()
    check = next(c for c in selfcheck_deployment(world.path, now=NOON) if c.name == "consent store")
    assert not check.holds and "which ended" in check.found
    world.withdraw(record_id)  # the way out that is always safe
    world.gate().close()


def test_a_ledger_that_forgets_endings_would_be_seen(world, monkeypatch):
    """Twin: without the memory of endings, the older store opens the gate."""
    revived(world)
    monkeypatch.setattr(deployment, "check_endings", lambda *_, **__: None)
    world.gate().close()


def test_the_last_version_is_found_far_back(world, monkeypatch):
    monkeypatch.setattr(deployment, "LOOK_BACK", 3)
    consent = world.give()[1]
    with world.gate() as gate:
        for _ in range(10):
            gate.screen(world.case(consent))
    open_with_version(world, monkeypatch, packs.load_bundle(places.folder("policies")).version)


def test_a_failed_opening_lets_go_of_the_ledger(world, monkeypatch):
    open_with_version(world, monkeypatch, 5)
    with pytest.raises(EvidenceBroken):
        open_with_version(world, monkeypatch, 4)
    open_with_version(world, monkeypatch, 5)  # else: another writer has it


def test_the_form_reads_back_as_stated(world):
    named = manifest.read(world.path)
    assert named.deployment.controller_name == "The Lab" and named.scope.bindings == tuple(sorted(world.form.bindings))
    assert named.deployment.expires_at - named.deployment.valid_from == world.form.lasts
    odd = dataclasses.replace(world.form, controller_name='A "quoted" \\ näme\n[scope]')
    text = forms.manifest_text(odd, kids=dict.fromkeys(deployment.OWNERS, "k"), bundle_digest="0" * 64, now=NOON)
    world.path.write_text(text, "utf-8")
    assert manifest.read(world.path).deployment.controller_name == odd.controller_name


def test_a_pseudonym_needs_its_key():
    """RFC 4231, test case 2: HMAC-SHA-256 of 'what do ya want for nothing?' under 'Jefe' begins 5bdcc146..."""
    assert forms.pseudonym(b"Jefe", "what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c7"
    assert forms.pseudonym(b"a", "anna") != forms.pseudonym(b"b", "anna")


def test_every_rule_says_what_to_do():
    rules = [RuleHit(rule.id, rule.ref, rule.message) for rule in load_bundle(places.folder("policies")).rules]
    rules += [refusals.hit(rule_id) for rule_id in refusals.RULES]
    assert all(hit.ref and hit.message and refusals.advice((hit,)) for hit in rules)
    prohibited = next(hit for hit in rules if hit.rule_id == "eu-ai-act.5.1.f.workplace")
    assert "no setting opens it" in refusals.advice((prohibited, refusals.hit("o.purpose")))
