"""Valence, arousal and dominance as a declared projection."""

import numpy as np

from vemo_audit.recognition.dynamics.affect import PROJECTION, project
from vemo_audit.records.labels import EKMAN


def test_a_sure_class_lands_on_its_declared_place() -> None:
    for k, name in enumerate(EKMAN.names):
        np.testing.assert_allclose(project(np.eye(7)[k]), PROJECTION[name])


def test_neutral_is_the_origin_and_every_place_is_in_range() -> None:
    assert PROJECTION["neutral"] == (0.0, 0.0, 0.0)
    assert set(PROJECTION) == set(EKMAN.names)
    assert all(-1 <= value <= 1 for place in PROJECTION.values() for value in place)


def test_a_half_and_half_answer_lies_in_the_middle() -> None:
    row = np.zeros(7)
    row[[EKMAN.index("happiness"), EKMAN.index("neutral")]] = 0.5
    np.testing.assert_allclose(project(row), [0.4, 0.25, 0.2])
