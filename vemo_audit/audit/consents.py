"""Finds, among the files that a plan names, the consents and dataset releases that speak of a clip."""

import base64
import binascii
import json
from collections.abc import Sequence
from pathlib import Path

from vemo_audit.errors import BadInput
from vemo_audit.records.truth import DatasetClip

DATASET_TYPE = "vemo.dataset+json"
"""Part of the payload type of a signed dataset release. The gate checks the signature; here it is only told apart."""
MOST_BYTES = 1_000_000


class ConsentFiles:
    """Signed envelopes, by what they are for.

    A file that the plan names itself is shown for every clip. In a folder, `NAME.json` (or `NAME/*.json`) is shown for
    the clip or the subject of that name. Envelopes of dataset releases are shown for the digests that they list.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._folders = [path for path in paths if path.is_dir()]
        self._everywhere: list[bytes] = []
        self._releases: list[tuple[bytes, str]] = []
        for path in paths:
            if not path.exists():
                raise BadInput("no such file or folder", where=str(path), expected="consents, under [gate] in the plan")
            for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
                self._take(file, named=not path.is_dir())

    def _take(self, file: Path, *, named: bool) -> None:
        envelope = _read(file)
        content = _release_text(envelope)
        if content is not None:
            self._releases.append((envelope, content))
        elif named:
            self._everywhere.append(envelope)

    def of(self, clip: DatasetClip) -> tuple[bytes, ...]:
        """The consents that are shown for one clip; none when no file speaks of it, and the gate then says no."""
        found = list(self._everywhere)
        for folder in self._folders:
            for name in dict.fromkeys(name for name in (clip.name, clip.subject) if name):
                inside = (folder / name).resolve()
                if not inside.is_relative_to(folder.resolve()):
                    continue  # a name like '../x' speaks of nothing in this folder
                files = [folder / f"{name}.json", *(sorted(inside.glob("*.json")) if inside.is_dir() else [])]
                found += [_read(file) for file in files if file.is_file()]
        return tuple(dict.fromkeys(found))

    def of_all(self) -> tuple[bytes, ...]:
        """The consents that are shown for a table."""
        return tuple(self._everywhere)

    def release_of(self, sha256: str) -> bytes | None:
        """The dataset release that lists a digest; the first one when none does, so that the gate can say why not."""
        for envelope, content in self._releases:
            if sha256 in content:
                return envelope
        return self._releases[0][0] if self._releases else None


def _read(file: Path) -> bytes:
    data = file.read_bytes()
    if len(data) > MOST_BYTES:
        raise BadInput(f"{len(data):,} bytes", where=str(file), expected="a signed envelope")
    return data


def _release_text(envelope: bytes) -> str | None:
    """The payload of a dataset release, unverified; None for any other envelope."""
    try:
        told = json.loads(envelope)
        if DATASET_TYPE not in str(told["payloadType"]):
            return None
        return base64.b64decode(told["payload"]).decode()
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None
