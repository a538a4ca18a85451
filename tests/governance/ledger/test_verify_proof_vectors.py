"""The one-file verifier against public vectors, witness policies, and the proofs of a log of 100,000 entries."""

import base64
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.errors import BadInput
from vemo_audit.governance.keys import KeyPair, PublicKey, generate
from vemo_audit.governance.ledger import merkle, verify_proof
from vemo_audit.governance.ledger.checkpoint import Checkpoint, sign_checkpoint, verifier_key
from vemo_audit.governance.ledger.cosignature import cosign, witness_vkey
from vemo_audit.governance.ledger.merkle import consistency_path, inclusion_path, leaf_hash, root_of
from vemo_audit.governance.ledger.proof import InclusionProof
from vemo_audit.governance.ledger.tiles import Edge, NewHash, Tiles
from vemo_audit.governance.ledger.verify_proof import ProofError, check_file, grows, read_policy
from vemo_audit.governance.ledger.witness import Submission

ORIGIN = "example.org/vemo-audit/2026-11"
SCRIPT = Path(verify_proof.__file__)
VKEYS = st.sampled_from([witness_vkey(f"w/{k}", generate("w").public) for k in range(4)])
WORDS = st.one_of(
    st.sampled_from(["witness", "group", "quorum", "log", "a", "b", "c", "any", "all", "none", "1"]), VKEYS
)
LINES = st.one_of(
    st.builds("witness {} {}".format, st.sampled_from("abc"), VKEYS),
    st.builds("group {} {} {}".format, st.sampled_from("gh"), st.sampled_from(["any", "all", "1", "2"]), WORDS),
    st.builds("quorum {}".format, st.sampled_from(["a", "b", "g", "h", "none"])),
    st.lists(WORDS, max_size=5).map(" ".join),
)
POLICIES = st.lists(LINES, max_size=8).map(lambda lines: "\n".join(lines).encode())
HASHES = st.binary(min_size=31, max_size=33).map(lambda data: base64.b64encode(data).decode())
REQUESTS = st.builds(
    lambda old, lines, note: "\n".join([f"old {old}", *lines, "", note]),
    st.sampled_from(["0", "7", "07", "-1", "x"]), st.lists(HASHES, max_size=3), st.text(max_size=50),
)  # fmt: skip


def wrong_vectors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[str]]:
    """How many public cases there are, and which of them the verifier answers wrongly.

    The vectors give a leaf's hash where the verifier takes the entry: what is hashed after a zero byte is that hash.
    """
    real, wrong, tried = verify_proof.hashlib.sha256, list[str](), 0

    class Hash:
        def __init__(self, data: bytes) -> None:
            self.data = data

        def digest(self) -> bytes:
            return self.data[1:] if self.data[:1] == b"\x00" else real(self.data).digest()

    def raw(case: dict[str, Any], key: str) -> bytes:
        return base64.b64decode(case[key] or "")

    with monkeypatch.context() as patch:
        patch.setattr(verify_proof.hashlib, "sha256", Hash)
        for name in ("inclusion", "consistency"):
            for case in json.loads((folder / f"{name}.json").read_text()):
                path = [base64.b64decode(hash_) for hash_ in case["proof"] or []]
                if name == "inclusion":
                    try:
                        root = verify_proof.root_from(raw(case, "leafHash"), case["leafIdx"], case["treeSize"], path)
                        held = root == raw(case, "root") and len(root) == 32  # `check_note` takes no other
                    except ProofError:
                        held = False
                else:
                    roots = raw(case, "root1"), raw(case, "root2")
                    held = grows(case["size1"], case["size2"], path, *roots)
                tried += 1
                wrong += [case["source"]] if held == case["wantErr"] else []
    return tried, wrong


