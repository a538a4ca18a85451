"""Every exception that vemo-audit raises: what was found and where, what was expected, what to do next."""

from typing import ClassVar


class VemoError(Exception):
    """The base of all our errors; `exit_code` is what the command line ends with.

    A message reads: found (with its place), then what was expected, then what to do.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, found: str, *, where: str = "", expected: str = "", advice: str = "") -> None:
        self.found, self.where, self.expected, self.advice = found, where, expected, advice
        parts = [f"{where}: {found}" if where else found]
        if expected:
            parts.append(f"Expected {expected}.")
        if advice:
            parts.append(advice)
        super().__init__(" ".join(p if p.endswith((".", "?", "!")) else p + "." for p in parts))


class BadInput(VemoError):
    """Something that the user gave is not what it must be: a file, a table, a plan, a setting."""


class MediaError(BadInput):
    """A picture, video or sound file cannot be read as one."""


class Refused(VemoError):
    """The gate closed. `rule_id` and `ref` name the rule and the article or promise behind it.

    A refusal is a `Decision` value wherever it can be; this is for the places where work in progress must stop.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, found: str, *, rule_id: str, ref: str, where: str = "", advice: str = "") -> None:
        self.rule_id, self.ref, self.message = rule_id, ref, found
        super().__init__(f"{found} [{rule_id}; {ref}]", where=where, advice=advice)


class EvidenceBroken(VemoError):
    """A signature, a digest, the ledger or an archive does not hold."""

    exit_code: ClassVar[int] = 4
