"""Windows of people from rows as they come: which rows count, when a window closes, what is kept, any cutting."""

import math
from bisect import bisect_right

import numpy as np
import pytest

from vemo_audit.recognition.perception.align import Quality
from vemo_audit.recognition.perception.people import FaceRow, Moment
from vemo_audit.recognition.recognizers import timeline as module
from vemo_audit.recognition.recognizers.timeline import BODY_LATE_S, Seen, SeenWindows, Timeline, mouth_speed, share
from vemo_audit.records.event import Event
from vemo_audit.records.span import Span, WindowGrid
from vemo_audit.records.units import UNITS

RATE_HZ = 12.5


class Asked:
    """Answers each window with its mean token in place 0 and its count of rows in place 1; keeps what it was asked."""

    def __init__(self) -> None:
        self.starts: list[float] = []

    def __call__(self, windows):
        self.starts += [float(time_s[0]) for _, time_s in windows]
        return np.array([[tokens.mean(), len(tokens), 0, 0, 0, 0, 0] for tokens, _ in windows], np.float64)


def row(time_s: float, *, token: float | None = 1.0, unit: float = 0.25) -> FaceRow:
    read = None if token is None else np.full(2, token, np.float32)
    return FaceRow(time_s, Quality(*[1.0] * 8, 0.5), read, np.full(len(UNITS), unit, np.float32), None)


def rows(person: str = "0", *, begin_s: float = 0.0, end_s: float = 6.0) -> list[tuple[str, FaceRow]]:
    times = np.arange(math.ceil(begin_s * RATE_HZ), math.ceil(end_s * RATE_HZ)) / RATE_HZ
    return [(person, row(float(t), token=float(t), unit=float(t) / 10)) for t in times]


def run(told: list[tuple[str, FaceRow]], *, size: int = 16, end_s: float = 6.0, keep_tokens: bool = False):
    """The timeline after all rows, and what was asked; `size` rows in each moment."""
    asked, told = Asked(), sorted(told, key=lambda one: one[1].time_s)
    line = Timeline(WindowGrid(1.0, 0.25), asked, follow=lambda *_: None, keep_tokens=keep_tokens)
    for k in range(0, len(told), size):
        part = told[k : k + size]
        line.feed(Moment(math.nextafter(part[-1][1].time_s, math.inf), tuple(part), k + len(part)))
    return line, asked, line.finish(end_s)


def kept(line: Timeline, person: str) -> list[tuple]:
    seen = line.tracks[person].seen
    return [(number, *seen[number].probability, seen[number].share, *seen[number].units) for number in seen]


def test_each_window_holds_the_rows_that_lie_in_it() -> None:
    line, _, spans = run(rows())
    seen = line.tracks["0"].seen
    assert list(seen) == list(range(len(spans)))
    for number, span in enumerate(spans):
        inside = [one.time_s for _, one in rows() if span.start_s <= one.time_s < span.end_s]
        assert seen[number].probability[1] == len(inside) > 0
        assert seen[number].probability[0] == pytest.approx(np.mean(inside), abs=1e-6)
        assert seen[number].units[3] == pytest.approx(np.mean(inside) / 10, abs=1e-6)
        assert 1 - 1 / RATE_HZ <= seen[number].share <= 1 and seen[number].quality == pytest.approx(0.5)


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_how_rows_come_changes_nothing(size: int) -> None:
    told = rows() + rows("1", begin_s=2.0, end_s=4.3)
    whole, cut = run(told)[0], run(told, size=size)[0]
    assert all(kept(whole, person) == kept(cut, person) for person in "01")


def test_windows_that_close_with_the_last_row_seen_depend_on_the_cut(monkeypatch) -> None:
    """Seeded fault: a window closes before its end has come."""
    monkeypatch.setattr(module, "BODY_LATE_S", -0.9)
    assert kept(run(rows(), size=1)[0], "0") != kept(run(rows(), size=1000)[0], "0")


def test_a_second_person_changes_nothing_of_the_first() -> None:
    alone, both = run(rows())[0], run(rows() + rows("1", begin_s=1.0, end_s=3.0))[0]
    assert kept(alone, "0") == kept(both, "0")
    assert list(both.tracks["1"].seen) == list(range(1, 12)), "only windows in which the second one was"


