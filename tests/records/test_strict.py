"""Signed records are read strictly: what is not known by name and form does not get in."""

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.errors import BadInput
from vemo_audit.records.strict import check_set, from_payload, read_time, time_text, to_payload, uuid7, whole_ms


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    count: int
    flag: bool


@dataclass(frozen=True)
class Outer:
    name: str
    colours: tuple[Colour, ...]
    place: tuple[int, int]
    at: datetime
    inner: Inner
    maybe: Inner | None = None


GOOD = {
    "name": "a", "colours": ["blue", "red"], "place": [1, 2], "at": "2026-11-23T12:00:00.250Z",
    "inner": {"count": 1, "flag": True},
}  # fmt: skip


def test_a_record_survives_its_payload():
    record = from_payload(Outer, GOOD, where="outer")
    assert record.inner == Inner(1, True) and record.colours == (Colour.BLUE, Colour.RED)
    assert to_payload(record) == GOOD


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"extra": 1}, "unknown field 'extra'"),
        ({"colours": ["green"]}, "unknown word 'green'"),
        ({"place": [1]}, "1 values"),
        ({"place": "12"}, "outer.place"),
        ({"at": "2026-11-23T12:00:00Z"}, "outer.at"),
        ({"at": "2026-02-30T12:00:00.000Z"}, "outer.at"),
        ({"inner": {"count": True, "flag": True}}, "outer.inner.count"),
        ({"inner": {"count": 1.0, "flag": True}}, "outer.inner.count"),
        ({"inner": {"count": 1, "flag": 1}}, "outer.inner.flag"),
        ({"inner": []}, "outer.inner"),
        ({"name": None}, "outer.name"),
    ],
)
def test_anything_else_is_refused_by_name(change, named):
    with pytest.raises(BadInput, match=named.replace("[", r"\[")):
        from_payload(Outer, GOOD | change, where="outer")


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_field_is_refused_by_name(name):
    with pytest.raises(BadInput, match=f"no field '{name}'"):
        from_payload(Outer, {key: value for key, value in GOOD.items() if key != name}, where="outer")


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)))
def test_times_survive_their_text(moment):
    assert read_time(time_text(moment), "t") == whole_ms(moment)
    assert time_text(moment.astimezone(timezone(timedelta(hours=5)))) == time_text(moment)


def test_a_naive_time_has_no_text():
    with pytest.raises(BadInput, match="naive"):
        time_text(datetime(2026, 1, 1))


def test_uuid7_is_ordered_by_time_and_of_its_version():
    first = UUID(uuid7(datetime(2026, 1, 1, tzinfo=UTC), b"\xff" * 10))
    later = UUID(uuid7(datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), bytes(10)))
    assert (first.version, later.version, first.variant) == (7, 7, later.variant)
    assert str(first) < str(later)
    assert first.int >> 80 == int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)  # by hand: 48 bits of time
    with pytest.raises(BadInput):
        uuid7(datetime(2026, 1, 1, tzinfo=UTC), b"short")


def test_a_set_has_one_form():
    check_set(("a", "b"), "x")
    for words in (("b", "a"), ("a", "a")):
        with pytest.raises(BadInput, match="sorted"):
            check_set(words, "x")


def test_a_lenient_reader_would_be_seen(monkeypatch):
    """Twin: a reader that takes ints for bools lets the mutants through that the test above refuses."""
    from vemo_audit.records import strict

    monkeypatch.setattr(strict, "_read", lambda hint, value, where: value)
    changed = dataclasses.asdict(from_payload(Inner, {"count": True, "flag": 1}, where="inner"))
    assert changed == {"count": True, "flag": 1}
