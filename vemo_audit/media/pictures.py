"""Runs in the jail: decodes the picture stream into upright RGB frames with their presentation times."""

from fractions import Fraction
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from vemo_audit.media.contents import decoded, opened, picture
from vemo_audit.media.wire import Outlet, UnreadableError

BT601 = frozenset({2, 5, 6})
"""Colour matrices that are BT.601, or unstated and then taken as it. Source: ITU-T H.273, table 4."""
LIMITED = frozenset({0, 1})
"""Colour ranges that are limited, or unstated and then taken as it."""
EARLY_S = 0.1
"""How long before its stated end a stream may end, or three of its frames if they last longer."""
LATE_S = 1.0
"""How far beyond the stated end of the clip a frame may lie."""

cv2.setNumThreads(1)


def send_frames(media: BinaryIO, job: dict[str, Any], outlet: Outlet) -> None:
    """Every frame in order of presentation, as RGB after rotation, with its time from the start of the clip."""
    with opened(media, job["container"]) as container:
        stream = picture(container.streams)
        reached: dict[int, Fraction] = {}
        zero = None if stream.start_time is None else stream.start_time * stream.time_base
        last_s, end_s, step_s, sent = 0.0, 0.0, 0.0, 0
        for frame in decoded(container, stream, reached):
            if frame.pts is None:
                raise UnreadableError("a frame without a time", expected="a presentation time for each frame")
            zero = frame.pts * frame.time_base if zero is None else zero
            time_s = 0.0 if job["still"] else float(frame.pts * frame.time_base - zero)
            if sent and time_s < last_s:
                raise UnreadableError("frames whose times run backwards", expected="presentation times in order")
            if time_s > job["duration_s"] + LATE_S:
                raise UnreadableError(
                    f"a frame at {time_s:.1f} s", expected=f"none after the stated {job['duration_s']:.1f} s"
                )
            step_s = float(frame.duration * frame.time_base) if frame.duration else time_s - last_s
            last_s, end_s, sent = time_s, time_s + step_s, sent + 1
            outlet.frame(time_s, upright(frame, job))
            if job["still"]:
                return
        if not sent:
            raise UnreadableError("no frame could be decoded", expected="at least one frame")
        _demand_the_end(container, stream, end_s, step_s, reached)


def _demand_the_end(container: Any, stream: Any, end_s: float, step_s: float, reached: dict[int, Fraction]) -> None:
    """A stream that stops early is damaged, or its decoder ran out of memory: never a normal end."""
    if stream.duration:
        stated_s = float(stream.duration * stream.time_base)
    else:  # Matroska states one duration for all its streams, counted from time 0, not from the first frame
        stated_s = (container.duration or 0) / 1e6
        end_s = max(end_s, float(max(reached.values())))
    if end_s < stated_s - max(EARLY_S, 3 * step_s):
        raise UnreadableError(
            f"the file ends after {end_s:.2f} s", expected=f"{stated_s:.2f} s as its header states",
            advice="It is cut short; fetch it again.",
        )  # fmt: skip


def upright(frame: Any, job: dict[str, Any]) -> tuple[NDArray[np.uint8], ...]:
    """The frame as RGB [H, W, 3], turned as the header said. Raises UnreadableError for another size or turn.

    Eight-bit BT.601 takes the short way, within 6 of 255 of the scaler; when it needs no turn it stays in the three
    planes of the decoder, which the owner turns into RGB: half the bytes cross, and two processes share the work.
    """
    turn = job["rotation_deg"]
    if frame.rotation and (frame.rotation + turn) % 360:
        raise UnreadableError(f"a frame turned by {frame.rotation} degrees", expected=f"{turn} as in the header")
    if frame.is_corrupt:
        raise UnreadableError("a damaged frame", expected="an intact file", advice="Fetch or encode it again.")
    fast = frame.format.name == "yuv420p" and frame.colorspace in BT601 and frame.color_range in LIMITED
    if fast and frame.width % 2 == 0 and frame.height % 2 == 0:
        if not turn and (frame.height, frame.width) == (job["height"], job["width"]):
            return _planes(frame)
        image = cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2RGB_I420)
    else:
        image = frame.to_ndarray(format="rgb24")
    image = np.ascontiguousarray(np.rot90(image, k=-turn // 90) if turn else image)
    if image.shape != (job["height"], job["width"], 3):
        raise UnreadableError(
            f"a frame of {image.shape[1]} x {image.shape[0]} pixels",
            expected=f"{job['width']} x {job['height']} throughout",
        )
    return (image,)


def _planes(frame: Any) -> tuple[NDArray[np.uint8], ...]:
    """The planes Y, U and V [h, w] where the decoder has them, without their padding and without a copy."""
    found = []
    for plane in frame.planes:
        rows: NDArray[np.uint8] = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        found.append(rows[:, : plane.width])
    return tuple(found)
