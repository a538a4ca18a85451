"""Tests of decode: times, turns, colours, sound; nothing opens without the permit; damage is an error, never an end."""

import av
import numpy as np
import pytest

from vemo_audit.errors import EvidenceBroken, MediaError, Refused
from vemo_audit.media import decode, jail
from vemo_audit.media.probe import probe
from vemo_audit.media.source import Source


@pytest.fixture
def opened(monkeypatch):
    """The jobs that jails were started for."""
    jobs, start = [], jail.start
    monkeypatch.setattr(jail, "start", lambda job, *a, **k: jobs.append(job["do"]) or start(job, *a, **k))
    return jobs


def test_times_are_timestamps_also_with_a_variable_rate(make_clip, admit):
    ticks = [0, 24, 30, 90, 300, 301]
    for name in ("a.mp4", "a.mkv"):
        clip = probe(make_clip(name, ticks=ticks))
        admitted, _ = admit(clip)
        times = [frame.time_s for frame in decode.frames(admitted)]
        tolerance = 1e-9 if name == "a.mp4" else 6e-4  # Matroska keeps milliseconds
        assert times == pytest.approx([tick / 600 for tick in ticks], abs=tolerance)


def test_time_starts_with_the_picture_wherever_its_stamps_start(make_clip, admit):
    admitted, _ = admit(probe(make_clip("a.mkv", ticks=range(6000, 6240, 24))))
    assert [f.time_s for f in decode.frames(admitted)][:2] == pytest.approx([0, 0.04], abs=1e-3)


@pytest.mark.parametrize("chunk", [1, 3, 10, 16])
def test_chunks_do_not_change_what_comes_out(make_clip, admit, chunk):
    admitted, guards = admit(probe(make_clip("a.mp4")))
    got = list(decode.frames(admitted, chunk_frames=chunk))
    assert [frame.index for frame in got] == list(range(10))
    assert [int(frame.image[40, 50].mean()) for frame in got] == pytest.approx([40 + 5 * k for k in range(10)], abs=4)
    assert len(guards) == 1 and max(guards[0].chunks) <= chunk and sum(guards[0].chunks) == 10


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_frames_come_upright(make_clip, admit, turn):
    clip = probe(make_clip("a.mp4", turn=turn))
    admitted, _ = admit(clip)
    frame = next(iter(decode.frames(admitted)))
    assert frame.image.shape == (clip.video.height, clip.video.width, 3)
    corners = {"tl": frame.image[5, 5], "tr": frame.image[5, -5], "bl": frame.image[-5, 5], "br": frame.image[-5, -5]}
    reddest = max(corners, key=lambda k: int(corners[k][0]) - int(corners[k][1]))
    assert reddest == {0: "tl", 90: "tr", 180: "br", 270: "bl"}[turn]


@pytest.mark.parametrize(
    ("pixel_format", "size", "name"),
    [
        ("yuv420p", (64, 48), "fast.mp4"), ("yuv444p", (64, 48), "scaled.mp4"),
        ("yuv444p", (63, 47), "odd.mp4"), ("yuv420p10le", (64, 48), "deep.mp4"),
    ],
)  # fmt: skip
def test_colours_agree_whichever_way_they_take(make_clip, admit, pixel_format, size, name):
    admitted, _ = admit(probe(make_clip(name, pixel_format=pixel_format, size=size)))
    frame = next(iter(decode.frames(admitted)))
    assert frame.image[5, 5].astype(int) == pytest.approx([220, 20, 20], abs=12)
    assert frame.image[-5, -5].astype(int) == pytest.approx([40, 40, 40], abs=6)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_still_gives_one_frame_at_zero(tmp_path, admit, suffix):
    from PIL import Image

    path = tmp_path / f"still.{suffix}"
    image = np.full((30, 51, 3), 90, np.uint8)
    Image.fromarray(image).save(path)
    admitted, _ = admit(probe(path))
    (frame,) = decode.frames(admitted)
    assert (frame.index, frame.time_s) == (0, 0.0)
    assert frame.image.astype(int) == pytest.approx(image, abs=3)


def test_exif_turns_a_photograph(tmp_path, admit):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    image = np.zeros((40, 60, 3), np.uint8)
    image[:20, :30] = 255
    Image.fromarray(image).save(path, exif=exif, quality=95)
    clip = probe(path)
    assert (clip.video.width, clip.video.height, clip.video.rotation_deg) == (40, 60, 90)
    admitted, _ = admit(clip)
    (frame,) = decode.frames(admitted)
    assert frame.image.shape == (60, 40, 3) and frame.image[5, -5, 0] > 200 and frame.image[5, 5, 0] < 50


def test_sound_is_mono_at_16_khz(make_clip, admit):
    admitted, guards = admit(probe(make_clip("a.mp4", sound_s=1.0)))
    sound = decode.samples(admitted)
    assert sound.rate_hz == 16000 and sound.mono.dtype == np.float32 and not sound.mono.flags.writeable
    assert len(sound.mono) == pytest.approx(16000, abs=1600) and abs(sound.start_s) < 0.1
    spectrum = np.abs(np.fft.rfft(sound.mono[2000:10000]))
    assert np.argmax(spectrum) * 2 == pytest.approx(440, abs=4)
    assert guards[0].audio == 1 and not guards[0].chunks