@pytest.mark.real_data
def test_all_public_proof_vectors_hold_without_any_library(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried, wrong = wrong_vectors(shared_data / "vectors/merkle", monkeypatch)
    print(json.dumps({"name": "public proof vectors", "value": tried - len(wrong), "of": tried}))
    assert (tried, wrong) == (196, [])


@pytest.mark.real_data
def test_twin_a_verifier_that_forgets_the_end_of_the_path_fails_the_vectors(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = verify_proof.root_from
    monkeypatch.setattr(verify_proof, "root_from", lambda entry, index, size, path: real(entry, index, size, path[:-1]))
    assert wrong_vectors(shared_data / "vectors/merkle", monkeypatch)[1]


class BigLog:
    """A log in memory, signed at any size. Entries are small decisions."""

    def __init__(self, size: int) -> None:
        self.key, self.size, edge = generate("log"), size, Edge(0, ())
        stored: dict[tuple[int, int], bytearray] = {}
        self.entries = [b'{"decision_id":"d%d"}' % k for k in range(size)]
        for entry in self.entries:
            leaf = leaf_hash(entry)
            new = [NewHash(0, edge.size, leaf)]
            new += edge.append(leaf)
            for one in new:
                stored.setdefault((one.level, one.index // 256), bytearray()).extend(one.hash)
        self.tiles = Tiles(lambda level, n: bytes(stored.get((level, n), b"")), keep=2048)

    def note(self, size: int) -> str:
        return sign_checkpoint(Checkpoint(ORIGIN, size, root_of(size, self.tiles.node)), self.key)

    def proof(self, index: int, note: str) -> str:
        path = tuple(inclusion_path(index, self.size, self.tiles.node))
        return InclusionProof(index, self.entries[index], path, note).to_text()

    def growth(self, old: int, new: int) -> tuple[str, str]:
        """A request to a witness, and the older checkpoint."""
        path = tuple(consistency_path(old, new, self.tiles.node))
        return Submission(old, path, self.note(new)).to_text(), self.note(old)


def failures(log: BigLog, picks: range, pairs: int) -> tuple[int, int]:
    """How many inclusion proofs, and how many consistency pairs, the verifier does not accept."""
    note, rng, bad, key = log.note(log.size), random.Random(4), [0, 0], log.key.public.raw
    for index in picks:
        try:
            found = check_file(log.proof(index, note), key, ORIGIN)
            bad[0] += found["entry"] != {"decision_id": f"d{index}"}
        except ProofError:
            bad[0] += 1
    for _ in range(pairs):
        old, new = sorted(rng.randint(1, log.size) for _ in range(2))
        text, kept = log.growth(old, new)
        try:
            check_file(text, key, ORIGIN, kept=kept)
        except ProofError:
            bad[1] += 1
        try:  # and the same proof shows nothing of another tree
            check_file(text, key, ORIGIN, kept=sign_checkpoint(Checkpoint(ORIGIN, old, bytes(32)), log.key))
            bad[1] += 1
        except ProofError:
            pass
    return bad[0], bad[1]


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow signature check is replaced by the fast one; the two agree on all public vectors."""
    monkeypatch.setattr(verify_proof, "signature_holds", lambda key, *rest: PublicKey("", key).verify(*rest))


@pytest.mark.usefixtures("fast")
def test_proofs_of_a_log_hold_a_sample() -> None:
    assert failures(BigLog(3_000), range(0, 3_000, 7), 40) == (0, 0)


@pytest.mark.usefixtures("fast")
def test_twin_swapped_children_fail_every_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    log = BigLog(300)
    straight = merkle.inner_hash
    monkeypatch.setattr(merkle, "inner_hash", lambda left, right: straight(right, left))
    assert failures(log, range(0, 300, 50), 5)[0] > 0


@pytest.mark.long
@pytest.mark.usefixtures("fast")
def test_governance_all_proofs_of_100000_entries_and_1000_pairs_hold() -> None:
    log = BigLog(100_000)
    inclusion, pairs = failures(log, range(100_000), 1_000)
    print(json.dumps({"name": "inclusion proofs of a 100,000-leaf log", "failed": inclusion, "of": 100_000}))
    print(json.dumps({"name": "consistency pairs of a 100,000-leaf log", "failed": pairs, "of": 1_000}))
    assert (inclusion, pairs) == (0, 0)


def quorum(text: str, names: str = "abcd") -> tuple[str, dict[str, KeyPair]]:
    keys = {name: generate(name) for name in names}
    witnesses = "".join(f"witness {name} {witness_vkey(f'w/{name}', key.public)}\n" for name, key in keys.items())
    return witnesses + text, keys


def held(policy: str, keys: dict[str, KeyPair], signers: str) -> bool:
    checkpoint = Checkpoint(ORIGIN, 5, bytes(32))
    note = sign_checkpoint(checkpoint, generate("log"))
    note += "".join(cosign(checkpoint, keys[name], name=f"w/{name}", at_s=1) for name in signers)
    try:
        verify_proof.check_quorum(note, read_policy(policy.encode()))
    except ProofError:
        return False
    return True


def test_quorums_of_witnesses_and_groups_of_them() -> None:
    text, keys = quorum("# two of three, and d\ngroup g 2 a b c\n\n\tgroup all all g d\nquorum all\n")
    assert [held(text, keys, signers) for signers in ("abd", "abcd", "ab", "ad", "", "d")] == [1, 1, 0, 0, 0, 0]
    text, keys = quorum("group any any a b\nquorum any")
    assert [held(text, keys, signers) for signers in ("a", "b", "c", "")] == [1, 1, 0, 0]
    text, keys = quorum("quorum none\n")
    assert held(text, keys, "")
    text, keys = quorum("quorum a\n")
    assert not held(text, keys | {"a": generate("a")}, "a")  # another key under the same name
    assert not held(text, keys, "bb")


def test_a_policy_in_another_form_is_refused() -> None:
    text, keys = quorum("")
    log = verifier_key(ORIGIN, generate("log").public)
    again = f"witness again {witness_vkey('w/a', keys['a'].public)}\n"
    for rest in (
        "", "quorum e\n", "quorum a\nquorum a\n", "quorum a b\n", "group g 0 a\nquorum g\n", "group g 2 a\nquorum g\n",
        "group g all\nquorum g\n", "group g 1 a a\nquorum g\n", "group g 1 e\nquorum g\n", "group g 01 a\nquorum g\n",
        "group a 1 b\nquorum a\n", "group none 1 b\nquorum none\n", "group g any a\ngroup h any a\nquorum g\n",
        "group g any g\nquorum g\n", "group g some a\nquorum g\n", "quorum g\ngroup g any a\n", "witness e\nquorum a\n",
        f"{again}quorum a\n", f"witness e {log}\nquorum a\n", f"log {log}\nlog {log}\nquorum a\n", "log x\nquorum a\n",
        "more\nquorum a\n", "quorum a\r\n", "quorum\u00a0a\n", "quorum a\x00\n",
        f"log {witness_vkey('w/a', keys['a'].public)}\nquorum a\n",
    ):  # fmt: skip
        with pytest.raises(ValueError):
            read_policy((text + rest).encode())
    read_policy(f"{text}log {log} https://log.example\n  quorum \t a  \n# \u00e9".encode())


@given(st.one_of(st.binary(max_size=200), POLICIES))
def test_a_policy_reads_or_is_refused_in_words(data: bytes) -> None:
    try:
        policy = read_policy(data)
    except ValueError:
        return
    assert policy.quorum == "none" or policy.quorum in policy.witnesses.keys() | policy.groups.keys()
    assert policy.met(policy.quorum, dict.fromkeys(policy.witnesses, 1))  # all together always suffice


@given(st.one_of(st.text(max_size=300), REQUESTS))
def test_a_request_reads_or_is_refused_in_words(text: str) -> None:
    try:
        asked = Submission.from_text(text)
    except BadInput:
        return
    assert asked.to_text() == text


def run_alone(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-S", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_stranger_checks_the_quorum_with_the_one_file(tmp_path: Path) -> None:
    log = BigLog(20)
    text, keys = quorum(f"log {verifier_key(ORIGIN, log.key.public)}\ngroup g 2 a b c\nquorum g\n", "abc")
    (tmp_path / "policy").write_text(text)
    checkpoint = Checkpoint(ORIGIN, 20, root_of(20, log.tiles.node))
    lines = [cosign(checkpoint, keys[name], name=f"w/{name}", at_s=1_764_000_000) for name in "ab"]
    note, file = log.note(20), tmp_path / "d3.tlog-proof"
    file.write_text(log.proof(3, note + "".join(lines)))
    done = run_alone(file, "--policy", tmp_path / "policy", "--json")
    assert (done.returncode, json.loads(done.stdout)["cosigned"]) == (0, {"a": 1_764_000_000, "b": 1_764_000_000})
    assert "Cosigned as the policy demands" in run_alone(file, "--policy", tmp_path / "policy").stdout
    file.write_text(log.proof(3, note + lines[0]))
    done = run_alone(file, "--policy", tmp_path / "policy")
    assert (done.returncode, "the quorum 'g' is not met: cosigned by ['a']" in done.stdout) == (4, True)
    assert run_alone(file, "--key", log.key.public.raw.hex()).returncode == 0  # the twin: nobody asked for witnesses
    (tmp_path / "kept").write_text(note + "".join(lines))
    assert run_alone(file, "--policy", tmp_path / "policy", "--checkpoint", tmp_path / "kept").returncode == 0
    assert run_alone(file, "--policy", tmp_path / "policy", "--origin", "elsewhere").returncode == 2
    assert run_alone(file).returncode == 2


def test_a_stranger_who_kept_a_checkpoint_sees_that_the_log_only_grew(tmp_path: Path) -> None:
    log, file, kept = BigLog(20), tmp_path / "request", tmp_path / "kept"
    text, older = log.growth(7, 20)
    file.write_text(text)
    kept.write_text(older)
    key = log.key.public.raw.hex()
    done = run_alone(file, "--key", key, "--checkpoint", kept)
    assert (done.returncode, "begins with the 7 entries" in done.stdout) == (0, True)
    assert run_alone(file, "--key", key).returncode == 4
    kept.write_text(sign_checkpoint(Checkpoint(ORIGIN, 7, bytes(32)), log.key))
    assert run_alone(file, "--key", key, "--checkpoint", kept).returncode == 4
    kept.write_text(log.note(8))
    assert run_alone(file, "--key", key, "--checkpoint", kept).returncode == 4
