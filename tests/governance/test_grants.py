"""Grants: signed, for one deployment, for a minute, once. Everything else is turned away."""

import dataclasses
import os
from datetime import timedelta

import numpy as np
import pytest
from throwaway import NOON, build

from vemo_audit.errors import BadInput, EvidenceBroken, Refused, VemoError
from vemo_audit.governance import dsse, grants
from vemo_audit.governance.grants import Grant
from vemo_audit.records import strict


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return build(tmp_path_factory.mktemp("grants") / "dep")


def minted(world, **changes):
    fields = {
        "purpose": "research", "audience": "throwaway", "session_id": "s", "key": world.key("issuer"), "now": NOON,
        "entropy": os.urandom,
    }  # fmt: skip
    return grants.mint(world.record(), 0, **(fields | changes))


def trusted(world):
    public = world.key("issuer").public
    return {public.kid: public}


def verified(world, envelope, now=NOON):
    return grants.verify(envelope, keys=trusted(world), audience="throwaway", now=now)


def test_a_minted_grant_verifies_and_says_what_it_opens(world):
    grant = verified(world, minted(world))
    assert grant.purposes == ("research",) and grant.exp - grant.iat == timedelta(seconds=60)
    assert list(map(str, grant.modalities)) == ["face", "voice"]
    assert grants.is_grant(minted(world)) and not grants.is_grant(world.give()[1])


def accepted(world, envelopes):
    count = 0
    for envelope in envelopes:
        try:
            verified(world, envelope)
            count += 1
        except VemoError:
            pass
    return count


def flipped(envelope, bits):
    for bit in bits:
        changed = bytearray(envelope)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def test_no_flipped_bit_is_accepted(world):
    """2,000 single-bit changes of a real grant, anywhere in its envelope."""
    envelope = minted(world)
    rng = np.random.default_rng(1)
    bits = rng.choice(len(envelope) * 8, size=2000, replace=False)
    assert accepted(world, flipped(envelope, bits)) == 0
    assert accepted(world, [envelope]) == 1


def test_unchecked_signatures_would_be_seen(world, monkeypatch):
    """Twin: with signatures unchecked, some of the same changes get in."""
    from vemo_audit.governance.keys import PublicKey

    monkeypatch.setattr(PublicKey, "verify", lambda self, message, signature: True)
    envelope = minted(world)
    bits = np.random.default_rng(1).choice(len(envelope) * 8, size=2000, replace=False)
    assert accepted(world, flipped(envelope, bits)) > 0


def structured(world):
    """Grants that are signed by the right key and wrong in one thing each."""
    good = strict.to_payload(grants.read(dsse.verify(minted(world), payload_type=grants.TYPE, keys=trusted(world))))
    for change in (
        {"audience": "elsewhere"},
        {"exp": "2026-11-23T12:01:00.001Z"},
        {"exp": "2026-11-23T12:00:00.000Z"},
        {"iat": "2026-11-23T12:00:10.000Z"},
        {"purposes": []},
        {"outputs": ["valence_arousal", "expression_label"]},
        {"outputs": ["everything"]},
        {"nonce": "short"},
        {"schema": "vemo.grant/2"},
        {"extra": 1},
    ):
        yield dsse.sign(good | change, payload_type=grants.TYPE, key=world.key("issuer"))
    yield dsse.sign(good, payload_type=grants.TYPE, key=world.key("steward"))
    yield dsse.sign(good, payload_type=dsse.type_of("consent"), key=world.key("issuer"))


def test_no_structured_forgery_is_accepted(world):
    assert accepted(world, structured(world)) == 0


def test_an_unchecked_audience_would_be_seen(world, monkeypatch):
    """Twin: with every audience taken for ours, the forgery for another deployment gets in."""
    real = grants.read
    monkeypatch.setattr(grants, "read", lambda payload: dataclasses.replace(real(payload), audience="throwaway"))
    assert accepted(world, list(structured(world))) == 1


@pytest.mark.parametrize(("seconds", "holds"), [(-3, False), (-2, True), (0, True), (61.9, True), (62, False)])
def test_a_grant_holds_for_its_minute_and_two_seconds_of_skew(world, seconds, holds):
    envelope = minted(world)
    now = NOON + timedelta(seconds=seconds)
    if holds:
        assert isinstance(verified(world, envelope, now), Grant)
    else:
        with pytest.raises(Refused) as refusal:
            verified(world, envelope, now)
        assert refusal.value.rule_id == "g.time"


def test_a_grant_is_used_once(world):
    grant = verified(world, minted(world))
    with world.store() as store:
        grants.spend(grant, store, now=NOON)
        with pytest.raises(Refused) as refusal:
            grants.spend(grant, store, now=NOON)
    assert refusal.value.rule_id == "g.nonce"


def test_no_grant_for_a_purpose_that_was_not_agreed_to(world):
    with pytest.raises(Refused) as refusal:
        minted(world, purpose="demo")
    assert refusal.value.rule_id == "c.purpose"


def test_no_grant_lives_longer_than_a_minute(world):
    with pytest.raises(BadInput, match="a life of"):
        minted(world, lasts=timedelta(seconds=61))


def test_the_nonce_does_not_show(world):
    grant = verified(world, minted(world))
    assert grant.nonce not in repr(grant)


def test_a_grant_of_another_issuer_is_named_so(world, tmp_path):
    with pytest.raises(EvidenceBroken, match="not trusted"):
        verified(world, minted(build(tmp_path / "other")))
