"""Tests of the header readers, against files of another library and against damage of every length."""

import io

import numpy as np
import pytest

from vemo_audit.media.headers import HeaderError, mov_turn, sniff, still_facts


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "webp-lossless", "webp-alpha"])
def test_sizes_agree_with_pillow(kind):
    from PIL import Image

    rng = np.random.default_rng(5)
    for width, height in ((1, 1), (37, 211), (640, 3)):
        shape = (height, width, 4 if kind == "webp-alpha" else 3)
        stream = io.BytesIO()
        image = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
        image.save(stream, kind.split("-")[0], **({"lossless": True} if kind == "webp-lossless" else {}))
        container = sniff(stream.getvalue()[:64])
        facts = still_facts(container, io.BytesIO(stream.getvalue()))
        assert (container, facts.width, facts.height) == (kind.split("-")[0], width, height)


@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 180), (6, 90), (8, 270)])
def test_exif_orientations(orientation, turn):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.new("RGB", (8, 4)).save(stream, "jpeg", exif=exif)
    assert still_facts("jpeg", io.BytesIO(stream.getvalue())).rotation_deg == turn


def test_a_mirrored_photograph_is_refused_not_shown_wrong():
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 2
    stream = io.BytesIO()
    Image.new("RGB", (8, 4)).save(stream, "jpeg", exif=exif)
    with pytest.raises(HeaderError, match="mirrored"):
        still_facts("jpeg", io.BytesIO(stream.getvalue()))


def test_cut_headers_raise_one_error_only(make_clip):
    from PIL import Image

    for container in ("png", "jpeg", "webp"):
        stream = io.BytesIO()
        Image.new("RGB", (20, 10)).save(stream, container)
        for size in range(min(len(stream.getvalue()), 200)):
            try:
                still_facts(container, io.BytesIO(stream.getvalue()[:size]))
            except HeaderError:
                continue
    whole = make_clip("a.mp4", turn=90).read_bytes()
    assert mov_turn(io.BytesIO(whole), len(whole)) == 90
    for size in range(0, len(whole), 7):
        try:
            mov_turn(io.BytesIO(whole[:size]), size)
        except HeaderError:
            continue


@pytest.mark.parametrize(
    "head", [b"", b"RIFF", b"RIFFxxxxACON", b"#EXTM3U\n#EXT-X", b"ffconcat version 1.0\nfile /etc/passwd", b"GIF89a"]
)
def test_what_is_not_ours_is_none(head):
    assert sniff(head) is None
