"""The newest checkpoint that witnesses cosigned: kept beside the ledger, and what the ledger must still begin with.

Only it reveals that all files of the ledger were put back to an older state, or that the log signed two histories.
"""

from datetime import datetime
from pathlib import Path

from vemo_audit.errors import BadInput, EvidenceBroken
from vemo_audit.governance.keys import PublicKey
from vemo_audit.governance.ledger.checkpoint import Checkpoint, read_checkpoint, verify_checkpoint
from vemo_audit.governance.ledger.merkle import Node, consistency_path, root_of
from vemo_audit.governance.ledger.verify_proof import Policy, ProofError, check_quorum, read_policy
from vemo_audit.governance.ledger.witness import Submission, replace_file


def witnessed_beside(folder: Path) -> Path:
    """Where the newest cosigned checkpoint lies: outside the folder, so that an older copy of it brings none back."""
    return _beside(folder, "witnessed")


def policy_beside(folder: Path) -> Path:
    """Where the policy lies that names the witnesses. Where there is one, the ledger opens only as they saw it."""
    return _beside(folder, "witnesses")


def check_witnessed(folder: Path, node: Node, *, size: int, origin: str, key: PublicKey) -> Checkpoint | None:
    """The kept checkpoint, once the tree of `size` entries is shown to begin with it; None where none is kept.

    Raises EvidenceBroken when it does not, when the quorum of the policy beside it is not met, or when there is a
    policy but no checkpoint.
    """
    note = kept_note(folder)
    if note is None:
        if policy_beside(folder).exists():
            raise EvidenceBroken(
                "no cosigned checkpoint", where=str(witnessed_beside(folder)),
                expected="the newest one, as the policy of witnesses beside it demands",
                advice="Ask the witness for what it cosigned last: somebody may have taken the file away.",
            )  # fmt: skip
        return None
    kept = verify_checkpoint(note, origin=origin, key=key)
    policy = load_policy(policy_beside(folder)) if policy_beside(folder).exists() else None
    if policy is not None:
        cosigned_at(note, policy, where=str(witnessed_beside(folder)))
    if kept.size > size:
        raise _rolled_back(folder, f"{size} entries, but {kept.size} were witnessed: the ledger was rolled back")
    if root_of(kept.size, node) != kept.root:
        raise _rolled_back(folder, f"the first {kept.size} entries are not those that were witnessed: a fork")
    return kept


def submission(folder: Path, node: Node, note: str) -> Submission:
    """What to hand to the witness: the note, and the proof that it begins with what is kept beside the ledger.

    Raises IndexError when the kept checkpoint is the larger one.
    """
    kept = kept_note(folder)
    old, new = (read_checkpoint(kept)[0].size if kept else 0), read_checkpoint(note)[0].size
    return Submission(old, tuple(consistency_path(old, new, node)) if old else (), note)


def keep(folder: Path, note: str, lines: str, *, policy: Policy, origin: str, key: PublicKey) -> dict[str, int]:
    """Keeps a note with the witnesses' lines as the newest cosigned checkpoint; who cosigned it, and when.

    Raises EvidenceBroken when a signature or the quorum does not hold, BadInput when a newer one is kept already.
    """
    whole = note + lines
    checkpoint = verify_checkpoint(whole, origin=origin, key=key)
    seen = cosigned_at(whole, policy, where="the witness's answer")
    kept = kept_note(folder)
    if kept is not None and (last := verify_checkpoint(kept, origin=origin, key=key)).size > checkpoint.size:
        raise BadInput(f"a checkpoint of {checkpoint.size} entries", expected=f"at least the {last.size} kept already")
    replace_file(witnessed_beside(folder), whole.encode())
    return seen


def cosigned_at(note: str, policy: Policy, *, where: str) -> dict[str, int]:
    """Which witnesses of the policy cosigned, at which POSIX second. Raises EvidenceBroken without a quorum."""
    try:
        return check_quorum(note, policy)
    except ProofError as error:
        raise EvidenceBroken(str(error), where=where, advice="Do not rely on this checkpoint.") from error


def install_policy(folder: Path, data: bytes) -> None:
    """Puts the policy beside the ledger, for good. Raises BadInput where another one lies already."""
    path = policy_beside(folder)
    if path.exists() and path.read_bytes() != data:
        raise BadInput(
            "another policy of witnesses", where=str(path), expected="the one that was kept first",
            advice="Whose word is demanded changes by hand only: move the old file away yourself.",
        )  # fmt: skip
    if not path.exists():
        replace_file(path, data)


def standing(folder: Path, *, size: int, now: datetime) -> str:
    """How far a ledger of `size` entries that opened is behind its witnesses' word, for a reader."""
    note = kept_note(folder)
    if note is None:
        return "no witness: a return to an older copy would not show"
    behind = size - read_checkpoint(note)[0].size
    if not policy_beside(folder).exists():
        return f"{behind} not witnessed, and no policy demands it"
    seen = cosigned_at(note, load_policy(policy_beside(folder)), where=str(witnessed_beside(folder)))
    hours = (now.timestamp() - max(seen.values(), default=0)) / 3600
    return f"{behind} not witnessed, the last cosignature is {hours:.1f} h old"


def load_policy(path: Path) -> Policy:
    """Reads a C2SP tlog-policy file. Raises BadInput."""
    try:
        return read_policy(path.read_bytes())
    except OSError as error:
        raise BadInput(f"no readable policy ({error.strerror})", where=str(path)) from error
    except ValueError as error:
        raise BadInput(str(error), where=str(path), expected="a policy of c2sp.org/tlog-policy") from error


def kept_note(folder: Path) -> str | None:
    """The note beside the ledger; None where none is kept. Raises EvidenceBroken when it cannot be read."""
    path = witnessed_beside(folder)
    try:
        return path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EvidenceBroken(f"the cosigned checkpoint does not read ({error.strerror})", where=str(path)) from error


def _beside(folder: Path, ending: str) -> Path:
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.with_name(f"{named.name}.{ending}")


def _rolled_back(folder: Path, found: str) -> EvidenceBroken:
    return EvidenceBroken(
        found, where=str(folder), expected=f"the history in {witnessed_beside(folder).name}",
        advice="Nothing is served from it. Keep the files as evidence, and restore the newest backup.",
    )  # fmt: skip