def test_rows_without_a_token_give_units_and_no_window_alone() -> None:
    blind = [("0", row(k / RATE_HZ, token=None)) for k in range(25)]
    line, asked, _ = run(blind, end_s=2.0)
    assert list(line.tracks["0"].seen) == [] and asked.starts == []
    line, _, _ = run([*blind, ("0", row(0.5, token=3.0, unit=0.0))], end_s=2.0)
    first = line.tracks["0"].seen[0]
    assert first.probability[0] == 3.0 and first.probability[1] == 1 and 0 < first.units[0] < 0.25


def test_rows_are_held_no_longer_than_they_can_be_asked_for() -> None:
    line = Timeline(WindowGrid(1.0, 0.25), Asked(), follow=lambda *_: None)
    most = 0
    for told in rows(end_s=60.0):
        line.feed(Moment(math.nextafter(told[1].time_s, math.inf), (told,), 1))
        most = max(most, len(line.tracks["0"].rows))
    assert most <= RATE_HZ * (1.0 + BODY_LATE_S + 0.25) + 2


def test_nobody_leaves_all_windows_empty() -> None:
    line, asked, spans = run([], end_s=2.0)
    assert line.tracks == {} and asked.starts == [] and len(spans) == len(list(WindowGrid(1.0, 0.25).windows(2.0)))


def test_mean_tokens_are_kept_only_when_asked_for() -> None:
    assert run(rows())[0].tracks["0"].seen[0].token is None
    token = run(rows(), keep_tokens=True)[0].tracks["0"].seen[0].token
    assert token is not None and token.tolist() == pytest.approx([0.48, 0.48], abs=1e-3)


def test_events_and_strangers_are_handed_on_and_everybody_is_followed() -> None:
    followed, nod = [], Event("nod", 0.1, 0.2, 0.3, 5.0)
    line = Timeline(WindowGrid(1.0, 0.25), Asked(), follow=lambda person, one: followed.append((person, one.time_s)))
    line.feed(Moment(0.2, (("0", row(0.08)), ("1", row(0.08))), 3, (("2", nod),), (0.04, 0.08)))
    assert followed == [("0", 0.08), ("1", 0.08)] and line.tracks["2"].body_events == [nod]
    assert list(line.strangers_s) == [0.04, 0.08] and (line.until_s, line.frames) == (0.2, 3)


def test_share_is_what_sights_cover() -> None:
    span = Span(1.0, 2.0)
    assert share(np.array([]), span) == 0.0
    assert share(np.array([1.0]), span) == pytest.approx(0.2)
    assert share(np.array([1.9]), span) == pytest.approx(0.1), "no further than the window"
    assert share(np.array([1.0, 1.1, 1.8]), span) == pytest.approx(0.1 + 0.2 + 0.2)
    assert share(np.arange(1.0, 2.0, 0.08), span) == pytest.approx(1.0)
    assert share(np.array([1.0]), span, bridge_s=9.0) == 1.0, "the fault: one sight would stand for all"


def test_the_mouth_has_no_speed_at_first_and_after_a_gap() -> None:
    line, _, _ = run([("0", row(t, unit=u)) for t, u in ((0.0, 0.0), (0.08, 0.4), (0.16, 0.2), (1.0, 0.9))], end_s=2.0)
    time_s, speed = mouth_speed(line.tracks["0"])
    assert time_s.tolist() == [0.0, 0.08, 0.16, 1.0] and np.isnan(speed[[0, 3]]).all()
    assert speed[1:3] == pytest.approx([5.0, 2.5], rel=1e-5)


def windows(*numbers: int) -> SeenWindows:
    seen = SeenWindows()
    for number in numbers:
        parts = {"exposure": 0.5} if number else {}
        seen[number] = Seen(np.full(7, number / 10), 0.9, parts, 0.8, np.full(len(UNITS), 0.1, np.float32), None)
    return seen


def test_packed_windows_come_back_and_absent_ones_do_not() -> None:
    seen = windows(0, 2, 5)
    assert list(seen) == [0, 2, 5] and len(seen) == 3 and 3 not in seen and seen.get(4) is None
    assert seen[5].probability.tolist() == [0.5] * 7 and (seen[5].quality, seen[5].share) == (0.9, 0.8)
    assert seen[0].parts == {} and set(seen[2].parts) == set(module.PARTS)
    assert seen[2].body is None and seen[2].token is None
    with pytest.raises(KeyError):
        seen[1]
    with pytest.raises(ValueError, match="window 5 after window 5"):
        windows(5, 5)


def test_a_search_that_begins_at_the_wrong_end_loses_windows(monkeypatch) -> None:
    """Seeded fault: the place after a number stands for its own."""
    monkeypatch.setattr(module, "bisect_left", bisect_right)
    assert 2 not in windows(0, 2, 5)
