"""A token of a local authority holds for its checkpoint and for no other, and no flipped bit of it is accepted."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from typer.testing import CliRunner

from vemo_audit.cli.ledger import app
from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import generate
from vemo_audit.governance.ledger import timestamps
from vemo_audit.governance.ledger.checkpoint import Checkpoint, sign_checkpoint

pytest.importorskip("rfc3161_client")
if shutil.which("openssl") is None:
    pytest.skip("no openssl", allow_module_level=True)

NOTE = sign_checkpoint(Checkpoint("example.org/vemo-audit/2026-11", 7, bytes(32)), generate("log"))
CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
ess_cert_id_chain = no
"""


def certificate(name: str, issuer: str, *, key: rsa.RSAPrivateKey, by: rsa.RSAPrivateKey) -> x509.Certificate:
    """A CA when it issues itself, else an authority for timestamps."""
    now, own = datetime.now(UTC), name == issuer
    named = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, who)]) for who in (name, issuer)]
    made = (
        x509.CertificateBuilder()
        .subject_name(named[0])
        .issuer_name(named[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=own, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not own:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return made.sign(by, hashes.SHA256())


class Authority:
    """A certificate authority and a timestamp authority under it, answering by `openssl ts`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        ca, tsa = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        pem = serialization.Encoding.PEM
        self.root = certificate("CA", "CA", key=ca, by=ca).public_bytes(pem)
        (folder / "ca.pem").write_bytes(self.root)
        (folder / "tsa.pem").write_bytes(certificate("TSA", "CA", key=tsa, by=ca).public_bytes(pem))
        secret = tsa.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "tsa.key").write_bytes(secret)
        (folder / "serial").write_text("01\n")
        (folder / "config").write_text(CONFIG.format(folder=folder))

    def answer(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", "config", "-queryfile", "query", "-out", "answer"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "answer").read_bytes()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "one")


def test_a_token_says_when_its_checkpoint_existed(authority: Authority) -> None:
    asked = timestamps.request(NOTE)
    before = datetime.now(UTC) - timedelta(seconds=5)
    stamp = timestamps.check(authority.answer(asked.der), NOTE, roots=authority.root, nonce=asked.nonce)
    assert before <= stamp.at <= datetime.now(UTC) + timedelta(seconds=5)
    assert stamp.policy == "1.2.3.4.1"


def test_openssl_reads_the_request(authority: Authority) -> None:
    asked = timestamps.request(NOTE)
    (authority.folder / "q").write_bytes(asked.der)
    said = subprocess.run(
        ["openssl", "ts", "-query", "-in", "q", "-text"], cwd=authority.folder, check=True, capture_output=True
    ).stdout.decode()
    assert "sha256" in said and f"{asked.nonce:X}" in said.replace("0x", "")


def test_a_token_holds_for_nothing_else(authority: Authority, tmp_path: Path) -> None:
    asked = timestamps.request(NOTE)
    token = authority.answer(asked.der)
    other = NOTE.replace("\n7\n", "\n8\n")
    stranger = Authority(tmp_path / "two")
    for token_, note, roots, nonce in (
        (token, other, authority.root, None),
        (token, NOTE, authority.root, asked.nonce + 1),
        (token, NOTE, stranger.root, None),
        (stranger.answer(asked.der), NOTE, authority.root, None),
        (b"", NOTE, authority.root, None),
        (token[:-20], NOTE, authority.root, None),
        (token + bytes(70_000), NOTE, authority.root, None),
        (authority.answer(b"nonsense"), NOTE, authority.root, None),
    ):
        with pytest.raises(EvidenceBroken):
            timestamps.check(token_, note, roots=roots, nonce=nonce)
    with pytest.raises(BadInput, match="no certificate"):
        timestamps.check(token, NOTE, roots=b"nonsense")
    with pytest.raises(EvidenceBroken, match="not a checkpoint"):
        timestamps.request("nonsense")


def test_a_changed_time_is_found(authority: Authority) -> None:
    """And what shows it is the signature: the same time in the same place is accepted."""
    token = authority.answer(timestamps.request(NOTE).der)
    stamp = timestamps.check(token, NOTE, roots=authority.root)
    written = f"{stamp.at:%Y%m%d%H%M%S}".encode()
    assert token.count(written) >= 1
    earlier = f"{stamp.at - timedelta(days=365):%Y%m%d%H%M%S}".encode()
    with pytest.raises(EvidenceBroken):
        timestamps.check(token.replace(written, earlier), NOTE, roots=authority.root)


def test_the_commands_write_a_request_and_read_the_answer(authority: Authority, tmp_path: Path) -> None:
    note, run = tmp_path / "note", CliRunner().invoke
    note.write_text(NOTE)
    done = run(app, ["timestamp", "request", str(note)], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    nonce = done.output.split("--nonce ")[1].split()[0]
    (tmp_path / "answer").write_bytes(authority.answer((tmp_path / "note.tsq").read_bytes()))
    (tmp_path / "ca.pem").write_bytes(authority.root)
    check = ["timestamp", "check", str(note), str(tmp_path / "answer"), "--roots", str(tmp_path / "ca.pem")]
    assert "The checkpoint existed at 20" in run(app, [*check, "--nonce", nonce]).output
    assert '"serial"' in run(app, [*check, "--json"]).stdout
    assert isinstance(run(app, [*check, "--nonce", "1"]).exception, EvidenceBroken)
    assert run(app, [*check, "--nonce", "x"]).exit_code == 2
