"""Long clips as stretches: means by hand, borders that meet, and a page that many people cannot burst."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vemo_audit.report.inferred.stretches import ALL_MOMENTS, MOST_MOMENTS, moments, note, stretches


def test_a_stretch_is_the_mean_of_what_is_known_in_it() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 2.0], [5.0, 4.0]])
    starts, ends, means = stretches(np.array([0.5, 1.5, 2.5, 3.5]), values, duration_s=4.0, most=2)
    assert (starts, ends) == ([0.0, 2.0], [2.0, 4.0])
    np.testing.assert_array_equal(means, [[2.0, np.nan], [5.0, 3.0]])


def test_nothing_gives_nothing() -> None:
    starts, ends, means = stretches(np.zeros(0), np.zeros((0, 3)), duration_s=1.0, most=5)
    assert (starts, ends, means.shape) == ([], [], (0, 3))


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 300), most=st.integers(1, 150))
def test_stretches_meet_and_hold_every_moment(count: int, most: int) -> None:
    time_s = np.arange(count) * 0.25 + 0.5
    starts, ends, means = stretches(time_s, np.ones((count, 1)), duration_s=count, most=most)
    assert len(starts) == min(count, most) and (means == 1).all()
    assert starts[1:] == ends[:-1] and starts[0] <= time_s[0] and ends[-1] >= time_s[-1]


def test_the_more_people_the_fewer_moments_each() -> None:
    assert moments(1) == MOST_MOMENTS and moments(0) == MOST_MOMENTS
    assert all(n * moments(n) <= ALL_MOMENTS for n in range(1, 21))
    assert note(40, 40) == "" and "2.5 moments" in note(100, 40)
