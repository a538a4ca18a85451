"""A size that is withheld cannot be computed from the numbers that are told."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest

from vemo_audit.evaluation.withheld import coarse_gap, coarse_measurement, step
from vemo_audit.records.measurement import Gap, Interval, Measurement, State


def measurement(hits: int, rows: int) -> Measurement:
    value = hits / rows
    interval = Interval(value - 0.05512345, value + 0.05598765, 0.95, "cluster-t", 5.3)
    return Measurement("id", "r", "d", "accuracy", "t=b", value, interval, (interval,), rows, 7, State.OK)


def sizes_that_fit(told: float, grid: float, *, near: int) -> set[int]:
    """Numbers of rows of which some share would be told as `told`."""
    low, high = told - grid / 2 - 1e-9, told + grid / 2 + 1e-9
    return {n for n in range(near - near // 10, near + near // 10 + 1) if math.ceil(low * n) <= high * n}


@pytest.mark.parametrize(("hits", "rows"), [(1956, 5259), (2993, 5476), (44, 61), (7, 11), (360, 823)])
def test_a_share_gives_no_number_of_rows_away(hits: int, rows: int) -> None:
    found = coarse_measurement(measurement(hits, rows), rows=rows)
    assert len(sizes_that_fit(found.value, step(rows), near=rows)) > rows // 10
    in_full = Fraction(hits / rows).limit_denominator(rows)
    assert in_full == Fraction(hits, rows)  # the twin: a share in full does
    assert (found.rows, found.subjects) == (None, None) and "withheld" in found.because


@pytest.mark.parametrize(("rows", "grid"), [(5000, 0.001), (999, 0.002), (60, 0.02), (30, 0.05), (3, 0.5), (1, 1.0)])
def test_the_grid_is_never_finer_than_one_row(rows: int, grid: float) -> None:
    assert step(rows) == pytest.approx(grid) and step(rows) * rows >= 1


def test_an_interval_is_told_on_the_grid_and_never_narrower() -> None:
    exact = measurement(44, 61)
    found = coarse_measurement(exact, rows=61)
    assert found.interval is not None and exact.interval is not None
    for told in (found.interval, *found.others):
        assert told.low <= exact.interval.low and told.high >= exact.interval.high
        assert round(told.low / step(61), 6).is_integer() and math.isnan(told.degrees_of_freedom)


@pytest.mark.parametrize("state", [State.DEGENERATE, State.INSUFFICIENT_CLUSTERS])
def test_no_reason_counts_people(state: State) -> None:
    why = "no variation between 7 subjects; all that can be said is that fewer than 34.8% of people would differ"
    found = coarse_measurement(replace(measurement(7, 7), interval=None, state=state, because=why), rows=7)
    assert not any(letter.isdigit() for letter in found.because)


def test_a_gap_is_told_on_the_grid_with_two_digits_of_what_counts_people() -> None:
    interval = Interval(-0.0123456, 0.0934567, 0.95, "cluster-t", 9.2)
    gap = Gap(
        "id", "r", "d", "accuracy", "t", "a", "b", 0.0355555, interval, (interval,), 0.0812345, 0.0512345, 22, None,
        State.OK,
    )  # fmt: skip
    found = coarse_gap(gap, rows=5259)
    assert found.interval is not None
    assert (found.value, found.interval.low, found.interval.high) == (0.036, -0.013, 0.094)
    assert (found.minimum_detectable, found.icc) == (0.081, 0.051)
