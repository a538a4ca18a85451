"""Checks offline that a decision is in a signed log: python verify_proof.py FILE --key LOG.pub

One file, standard library only, so that anybody can read all of it before trusting it. FILE is a `.tlog-proof` (the
decision, the hashes that lead to the root of the log, and the log's signed checkpoint), a checkpoint alone, or a
request to a witness, which shows that the log grew from the `--checkpoint` that you kept. LOG.pub is the log's public
key, had from the operator by another way than FILE: a PEM file, a C2SP verifier key or 64 hex digits. `--policy` names
the logs and the witnesses whose word is demanded. Exit code 0: it holds. 4: it does not. 2: a file could not be read.

Formats: c2sp.org/tlog-proof, tlog-checkpoint, signed-note, tlog-cosignature, tlog-policy, tlog-witness. Hashing: RFC
9162. Signature: RFC 8032.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FIRST_LINE = "c2sp.org/tlog-proof@v1"
MAX_BYTES = 64 * 1024


class ProofError(ValueError):
    """The file does not prove what it claims; the text says why."""


# Ed25519, RFC 8032, section 5.1. Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]


def add(a: Point, b: Point) -> Point:
    """Sum of two points. Source: RFC 8032, section 5.1.4."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    x, y, z, t = f - e, h - g, h + g, f + e
    return (x * y % P, z * t % P, y * z % P, x * t % P)


def times(scalar: int, point: Point) -> Point:
    """A multiple of a point. Not in constant time, which a verifier, having no secret, does not need."""
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def decompress(data: bytes) -> Point | None:
    """The point of 32 bytes; None when there is none. Source: RFC 8032, section 5.1.3."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def compress(point: Point) -> bytes:
    """The 32 bytes of a point. Source: RFC 8032, section 5.1.2."""
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signature_holds(key: bytes, message: bytes, signature: bytes) -> bool:
    """True when the 32-byte key signed the message. Source: RFC 8032, section 5.1.7."""
    if len(key) != 32 or len(signature) != 64 or BASE is None:
        return False
    owner, s = decompress(key), int.from_bytes(signature[32:], "little")
    if owner is None or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    minus = (P - owner[0], owner[1], owner[2], P - owner[3])
    return compress(add(times(s, BASE), times(k, minus))) == signature[:32]


def root_from(entry: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that entry and path lead to. Source: RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        raise ProofError(f"entry {index} cannot be in a log of {size} entries")
    found, last = hashlib.sha256(b"\x00" + entry).digest(), size - 1
    for beside in path:
        if last == 0:
            raise ProofError("the proof has more hashes than the way to the root has steps")
        if index & 1 or index == last:
            found = hashlib.sha256(b"\x01" + beside + found).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + beside).digest()
        index, last = index >> 1, last >> 1
    if last:
        raise ProofError("the proof ends before it reaches the root")
    return found


def grows(old: int, new: int, path: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """True when the tree of `new` leaves begins with that of `old`; never from nothing. Source: RFC 9162, 2.1.4.2."""
    if not 0 < old <= new or old == new or not path:
        return 0 < old == new and not path and old_root == new_root
    first, *rest = [old_root, *path] if old & (old - 1) == 0 else path
    index, last, was, now = old - 1, new - 1, first, first
    while index & 1:
        index, last = index >> 1, last >> 1
    for beside in rest:
        if last == 0:
            return False
        if index & 1 or index == last:
            was, now = (hashlib.sha256(b"\x01" + beside + tree).digest() for tree in (was, now))
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            now = hashlib.sha256(b"\x01" + now + beside).digest()
        index, last = index >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root


def unbase64(text: str) -> bytes:
    """Bytes of strict base64: one text for each byte string."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise ProofError(f"{text[:40]!r} is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise ProofError(f"{text[:40]!r} is not base64 in its one form")
    return data


