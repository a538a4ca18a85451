"""Time as a currency: all arithmetic between seconds, windows and frames is here."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from vemo_audit.errors import BadInput


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open stretch of time [start_s, end_s), in seconds from the start of a clip."""

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s < self.end_s):
            raise BadInput(f"a span from {self.start_s} to {self.end_s} s", expected="finite times, start before end")

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    def overlap_s(self, other: "Span") -> float:
        """Seconds that both share; 0 when they do not touch."""
        return max(0.0, min(self.end_s, other.end_s) - max(self.start_s, other.start_s))


@dataclass(frozen=True, slots=True)
class WindowGrid:
    """Windows of `window_s` every `hop_s`, anchored at 0, so that cutting a video elsewhere does not move them."""

    window_s: float = 2.0
    hop_s: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.hop_s <= self.window_s:
            raise BadInput(f"windows of {self.window_s} s every {self.hop_s} s", expected="0 < hop_s <= window_s")

    def windows(self, end_s: float) -> Iterator[Span]:
        """The windows that begin before `end_s`; the last one is cut at `end_s`.

        A window that lies wholly inside its predecessor (the tail of a clip) is left out.
        """
        k = 0
        while True:
            start_s = k * self.hop_s
            if start_s >= end_s or (k > 0 and start_s - self.hop_s + self.window_s >= end_s):
                return
            yield Span(start_s, min(start_s + self.window_s, end_s))
            k += 1
