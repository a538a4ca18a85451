"""An event has its times in order, and a time that nobody measured is NaN."""

import math

import pytest

from vemo_audit.errors import BadInput
from vemo_audit.records.event import Event


def test_unmeasured_times_are_nan_and_known_ones_in_order():
    assert math.isnan(Event("au12", math.nan, 1.0, 2.0, peak=0.5).onset_s)
    assert math.isnan(Event("au12", 1.0, math.nan, math.nan, peak=math.nan).offset_s)
    assert Event("nod", 1.0, 1.0, 1.0, peak=1).apex_s == 1.0


@pytest.mark.parametrize("times", [(2.0, 1.0, 3.0), (2.0, math.nan, 1.0), (1.0, 3.0, 2.0), (math.nan,) * 3])
def test_times_out_of_order_and_events_without_any_time_are_refused(times):
    with pytest.raises(BadInput, match="at least one time, in order"):
        Event("au12", *times, peak=0.5)
