"""Tiny fabricated trees in the published layouts: the files are there in name, their content is up to the test."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

Fill = Callable[[Path], None]


def stub(path: Path) -> None:
    path.write_bytes(b"stub")


def put(path: Path, fill: Fill) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fill(path)


def text(path: Path, words: str) -> None:
    put(path, lambda file: file.write_text(words, encoding="utf-8"))


def dfew(root: Path, fill: Fill = stub, *, train: int = 3, test: int = 2) -> Path:
    rows = [(k, 1 + (k - 1) % 7) for k in range(1, train + test + 1)]
    for number, _ in rows:
        put(root / "Clip/original" / f"{number}.mp4", fill)
    for part, chosen in (("train", rows[:train]), ("test", rows[train:])):
        lines = "video_name,label\n" + "".join(f"{number},{label}\n" for number, label in chosen)
        text(root / f"EmoLabel_DataSplit/{part}(single-labeled)/set_1.csv", lines)
    return root


def mafw(root: Path, fill: Fill = stub) -> Path:
    labels = ("anger", "disgust", "fear", "happiness", "neutral", "contempt")
    for number in range(1, 7):
        put(root / "data/clips" / f"{number:05d}.mp4", fill)
    lines = [f"{number:05d}.mp4 {label}\n" for number, label in enumerate(labels, start=1)]
    base = root / "Train & Test Set/single/no_caption/set_1"
    text(base / "train.txt", "".join(lines[:3]))
    text(base / "test.txt", "".join(lines[3:]))
    return root


def cremad(root: Path, fill: Fill = stub, *, suffix: str = ".mp4", folder: str = "VideoFlash") -> Path:
    names = [f"{actor}_IEO_{emotion}_XX" for actor in (1001, 1002, 1003, 1004) for emotion in ("HAP", "SAD", "ANG")]
    for name in names:
        put(root / folder / f"{name}{suffix}", fill)
    traits = ('1001,51,"Male","Caucasian","Not Hispanic"', '1002,21,"Female","Asian","Not Hispanic"',
              '1003,30,"Female","Unknown","Hispanic"', '1004,42,"Male","Caucasian","Not Hispanic"')  # fmt: skip
    text(root / "VideoDemographics.csv", "\n".join(('"ActorID","Age","Sex","Race","Ethnicity"', *traits)))
    votes = '"","A","D","F","H","N","S","fileName"\n'
    for k, name in enumerate(names):
        winner = {"HAP": "0,0,0,9,1,0", "SAD": "0,0,0,0,5,5", "ANG": "7,1,0,0,2,0"}[name[9:12]]
        votes += f'"30000{k}",{winner},"{name}"\n"10000{k}",0,0,9,0,0,0,"{name}"\n'
    text(root / "processedResults/tabulatedVotes.csv", votes)
    return root


def ravdess(root: Path, fill: Fill = stub, *, kind: str = "01", suffix: str = ".mp4", actors: int = 4) -> Path:
    for actor in range(1, actors + 1):
        for emotion in (1, 2, 3, 5):
            put(root / f"Actor_{actor:02d}" / f"{kind}-01-{emotion:02d}-01-01-01-{actor:02d}{suffix}", fill)
    return root


def rafdb(root: Path, fill: Fill = stub, *, train: int = 4, test: int = 2) -> Path:
    lines = []
    for part, count in (("train", train), ("test", test)):
        for number in range(1, count + 1):
            name = f"{part}_{number:05d}"
            put(root / "basic/Image/aligned" / f"{name}_aligned.jpg", fill)
            text(root / "basic/Annotation/manual" / f"{name}_manu_attri.txt", "1 2\n" * 5 + "1\n2\n3\n")
            lines.append(f"{name}.jpg {1 + (number - 1) % 7}\n")
    text(root / "basic/EmoLabel/list_patition_label.txt", "".join(lines))
    return root


def affectnet(root: Path, fill: Fill = stub, *, train: int = 4, val: int = 3) -> Path:
    for part, count in (("train", train), ("val", val)):
        for number in range(count):
            put(root / f"{part}_set/images/{number}.jpg", fill)
            notes = root / f"{part}_set/annotations"
            notes.mkdir(parents=True, exist_ok=True)
            np.save(notes / f"{number}_exp.npy", np.array(str(number)))  # published as text
            np.save(notes / f"{number}_val.npy", np.array(-2.0 if number == 1 else 0.5))
            np.save(notes / f"{number}_aro.npy", np.array("0.25"))
    return root
