"""A plain folder as a dataset: media files, a table of labels, a table of traits and a data sheet in TOML."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vemo_audit.errors import BadInput
from vemo_audit.records.card import DatasetCard, TraitCard
from vemo_audit.records.digest import sha256_hex
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.subject import SubjectTraits
from vemo_audit.records.truth import DatasetClip, Truth
from vemo_audit.tables.read import read_labels, read_traits

MEDIA = frozenset([".mp4", ".mov", ".mkv", ".webm", ".avi", ".wav", ".flac", ".png", ".jpg", ".jpeg"])
NOT_STATED = "not stated"
SHEET_TEXTS = ("name", "version", "kind", "source", "licence", "consent_basis", "label_basis", "language")
"""Keys of the data sheet that hold a text. A missing one is printed as 'not stated'."""


class Folder:
    """Clips below `path`, named by their path inside it without the suffix.

    Options (file names are relative to the folder): `labels` (clip, label, subject), `subjects` (clip, person, subject;
    only when `labels` has no subject), `traits` (subject and one column for each trait), `sheet` (a data sheet in TOML
    with `name`, `licence`, `consent_basis`, ..., `labels` as a list, and `[traits]` with the basis of each).
    """

    def __init__(
        self, path: Path, *, labels: str = "labels.csv", traits: str = "traits.csv", subjects: str = "",
        sheet: str = "dataset.toml",
    ) -> None:  # fmt: skip
        if not path.is_dir():
            raise BadInput("no such folder", where=str(path), expected="the folder of the dataset")
        self._folder = path
        stated = _sheet(path / sheet)
        names = stated.get("labels")
        known = LabelSet(tuple(names)) if names else None
        self._truths = read_labels(path / labels, labels=known, subjects=path / subjects if subjects else None)
        self.label_set = known or LabelSet(tuple(sorted({truth.label for truth in self._truths})))
        name = stated.get("name") or path.name
        self._traits = read_traits(path / traits, dataset=name) if (path / traits).is_file() else ()
        used = [path / file for file in (labels, subjects, traits, sheet) if file and (path / file).is_file()]
        self.card = _card(stated, name=name, traits=self._traits, digest=_digest(used))

    def clips(self) -> Iterable[DatasetClip]:
        """All media files below the folder, by name. Raises BadInput for two files of one name."""
        subject: dict[str, set[str]] = {}
        for truth in self._truths:
            subject.setdefault(truth.clip, set()).add(truth.subject)
        found: dict[str, DatasetClip] = {}
        for file in sorted(self._folder.rglob("*")):
            if file.suffix.lower() not in MEDIA or not file.is_file():
                continue
            name = file.relative_to(self._folder).with_suffix("").as_posix()
            if name in found:
                raise BadInput(
                    f"the files {found[name].path.name} and {file.name}", where=str(self._folder),
                    expected="clips that differ in more than the suffix",
                )  # fmt: skip
            who = subject.get(name, set())
            found[name] = DatasetClip(name, file, next(iter(who)) if len(who) == 1 else "")
        return tuple(found.values())

    def labels(self) -> Iterable[Truth]:
        """The rows of the label table."""
        return self._truths

    def traits(self) -> Iterable[SubjectTraits]:
        """The rows of the trait table; none when there is no such table."""
        return self._traits


def _sheet(path: Path) -> dict[str, Any]:
    """The data sheet; empty when there is none. Raises BadInput that names a key that is unknown or of a wrong type."""
    if not path.is_file():
        return {}
    try:
        stated = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"it cannot be read: {error}", where=str(path), expected="a data sheet in TOML") from error
    for key, value in stated.items():
        kinds = {"limits": list, "labels": list, "traits": dict} | dict.fromkeys(SHEET_TEXTS, str)
        if key not in kinds:
            raise BadInput(f"the key '{key}'", where=str(path), expected=f"one of {', '.join(kinds)}")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if not isinstance(value, kinds[key]) or not all(isinstance(one, str) for one in inner):
            kind = {str: "a text", list: "a list of texts", dict: "a table of texts"}[kinds[key]]
            raise BadInput(f"{key} = {value!r}", where=str(path), expected=kind)
    return stated


def _card(
    stated: Mapping[str, Any], *, name: str, traits: tuple[SubjectTraits, ...], digest: str
) -> DatasetCard:  # fmt: skip
    basis = stated.get("traits", {})
    there = tuple(traits[0].traits) if traits else ()
    unknown = sorted(set(basis) - set(there))
    if unknown:
        raise BadInput(
            f"the trait '{unknown[0]}' in the data sheet",
            expected=f"one of the trait table: {', '.join(there) or 'none'}",
        )
    texts = {key: stated.get(key, NOT_STATED) for key in SHEET_TEXTS if key != "name"}
    return DatasetCard(
        name=name, **texts, traits=tuple(TraitCard(trait, basis.get(trait, NOT_STATED)) for trait in there),
        limits=tuple(stated.get("limits", ())), digest=digest,
    )  # fmt: skip


def _digest(files: list[Path]) -> str:
    return sha256_hex("".join(sha256_hex(file.read_bytes()) for file in files).encode())
