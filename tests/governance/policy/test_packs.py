"""Packs: read strictly, named by one digest, signed, never set back, and chosen by place and day."""

from dataclasses import replace
from datetime import date

import pytest

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import generate
from vemo_audit.governance.policy import packs
from vemo_audit.governance.policy.packs import load_bundle, select, sign_bundle, verify_bundle

DAY = date(2026, 11, 22)


def test_the_six_packs_and_their_rules(bundle):
    assert [pack.id for pack in bundle.packs] == [
        "base/bystander", "base/consent", "base/high-stakes", "base/operations", "base/permit", "eu-ai-act/art05",
    ]  # fmt: skip
    ids = {rule.id for rule in bundle.rules}
    consent = "present state-given explicit purpose outputs modality window version-latest epoch audience guardian"
    consent += " imbalance-invalid notice-hash-known withdraw-parity"
    others = "b.unbound-mask b.maxfaces b.search-1toN b.match-default b.staff-excluded b.track-break"
    others += " b.voice-single-source h.employment h.education h.criminal-justice h.covert h.lie-detection"
    others += " h.insurance-credit h.infer-demographic o.manifest o.model-digest o.audit-fresh o.retention-floor"
    others += " o.overseer o.killswitch base.permit"
    eu = "workplace candidate education exception-evidence exception-scope-not-wellbeing"
    assert ids >= {f"c.{name}" for name in consent.split()} | set(others.split())
    assert ids >= {f"eu-ai-act.5.1.f.{name}" for name in eu.split()}


def test_every_deciding_file_is_in_the_digest(copy, bundle):
    assert load_bundle(copy).digest == bundle.digest
    assert len(bundle.files) == 2 + 2 * len(bundle.packs)
    for path, _ in bundle.files:
        file = copy / path
        before = file.read_bytes()
        file.write_bytes(before + b"\n")
        assert load_bundle(copy).digest != bundle.digest, path
        file.write_bytes(before)


def test_a_signed_bundle_verifies_and_nothing_else_does(copy, bundle):
    key, other = generate("policy"), generate("policy")
    envelope, trusted = sign_bundle(bundle, key), {key.kid: key.public}
    verify_bundle(load_bundle(copy), envelope, keys=trusted, last_version=bundle.version)
    with pytest.raises(EvidenceBroken):
        verify_bundle(bundle, envelope, keys={other.kid: other.public})
    with pytest.raises(EvidenceBroken):
        verify_bundle(bundle, envelope[:-1], keys=trusted)
    with pytest.raises(EvidenceBroken, match="never go back"):
        verify_bundle(bundle, envelope, keys=trusted, last_version=bundle.version + 1)
    with (copy / "base/consent/rules.cedar").open("a") as file:
        file.write("// one comment\n")
    with pytest.raises(EvidenceBroken, match="the files that were signed"):
        verify_bundle(load_bundle(copy), envelope, keys=trusted)


def test_twin_a_signature_over_the_version_alone_lets_changed_rules_in(bundle, copy, monkeypatch):
    monkeypatch.setattr(packs, "_payload", lambda bundle: {"version": bundle.version})
    key = generate("policy")
    with (copy / "base/consent/rules.cedar").open("a") as file:
        file.write("// one comment\n")
    verify_bundle(load_bundle(copy), sign_bundle(bundle, key), keys={key.kid: key.public})


def test_a_known_place_takes_its_packs_and_an_unknown_one_takes_all(bundle):
    eu = {rule.id for rule in bundle.rules if rule.pack == "eu-ai-act/art05"}
    only_base = replace(bundle, places=bundle.places | {"ZZ"})
    for places, has_eu in (({"DE"}, True), ({"EU"}, True), ({"US-IL"}, True), (set(), True), ({"DE", "US-IL"}, True)):
        assert (eu <= {rule.id for rule in select(bundle, places, DAY).active}) is has_eu
    assert not eu & {rule.id for rule in select(only_base, {"ZZ"}, DAY).active}
    assert eu <= {rule.id for rule in select(only_base, {"ZZ", "somewhere"}, DAY).active}


def test_a_disabled_pack_stays_silent(copy):
    path = copy / "eu-ai-act/art05/pack.yaml"
    path.write_text(path.read_text().replace("enabled: true", "enabled: false"))
    assert not any(rule.pack == "eu-ai-act/art05" for rule in select(load_bundle(copy), set(), DAY).active)


def test_rules_begin_and_end_on_their_days(copy):
    path = copy / "eu-ai-act/art05/rules.cedar"
    path.write_text(
        path.read_text().replace('@applies_from("2025-02-02")', '@applies_from("2025-02-02") @applies_to("2026-12-31")')
    )
    bundle = load_bundle(copy)
    for day, active, advisory in (
        (date(2025, 2, 1), 0, 9), (date(2025, 2, 2), 9, 0), (date(2026, 12, 31), 9, 0), (date(2027, 1, 1), 0, 0),
    ):  # fmt: skip
        chosen = select(bundle, {"EU"}, day)
        assert sum(rule.pack == "eu-ai-act/art05" for rule in chosen.active) == active
        assert len(chosen.advisory) == advisory
    middle = select(bundle, {"EU"}, DAY)
    assert (middle.since, middle.until) == (date(2025, 2, 2), date(2026, 12, 31))


def broken(copy, path, old, new):
    file = copy / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("bundle.yaml", "version: 2", "version: one", "version 'one'"),
        ("bundle.yaml", "version: 2", "colour: 1", "the keys"),
        ("base/consent/pack.yaml", "id: base/consent", "id: base/content", "the name of its folder"),
        ("base/consent/pack.yaml", "enabled: true", "enabled: perhaps", "neither true nor false"),
        ("base/consent/pack.yaml", "review_by: 2027-05-22", "review_by: soon", "the day 'soon'"),
        ("base/consent/pack.yaml", "title: Consent", "titel: Consent", "the keys"),
        ("base/consent/pack.yaml", "title: Consent", "title: [", "not YAML"),
        ("base/consent/rules.cedar", "forbid (", "prevent (", "not Cedar"),
        ("base/consent/rules.cedar", '@id("c.explicit")', '@id("c.purpose")', "two rules named 'c.purpose'"),
        ("base/consent/rules.cedar", '@id("c.explicit")', "", "lacks"),
        ("base/consent/rules.cedar", '@id("c.explicit")', '@id("c.explicit") @mood("fine")', "mood"),
        ("base/consent/rules.cedar", '@effect("deny")', '@effect("maybe")', "effect 'maybe'"),
        ("base/consent/rules.cedar", '@stage("consent")', '@stage("dawn")', "stage 'dawn'"),
        ("base/consent/rules.cedar", '@applies_from("always")', '@applies_from("soon")', "the day 'soon'"),
        ("base/consent/rules.cedar", "forbid (principal", "forbid (principal == ?principal", "template"),
    ],
)
def test_a_malformed_pack_is_refused_with_its_place(copy, path, old, new, said):
    broken(copy, path, old, new)
    with pytest.raises(BadInput, match=said) as caught:
        load_bundle(copy)
    assert str(copy) in caught.value.where


def test_an_empty_folder_is_no_bundle(tmp_path, copy):
    with pytest.raises(BadInput, match="no readable file"):
        load_bundle(tmp_path / "nowhere")
    for pack in list(copy.rglob("pack.yaml")):
        pack.unlink()
    with pytest.raises(BadInput, match="no policy pack"):
        load_bundle(copy)
