"""The gate and consent commands: four steps to an admitted clip, exit codes, and words that a person can act on."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from vemo_audit.cli import consent, gate
from vemo_audit.errors import VemoError
from vemo_audit.governance import deployment, manifest

app = typer.Typer()
app.add_typer(gate.app, name="gate")
app.add_typer(consent.app, name="consent")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("face.png", np.full((48, 64, 3), 90, np.uint8))
    return tmp_path


def run(*words, fails=0):
    """Standard output of a command that ends with this exit code; an error of ours is its message."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, VemoError):
        assert result.exception.exit_code == fails, result.exception
        return str(result.exception)
    assert result.exit_code == fails, result.output + repr(result.exception)
    return result.stdout


def made(*options):
    run("gate", "init", "dep", *options)
    run("gate", "manifest", "sign", "dep/deployment.toml")


D = ("--deployment", "dep/deployment.toml")
ASK = ("gate", "admit", "face.png", "--purpose", "research", *D)


def test_four_commands_lead_from_nothing_to_an_admitted_clip(here):
    run("gate", "init", "dep")
    run("gate", "manifest", "sign", "dep/deployment.toml")
    run("consent", "give", "--subject", "anna", "--purpose", "research", "--out", "anna.json", *D)
    assert "allow" in run(*ASK, "--consent", "anna.json")
    assert "anna" not in (here / "anna.json").read_text()


def test_a_refusal_names_rule_article_and_next_step_and_ends_with_3(here):
    made()
    told = json.loads(run(*ASK, "--json", fails=3))
    assert told["decision"] == "deny" and told["rules"][0]["rule_id"] == "c.present"
    assert "GDPR art. 6(1)(a)" in told["rules"][0]["ref"] and "consent give" in told["next_step"]
    why = run("gate", "why", told["decision_id"], *D)
    assert "c.present" in why and "There is no consent" in why and "Next:" in why
    again = json.loads(run("gate", "why", told["decision_id"], *D, "--json"))
    assert again["header"]["decision_id"] == told["decision_id"] and again["index"] == told["log_index"]


def test_employment_screening_is_refused_whoever_consents(here):
    made()
    words = run("gate", "screen", "--purpose", "employment_screening", *D, fails=3)
    assert "art. 5(1)(f)" in words and "h.employment" in words


def test_a_withdrawn_consent_closes_the_gate(here):
    made()
    given = json.loads(
        run("consent", "give", "--subject", "b", "--purpose", "research", "--out", "b.json", *D, "--json")
    )
    told = json.loads(run("consent", "withdraw", given["record_id"], *D, "--json"))
    assert told["state"] == "withdrawn" and isinstance(told["log"], int)
    assert "c.state-given" in run(*ASK, "--consent", "b.json", fails=3)
    (row,) = json.loads(run("consent", "list", *D, "--json"))
    assert (row["state"], row["version"], row["epoch"]) == ("withdrawn", 2, 1)
    assert "cannot become withdrawn" in run("consent", "withdraw", given["record_id"], *D, fails=2)
    shown = json.loads(run("consent", "show", given["record_id"], *D, "--json", "--out", "newest.json"))
    assert shown["record"]["event"]["state"] == "withdrawn" and (here / "newest.json").exists()


def test_a_withdrawal_beside_a_running_gate_is_in_force_and_logged_by_it(here, monkeypatch):
    """Another process holds the ledger: the withdrawal does not wait for it, and the gate writes the leaf."""
    made()
    given = json.loads(
        run("consent", "give", "--subject", "c", "--purpose", "research", "--out", "c.json", *D, "--json")
    )
    script = (
        "import sys,time,pathlib\n"
        "from vemo_audit.cli.clocks import wall_clock, boottime_ns\n"
        "from vemo_audit.governance.gate import Gate\n"
        "with Gate.open(pathlib.Path('dep/deployment.toml'), clock=wall_clock, boottime_ns=boottime_ns) as gate:\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=here
    )
    try:
        assert other.stdout.readline() == "open\n"
        monkeypatch.setattr(consent, "WAIT_S", 0.2)
        told = json.loads(run("consent", "withdraw", given["record_id"], *D, "--json"))
        assert told["state"] == "withdrawn" and told["log"] is None
    finally:
        other.communicate("\n", timeout=30)
    assert other.returncode == 0
    with_leaf = run("gate", "selfcheck", *D, "--json")
    assert all(check["holds"] for check in json.loads(with_leaf))
    path = here / "dep" / "deployment.toml"
    with deployment.consent_store(path, *manifest.load(path)) as store:
        assert store.unlogged() == [] and store.logged_at(given["record_id"]) is not None


def test_a_minor_needs_a_guardian(here):
    made()
    give = ("consent", "give", "--subject", "kid", "--purpose", "research", "--age-band", "13-15", *D)
    run(*give, "--out", "alone.json")
    assert "c.guardian" in run(*ASK, "--consent", "alone.json", fails=3)
    run(*give, "--guardian", "mum", "--guardian-evidence", "face.png", "--assent", "--out", "both.json")
    run(*ASK, "--consent", "both.json")


def test_a_grant_opens_once(here):
    made()
    given = json.loads(
        run("consent", "give", "--subject", "g", "--purpose", "research", "--out", "g.json", *D, "--json")
    )
    run("consent", "grant", given["record_id"], "--purpose", "research", "--out", "grant.json", *D)
    run(*ASK, "--consent", "grant.json")
    assert "g.nonce" in run(*ASK, "--consent", "grant.json", fails=3)
    assert "c.purpose" in run(
        "consent", "grant", given["record_id"], "--purpose", "demo", "--out", "x.json", *D, fails=3
    )


