"""Whose voice a window holds: with strangers covered in the picture it is nobody's."""

from pathlib import Path

import numpy as np
import open_door
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.recognizers import opinions
from vemo_audit.recognition.recognizers.opinions import Loudness, owners
from vemo_audit.recognition.recognizers.timeline import Track
from vemo_audit.records.span import Span

SPANS = [Span(0.25 * k, 0.25 * k + 1) for k in range(60)]
"""Middles from 0.5 to 15.25 s."""


class Sound(Loudness):
    """Loudness that rises and falls twice a second."""

    def between(self, start_s, end_s):
        time_s = np.arange(round(start_s * 100), round(end_s * 100)) / 100
        return time_s, np.sin(4 * np.pi * time_s).astype(np.float32)


def speaking(moves: bool) -> Track:
    """A mouth that opens with the sound, or never."""
    track = Track()
    for time_s in np.arange(0, 16, 0.04):
        track.mouth_s.append(float(time_s))
        speed = np.sin(4 * np.pi * time_s) + 1
        track.mouth.append((track.mouth[-1] + 0.04 * speed if track.mouth else 0.0) if moves else 0.0)
    return track


def test_one_person_alone_in_the_picture_is_the_speaker() -> None:
    assert owners({"1": speaking(False)}, SPANS, Sound()) == ["1"] * len(SPANS)


def test_of_two_the_one_whose_mouth_moves_with_the_sound_speaks() -> None:
    assert set(owners({"1": speaking(False), "2": speaking(True)}, SPANS, Sound())) == {"2"}


def test_while_a_stranger_is_covered_the_voice_is_nobodys() -> None:
    """Covered from 6 to 7 s: windows whose middle lies within two seconds of that are nobody's, the others are not."""
    covered_s = np.arange(6, 7, 0.04)
    for tracks in ({"1": speaking(True)}, {"1": speaking(True), "2": speaking(False)}):
        found = owners(tracks, SPANS, Sound(), strangers_s=covered_s)
        middle_s = np.array([(span.start_s + span.end_s) / 2 for span in SPANS])
        near = (middle_s + 2 > 6) & (middle_s - 2 <= covered_s[-1])
        assert [owner is None for owner in found] == near.tolist() and near.any() and not near.all()


def test_twin_that_looks_at_a_moment_alone_gives_a_strangers_voice_away(monkeypatch) -> None:
    monkeypatch.setattr(opinions, "OWNER_S", 0.01)
    assert None not in owners({"1": speaking(True)}, SPANS[:20], Sound(), strangers_s=[5.43])
    monkeypatch.undo()
    assert None in owners({"1": speaking(True)}, SPANS[:20], Sound(), strangers_s=[5.43])


def test_a_transcript_of_another_clip_is_told_and_not_left_out_in_silence(tmp_path: Path) -> None:
    clip = open_door.admit(open_door.film(tmp_path / "film.mp4"), "face", "voice")
    path = tmp_path / "words.srt"
    asked = {"language": "en", "reliability": 0.5}
    path.write_text("1\n00:00:00,100 --> 00:00:00,900\nI am so happy\n\n2\n01:00:00,000 --> 01:00:01,000\nlater\n")
    (found,) = opinions.words(clip, str(path), [Span(0, 1)], **asked)
    assert found is not None
    path.write_text("1\n01:00:00,000 --> 01:00:01,000\nI am so happy\n")
    with pytest.raises(BadInput, match=r"words from 3600 s on.*1\.00 s of the clip"):
        opinions.words(clip, str(path), [Span(0, 1)], **asked)
    assert opinions.words(clip, "", [Span(0, 1)], **asked) == [None]
