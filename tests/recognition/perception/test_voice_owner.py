"""Whose voice: planted mouths that move with the sound, with another sound, or not at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.recognition.perception.voice_owner import OwnerSettings, attribute, correlation, likeness

TIME_S = np.arange(100) / 25
HEARD_S = np.arange(400) / 100 + 0.005


def syllables(seed: int, at_s: np.ndarray) -> np.ndarray:
    """A loudness between 0 and 1 with irregular syllables."""
    rng = np.random.default_rng(seed)
    peaks = np.cumsum(rng.uniform(0.18, 0.45, 30)) - 0.5
    return np.max(np.exp(-(((at_s[:, None] - peaks) / 0.06) ** 2)), axis=1)


def loudness(seed: int) -> np.ndarray:
    return -50 + 30 * syllables(seed, HEARD_S)


def mouth(seed: int, *, lag_s: float = 0.0, noise: float = 0.15) -> np.ndarray:
    return syllables(seed, TIME_S - lag_s) + noise * np.random.default_rng(seed + 99).normal(0, 1, len(TIME_S))


@pytest.mark.parametrize("speaker", range(12))
@pytest.mark.parametrize("lag_s", [-0.16, 0.0, 0.16])
def test_the_mouth_that_moves_with_the_sound_owns_it(speaker: int, lag_s: float) -> None:
    mouths = {"0": mouth(speaker, lag_s=lag_s), "1": mouth(speaker + 50), "2": np.zeros(100)}
    assert attribute(mouths, TIME_S, intensity_db=loudness(speaker), heard_s=HEARD_S) == "0"


def test_a_voice_from_outside_the_picture_is_seldom_anybodys() -> None:
    named = [
        attribute({"0": mouth(k + 200), "1": mouth(k + 300)}, TIME_S, intensity_db=loudness(k), heard_s=HEARD_S)
        for k in range(40)
    ]
    assert sum(name is not None for name in named) <= 8


def test_two_mouths_that_move_alike_leave_it_open() -> None:
    mouths = {"0": mouth(1), "1": mouth(1, noise=0.1)}
    assert attribute(mouths, TIME_S, intensity_db=loudness(1), heard_s=HEARD_S) is None


def test_twin_without_a_margin_one_of_two_alike_is_named() -> None:
    careless = OwnerSettings(margin=0.0)
    mouths = {"0": mouth(1), "1": mouth(1, noise=0.1)}
    found = attribute(mouths, TIME_S, intensity_db=loudness(1), heard_s=HEARD_S, settings=careless)
    assert found in mouths


def test_a_mouth_that_was_not_seen_cannot_be_ruled_out() -> None:
    mouths = {"0": mouth(1), "1": np.full(100, np.nan)}
    assert attribute(mouths, TIME_S, intensity_db=loudness(1), heard_s=HEARD_S) is None


@pytest.mark.parametrize("silent", [np.full(400, np.nan), np.full(400, -30.0)])
def test_silence_and_a_steady_hum_belong_to_nobody(silent: np.ndarray) -> None:
    assert attribute({"0": mouth(1)}, TIME_S, intensity_db=silent, heard_s=HEARD_S) is None


def test_nobody_in_the_picture_owns_nothing() -> None:
    assert attribute({}, TIME_S, intensity_db=loudness(1), heard_s=HEARD_S) is None


def test_beyond_the_lag_it_is_another_rhythm() -> None:
    settings = OwnerSettings()
    near = likeness(mouth(3, lag_s=0.1), TIME_S, intensity_db=loudness(3), heard_s=HEARD_S, settings=settings)
    far = likeness(mouth(3, lag_s=0.6), TIME_S, intensity_db=loudness(3), heard_s=HEARD_S, settings=settings)
    assert near > 0.7 > 0.5 > far


def test_correlation_by_hand() -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])
    assert correlation(a, b) == pytest.approx(3 / np.sqrt(2 * (14 / 3)))
    assert correlation(a, np.ones(3)) == 0.0


@given(st.integers(0, 500), st.floats(0.1, 10), st.floats(-5, 5))
def test_units_of_the_mouth_do_not_matter(seed: int, scale: float, shift: float) -> None:
    mouths = {"0": mouth(seed), "1": mouth(seed + 7)}
    other = {name: speed * scale + shift for name, speed in mouths.items()}
    sound = {"intensity_db": loudness(seed), "heard_s": HEARD_S}
    assert attribute(mouths, TIME_S, **sound) == attribute(other, TIME_S, **sound)
