"""The truth beside rendered clips: one row for each frame and one for each clip, as Parquet."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vemo_audit.errors import BadInput
from vemo_audit.probe.expression import AUS, Performance
from vemo_audit.probe.identity import Identity
from vemo_audit.probe.render import FrameTruth

CLIPS, FRAMES = "clips.parquet", "frames.parquet"
LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
"""As seen in the picture."""


@dataclass(frozen=True, slots=True)
class ClipTruth:
    """What was rendered in one clip."""

    clip: str
    file: str  # name of the media file in the folder
    subject: str
    label: str
    intensity: float
    onset_s: float
    apex_s: float
    offset_s: float  # may lie after the end
    frames: int
    rate_hz: float
    width: int
    height: int
    identity_digest: str
    performance_digest: str
    scene_digest: str
    rig_digest: str
    render_path: str
    age: str
    sex: str
    morph: str
    skin: str
    monk_tone: int
    seed: int


def clip_truth(
    clip: str, subject: str, *, performance: Performance, identity: Identity, traits: dict[str, str], **rest: Any
) -> ClipTruth:
    """The row of a clip; `rest` holds file, frames, rate, size, the other digests, path and seed."""
    return ClipTruth(
        clip=clip, subject=subject, label=performance.label, intensity=performance.intensity,
        onset_s=performance.onset_s, apex_s=performance.apex_s, offset_s=performance.offset_s,
        identity_digest=identity.digest, performance_digest=performance.digest, monk_tone=identity.skin,
        **traits, **rest,
    )  # fmt: skip


def frame_row(clip: str, frame: int, truth: FrameTruth, *, unit_names: tuple[str, ...]) -> dict[str, Any]:
    """One row of the frame table."""
    row: dict[str, Any] = {"clip": clip, "frame": frame, "time_s": truth.time_s}
    row |= {f"unit_{name}": float(w) for name, w in zip(unit_names, truth.weights, strict=True)}
    row |= {f"au{au:02d}_estimate": float(v) for au, v in zip(AUS, truth.aus, strict=True)}
    row |= {f"{name}_deg": float(v) for name, v in zip(("yaw", "pitch", "roll"), truth.head_deg, strict=True)}
    for kind, box in (("skin", truth.skin_box), ("face", truth.face_box)):
        row |= {f"{kind}_{side}": v for side, v in zip(("x0", "y0", "x1", "y1"), box, strict=True)}
    for name, (x, y) in zip(LANDMARKS, truth.landmarks, strict=True):
        row |= {f"{name}_x": float(x), f"{name}_y": float(y)}
    return row | {"ita_albedo_deg": truth.ita_albedo_deg, "ita_rendered_deg": truth.ita_rendered_deg}


def write(folder: Path, clips: Iterable[ClipTruth], frames: Iterable[dict[str, Any]]) -> None:
    """Writes both tables into the folder; each appears whole or not at all."""
    for name, rows in ((CLIPS, [asdict(clip) for clip in clips]), (FRAMES, list(frames))):
        part = folder / f".{name}.part"
        pq.write_table(pa.Table.from_pylist(rows), part)
        part.replace(folder / name)


def read_clips(folder: Path) -> tuple[ClipTruth, ...]:
    """The clip table of a folder. Raises BadInput when it is missing or is not one."""
    path = folder / CLIPS
    if not path.is_file():
        raise BadInput(
            "no table of rendered clips", where=str(path), expected=f"a folder that holds {CLIPS}",
            advice="Render the probe first.",
        )  # fmt: skip
    try:
        return tuple(ClipTruth(**row) for row in pq.read_table(path).to_pylist())
    except (TypeError, pa.ArrowInvalid) as error:
        raise BadInput(f"not a table of rendered clips ({error})", where=str(path)) from None
