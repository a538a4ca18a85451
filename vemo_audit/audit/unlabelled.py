"""What can be said of a recognizer on pictures without labels: rates, quality and scores by group, and agreement."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from vemo_audit.audit.pictures import PARTS, Looked
from vemo_audit.datasets.fairface import FairFaces
from vemo_audit.errors import BadInput
from vemo_audit.evaluation import rates
from vemo_audit.evaluation.agreement import agreement
from vemo_audit.records.group_figure import OVERALL, GroupFigure, GroupGap, Topic
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.units import UNITS

EVERYBODY = "everybody"
NO_LABELS = "There are no emotion labels on these pictures, so nothing here says whether an estimate is right."
PERCEIVED = "Groups are as perceived by annotators, not as the people shown say of themselves."
AGREEMENT = (
    "Pearson's r between the action-unit estimates and the scores of another model, the FaceLandmarker, on the same "
    "pictures. This is agreement with a teacher and never accuracy: the teacher is no human coder of action units, and "
    "it brings group effects of its own."
)
CANNOT_SHOW = (
    "How right it is on labelled emotion video of different demographic groups: no such video was to be had.",
    "How right an action-unit estimate is: no picture here was coded by a human FACS coder.",
)

Codes = NDArray[np.object_]
Values = NDArray[np.float64]
Make = Callable[..., GroupFigure]


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """What the teacher said of the same N pictures, and which of the 20 units it can see at all."""

    found_first: NDArray[np.bool_]  # [N], on the plain picture
    found: NDArray[np.bool_]  # [N], there or with a border around it
    targets: Values  # [N, 20], NaN where it gives no target
    seen: NDArray[np.bool_]  # [20]


def teacher_of(faces: FairFaces) -> Teacher:
    """The teacher's part of the pictures of a split, in their order."""
    return Teacher(faces.found_first, faces.found, faces.targets.astype(np.float64), faces.seen)


def groups_of(faces: FairFaces) -> dict[str, Codes]:
    """Perceived race, sex and age band of the pictures, in their order."""
    return {"race": faces.race, "sex": faces.sex, "age": faces.age_band}


def topics(
    looked: Looked, groups: Mapping[str, Codes], teacher: Teacher, *, rng: Generator, level: float = 0.95
) -> tuple[Topic, ...]:
    """All topics of the admitted pictures; `groups` are traits with the value of each picture `[N]`.

    Raises BadInput for groups or a teacher of another number of pictures.
    """
    counts = {trait: len(codes) for trait, codes in groups.items()} | {"teacher": len(teacher.found)}
    for name, count in counts.items():
        if count != len(looked.ids):
            raise BadInput(f"{count} values of '{name}'", expected=f"one for each of {len(looked.ids)} pictures")
    seen = _Groups(groups, level)
    return (
        _found(looked, teacher, seen), _abstained(looked, seen), _quality(looked, seen), _classes(looked, seen),
        _units(looked, seen), agreement_topic(looked.units, teacher, groups, rng=rng, level=level),
    )  # fmt: skip


def agreement_topic(
    estimates: Values, teacher: Teacher, groups: Mapping[str, Codes], *, rng: Generator, level: float = 0.95
) -> Topic:
    """Agreement of estimates `[N, 20]` with the teacher, by unit and group; no figures where nothing is estimated."""
    words = [AGREEMENT]
    found = agreement(estimates, teacher.targets, groups, rng=rng, targets=teacher.seen, level=level)
    if found.not_targets:
        words.append(f"The teacher cannot see {', '.join(found.not_targets)}: they are no targets and not compared.")
    words.append(
        "Pictures in which the teacher found no face, or one turned by more than 45 degrees to the side or tilted by "
        "more than 30, are left out. Intervals of a unit: Fisher's z over pictures, approximate; of a mean: bootstrap."
    )
    if not np.isfinite(estimates).any():
        words.append("These weights estimate no action units: there is nothing to compare.")
        return Topic("agreement", "Agreement with the teacher", " ".join(words), ())
    return Topic("agreement", "Agreement with the teacher", " ".join(words), found.figures)