@pytest.mark.parametrize("block_s", [0.05, 0.3, 5.0])
def test_sound_in_blocks_is_the_same_sound(make_clip, admit, block_s):
    clip = probe(make_clip("a.mp4", sound_s=1.0))
    admitted, _ = admit(clip)
    whole = decode.samples(admitted)
    blocks = list(decode.sound_blocks(admitted, block_s=block_s))
    assert np.array_equal(np.concatenate([block.mono for block in blocks]), whole.mono)
    assert all(len(block.mono) == round(block_s * 16000) for block in blocks[:-1])
    at = np.cumsum([0, *(len(block.mono) for block in blocks)])[:-1] / 16000
    assert [block.start_s for block in blocks] == pytest.approx(whole.start_s + at)


def test_a_late_sound_says_when_it_starts(make_clip, admit):
    admitted, _ = admit(probe(make_clip("a.mkv", ticks=range(0, 600, 24), sound_s=0.5, sound_start_s=0.4)))
    assert decode.samples(admitted).start_s == pytest.approx(0.4, abs=0.06)


def test_without_sound_or_picture_there_is_a_stated_answer(make_clip, admit, opened):
    silent, guards = admit(probe(make_clip("a.mp4")))
    assert decode.samples(silent) is None and not guards
    blind, guards = admit(probe(make_clip("a.wav", ticks=(), sound_s=0.5, sound_codec="pcm_s16le")))
    assert list(decode.frames(blind)) == [] and not guards
    assert set(opened) == {"facts"}


def _closed_to_what_the_permit_does_not_name(clip, admit, opened):
    voice_only, _ = admit(clip, "voice")
    face_only, _ = admit(clip, "face")
    for ask in (lambda: decode.frames(voice_only), lambda: decode.samples(face_only)):
        try:
            ask()
        except Refused as refusal:
            assert refusal.exit_code == 3 and refusal.rule_id
    assert set(opened) <= {"facts"}, "something was decoded"


def test_a_modality_outside_the_permit_is_never_opened(make_clip, admit, opened):
    _closed_to_what_the_permit_does_not_name(probe(make_clip("a.mp4", sound_s=0.5)), admit, opened)


def test_twin_without_the_check_the_decoder_opens(make_clip, admit, opened, monkeypatch):
    monkeypatch.setattr(decode, "_demand", lambda *a: None)
    monkeypatch.setattr(decode, "_demand_guard", lambda *a: None)
    with pytest.raises(AssertionError, match="something was decoded"):
        _closed_to_what_the_permit_does_not_name(probe(make_clip("a.mp4", sound_s=0.5)), admit, opened)


def _a_swapped_file_is_refused(make_clip, admit):
    clip = probe(make_clip("a.mp4"))
    admitted, guards = admit(clip)
    make_clip("b.mp4", ticks=range(0, 480, 24)).replace(clip.path)
    with pytest.raises(EvidenceBroken, match="SHA-256"):
        list(decode.frames(admitted))
    assert not guards[0].chunks


def test_a_swapped_file_is_refused(make_clip, admit):
    _a_swapped_file_is_refused(make_clip, admit)


def test_twin_without_the_digest_a_swap_goes_unseen(make_clip, admit, monkeypatch):
    monkeypatch.setattr(Source, "demand", lambda *a: None)
    with pytest.raises(BaseException, match="DID NOT RAISE"):
        _a_swapped_file_is_refused(make_clip, admit)


def test_writing_to_the_file_while_it_is_read_is_seen(make_clip, admit):
    clip = probe(make_clip("a.mp4"))
    admitted, _ = admit(clip)
    frames = decode.frames(admitted, chunk_frames=2)
    next(frames)
    with clip.path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(EvidenceBroken, match="written to"):
        list(frames)


@pytest.mark.parametrize("name", ["a.mkv", "a.avi"])
def test_a_file_cut_short_is_an_error_not_an_end(make_clip, admit, name):
    path = make_clip(name, ticks=range(0, 2400, 24), size=(320, 240), codec="mpeg4")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    admitted, _ = admit(probe(path))
    with pytest.raises(MediaError, match=r"cut short|damaged"):
        list(decode.frames(admitted))


def test_a_file_cut_short_with_its_index_in_front_is_an_error(tmp_path, admit):
    path = tmp_path / "front.mp4"
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        rng = np.random.default_rng(0)
        for _ in range(50):
            image = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    admitted, _ = admit(probe(path))
    with pytest.raises(MediaError, match=r"cut short|damaged"):
        list(decode.frames(admitted))


def test_leaving_early_ends_the_jail(make_clip, admit):
    admitted, _ = admit(probe(make_clip("a.mp4", ticks=range(0, 24000, 24))))
    frames = decode.frames(admitted, chunk_frames=1)
    next(frames)
    frames.close()


@pytest.mark.real_data
def test_every_real_clip_decodes_to_its_stated_end(shared_data, admit):
    counts = {}
    for name in ("single_face.mp4", "noface_face.mov", "multi_face.jpg"):
        clip = probe(shared_data / "video" / name)
        admitted, _ = admit(clip)
        times = [frame.time_s for frame in decode.frames(admitted)]
        counts[name] = len(times)
        assert times == sorted(times) and times[0] == 0
    assert counts == {"single_face.mp4": 72, "noface_face.mov": 169, "multi_face.jpg": 1}
