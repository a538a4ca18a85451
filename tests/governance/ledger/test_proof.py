"""A proof file has one form, and its parts are taken from nowhere else."""

import hashlib

import pytest

from vemo_audit.errors import EvidenceBroken
from vemo_audit.governance.keys import generate
from vemo_audit.governance.ledger.checkpoint import Checkpoint, sign_checkpoint
from vemo_audit.governance.ledger.proof import InclusionProof

KEY = generate("log")
ENTRY, BESIDE = b'{"decision_id":"d0"}', hashlib.sha256(b"beside").digest()
LEAF = hashlib.sha256(b"\x00" + ENTRY).digest()
ROOT = hashlib.sha256(b"\x01" + LEAF + BESIDE).digest()
PROOF = InclusionProof(0, ENTRY, (BESIDE,), sign_checkpoint(Checkpoint("log.example", 2, ROOT), KEY))
TEXT = PROOF.to_text()


def test_the_file_has_the_published_shape() -> None:
    lines = TEXT.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1].startswith("extra ")
    assert lines[2] == "index 0"
    assert (lines[4], lines[5], lines[6]) == ("", "log.example", "2")
    assert InclusionProof.from_text(TEXT) == PROOF
    assert PROOF.verify(origin="log.example", key=KEY.public) == Checkpoint("log.example", 2, ROOT)


@pytest.mark.parametrize(
    "text",
    [
        "", TEXT.replace("@v1", "@v2"), TEXT.replace("index 0", "index 00"), TEXT.replace("index 0", "index -1"),
        TEXT.replace("extra", "more"), TEXT.replace("index 0\n", "index 0\nAA==\n"), TEXT.replace("=\n", "\n", 1),
        TEXT.replace("\n\n", "\n"), "x" * 70_000,
    ],
)  # fmt: skip
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(EvidenceBroken):
        InclusionProof.from_text(text).verify(origin="log.example", key=KEY.public)


def test_another_entry_place_or_path_is_refused() -> None:
    for wrong in (
        InclusionProof(1, ENTRY, (BESIDE,), PROOF.checkpoint),
        InclusionProof(0, b"{}", (BESIDE,), PROOF.checkpoint),
        InclusionProof(0, ENTRY, (), PROOF.checkpoint),
        InclusionProof(0, ENTRY, (ROOT,), PROOF.checkpoint),
        InclusionProof(0, ENTRY, (BESIDE, BESIDE), PROOF.checkpoint),
    ):
        with pytest.raises(EvidenceBroken, match="not in the signed tree"):
            wrong.verify(origin="log.example", key=KEY.public)
    with pytest.raises(EvidenceBroken, match="no valid signature"):
        PROOF.verify(origin="log.example", key=generate("log").public)
