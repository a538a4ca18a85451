"""Where a prediction came from: enough to answer 'why this output?' without running the model again."""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from vemo_audit.recognition.perception.people import People
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.prediction import RecognizerCard


def provenance(clip: AdmittedClip, people: People, card: RecognizerCard, settings: Any) -> dict[str, object]:
    """The provenance record of one clip; its digest is the `trace` of every prediction. It holds no float."""
    return {
        "package": version("vemo-audit"), "torch": version("torch"), "device": "cpu",
        "recognizer": card.name, "recognizer_version": card.version, "recognizer_digest": card.digest,
        "settings": {key: str(value) for key, value in asdict(settings).items()},
        "clip_sha256": clip.clip.sha256, "decision": clip.permit.decision_id, "log_index": clip.permit.log_index,
        "purpose": clip.permit.purpose, "modalities": sorted(clip.permit.modalities),
        "frames": people.frames, "end_ms": round(people.end_s * 1000),
        "faces": {person: len(track.time_s) for person, track in people.faces.items()},
        "voice_frames": 0 if people.voice is None else len(people.voice.time_s),
    }  # fmt: skip
