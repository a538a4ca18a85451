"""A thread that reads ahead: same order, bounded, errors handed over, and ended when nobody listens."""

import threading
import time

import pytest

from vemo_audit.recognition.perception.ahead import ahead


def test_all_things_come_in_order_and_the_thread_is_another_one() -> None:
    seen: list[int] = []

    def made():
        for k in range(50):
            seen.append(threading.get_ident())
            yield k

    begun: list[int] = []
    assert list(ahead(made(), begin=lambda: begun.append(threading.get_ident()))) == list(range(50))
    assert threading.get_ident() not in seen and set(seen) == set(begun)
    assert list(ahead([])) == []


def test_no_more_than_what_is_held_is_made_before_it_is_used() -> None:
    made = 0

    def work():
        nonlocal made
        for k in range(100):
            made += 1
            yield k

    things = ahead(work(), held=4)
    assert next(things) == 0
    time.sleep(0.3)
    assert made <= 1 + 4 + 1, "one used, four waiting, one in hand"
    things.close()


def test_an_error_comes_after_what_was_made_before_it() -> None:
    def work():
        yield 1
        raise ValueError("broken")

    things = ahead(work())
    assert next(things) == 1
    with pytest.raises(ValueError, match="broken"):
        next(things)


def test_who_stops_early_ends_the_maker() -> None:
    closed = threading.Event()

    def work():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    before = threading.active_count()
    things = ahead(work())
    next(things)
    things.close()
    assert closed.wait(2) and threading.active_count() == before
