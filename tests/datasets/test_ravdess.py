"""RAVDESS: what is published is read as it is, and its traps are held."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from vemo_audit.datasets.interface import Answered, Dataset
from vemo_audit.datasets.ravdess import LABELS, Ravdess
from vemo_audit.errors import BadInput

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def ravdess(shared_data: Path) -> Ravdess:
    return Ravdess(shared_data / "ravdess")


def test_it_implements_both_seams(ravdess: Ravdess) -> None:
    assert isinstance(ravdess, Dataset) and isinstance(ravdess, Answered)


def test_all_eight_classes_stay_and_neutral_is_the_smallest(ravdess: Ravdess) -> None:
    counts = Counter(truth.label for truth in ravdess.labels())
    assert counts == {name: 96 if name == "neutral" else 192 for name in LABELS.names}


def test_there_are_24_actors_odd_ones_male(ravdess: Ravdess) -> None:
    sex = {row.subject: row.traits["sex"] for row in ravdess.traits()}
    assert sex == {str(k): "male" if k % 2 else "female" for k in range(1, 25)}


@pytest.mark.parametrize(
    ("recognizer", "accuracy"),
    [("wav2vec_voice", 0.819), ("au_mlp_face", 0.604), ("au_bilstm_face", 0.624), ("fusion_av", 0.867)],
)
def test_columns_are_aligned_with_the_labels(ravdess: Ravdess, recognizer: str, accuracy: float) -> None:
    table = ravdess.predictions(recognizer)
    truth = {t.clip: LABELS.index(t.label) for t in ravdess.labels()}
    hits = table.probability.argmax(axis=1) == np.array([truth[c] for c in table.clip])
    assert len(table) == 1440
    assert hits.mean() == pytest.approx(accuracy, abs=5e-4)
    wrong_order = table.probability[:, ::-1].argmax(axis=1) == np.array([truth[c] for c in table.clip])
    assert wrong_order.mean() < 0.2


def test_a_recognizer_that_is_not_there_is_named_with_those_that_are(ravdess: Ravdess) -> None:
    with pytest.raises(BadInput, match="fusion_av"):
        ravdess.predictions("nobody")


def copy_with(source: Path, folder: Path, name: str, values: list[object]) -> Path:
    table = pyarrow.parquet.ParquetFile(source / "recognizers.parquet").read()
    k = table.column_names.index(name)
    changed = table.column(name).to_pylist()
    changed[: len(values)] = values
    pyarrow.parquet.write_table(
        table.set_column(k, name, pa.array(changed, table.schema.field(name).type)), folder / "recognizers.parquet"
    )
    return folder


def test_logits_are_refused(shared_data: Path, tmp_path: Path) -> None:
    twin = Ravdess(copy_with(shared_data / "ravdess", tmp_path, "p_neutral", [7.5]))
    with pytest.raises(BadInput, match="logits must be converted"):
        twin.predictions("au_bilstm_face")


def test_an_actor_of_the_wrong_sex_is_refused(shared_data: Path, tmp_path: Path) -> None:
    twin = Ravdess(copy_with(shared_data / "ravdess", tmp_path, "sex", ["female"]))
    with pytest.raises(BadInput, match="actor 1 as female"):
        twin.traits()


def test_two_labels_of_one_clip_are_refused(shared_data: Path, tmp_path: Path) -> None:
    twin = Ravdess(copy_with(shared_data / "ravdess", tmp_path, "emotion", ["sad"]))
    with pytest.raises(BadInput, match="as neutral of actor 1"):
        twin.labels()


def test_an_absent_folder_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the published table"):
        Ravdess(tmp_path)
