"""From verdicts to the exit code of the command line."""

from collections.abc import Iterable
from typing import Literal

from vemo_audit.records.finding import Verdict

MET, MISSED, BAD_INPUT, REFUSED, EVIDENCE_BROKEN = 0, 1, 2, 3, 4
PRECEDENCE = (EVIDENCE_BROKEN, BAD_INPUT, MISSED, REFUSED, MET)
"""When several hold: a refusal must not hide a miss."""


def exit_code(verdicts: Iterable[Verdict], *, undecided: Literal["fail", "warn"] = "fail") -> int:
    """The exit code for the verdicts of all criteria.

    Undecided counts as missed unless the plan says 'warn': a pipeline must not go on for want of evidence.
    No verdict at all is bad input: empty never passes.
    """
    codes = {
        Verdict.MET: MET, Verdict.MISSED: MISSED, Verdict.REFUSED: REFUSED,
        Verdict.UNDECIDED: MISSED if undecided == "fail" else MET,
    }  # fmt: skip
    found = {codes[verdict] for verdict in verdicts} or {BAD_INPUT}
    return next(code for code in PRECEDENCE if code in found)
