"""CREMA-D with its media: twelve sentences by 91 actors, with the intended emotion or the crowd's winner as truth.

Source: Cao et al. 2014, doi:10.1109/TAFFC.2014.2336244, and the README, VideoDemographics.csv and tabulatedVotes.csv of
CheyneyComputerScience/CREMA-D: `AudioWAV/*.wav`, `VideoFlash/*.flv`, names ACTOR_SENTENCE_EMOTION_LEVEL. The row names
of tabulatedVotes.csv begin with what raters were given: 1 voice, 2 face, 3 both.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from vemo_audit.datasets import cremad
from vemo_audit.datasets.published_media import Item, PublishedMedia, choice, files_by_stem, folder, matched, table
from vemo_audit.errors import BadInput
from vemo_audit.records.labels import LabelMapping
from vemo_audit.records.subject import SubjectTraits

SENTENCES = "IEO|TIE|IOM|IWW|TAI|MTI|IWL|ITH|DFA|ITS|TSI|WSI"
NAME = re.compile(rf"(\d{{4}})_({SENTENCES})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX?)")
"""One published file has a single X for 'unspecified'."""
EMOTION = MappingProxyType(dict(zip(("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"), cremad.LABELS.names, strict=True)))
LEVEL = MappingProxyType({"LO": "low", "MD": "medium", "HI": "high", "X": "unspecified", "XX": "unspecified"})
MEDIA = MappingProxyType({
    "video": ("VideoFlash", (".mp4", ".mkv", ".webm", ".avi"), "3"), "audio": ("AudioWAV", (".wav",), "1"),
})  # fmt: skip
"""Folder, suffixes, and what raters of the crowd were given. Flash files must be converted."""
VOTES = ("A", "D", "F", "H", "N", "S")
VOTE_TABLES = ("processedResults/tabulatedVotes.csv", "tabulatedVotes.csv")
TO_EKMAN = LabelMapping((
    ("anger", "anger"), ("disgust", "disgust"), ("fear", "fear"), ("happy", "happiness"), ("neutral", "neutral"),
    ("sad", "sadness"),
))  # fmt: skip


class CremaDMedia(PublishedMedia):
    """The clips below `path`. `media`: 'video' or 'audio'; `truth`: 'intended' or 'crowd' (ties are left out).

    `actors` chooses numbers, none of them means all.
    """

    label_set, ekman = cremad.LABELS, TO_EKMAN

    def __init__(
        self, path: Path, *, media: str = "video", truth: str = "intended", actors: Iterable[int] = ()
    ) -> None:
        choice("media", media, tuple(MEDIA))
        choice("truth", truth, ("intended", "crowd"))
        place, suffixes, given = MEDIA[media]
        files = files_by_stem(folder(path / place, holds=f"the clips of CREMA-D in {place}"), (*suffixes, ".flv"))
        if any(file.suffix.lower() == ".flv" for file in files.values()):
            raise BadInput(
                "Flash video, which our walled decoder does not open", where=str(path / place), expected="mp4",
                advice="ffmpeg -i X.flv -c:v libx264 -c:a aac X.mp4 keeps the names; then take the .flv files away.",
            )  # fmt: skip
        self._people = people(path / "VideoDemographics.csv")
        winners = crowd(path, given) if truth == "crowd" else None
        items, undecided, wanted = [], 0, {str(number) for number in actors}
        for stem, file in files.items():
            name = matched(NAME, stem, where=str(path / place), expected="ACTOR_SENTENCE_EMOTION_LEVEL")
            actor, sentence, emotion, level = name.groups()
            if actor not in self._people:
                raise BadInput(f"no row for actor {actor}", where=str(path / "VideoDemographics.csv"), expected="one")
            if wanted and actor not in wanted:
                continue
            label = EMOTION[emotion] if winners is None else winners.get(stem, "")
            if not label:
                undecided += 1
                continue
            conditions = MappingProxyType({"sentence": sentence, "level": LEVEL[level]})
            items.append(Item(stem, file, label, actor, conditions))
        other = ["The clips are acted, in a studio, in twelve sentences of fixed words."]
        if winners is not None:
            other.append(f"{undecided} clips without a single winner of the crowd are left out.")
        basis = "acted intent" if winners is None else "crowd perception, winner of the votes"
        card = replace(cremad.CARD, name="crema-d_media", kind="acted", label_basis=basis, limits=())
        self.settle(card, items, other=other, where=path / place)

    def traits(self) -> Iterable[SubjectTraits]:
        """Sex, race, ethnicity and age band of the actors that are there, as the dataset states them."""
        actors = sorted({item.subject for item in self.items})
        return tuple(SubjectTraits(self.card.name, actor, self._people[actor]) for actor in actors)


def people(path: Path) -> dict[str, MappingProxyType[str, str | None]]:
    """Traits by actor. Raises BadInput for an age that is no number."""
    found = {}
    for actor, age, sex, race, ethnicity in table(path, ("ActorID", "Age", "Sex", "Race", "Ethnicity")):
        if not age.isdecimal():
            raise BadInput(f"the age '{age}' of actor {actor}", where=str(path), expected="years")
        if actor in found:
            raise BadInput(f"actor {actor} twice", where=str(path), expected="one row for each actor")
        found[actor] = MappingProxyType({
            "sex": cremad._stated(sex), "race": cremad._stated(race), "ethnicity": cremad._stated(ethnicity),
            "age": cremad._age_band(int(age)),
        })  # fmt: skip
    return found


def crowd(path: Path, given: str) -> dict[str, str]:
    """The single winner of the votes by clip, '' for a tie, of raters given voice (1), face (2) or both (3)."""
    where = next((path / name for name in VOTE_TABLES if (path / name).is_file()), path / VOTE_TABLES[0])
    winners = {}
    for row, name, *cells in table(where, ("", "fileName", *VOTES)):
        if not row.startswith(given):
            continue
        if not all(cell.isdecimal() for cell in cells):
            raise BadInput(f"votes {', '.join(cells)} on {name}", where=str(where), expected="counts")
        if name in winners:
            raise BadInput(f"votes on {name} twice", where=str(where), expected="one row for each clip and medium")
        votes = [int(cell) for cell in cells]
        single = votes.count(max(votes)) == 1 and max(votes) > 0
        winners[name] = cremad.LABELS.names[votes.index(max(votes))] if single else ""
    return winners
