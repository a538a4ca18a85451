"""A clock that was set back shows in the dates; the order in which writers queue does not."""

from vemo_audit.governance.ledger.times import Times


def back(*dates: object) -> int | None:
    times = Times()
    for index, date in enumerate(dates):
        times.see(index, {"wall_time": date})
    return None if times.back is None else times.back[0]


def test_a_date_an_hour_back_is_named_and_a_second_is_not() -> None:
    assert back("2026-11-23T12:00:00.000Z", "2026-11-23T12:30:00.000Z", "2026-11-23T11:30:00.000Z") == 2
    assert back("2026-11-23T12:00:00.000Z", "2026-11-23T11:59:01.000Z", "2026-11-23T12:00:00.000Z") is None


def test_small_steps_do_not_add_up_unseen() -> None:
    dates = [f"2026-11-23T12:{59 - k:02}:30.000Z" for k in range(3)]
    assert back(*dates) == 2


def test_what_is_no_date_is_passed_over_and_hides_nothing() -> None:
    assert back() is None
    odd = (None, 7, "", "yesterday", "0001-01-01T00:00:00+23:59", [])
    assert back("2026-11-23T12:00:00.000Z", *odd[:4], odd[5], "2026-11-23T11:00:00.000Z") == 6
    assert back(*odd) is None
