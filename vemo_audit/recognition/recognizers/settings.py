"""What our recognizer is built of and how it answers, checked before anything is loaded."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from vemo_audit.errors import BadInput
from vemo_audit.records.digest import sha256_hex


@dataclass(frozen=True, slots=True)
class Settings:
    """What the recognizer is built of and how it answers."""

    face: str = "face-ferplus"
    voice: str = "voice-emodb"
    temporal: str = "temporal-rendered"  # what a window's frames are read by; '' is their mean
    fusion: str = ""  # feature-level fusion that joins the pool, such as 'fusion-paired'; '' is decision level alone
    window_s: float = 1.0
    hop_s: float = 0.25
    voice_window_s: float = 2.0  # around the middle of each window: a voice needs longer than a face
    smoothing_tau_s: float = 0.5  # zero-phase; 0 is none
    least_quality: float = 0.0  # of a face, 0-1
    token_rate_hz: float = 12.5  # faces that count for a window
    unit_rate_hz: float = 25.0  # faces whose action units are followed
    face_reliability: float = 0.75  # UAR of the expert on its held-out data, from its card
    voice_reliability: float = 0.40  # half of the same: ten actors, another language, no surprise
    words_reliability: float = 0.2  # a lexicon's; times the share of the window in which words were said
    transcript: str = ""  # path of an SRT or WebVTT file; '' is none
    language: str = ""  # of the transcript, as 'en'; '' is what the file states
    device: str = "cpu"  # 'cuda', 'mps' or 'auto'; the same answers but for rounding


RANGES: Mapping[str, tuple[float, float]] = {
    "window_s": (0.1, 60.0), "hop_s": (0.02, 60.0), "voice_window_s": (0.1, 60.0), "smoothing_tau_s": (0.0, 60.0),
    "least_quality": (0.0, 1.0), "token_rate_hz": (1.0, 240.0), "unit_rate_hz": (1.0, 240.0),
    "face_reliability": (0.01, 1.0), "voice_reliability": (0.01, 1.0), "words_reliability": (0.01, 1.0),
}  # fmt: skip
"""Least and largest of each number. A reliability of 0 would be an expert that is asked and never heard."""
OF_A_RUN = frozenset(("device", "transcript", "language"))
"""Settings that make no other model: they stand in the trace of a run, not in the digest that a manifest pins."""
WHERE = "options of temporal_multimodal"


def chosen(options: Mapping[str, object]) -> Settings:
    """The settings with these options in place of their defaults.

    Raises BadInput for a name that there is none of, a value of another kind, a number outside its range, and a hop
    longer than the window, by which moments would be passed over.
    """
    known = {one.name: type(one.default) for one in fields(Settings)}
    for name, value in options.items():
        if name not in known:
            raise BadInput(f"the option '{name}'", where=WHERE, expected=f"one of {', '.join(known)}")
        if known[name] is str and not isinstance(value, str | Path):
            raise BadInput(f"{name} = {value!r}", where=WHERE, expected="words")
        if known[name] is float:
            _demand_number(name, value)
    exact = {name: known[name](value) for name, value in options.items()}  # type: ignore[arg-type]
    settings = Settings(**exact)  # type: ignore[arg-type]
    if settings.hop_s > settings.window_s:
        raise BadInput(f"hop_s = {settings.hop_s:g} over window_s = {settings.window_s:g}", where=WHERE,
                       expected="a hop no longer than the window")  # fmt: skip
    return settings


def file_digest(path: str) -> str:
    """SHA-256 of a file that is read beside the clip. Raises BadInput when there is none."""
    try:
        return sha256_hex(Path(path).read_bytes())
    except OSError as error:
        raise BadInput(
            f"no readable transcript: {error.strerror}", where=path, expected="an SRT or WebVTT file"
        ) from error


def _demand_number(name: str, value: object) -> None:
    least, most = RANGES[name]
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not least <= float(value) <= most:  # type: ignore[arg-type]
        raise BadInput(f"{name} = {value!r}", where=WHERE, expected=f"a number from {least:g} to {most:g}")
