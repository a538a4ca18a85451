"""Something that began, peaked and ended in one person's track: a unit's movement, a nod, a sustained state."""

import math
from dataclasses import dataclass

from vemo_audit.errors import BadInput


@dataclass(frozen=True, slots=True)
class Event:
    """One movement or state. Times are seconds from the start of the clip; NaN is "not measured".

    At least one time is known: what was cut off by a gap has no onset or no offset, and none is made up.
    """

    kind: str  # 'au12', 'nod', 'shake', 'tilt', 'gesture', 'sustained happiness', 'frustration build-up', ...
    onset_s: float
    apex_s: float
    offset_s: float
    peak: float  # height above the baseline, in the unit of what was followed
    area: float = math.nan  # under the curve above the baseline, unit x seconds
    rise_per_s: float = math.nan  # mean speed from onset to apex
    fall_per_s: float = math.nan
    asymmetry: float = math.nan  # (left - right) / (left + right) at the apex, where both sides are followed

    def __post_init__(self) -> None:
        known = [time for time in (self.onset_s, self.apex_s, self.offset_s) if not math.isnan(time)]
        if not known or known != sorted(known):
            raise BadInput(
                f"{self.kind} from {self.onset_s} over {self.apex_s} to {self.offset_s} s",
                expected="at least one time, in order",
            )
