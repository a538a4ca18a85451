"""Whether the entries are dated in the order in which they were written: a clock set back shows."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SLACK_S = 60.0
"""How far a date may lie before an earlier entry's: writers read the clock before they queue for the one commit."""


@dataclass(slots=True)
class Times:
    """What one pass over the dates finds. Entries without a date in our form are passed over: the gate writes one."""

    newest_s: float = float("-inf")  # POSIX seconds
    back: tuple[int, float] | None = None  # the first entry dated too early, and by how many seconds

    def see(self, index: int, header: dict[str, Any]) -> None:
        """The next entry."""
        at_s = _seconds(header.get("wall_time"))
        if at_s is None:
            return
        if self.back is None and at_s < self.newest_s - SLACK_S:
            self.back = (index, self.newest_s - at_s)
        self.newest_s = max(self.newest_s, at_s)


def _seconds(text: object) -> float | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        return None if at is None else at.replace(tzinfo=at.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
