"""Where a prediction came from: enough to answer 'why this output?' without running the model again."""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from vemo_audit.recognition.perception.people import Listening
from vemo_audit.recognition.recognizers.timeline import Timeline
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.prediction import RecognizerCard


def provenance(
    clip: AdmittedClip, seen: Timeline, heard: Listening, card: RecognizerCard, settings: Any, *, end_s: float
) -> dict[str, object]:
    """The provenance record of one clip; its digest is the `trace` of every prediction. It holds no float."""
    return {
        "package": version("vemo-audit"), "torch": version("torch"), "device": settings.device,
        "recognizer": card.name, "recognizer_version": card.version, "recognizer_digest": card.digest,
        "settings": {key: str(value) for key, value in asdict(settings).items() if key != "transcript"},
        "clip_sha256": clip.clip.sha256, "decision": clip.permit.decision_id, "log_index": clip.permit.log_index,
        "purpose": clip.permit.purpose, "modalities": sorted(clip.permit.modalities),
        "frames": seen.frames, "end_ms": round(end_s * 1000),
        "faces": {person: track.count for person, track in seen.tracks.items()}, "voice_frames": heard.frames,
    }  # fmt: skip
