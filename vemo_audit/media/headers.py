"""Reads what headers say, without a decoder: the container, the size and turn of a still, the turn of a video."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

HEAD_BYTES = 64
"""How much of a file `sniff` needs."""

DEMUXERS = {
    "mov": "mov", "matroska": "matroska", "avi": "avi", "wav": "wav", "flac": "flac",
    "jpeg": "jpeg_pipe", "png": "png_pipe", "webp": "webp_pipe",
}  # fmt: skip
"""Container -> the one demuxer that may read it."""

STILLS = frozenset({"jpeg", "png", "webp"})
MOV_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
BOX_LIMIT = 10_000
EXIF_TURNS = {1: 0, 3: 180, 6: 90, 8: 270}
"""Exif orientation -> clockwise turn for display. Source: Exif 2.32, tag 0x0112; mirrored ones are left out."""


class HeaderError(Exception):
    """The header contradicts itself; the text says how."""


@dataclass(frozen=True, slots=True)
class StillFacts:
    """Stored size of a still picture, and the clockwise turn that display needs."""

    width: int
    height: int
    rotation_deg: int


def sniff(head: bytes) -> str | None:
    """The container by its first bytes, never by the file's name; None when it is none of ours."""
    if head[4:8] in MOV_BOXES:
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF"):
        return {b"AVI ": "avi", b"WAVE": "wav", b"WEBP": "webp"}.get(head[8:12])
    for magic, container in ((b"fLaC", "flac"), (b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png")):
        if head.startswith(magic):
            return container
    return None


def still_facts(container: str, media: BinaryIO) -> StillFacts:
    """Size and turn of a still picture. Raises HeaderError when the header ends early or makes no sense."""
    try:
        return {"png": _png, "jpeg": _jpeg, "webp": _webp}[container](media)
    except (struct.error, IndexError):
        raise HeaderError("the header ends early") from None


def _png(media: BinaryIO) -> StillFacts:
    kind, width, height = struct.unpack(">4sII", media.read(24)[12:])
    if kind != b"IHDR":
        raise HeaderError("a PNG without its first chunk")
    return StillFacts(width, height, 0)


def _jpeg(media: BinaryIO) -> StillFacts:
    """Walks the segments up to the frame header. Source: ITU-T T.81, annex B."""
    media.read(2)
    turn = 0
    for _ in range(BOX_LIMIT):
        marker, length = struct.unpack(">HH", media.read(4))
        if marker >> 8 != 0xFF or length < 2:
            raise HeaderError("a broken JPEG segment")
        body = media.read(length - 2)
        if marker == 0xFFE1 and body.startswith(b"Exif\0\0"):
            turn = _exif_turn(body[6:])
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            height, width = struct.unpack(">HH", body[1:5])
            return StillFacts(width, height, turn)
    raise HeaderError("a JPEG without a frame")


def _exif_turn(tiff: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 0
    (start,) = struct.unpack(order + "I", tiff[4:8])
    (count,) = struct.unpack(order + "H", tiff[start : start + 2])
    for k in range(min(count, 1000)):
        entry = tiff[start + 2 + 12 * k :][:12]
        tag, _, _, value = struct.unpack(order + "HHIH", entry[:10])
        if tag == 0x0112:
            if value not in EXIF_TURNS:
                raise HeaderError("a mirrored picture")
            return EXIF_TURNS[value]
    return 0


def _webp(media: BinaryIO) -> StillFacts:
    """Source: RFC 9649, sections 2.5 to 2.7."""
    head = media.read(30)
    kind, body = head[12:16], head[20:]
    if kind == b"VP8X":
        return StillFacts(1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little"), 0)
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return StillFacts(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), 0)
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", body[6:10])
        return StillFacts(width & 0x3FFF, height & 0x3FFF, 0)
    raise HeaderError("a WebP without a picture")


def mov_turn(media: BinaryIO, size: int) -> int:
    """Clockwise turn in degrees that the first picture track of a MOV or MP4 asks for.

    Source: ISO/IEC 14496-12, 8.3.2 (tkhd): a matrix of 16.16 fixed-point numbers. Raises HeaderError for any other
    transform than a quarter turn (a mirror, a shear), which we do not apply and must not ignore.
    """
    for start, end in _boxes(media, 0, size, b"moov"):
        for track_start, track_end in _boxes(media, start, end, b"trak"):
            if _handler(media, track_start, track_end) != b"vide":
                continue
            for header_start, _ in _boxes(media, track_start, track_end, b"tkhd"):
                media.seek(header_start)
                header = media.read(92)
                offset = 52 if header[:1] == b"\x01" else 40
                return _turn(header[offset : offset + 20])
    return 0


def _turn(matrix: bytes) -> int:
    if len(matrix) < 20:
        raise HeaderError("a track header that ends early")
    a, b, _, c, d = (round(value / 65536) for value in struct.unpack(">5i", matrix))
    turns = {(1, 0, 0, 1): 0, (0, 1, -1, 0): 90, (-1, 0, 0, -1): 180, (0, -1, 1, 0): 270}
    if (a, b, c, d) not in turns:
        raise HeaderError("a picture that is to be mirrored or sheared")
    return turns[(a, b, c, d)]


def _handler(media: BinaryIO, start: int, end: int) -> bytes:
    for media_start, media_end in _boxes(media, start, end, b"mdia"):
        for handler_start, _ in _boxes(media, media_start, media_end, b"hdlr"):
            media.seek(handler_start + 8)
            return media.read(4)
    return b""


def _boxes(media: BinaryIO, start: int, end: int, wanted: bytes) -> list[tuple[int, int]]:
    """The bodies of all boxes of one kind between two offsets."""
    found = []
    for _ in range(BOX_LIMIT):
        media.seek(start)
        head = media.read(16)
        if start + 8 > end or len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head[:8])
        body = start + 8
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack(">Q", head[8:])
            body = start + 16
        length = end - start if length == 0 else length
        if start + length < body:
            break
        if kind == wanted:
            found.append((body, min(start + length, end)))
        start += length
    return found
