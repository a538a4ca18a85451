"""Exit codes: a refusal does not hide a miss, and undecided is no pass."""

from itertools import product

import pytest

from vemo_audit.audit import verdicts as module
from vemo_audit.audit.verdicts import exit_code
from vemo_audit.records.finding import Verdict

MET, MISSED, UNDECIDED, REFUSED = Verdict.MET, Verdict.MISSED, Verdict.UNDECIDED, Verdict.REFUSED


@pytest.mark.parametrize(
    ("found", "fail", "warn"),
    [
        ([], 2, 2),
        ([MET], 0, 0),
        ([MET, MET], 0, 0),
        ([MISSED], 1, 1),
        ([UNDECIDED], 1, 0),
        ([REFUSED], 3, 3),
        ([MET, MISSED], 1, 1),
        ([MET, UNDECIDED], 1, 0),
        ([MET, REFUSED], 3, 3),
        ([REFUSED, MISSED], 1, 1),
        ([REFUSED, UNDECIDED], 1, 3),
        ([REFUSED, UNDECIDED, MET], 1, 3),
    ],
)
def test_the_table_of_runs(found: list[Verdict], fail: int, warn: int) -> None:
    assert exit_code(found) == exit_code(reversed(found)) == fail
    assert exit_code(found, undecided="warn") == warn


def test_only_all_met_ends_with_0() -> None:
    for found in product(Verdict, repeat=3):
        assert (exit_code(found) == 0) == (set(found) == {MET})


def test_the_twin_with_the_wrong_order_hides_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PRECEDENCE", (4, 2, 3, 1, 0))
    assert exit_code([REFUSED, MISSED]) == 3
