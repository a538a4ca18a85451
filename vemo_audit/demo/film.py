"""Renders the cast of the demo into video files with their truth; an unchanged film is kept."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vemo_audit.media.encode import VideoWriter
from vemo_audit.probe import rig, truth
from vemo_audit.probe.cast import Player
from vemo_audit.probe.dataset import Shoot, shoot
from vemo_audit.records.digest import digest

Listener = Callable[[str, int, int], None]
SLATE = "film.json"
"""Names what a folder of clips was made from, and is written last: without it the film is unfinished."""


def film(folder: Path, players: tuple[Player, ...], settings: Shoot, *, listener: Listener) -> None:
    """Clips and truth in `folder`, one clip for each player and class. Takes nothing when they are there already."""
    total = len(players) * len(settings.classes) * settings.takes
    slate = written_on(players, settings)
    if (folder / SLATE).is_file() and (folder / SLATE).read_text() == slate:
        listener("rendering people (kept from before)", total, total)
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    clips: list[truth.ClipTruth] = []
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(os.cpu_count()) as crew:  # the compiled renderer runs beside itself
        takes = [
            (clip.truth, crew.submit(write, folder / clip.truth.file, clip.name, clip.frames, settings))
            for clip in shoot(players, settings)
        ]
        for done, (told, take) in enumerate(takes):
            listener("rendering people", done, total)
            rows += take.result()
            clips.append(told)
    truth.write(folder, clips, rows)
    (folder / SLATE).write_text(slate)
    listener("rendering people", total, total)


def write(
    path: Path, name: str, frames: Iterator[tuple[NDArray[np.uint8], Any]], settings: Shoot
) -> list[dict[str, Any]]:
    """One clip as a video file; returns its truth, frame by frame."""
    side, rows = settings.side_px, []
    with VideoWriter(path, width=side, height=side, rate_hz=settings.rate_hz) as video:
        for k, (image, seen) in enumerate(frames):
            video.write(image, k / settings.rate_hz)
            rows.append(truth.frame_row(name, k, seen, unit_names=rig.load().unit_names))
    return rows


def written_on(players: tuple[Player, ...], settings: Shoot) -> str:
    """The slate: what the clips depend on."""
    cast = {player.subject: player.identity.digest for player in players}
    told = {key: str(value) for key, value in asdict(settings).items()}
    return json.dumps({"cast": cast, "shoot": told, "digest": digest([cast, told, rig.load().digest])}, indent=1)
