"""Runs in the jail: opens a file with one demuxer and few decoders, and says what its container holds."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, BinaryIO

import av

from vemo_audit.media import headers
from vemo_audit.media.wire import FACTS, Outlet, UnreadableError

DECODERS = (
    "h264,hevc,mpeg4,mjpeg,mpeg1video,mpeg2video,h263,vp8,vp9,libvpx,libvpx-vp9,av1,libdav1d,prores,dnxhd,ffv1,huffyuv,"
    "rawvideo,qtrle,png,webp,msmpeg4v2,msmpeg4v3,aac,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,libopus,vorbis,flac,alac,"
    "pcm_u8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_alaw,pcm_mulaw"
)
"""The decoders that may be opened at all."""
THREADS = 2
"""Of a decoder, each on its own frame: what comes out, and its order, is the same with any number."""


def opened(media: BinaryIO, container: str) -> Any:
    """The file behind one demuxer. No protocol is allowed, so no header can make it open another file or address."""
    demuxer = headers.DEMUXERS[container]
    return av.open(
        media, mode="r", format=demuxer, buffer_size=1 << 16, io_open=_nothing_else,
        container_options={"protocol_whitelist": "none", "format_whitelist": demuxer, "codec_whitelist": DECODERS},
    )  # fmt: skip


def _nothing_else(*_: object, **__: object) -> None:
    raise PermissionError("a header that points to another file")


def picture(streams: Any) -> Any:
    """The first picture stream that is no cover of a sound file; None when there is none."""
    for stream in streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    return None


def decoded(container: Any, stream: Any, reached: dict[int, Fraction]) -> Iterator[Any]:
    """The frames of one stream. Others are read over, not decoded; `reached` notes where each one's packets end."""
    stream.codec_context.thread_count = THREADS
    stream.codec_context.thread_type = "FRAME"
    stream.codec_context.options = {"codec_whitelist": DECODERS}
    for packet in container.demux():
        if packet.is_corrupt:
            raise UnreadableError("a damaged stretch", expected="an intact file", advice="Fetch or encode it again.")
        index = packet.stream.index
        if packet.pts is not None:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            reached[index] = max(end, reached.get(index, end))
        if index == stream.index:
            yield from packet.decode()


def send_facts(media: BinaryIO, job: dict[str, Any], outlet: Outlet) -> None:
    """What the container says; packets may be counted, none is decoded."""
    if job["container"] in headers.STILLS:
        outlet.text(FACTS, _still_facts(media, job["container"]))
        return
    turn = headers.mov_turn(media, job["bytes"]) if job["container"] == "mov" else 0
    media.seek(0)
    with opened(media, job["container"]) as container:
        video_stream, audio_stream = picture(container.streams), next(iter(container.streams.audio), None)
        video, audio = _video_facts(video_stream, turn), _audio_facts(audio_stream)
        if video is None and audio is None:
            raise UnreadableError("neither picture nor sound in the file", expected="at least one of both")
        stated_s = (container.duration or 0) / av.time_base
        read_s = _read_to(container, video_stream, stated=stated_s > 0)
        outlet.text(FACTS, {"duration_s": stated_s if stated_s > 0 else read_s, "video": video, "audio": audio})


def _still_facts(media: BinaryIO, container: str) -> dict[str, Any]:
    still = headers.still_facts(container, media)
    width, height = (still.width, still.height) if still.rotation_deg in (0, 180) else (still.height, still.width)
    video = {
        "width": width, "height": height, "rotation_deg": still.rotation_deg, "rate_hz": None, "frames": 1,
        "codec": container, "pixel_format": "",
    }  # fmt: skip
    return {"duration_s": 0.0, "video": video, "audio": None}


def _video_facts(stream: Any, turn: int) -> dict[str, Any] | None:
    if stream is None:
        return None
    codec = stream.codec_context
    if codec is None or codec.codec.name not in DECODERS.split(","):
        raise UnreadableError(
            f"a picture coded as '{codec.name if codec else 'unknown'}'", expected="a common codec",
            advice="Encode it as H.264.",
        )  # fmt: skip
    width, height = (codec.width, codec.height) if turn in (0, 180) else (codec.height, codec.width)
    rate = stream.average_rate
    return {
        "width": width, "height": height, "rotation_deg": turn, "rate_hz": float(rate) if rate else None,
        "frames": stream.frames or None, "codec": codec.name, "pixel_format": codec.pix_fmt or "",
    }  # fmt: skip


def _audio_facts(stream: Any) -> dict[str, Any] | None:
    """None also for sound that no allowed decoder reads: it is treated as absent, the picture stays usable."""
    if stream is None or stream.codec_context is None or stream.codec_context.codec.name not in DECODERS.split(","):
        return None
    codec = stream.codec_context
    return {"rate_hz": codec.sample_rate, "channels": codec.layout.nb_channels, "codec": codec.name}


def _read_to(container: Any, video: Any, *, stated: bool) -> float:
    """Reads packets to the first picture, or to the end when no duration is stated: seconds from first to last."""
    first, last, seen = None, Fraction(0), video is None
    for packet in container.demux():
        if packet.size and packet.pts is not None:
            seen = seen or packet.stream.index == video.index
            begin = packet.pts * packet.time_base
            first = begin if first is None else min(first, begin)
            last = max(last, begin + (packet.duration or 0) * packet.time_base)
        if stated and seen:
            break
    if not seen:
        raise UnreadableError("a picture track with no frame in it", expected="at least one frame")
    return float(last - first) if first is not None else 0.0
