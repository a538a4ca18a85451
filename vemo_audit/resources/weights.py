"""Weight files: each is known by its SHA-256, which is checked before anybody looks inside."""

import hashlib
import importlib.util
from pathlib import Path

from vemo_audit.errors import BadInput, EvidenceBroken

FACE_DETECTOR = {
    "pnet": "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
    "rnet": "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
    "onet": "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
}
"""The three stages of MTCNN as the facenet-pytorch package (MIT) carries them; byte-identical in 2.5.3 and 2.6.0."""


def checked_bytes(path: Path, sha256: str) -> bytes:
    """The content of a weight file. Raises BadInput when it is absent, EvidenceBroken when its digest is another."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"weights that cannot be read ({error.strerror})", where=str(path)) from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise EvidenceBroken(
            f"weights with SHA-256 {found[:12]}…", where=str(path), expected=f"{sha256[:12]}…",
            advice="Install or train them again; nothing was loaded.",
        )  # fmt: skip
    return data


def face_detector(stage: str) -> bytes:
    """The bytes of 'pnet', 'rnet' or 'onet'. The package that carries them is found, never imported.

    Raises BadInput when it is not installed, EvidenceBroken when a file of it was changed.
    """
    spec = importlib.util.find_spec("facenet_pytorch")
    if spec is None or not spec.submodule_search_locations:
        raise BadInput(
            "no face detector weights", expected="the package facenet-pytorch", advice="pip install facenet-pytorch"
        )
    return checked_bytes(Path(spec.submodule_search_locations[0]) / "data" / f"{stage}.pt", FACE_DETECTOR[stage])