def decimal(text: str) -> int:
    """A number as the formats write it."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text):
        raise ProofError(f"{text[:40]!r} is not a decimal number without leading zeros")
    return int(text)


def read_key(text: str) -> tuple[bytes, str]:
    """The 32 bytes of a public key, and the log's name where the key names one (else empty)."""
    text = text.strip()
    if "BEGIN PUBLIC KEY" in text:
        data = base64.b64decode("".join(line for line in text.splitlines() if "-----" not in line))
        prefix = bytes.fromhex("302a300506032b6570032100")  # the ASN.1 frame of an Ed25519 key, RFC 8410
        if len(data) == 44 and data.startswith(prefix):
            return data[12:], ""
    elif re.fullmatch("[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text), ""
    elif text.count("+") >= 2:
        name, key = read_vkey(text, b"\x01")
        return key, name
    raise ValueError("not an Ed25519 public key (PEM, C2SP verifier key or 64 hex digits)")


def read_vkey(text: str, kind: bytes) -> tuple[str, bytes]:
    """Name and key of a log (kind 1) or a witness (kind 4). Source: c2sp.org/signed-note."""
    name, hash_, code = [*text.split("+", 2), "", ""][:3]
    data = unbase64(code)
    if len(data) != 33 or data[:1] != kind or key_hash(name, data[1:], kind).hex() != hash_:
        raise ProofError("not an Ed25519 public key (of this kind, as a C2SP verifier key)")
    return name, data[1:]


def key_hash(name: str, key: bytes, kind: bytes = b"\x01") -> bytes:
    """Which key made a signature line. Source: c2sp.org/signed-note."""
    return hashlib.sha256(name.encode() + b"\n" + kind + key).digest()[:4]


@dataclass(frozen=True)
class Policy:
    """Which logs are trusted, and whose word is demanded besides. Source: c2sp.org/tlog-policy."""

    logs: list[tuple[str, bytes]]
    witnesses: dict[str, tuple[str, bytes]]  # by their name in the policy: name and key in notes
    groups: dict[str, tuple[int, list[str]]]  # how many of which
    quorum: str

    def met(self, name: str, seen: dict[str, int]) -> bool:
        """Whether a witness or a group of them has spoken, when `seen` have."""
        need, members = self.groups.get(name, (1, []))
        return name == "none" or name in seen or (bool(members) and sum(self.met(m, seen) for m in members) >= need)


def read_policy(data: bytes) -> Policy:
    """Reads a policy file; anything that is not in the form is refused. Source: c2sp.org/tlog-policy."""
    policy, quorum, used = Policy([], {}, {}, ""), list[str](), set[str]()
    if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", data):
        raise ProofError("the policy has a control character")
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        word, *rest = re.split("[ \t]+", line.strip(" \t"))
        known = policy.witnesses.keys() | policy.groups.keys()
        if not word or word.startswith("#"):
            continue
        if word in ("witness", "group") and len(rest) > 1 and rest[0] not in known | {"none"}:
            if word == "witness" and len(rest) <= 3:
                policy.witnesses[rest[0]] = read_vkey(rest[1], b"\x04")
                continue
            members, need = rest[2:], {"any": 1, "all": len(rest) - 2}.get(rest[1]) or decimal(rest[1])
            if word == "group" and set(members) <= known - used and 1 <= need <= len(members) == len(set(members)):
                policy.groups[rest[0]] = (need, members)
                used |= set(members)
                continue
        if word == "log" and 1 <= len(rest) <= 2:
            policy.logs.append(read_vkey(rest[0], b"\x01"))
        elif word == "quorum" and len(rest) == 1 and rest[0] in known | {"none"} and not quorum:
            quorum = rest
        else:
            raise ProofError(f"the policy line {line[:80]!r} is not in the form of c2sp.org/tlog-policy")
    if any(len(named) != len({key for _, key in named}) for named in (policy.logs, policy.witnesses.values())):
        raise ProofError("the policy names one key twice")
    if len(quorum) != 1:
        raise ProofError("the policy has no quorum line")
    return Policy(policy.logs, policy.witnesses, policy.groups, quorum[0])


def cosigned(note: str, policy: Policy) -> dict[str, int]:
    """Which witnesses cosigned a checkpoint, and when (POSIX seconds). Source: c2sp.org/tlog-cosignature."""
    text, _, block = note.partition("\n\n")
    seen: dict[str, int] = {}
    for _, name, code in (line.split(" ") for line in block[:-1].split("\n")):
        data = unbase64(code)
        for label, (owner, key) in policy.witnesses.items():
            if name == owner and len(data) == 76 and data[:4] == key_hash(owner, key, b"\x04"):
                at = int.from_bytes(data[4:12], "big")
                if at < 2**63 and signature_holds(key, f"cosignature/v1\ntime {at}\n{text}\n".encode(), data[12:]):
                    seen[label] = at
    return seen


def check_quorum(note: str, policy: Policy) -> dict[str, int]:
    """Who cosigned a checkpoint whose form was checked. Raises ProofError when the quorum is not met."""
    if not policy.met(policy.quorum, seen := cosigned(note, policy)):
        raise ProofError(f"the quorum {policy.quorum!r} is not met: cosigned by {sorted(seen) or 'nobody'}")
    return seen


def check_note(note: str, key: bytes, origin: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint, once the log's key is shown to have signed them."""
    text, gap, block = note.partition("\n\n")
    lines = text.split("\n")
    if not gap or len(lines) != 3 or not lines[0] or not block.endswith("\n"):
        raise ProofError("this is no checkpoint (origin, size, root, an empty line, signatures)")
    if origin and lines[0] != origin:
        raise ProofError(f"the checkpoint is of {lines[0]!r}, not of {origin!r}")
    size, root = decimal(lines[1]), unbase64(lines[2])
    signatures = []
    for line in block[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—":
            raise ProofError(f"{line[:40]!r} is not a signature line")
        data = unbase64(parts[2])
        if parts[1] == lines[0] and data[:4] == key_hash(lines[0], key):
            signatures.append(data[4:])
    if len(signatures) != 1:
        raise ProofError(f"the checkpoint has {len(signatures)} signatures by this key, not one: another key signed it")
    if len(root) != 32 or not signature_holds(key, f"{text}\n".encode(), signatures[0]):
        raise ProofError("the signature on the checkpoint is false: size or root were changed, or another key signed")
    return lines[0], size, root


def check_proof(text: str, key: bytes, origin: str, kept: str) -> dict[str, object]:
    """What a proof file shows. A checkpoint kept from elsewhere takes the place of the one in the file."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if len(lines) < 3 or not lines[1].startswith("extra ") or not lines[2].startswith("index "):
        raise ProofError("the proof has no entry ('extra') or no index")
    entry, index = unbase64(lines[1][6:]), decimal(lines[2][6:])
    path = [unbase64(line) for line in lines[3:]]
    if any(len(hash_) != 32 for hash_ in path):
        raise ProofError("a hash of the proof is not 32 bytes long")
    origin, size, root = check_note(kept or note, key, origin)
    if root_from(entry, index, size, path) != root:
        raise ProofError("the entry does not lead to the signed root: entry, index or hashes were changed")
    try:
        header = json.loads(entry)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ProofError("the entry is in the log, but it is not a decision")
    return {"holds": True, "origin": origin, "size": size, "root": root.hex(), "index": index, "entry": header}


def check_growth(text: str, key: bytes, origin: str, kept: str) -> dict[str, object]:
    """What a request to a witness shows to somebody who kept an older checkpoint."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if not kept:
        raise ProofError("this file shows growth from an older checkpoint: give the one that you kept")
    name, size, root = check_note(note, key, origin)
    _, old, old_root = check_note(kept, key, name)
    if lines[0] != f"old {old}" or not grows(old, size, [unbase64(line) for line in lines[1:]], old_root, root):
        raise ProofError(f"the log of {size} entries does not begin with the {old} entries of the checkpoint kept")
    return {"holds": True, "origin": name, "size": size, "root": root.hex(), "grew_from": old}


def check_file(
    text: str, key: bytes, origin: str, *, kept: str = "", decision: str = "", policy: Policy | None = None
) -> dict[str, object]:
    """What a proof, a checkpoint or a request to a witness shows. Raises ProofError, saying why, when it is nothing."""
    found = check_signed(text, key, origin, kept=kept, decision=decision)
    if policy is not None:  # a request carries its own checkpoint, a proof may be checked against the one kept
        own = text.partition("\n\n")[2] if text.startswith((FIRST_LINE, "old ")) else text
        found["cosigned"] = check_quorum(kept if kept and text.startswith(FIRST_LINE) else own, policy)
    return found


def check_signed(text: str, key: bytes, origin: str, *, kept: str, decision: str) -> dict[str, object]:
    """As `check_file`, as far as the log's own key goes."""
    if len(text) > MAX_BYTES:
        raise ProofError("the file is longer than any proof")
    if text.startswith(FIRST_LINE + "\n"):
        found = check_proof(text, key, origin, kept)
        entry = found["entry"]
        if decision and isinstance(entry, dict) and entry.get("decision_id") != decision:
            raise ProofError(f"this is the proof of decision {entry.get('decision_id')!r}, not of {decision!r}")
        return found
    if decision:
        raise ProofError("this file is a checkpoint and proves no decision")
    if text.startswith("old "):
        return check_growth(text, key, origin, kept)
    name, size, root = check_note(text, key, origin)
    return {"holds": True, "origin": name, "size": size, "root": root.hex()}


def check_by_logs(
    text: str, logs: list[tuple[str, bytes]], *, kept: str, decision: str, policy: Policy | None
) -> dict[str, object]:
    """As `check_file`, by the first of several logs that holds."""
    for name, key in logs[:-1]:
        with suppress(ProofError):
            return check_file(text, key, name, kept=kept, decision=decision, policy=policy)
    return check_file(text, logs[-1][1], logs[-1][0], kept=kept, decision=decision, policy=policy)


def words(found: dict[str, object]) -> str:
    """For a reader."""
    said = f"HOLDS. The log {found['origin']} signed {found['size']} entries with the root {found['root']}."
    if isinstance(found.get("cosigned"), dict):
        said += f"\nCosigned as the policy demands (at POSIX seconds): {json.dumps(found['cosigned'])}."
    if "grew_from" in found:
        said += f"\nIt begins with the {found['grew_from']} entries of the checkpoint that you kept."
    entry = found.get("entry")
    if not isinstance(entry, dict):
        return said
    rows = [f"  {name}: {json.dumps(value, ensure_ascii=True)}" for name, value in sorted(entry.items())]
    advice = "This does not show that everybody else is shown the same log: compare checkpoints with others for that."
    return "\n".join([said, f"Entry {found['index']} of them is this decision, unchanged:", *rows, advice])


def main() -> int:
    """The script."""
    parser = argparse.ArgumentParser(description="Checks offline that a decision is in a signed log.")
    parser.add_argument("file", type=Path, help="a .tlog-proof file, a checkpoint, or a request to a witness")
    parser.add_argument("--key", help="file with the log's public key, or the key itself; default: the policy's logs")
    parser.add_argument("--policy", type=Path, help="a C2SP policy file: the witnesses whose word is demanded")
    parser.add_argument("--origin", default="", help="the name that the log must have")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint kept from elsewhere")
    parser.add_argument("--decision", default="", help="the decision_id that the entry must have")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    asked = parser.parse_args()
    try:
        text = asked.file.read_bytes().decode(errors="replace")
        kept = asked.checkpoint.read_bytes().decode(errors="replace") if asked.checkpoint else ""
        policy = read_policy(asked.policy.read_bytes()) if asked.policy else None
        logs = [log for log in (policy.logs if policy else []) if asked.origin in ("", log[0])]
        if asked.key:
            key, name = read_key(Path(asked.key).read_text() if Path(asked.key).is_file() else asked.key)
            logs = [(asked.origin or name, key)]
        elif not logs:
            raise ValueError("give --key, or a --policy that names the log")
    except (OSError, ValueError) as error:
        print(f"CANNOT CHECK. {error}", file=sys.stderr)
        return 2
    try:
        found = check_by_logs(text, logs, kept=kept, decision=asked.decision, policy=policy)
    except ProofError as error:
        print(json.dumps({"holds": False, "why": str(error)}) if asked.json else f"DOES NOT HOLD. {error}.")
        return 4
    print(json.dumps(found) if asked.json else words(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