def test_stop_needs_one_and_resume_needs_two(here):
    made()
    run("consent", "give", "--subject", "s", "--purpose", "research", "--out", "s.json", *D)
    run("gate", "stop", "--by", "Olga", *D)
    assert "o.killswitch" in run(*ASK, "--consent", "s.json", fails=3)
    run("gate", "selfcheck", *D, fails=3)
    assert "Two different people" in run("gate", "resume", "--approver", "Olga", "--approver", " olga ", *D, fails=3)
    run("gate", "resume", "--approver", "Olga", "--approver", "Otto", *D)
    run(*ASK, "--consent", "s.json")


def test_a_changed_manifest_is_broken_evidence(here):
    made()
    path = here / "dep" / "deployment.toml"
    path.write_text(path.read_text().replace('"research"', '"demo"', 1))
    assert "changed after it was signed" in run(*ASK, fails=4)
    run("gate", "selfcheck", *D, fails=4)


def test_a_form_may_stand_in_for_options_and_unknown_keys_are_named(here):
    made()
    form = {"subject": "f", "purposes": ["research"], "binding": "seat_zone", "zone": [0, 0, 500, 1000], "hours": 2}
    (here / "form.json").write_text(json.dumps(form))
    run("consent", "give", "--form", "form.json", "--out", "f.json", *D)
    run(*ASK, "--consent", "f.json")
    (here / "form.json").write_text(json.dumps(form | {"colour": "red"}))
    assert "'colour'" in run("consent", "give", "--form", "form.json", *D, fails=2)
    (here / "form.json").write_text(json.dumps(form | {"role": "king"}))
    assert "king" in run("consent", "give", "--form", "form.json", *D, fails=2)


def test_a_deployment_is_not_made_twice_and_keys_can_be_locked(here):
    (here / "secret").write_text("correct horse\n")
    run("gate", "init", "dep", "--passphrase-file", "secret", "--sign", "--purpose", "demo", "--place", "DE")
    assert "exists already" in run("gate", "init", "dep", fails=2)
    assert "passphrase" in run("consent", "give", "--subject", "a", "--purpose", "demo", *D, fails=2)
    run("consent", "give", "--subject", "a", "--purpose", "demo", "--out", "a.json", "--passphrase-file", "secret", *D)
    words = ("gate", "admit", "face.png", "--purpose", "demo", "--consent", "a.json", *D)
    run(*words, "--passphrase-file", "secret")


@pytest.mark.parametrize("words", [("consent", "show", "nobody"), ("gate", "why", "nothing")])
def test_what_is_not_there_is_bad_input(here, words):
    made()
    assert "no " in run(*words, *D, fails=2)


@pytest.mark.parametrize("options", [("--mode", "lax"), ("--days", "99999999"), ("--days", "0"), ("--model", "xyz")])
def test_options_that_make_no_manifest_leave_nothing_behind(here, options):
    assert "Expected" in run("gate", "init", "dep", *options, fails=2)
    assert not (here / "dep").exists()
    made()


WORDS = [
    ("--role", "king", "participant"), ("--use-area", "hiring", "recruitment"), ("--purpose", "fun", "research"),
    ("--modality", "smell", "voice"), ("--output", "mood", "valence_arousal"), ("--binding", "glue", "seat_zone"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "word", "known"), WORDS)
def test_a_word_that_no_policy_knows_makes_no_deployment(here, option, word, known):
    told = run("gate", "init", "dep", option, word, fails=2)
    assert repr(word) in told and known in told
    assert not (here / "dep").exists()


def test_a_word_that_no_policy_knows_is_not_signed(here):
    run("gate", "init", "dep")
    path = here / "dep" / "deployment.toml"
    path.write_text(path.read_text().replace('["participant"]', '["king", "participant", "queen"]'))
    told = run("gate", "manifest", "sign", path, fails=2)
    assert "'king', 'queen'" in told and "employee" in told
    assert not list(here.glob("dep/*.sig*"))


def test_help_says_that_a_rehearsal_counts():
    told = " ".join(run("gate", "admit", "--help").replace("│", " ").split())
    assert "recorded in the ledger" in told and "spends a grant" in told


def test_a_deployment_below_a_file_is_bad_input(here):
    assert "face.png" in run("gate", "init", "face.png", fails=2)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--hours", "nan"), "NaN"), (("--hours", "1e12"), "consent give"), (("--out", "nowhere/a.json"), "nowhere"),
        (("--out", "dep"), "dep"),
    ],
)  # fmt: skip
def test_a_consent_that_cannot_be_given_or_handed_over_is_not_stored(here, words, named):
    made()
    assert named in run("consent", "give", "--subject", "anna", "--purpose", "research", *words, *D, fails=2)
    assert json.loads(run("consent", "list", *D, "--json")) == []


def test_an_unknown_word_at_a_withdrawal_is_named_with_those_that_are_known(here):
    made()
    run("consent", "give", "--subject", "anna", "--purpose", "research", "--out", "anna.json", *D)
    record = json.loads(run("consent", "list", *D, "--json"))[0]["record_id"]
    assert "guardian" in run("consent", "withdraw", record, "--by", "martian", *D, fails=2)
    assert "voice" in run("consent", "withdraw", record, "--method", "pigeon", *D, fails=2)
    assert "nowhere" in run("consent", "show", record, "--out", "nowhere/x.json", *D, fails=2)


def test_a_record_never_takes_the_place_of_another_file(here):
    made()
    give = ("consent", "give", "--purpose", "research", "--out", "same.json", *D)
    run(*give, "--subject", "first")
    kept = (here / "same.json").read_bytes()
    assert "a file that exists" in run(*give, "--subject", "second", fails=2)
    assert (here / "same.json").read_bytes() == kept
    run(*(word.replace("same", "other") for word in give), "--subject", "second")  # the twin: another name is free
