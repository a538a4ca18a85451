"""Numbers are written one way, and what is undefined says so."""

import math
from datetime import UTC, datetime, timedelta, timezone

from vemo_audit.report import numbers


def test_units_and_signs():
    assert numbers.amount(0.867, "share") == "86.7 %"
    assert numbers.amount(0.06, "points") == "+6.0 points"
    assert numbers.amount(-0.0111, "points") == "\N{MINUS SIGN}1.1 points"
    assert numbers.amount(-0.0001, "points") == "0.0 points"
    assert numbers.amount(1440, "count") == "1,440"
    assert numbers.amount(0.021, "plain") == "0.021"
    assert numbers.interval(-0.011, 0.131, "points") == "\N{MINUS SIGN}1.1 to +13.1"


def test_nan_is_undefined_everywhere():
    assert {numbers.amount(math.nan, unit) for unit in numbers.UNITS} == {"undefined"}


def test_limits_are_exact_and_plural():
    assert numbers.limit(0.05, "points") == "5 points"
    assert numbers.limit(0.01, "points") == "1 point"
    assert numbers.limit(0.125, "share") == "12.5 %"


def test_a_metric_that_nobody_knows_keeps_its_name():
    assert numbers.metric("vendor_score") == ("vendor score", "plain", "")
    assert numbers.metric("tpr:anger")[:2] == ("Recall: anger", "share")
    assert numbers.is_by_class("tpr:anger")
    assert not numbers.is_by_class("macro_f1")


def test_times_are_in_utc_whatever_the_zone():
    here = datetime(2026, 11, 23, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert numbers.instant(here) == numbers.instant(here.astimezone(UTC)) == "2026-11-24 04:30:00 UTC"
    assert numbers.day(here) == "24 November 2026"
