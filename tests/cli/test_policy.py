"""`vemo-audit policy`: what it prints, and how it ends."""

import json
import shutil
from datetime import UTC, datetime

import pytest
import yaml
from typer.testing import CliRunner

from vemo_audit.cli.policy import app
from vemo_audit.errors import BadInput
from vemo_audit.governance import dsse
from vemo_audit.governance.keys import generate
from vemo_audit.governance.ledger.store import Ledger
from vemo_audit.governance.policy.packs import PAYLOAD_TYPE, load_bundle, verify_bundle
from vemo_audit.resources import places

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def run(*arguments, code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=True)
    if isinstance(result.exception, BadInput):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture
def facts_file(tmp_path, root):
    """Writes the baseline facts with some changes, as JSON."""

    def write(**changes):
        facts = yaml.safe_load((root / "policies/baseline.yaml").read_text()) | changes
        path = tmp_path / "facts.json"
        path.write_text(json.dumps(facts))
        return path

    return write


@pytest.fixture
def broken(tmp_path, root):
    """A copy of the packs in which a rule has lost its point."""
    folder = shutil.copytree(root / "policies", tmp_path / "policies")
    rules = folder / "base/consent/rules.cedar"
    rules.write_text(rules.read_text().replace("!context.consent.explicit", "context.consent.explicit"))
    return folder


def test_packs_are_listed():
    assert "base/high-stakes" in run("packs")
    listed = json.loads(run("packs", "--json"))
    assert listed["digest"] == load_bundle(places.folder("policies")).digest
    assert [pack["id"] for pack in listed["packs"]][-1] == "eu-ai-act/art05"


def test_the_installed_packs_pass_lint_and_cases():
    assert "Nothing to report" in run("lint")
    assert json.loads(run("lint", "--json"))["remarks"] == []
    told = json.loads(run("test", "--json"))
    assert told["cases"] > 300 and told["failed"] == []


def test_a_broken_pack_fails_its_cases_and_is_not_signed(broken, tmp_path):
    told = json.loads(run("test", "--json", "--policies", broken, code=2))
    assert {failure["pack"] for failure in told["failed"]} >= {"base/consent"}
    assert "c.explicit" in run("lint", "--policies", broken, code=2)
    key = generate("policy")
    key.save(tmp_path / "policy.key", None)
    with pytest.raises(BadInput, match="remarks"):
        run("sign", "--key", tmp_path / "policy.key", "--policies", broken, "--out", tmp_path / "sig.json")
    assert not (tmp_path / "sig.json").exists()


def test_explain_names_rule_article_message_and_facts(facts_file):
    path = facts_file(subject_role="employee")
    text = run("explain", path)
    for part in ("deny", "h.employment", "art. 5(1)(f)", "Inferring emotions of workers", "subject_role = employee"):
        assert part in text
    told = json.loads(run("explain", path, "--stage", "screen", "--json"))
    assert told["outcome"] == "deny"
    assert {rule["rule_id"] for rule in told["rules"]} == {"h.employment", "eu-ai-act.5.1.f.workplace"}
    assert json.loads(run("explain", facts_file(), "--json"))["outcome"] == "allow"


def test_explain_says_what_a_rule_of_the_future_would_say(facts_file):
    path = facts_file(now="2025-01-15T12:00:00Z", subject_role="employee", consent=None)
    told = json.loads(run("explain", path, "--json"))
    assert "warn:eu-ai-act.5.1.f.workplace" in told["obligations"]


def test_explain_reads_a_decision_from_the_ledger(tmp_path):
    log_key = generate("log")
    (tmp_path / "keys").mkdir()
    log_key.public.save(tmp_path / "keys/log.pub")
    header = {
        "schema": "vemo.decision/1", "decision_id": "d-1", "phase": "outcome", "wall_time": "2026-11-22T12:00:00.000Z",
        "action": "infer_emotion", "decision": "deny", "rule_ids": ["c.present", "g.nonce"], "errors": [],
        "refs": ["GDPR art. 6(1)(a)", "base promise"], "obligations": [], "bundle_digest": "0" * 64,
    }  # fmt: skip
    with Ledger.create(tmp_path / "ledger", origin="example.org/vemo-audit/2026-11", log_key=log_key, now=NOW) as log:
        log.append(header)
    told = json.loads(run("explain", "d-1", "--ledger", tmp_path / "ledger", "--json"))
    assert [rule["message"] for rule in told["rules"]] == [
        "There is no consent of this person.", "The grant was used before.",
    ]  # fmt: skip
    assert told["log_index"] == 0 and "other policies" in told["note"]
    with pytest.raises(BadInput, match="no decision 'd-2'"):
        run("explain", "d-2", "--ledger", tmp_path / "ledger")


@pytest.mark.parametrize(("text", "said"), [("{", "no JSON"), ("[]", "an object"), ('{"mood": 1}', "mood")])
def test_facts_that_are_none_are_bad_input(tmp_path, text, said):
    (tmp_path / "facts.json").write_text(text)
    with pytest.raises(BadInput, match=said):
        run("explain", tmp_path / "facts.json")
    with pytest.raises(BadInput, match="--ledger"):
        run("explain", "0190-no-such-file")


def test_the_baseline_itself_can_be_explained_and_the_words_listed(root):
    assert "allow" in run("explain", root / "policies/baseline.yaml")
    assert "student_monitoring" in run("words")
    assert "dataset_release" in json.loads(run("words", "--json"))["binding"]


def test_sign_writes_what_verifies(tmp_path):
    key = generate("policy")
    key.save(tmp_path / "policy.key", b"open sesame")
    (tmp_path / "pass").write_text("open sesame\n")
    out = tmp_path / "bundle.sig.json"
    run("sign", "--key", tmp_path / "policy.key", "--passphrase-file", tmp_path / "pass", "--out", out)
    bundle = load_bundle(places.folder("policies"))
    verify_bundle(bundle, out.read_bytes(), keys={key.kid: key.public})
    signed = dsse.verify(out.read_bytes(), payload_type=PAYLOAD_TYPE, keys={key.kid: key.public})
    assert signed["bundle"] == bundle.digest
