"""Averages over windows: by hand, against a slow version, however the frames are cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers.windows import Averages, FrameAnswer, Windowing
from vemo_audit.records.prediction import Prediction

UP, DOWN = np.array([1.0, 0.0]), np.array([0.0, 1.0])


def averaged(answers: list[FrameAnswer], windowing: Windowing, end_s: float) -> list[Prediction]:
    sums = Averages(windowing)
    for answer in answers:
        sums.add(answer)
    return list(sums.predictions("clip", end_s, nobody="nobody"))


def test_two_windows_by_hand() -> None:
    told = [
        FrameAnswer("1", 0.0, UP, units={"au12": 0.2}), FrameAnswer("1", 0.9, DOWN, units={"au12": 0.4}),
        FrameAnswer("1", 1.0, DOWN), FrameAnswer("1", 1.5, None, "face lost"),
    ]  # fmt: skip
    first, second = averaged(told, Windowing(1.0), 2.0)
    assert first.probability is not None and first.probability.tolist() == [0.5, 0.5]
    assert first.units["au12"] == pytest.approx(0.3) and "au12" not in second.units
    assert second.probability is not None and second.probability.tolist() == [0, 1]


def test_a_window_without_an_answer_says_the_commonest_reason_and_keeps_its_units() -> None:
    told = [FrameAnswer("1", 0.1 * k, None, "blurred" if k else "lost", units={"au4": 0.5}) for k in range(3)]
    first, second = averaged(told, Windowing(1.0), 2.0)
    assert first.probability is None and first.reason == "blurred" and first.units["au4"] == 0.5
    assert second.probability is None and "nothing observed" in second.reason


def test_nobody_and_the_unnamed_among_the_named() -> None:
    (only,) = averaged([], Windowing(1.0), 5.0)
    assert (only.reason, only.span.end_s) == ("nobody", 5.0)
    told = [FrameAnswer("A", 0.0, UP), FrameAnswer("", 0.5, None, "no face")]
    assert {one.person for one in averaged(told, Windowing(), 1.0)} == {"A"}
    assert {one.person for one in averaged([*told, FrameAnswer("", 0.6, DOWN)], Windowing(), 1.0)} == {"A", ""}


@pytest.mark.parametrize("shares", [np.array([0.5, 0.4]), np.array([1.2, -0.2]), np.array([np.nan, 1.0])])
def test_what_is_no_distribution_is_refused(shares: np.ndarray) -> None:
    with pytest.raises(BadInput, match="sum to"):
        Averages(Windowing()).add(FrameAnswer("1", 0.0, shares))


@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(0, 1)), min_size=1, max_size=30),
    st.sampled_from([(0.0, 0.0), (1.0, 1.0), (1.0, 0.5), (0.5, 0.25)]),
)
def test_the_slow_version_agrees_in_any_order(frames: list[tuple[int, float]], grid: tuple[float, float]) -> None:
    windowing = Windowing(*grid)
    told = [FrameAnswer("1", tick / 8, np.array([share, 1 - share])) for tick, share in frames]
    fast = averaged(told, windowing, 5.2)
    again = averaged(told[::-1], windowing, 5.2)
    for one, other in zip(fast, again, strict=True):
        inside = [
            share for tick, share in frames if not grid[0] or one.span.start_s <= tick / 8 < one.span.start_s + grid[0]
        ]
        assert (one.probability is None) == (not inside) == (other.probability is None)
        if one.probability is not None and other.probability is not None:
            assert one.probability[0] == pytest.approx(np.mean(inside), abs=1e-6)
            assert one.probability == pytest.approx(other.probability, abs=1e-6)


@pytest.mark.parametrize(("window_s", "hop_s"), [(1e-7, 0.0), (1.0, 1e-7), (float("nan"), 0.0)])
def test_windows_that_would_never_end_are_refused(window_s: float, hop_s: float) -> None:
    with pytest.raises(BadInput, match="windows of"):
        Windowing(window_s, hop_s)
    assert len(Windowing(0.01).spans(1.0)) == 100
