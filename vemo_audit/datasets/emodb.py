"""EmoDB utterances (CC0): acted German speech by ten speakers, as training data for the voice expert.

The shared copy is cut to 2 s and scaled to one peak: neither duration nor loudness means anything.
Source: Burkhardt et al. 2005, doi:10.21437/Interspeech.2005-446.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vemo_audit.datasets.published import read_parquet
from vemo_audit.errors import BadInput
from vemo_audit.records.labels import EKMAN

RATE_HZ = 16_000
DROPPED = "boredom"
"""The one EmoDB class outside the seven. EmoDB has no surprise."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence by one speaker."""

    path: Path
    name: str
    speaker: str
    sex: str  # as documented by the data set
    emotion: str


def utterances(folder: Path) -> Iterator[Utterance]:
    """The utterances of the six classes that EmoDB shares with EKMAN. Raises BadInput when the table is missing."""
    path = folder / "utterances.parquet"
    if not path.is_file():
        raise BadInput("no EmoDB table", where=str(path), expected="utterances.parquet with its folder of FLAC files")
    for row in read_parquet(path, ("file", "utterance", "speaker", "sex", "emotion")).to_pylist():
        if row["emotion"] == DROPPED:
            continue
        if row["emotion"] not in EKMAN.names:
            raise BadInput(f"the emotion '{row['emotion']}'", where=str(path), expected=", ".join(EKMAN.names))
        yield Utterance(folder / row["file"], row["utterance"], row["speaker"], row["sex"], row["emotion"])


def _opened(path: Path) -> Any:
    try:
        return av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise BadInput(f"no readable sound: {error.strerror}", where=str(path), expected="a sound file") from error


def samples(utterance: Utterance) -> NDArray[np.float32]:
    """Mono samples `[M]` in [-1, 1] at 16 kHz. Raises BadInput for anything else, or less than 0.1 s."""
    parts = []
    with _opened(utterance.path) as container:
        try:
            for frame in container.decode(audio=0):
                if frame.sample_rate != RATE_HZ or frame.layout.nb_channels != 1:
                    raise BadInput(
                        f"{frame.layout.nb_channels} channels at {frame.sample_rate} Hz", where=str(utterance.path),
                        expected=f"mono at {RATE_HZ} Hz",
                    )  # fmt: skip
                part = frame.to_ndarray().reshape(-1)
                parts.append(part.astype(np.float32) / (1 if part.dtype.kind == "f" else np.iinfo(part.dtype).max + 1))
        except av.error.InvalidDataError:  # a stray last packet in some files; what came before is whole
            pass
    joined = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if len(joined) < RATE_HZ // 10:
        raise BadInput(f"{len(joined)} samples", where=str(utterance.path), expected="at least 0.1 s of sound")
    return joined
