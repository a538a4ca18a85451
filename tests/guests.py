"""Recognizers of other people, for tests: a program, an endpoint and classes, honest and dishonest."""

import base64
import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vemo_audit.media import decode
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span

PROGRAM = """
import csv, sys
import av, numpy as np
levels = [f.to_ndarray(format="gray") for f in av.open(sys.argv[1]).decode(video=0)]
level = float(np.mean(levels)) / 255
names = "anger disgust fear happiness sadness surprise neutral".split()
with open(sys.argv[2], "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["clip", "person", "start_s", "end_s", *("p_" + name for name in names)])
    writer.writerow(["clip", "1", 0, len(levels) / 10, level, 0, 0, 1 - level, 0, 0, 0])
"""


def program(folder: Path, text: str = PROGRAM) -> list[str]:
    """The argv of a program that reads a video and writes a table of our own layout."""
    script = folder / "guest.py"
    script.write_text(text)
    return [sys.executable, str(script), "{clip}", "{out}"]


def reply(message: dict[str, Any]) -> dict[str, Any]:
    """An answer for each posted face, from the mean level of the whole picture."""
    answers = []
    for frame in message["frames"]:
        image = cv2.imdecode(np.frombuffer(base64.b64decode(frame["png"]), np.uint8), cv2.IMREAD_GRAYSCALE)
        level = float(image.mean()) / 255
        shares = dict.fromkeys(message["labels"], 0.0) | {"anger": level, "happiness": 1 - level}
        answers += [
            {"index": frame["index"], "person": face["person"], "probability": shares} for face in frame["faces"]
        ]
    return {"schema": message["schema"], "answers": answers}


class Honest(BaseHTTPRequestHandler):
    """Answers every POST as the schema asks."""

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.say(200, json.dumps(reply(message)).encode())

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class Foreign:
    """A class of somebody else's: it needs the records only."""

    card = RecognizerCard("foreign", "1", EKMAN, ("face",), "whole clip", "none", "CC0", "")

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        """The mean level of what the guard let through, as a probability."""
        whole = Span(0.0, clip.clip.duration_s or 0.04)
        frames = list(decode.frames(clip)) if clip.permit.modalities & {"face", "body"} else []
        people = sorted({face.track for frame in frames for face in frame.faces})
        if not people:
            yield Prediction(clip.clip.name, "", whole, None, reason="nobody was seen")
        for person in people:
            yield Prediction(clip.clip.name, str(person), whole, self.of(np.stack([f.image for f in frames])))

    def of(self, images: np.ndarray) -> np.ndarray:
        shares = np.zeros(len(EKMAN), np.float32)
        shares[0] = images.mean() / 255
        shares[1] = 1 - shares[0]
        return shares


class Peeping(Foreign):
    """A dishonest one: it opens the file itself, so it sees who was covered."""

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        with av.open(str(clip.clip.path)) as container:
            images = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
        yield Prediction(clip.clip.name, "1", Span(0.0, 1.0), self.of(images))


class Moody(Foreign):
    """Another dishonest one: it says something else each time."""

    def __init__(self) -> None:
        self.times = 0

    def of(self, images: np.ndarray) -> np.ndarray:
        self.times += 1
        return super().of(images // self.times)
