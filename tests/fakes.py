"""Fakes that implement the public seams: a vendor's folder of tables and a recognizer that reads clip names."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.digest import digest
from vemo_audit.records.labels import LabelSet
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span

LABELS = LabelSet(("calm", "tense"))
PLAN = """
title = "A vendor on made-up people"
question = "Does it serve both groups?"
draws = 200

[dataset]
name = "folder"
path = "data"

[[recognizer]]
name = "vendor"
table = "predictions.csv"

[gate]
historic = true

[slices]
traits = ["sex"]

[[criterion]]
id = "sex-gap"
metric = "accuracy"
kind = "gap_within"
limit = 0.05
over = "sex"
"""


class NameReader:
    """Knows the answer from the clip's name, 'subject-label-k'; is wrong wherever `wrong_on` is the subject's start."""

    seen: list[str] = []  # noqa: RUF012  (shared on purpose: a test asks which clips were ever looked at)

    def __init__(self, *, wrong_on: str = "nobody") -> None:
        self.wrong_on = wrong_on
        self.card = RecognizerCard(
            "name-reader", "1", LABELS, ("face",), "the whole clip", "none", "Apache-2.0", digest(["name-reader"])
        )

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        """One answer for the one person of the clip."""
        NameReader.seen.append(clip.clip.name)
        subject, label, _ = clip.clip.name.split("-")
        right = LABELS.index(label)
        answer = 1 - right if subject.startswith(self.wrong_on) else right
        probability = np.array([0.1, 0.1], np.float32)
        probability[answer] = 0.9
        yield Prediction(clip.clip.name, "p0", Span(0, 1), probability, modality="face")


class NoRecognizer:
    """Lacks what the seam demands."""


def vendor(
    folder: Path, *, people: int = 6, clips: int = 10, right: dict[str, float] | None = None, plan: str = PLAN
) -> Path:
    """A plan with its folder of tables: `people` women and as many men, `clips` each; the path of the plan.

    `right` is the share of right answers by sex; people of a group differ by one clip, so that intervals exist.
    """
    right = right or {"female": 0.8, "male": 0.7}
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    labels, traits, predictions = ["clip,label,subject"], ["subject,sex"], ["clip,p_calm,p_tense"]
    for sex, share in right.items():
        for person in range(people):
            name = f"{sex}{person}"
            traits.append(f"{name},{sex}")
            hits = round(share * clips) + (person % 3) - 1
            for k in range(clips):
                truth = LABELS.names[k % 2]
                labels.append(f"{name}-{truth}-{k},{truth},{name}")
                said = truth if k < hits else LABELS.names[1 - k % 2]
                predictions.append(f"{name}-{truth}-{k}," + (".8,.2" if said == "calm" else ".3,.7"))
    for path, lines in (
        (data / "labels.csv", labels), (data / "traits.csv", traits), (folder / "predictions.csv", predictions),
    ):  # fmt: skip
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (data / "dataset.toml").write_text('name = "made-up"\n[traits]\nsex = "self-reported"\n', encoding="utf-8")
    (folder / "plan.toml").write_text(plan, encoding="utf-8")
    return folder / "plan.toml"
