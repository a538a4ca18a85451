"""The closed set of reasons that this package gives for an answer that is not there; all others are a guest's words."""

import re

NOBODY_SEEN = "nobody was seen"
NOBODY_TO_READ = "nobody who may be read was seen"
TOO_POOR = "faces were seen, and none was clear enough to be read"
NOBODY_HEARD = "nobody was heard"
NOTHING_OBSERVED = "nothing observed of this person in this window"
NOTHING_TO_SHOW = "nothing of this clip may be seen or heard by the program"
NO_ROW = "the table has no row for this clip"
NO_FACE = "the table was made from faces, and the permit names neither face nor body"
NO_PICTURE = "the table speaks of frames, and the clip has no picture"
CROWDED = "several faces in this frame, and nothing says whose answer is whose"
NO_RULE = "units only: no rule from action units to classes was chosen (classes = 'emfacs')"
UNIT_MISSING = "a unit that the rule needs is missing"
PYFEAT_NO_FACE = "py-feat found no face in this frame"
DEEPFACE_NO_FACE = "DeepFace found no face in this frame"
OPENFACE_LOST = "OpenFace did not follow the face in this frame"
LIBREFACE_UNNAMED = "LibreFace named no expression in this frame"
ABSTAINED = "the recognizer abstained"
UNSTATED = "abstained"
"""What a table says of an abstention for which it states no reason."""
REDUCED = "output not covered by consent"
"""The gate's own, where the label was not consented to."""
NOT_SHOWN = "no answer (the recognizer's words are not shown: not covered by consent)"
"""The gate's own, in place of words that may say anything."""
REASONS = frozenset({
    NOBODY_SEEN, NOBODY_TO_READ, TOO_POOR, NOBODY_HEARD, NOTHING_OBSERVED, NOTHING_TO_SHOW, NO_ROW, NO_FACE,
    NO_PICTURE, CROWDED, NO_RULE, UNIT_MISSING, PYFEAT_NO_FACE, DEEPFACE_NO_FACE, OPENFACE_LOST, LIBREFACE_UNNAMED,
    ABSTAINED, UNSTATED, REDUCED, NOT_SHOWN,
})  # fmt: skip
"""None of them says anything of what a person showed."""


def dropped(label: str) -> str:
    """The reason where the most probable label of a tool has no place in the mapping; it names that label."""
    return f"the label '{label}' is dropped by the mapping"


def names_label(reason: str) -> bool:
    """Whether a reason is one of `dropped`: it says what was seen, so it needs the label's consent. No digits."""
    return re.fullmatch(re.escape(dropped("?")).replace(r"\?", "[A-Za-z][A-Za-z _/-]{0,39}"), reason) is not None