@dataclass(frozen=True, slots=True)
class _Groups:
    """The same number of everybody and of each value of each trait."""

    traits: Mapping[str, Codes]
    level: float

    def rate(self, metric: str, hit: NDArray[np.bool_], among: NDArray[np.bool_]) -> list[GroupFigure]:
        return [
            rates.rate_figure(metric, hit[rows], trait=trait, group=group, level=self.level)
            for trait, group, rows in self._parts(among)
        ]

    def mean(self, metric: str, values: Values) -> list[GroupFigure]:
        everything = np.ones(len(values), dtype=bool)
        return [
            rates.mean_figure(metric, values[rows], trait=trait, group=group, level=self.level)
            for trait, group, rows in self._parts(everything)
        ]

    def gaps(self, metric: str, values: Values) -> list[GroupGap]:
        return [
            gap
            for trait, codes in self.traits.items()
            for gap in rates.gaps(metric, values, codes, trait=trait, level=self.level)
        ]

    def _parts(self, among: NDArray[np.bool_]) -> list[tuple[str, str, NDArray[np.bool_]]]:
        parts = [(OVERALL, EVERYBODY, among)]
        for trait, codes in self.traits.items():
            parts += [(trait, name, among & (codes == name)) for name in sorted({str(code) for code in codes})]
        return parts


def _found(looked: Looked, teacher: Teacher, seen: _Groups) -> Topic:
    everybody = np.ones(len(looked.ids), dtype=bool)
    told = {
        "face found": looked.faces > 0, "face found by the teacher": teacher.found_first,
        "face found by the teacher, border added": teacher.found,
    }  # fmt: skip
    figures = [figure for metric, hit in told.items() for figure in seen.rate(metric, hit, everybody)]
    gaps = [gap for metric, hit in list(told.items())[:2] for gap in seen.gaps(metric, hit.astype(np.float64))]
    words = (
        f"Of the admitted pictures, those in which at least one face was found. {PERCEIVED} The crops are tight, so "
        "this is as much about framing as about groups. The teacher is the model whose scores are compared below."
    )
    return Topic("found", "Faces found", words, tuple(figures), tuple(gaps))


def _abstained(looked: Looked, seen: _Groups) -> Topic:
    everybody = np.ones(len(looked.ids), dtype=bool)
    silent, found = ~looked.answered, looked.faces > 0
    figures = seen.rate("no answer", silent, everybody) + seen.rate("no answer though a face was found", silent, found)
    gaps = seen.gaps("no answer", silent.astype(np.float64))
    gaps += seen.gaps("no answer though a face was found", np.where(found, silent, np.nan))
    words = (
        "Of the admitted pictures, those without an estimate; and of those in which a face was found, the same. A "
        "picture in which several faces were found is covered by the gate, as one person alone was released; a face "
        "that was not found surely is covered too."
    )
    return Topic("abstained", "No answer", words, tuple(figures), tuple(gaps))


def _quality(looked: Looked, seen: _Groups) -> Topic:
    figures, gaps = [], []
    for k, part in enumerate(PARTS):
        metric = f"quality: {part}"
        figures += seen.mean(metric, looked.quality[:, k])
        gaps += seen.gaps(metric, looked.quality[:, k])
    words = (
        "Means over the faces that were read. The score is the weakest of its parts and flows into every estimate; "
        "light, contrast and framing differ between groups of photographs, and so do these parts."
    )
    return Topic("quality", "Quality of the faces", words, tuple(figures), tuple(gaps))


def _classes(looked: Looked, seen: _Groups) -> Topic:
    answered = looked.answered
    top = np.where(answered, np.nan_to_num(looked.probability).argmax(axis=1), -1)
    figures, gaps = [], []
    for k, name in enumerate(EKMAN.names):
        figures += seen.rate(f"most likely: {name}", top == k, answered)
        gaps += seen.gaps(f"most likely: {name}", np.where(answered, top == k, np.nan))
    for k, name in enumerate(EKMAN.names):
        figures += seen.mean(f"mean score: {name}", looked.probability[:, k])
    words = (
        f"{NO_LABELS} Shares of answered pictures by the most likely expression, and the mean of each score. Groups "
        "may display different expressions on these photographs, so a difference is a question and not yet an error."
    )
    return Topic("classes", "Scores of the expressions", words, tuple(figures), tuple(gaps))


def _units(looked: Looked, seen: _Groups) -> Topic:
    estimated = [k for k in range(len(UNITS)) if np.isfinite(looked.units[:, k]).any()]
    figures = [figure for k in estimated for figure in seen.mean(f"mean estimate: {UNITS[k]}", looked.units[:, k])]
    silent = [unit for k, unit in enumerate(UNITS) if k not in estimated]
    words = "Means of the action-unit estimates over answered pictures: what a model estimates, not FACS coding."
    words += f" Not estimated: {', '.join(silent)}." if silent else ""
    return Topic("units", "Action-unit estimates", words, tuple(figures))


def largest(gaps: Sequence[GroupGap]) -> tuple[GroupGap, ...]:
    """The widest pair of each metric and trait."""
    found: dict[tuple[str, str], GroupGap] = {}
    for gap in gaps:
        key = gap.metric, gap.trait
        if np.isfinite(gap.value) and (key not in found or abs(gap.value) > abs(found[key].value)):
            found[key] = gap
    return tuple(found.values())
