"""Runs in the jail: decodes the sound stream into mono samples at one rate, gaps kept as digital silence."""

from fractions import Fraction
from typing import Any, BinaryIO

import av
import numpy as np

from vemo_audit.media.contents import decoded, opened, picture
from vemo_audit.media.wire import FACTS, Outlet, UnreadableError

GAP_S = Fraction(3, 100)
"""A hole in the timestamps longer than this is filled with zeros; shorter ones are rounding."""
EARLY_S = 0.25
"""How long before its stated end a sound may end: encoders pad and trim by about one block at each end."""


def send_sound(media: BinaryIO, job: dict[str, Any], outlet: Outlet) -> None:
    """The first sound track, mono, at `rate_hz`, and when it starts beside the picture (else beside itself)."""
    rate_hz = job["rate_hz"]
    with opened(media, job["container"]) as container:
        audio = container.streams.audio[0]
        anchor = picture(container.streams) or audio
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate_hz)
        sent, start = 0, None
        for frame in decoded(container, audio, {}):
            begin = None if frame.pts is None else frame.pts * frame.time_base
            if start is None:
                start = begin or Fraction(0)
                zero = (anchor.start_time or 0) * anchor.time_base
                outlet.text(FACTS, {"start_s": float(start - zero)})
            missing = 0 if begin is None else int((begin - start - Fraction(sent, rate_hz) - GAP_S) * rate_hz)
            if missing > 0:
                sent += _send(outlet, np.zeros(int(missing + GAP_S * rate_hz), np.float32))
            sent += sum(_send(outlet, part.to_ndarray()[0]) for part in resampler.resample(frame))
        sent += sum(_send(outlet, part.to_ndarray()[0]) for part in resampler.resample(None))
        if not sent:
            raise UnreadableError("a sound track with no sample in it", expected="at least one sample")
        stated_s = float(audio.duration * audio.time_base) if audio.duration else 0.0
        if sent / rate_hz < stated_s - EARLY_S:
            raise UnreadableError(
                f"the sound ends after {sent / rate_hz:.2f} s", expected=f"{stated_s:.2f} s as its header states",
                advice="The file is cut short; fetch it again.",
            )  # fmt: skip


def _send(outlet: Outlet, samples: np.ndarray) -> int:
    if samples.size:
        outlet.sound(np.ascontiguousarray(samples, dtype=np.float32))
    return int(samples.size)
