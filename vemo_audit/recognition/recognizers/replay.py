"""Answers from a table that somebody's recognizer made before: nothing is computed, and no picture is looked at."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, ClassVar

import numpy as np

from vemo_audit.errors import BadInput
from vemo_audit.media import decode
from vemo_audit.recognition.recognizers.layouts import known
from vemo_audit.recognition.recognizers.layouts.clips import add_rows, files_of, limits_of, read_all
from vemo_audit.recognition.recognizers.layouts.known import OWN, Choice
from vemo_audit.recognition.recognizers.layouts.rows import Rows
from vemo_audit.recognition.recognizers.windows import STILL_S, Averages, Windowing, late_s
from vemo_audit.records import reasons
from vemo_audit.records.clip import AdmittedClip
from vemo_audit.records.digest import digest, sha256_hex
from vemo_audit.records.labels import LabelMapping
from vemo_audit.records.prediction import Prediction, RecognizerCard
from vemo_audit.records.span import Span
from vemo_audit.tables.read import named_numbers, read_predictions
from vemo_audit.tables.schema import AFFECT

TIMES = ("rate", "pts")


class Replay:
    """A table behind the seam: our own prediction table, or one of py-feat, OpenFace 2, LibreFace or DeepFace.

    A clip is looked up by its name, with or without suffix. In the layouts of others, which speak of frames, `table`
    may be a folder of files, one for each clip. Options for those layouts: `layout` ('auto', or whose table it must
    be), `classes` ('emfacs' turns units into classes by a stated rule; 'none'), `mapping` and `drop` (labels of the
    tool), `window_s` and `hop_s` (0: one answer for the whole clip), and where the table does not state times,
    `rate_hz` (0: as the clip states it) or `times = "pts"` (each frame's own, read from the clip).

    Raises BadInput, naming row and column, when the table is none of these.
    """

    PATHS: ClassVar[tuple[str, ...]] = ("table",)
    card: RecognizerCard

    def __init__(
        self, table: str | Path, *, name: str = "", version: str = "", licence: str = "unknown", layout: str = "auto",
        classes: str = "none", mapping: Mapping[str, str] | None = None, drop: Sequence[str] = (),
        window_s: float = 0.0, hop_s: float = 0.0, rate_hz: float = 0.0, times: str = "rate",
    ) -> None:  # fmt: skip
        self.path = Path(table)
        if times not in TIMES or not 0 <= rate_hz < 10_000:
            raise BadInput(f"times '{times}' at {rate_hz} Hz", expected=f"{' or '.join(TIMES)}, and 0 or a rate")
        renamed = LabelMapping(tuple((mapping or {}).items()), tuple(drop)) if mapping or drop else None
        choice, files = Choice(layout, classes, renamed), files_of(self.path)
        self._windowing, self._rate_hz, self._times = Windowing(window_s, hop_s), rate_hz, times
        self._foreign: tuple[Rows, ...] = ()
        if not self.path.is_dir() and known.layout_of(files[0], layout) == OWN:
            if choice != Choice(layout) or window_s or rate_hz:
                raise BadInput("options for the tables of others", where=str(self.path), expected="a foreign layout")
            self._table = read_predictions(self.path)
            self._named = named_numbers(self._table)
            told, labels, limits = self._table.metadata, self._table.labels, ()
            shown = (name or told.get("recognizer", self.path.stem), version or told.get("recognizer_version", ""))
            made = sha256_hex(self.path.read_bytes())
        else:
            self._foreign, labels = read_all(files, choice)
            limits = limits_of(self._foreign)
            shown = (name or known.layout_of(files[0], layout), version)
            options = {
                "layout": layout, "classes": classes, "mapping": dict(mapping or {}), "drop": list(drop),
                "window_s": str(window_s), "hop_s": str(hop_s), "rate_hz": str(rate_hz), "times": times,
            }  # fmt: skip
            made = digest({"files": [sha256_hex(file.read_bytes()) for file in files], "options": options})
        self.card = RecognizerCard(
            *shown, labels, ("face",) if self._foreign else (),
            self._windowing.words if self._foreign else "as in the table", "not stated by the table", licence, made,
            ("Answers were made elsewhere; only the table was seen.", *limits),
        )  # fmt: skip

    def recognize(self, clip: AdmittedClip) -> Iterator[Prediction]:
        """The table's answers for this clip in their order; one that says so when there are none."""
        names = {clip.clip.name, PurePath(clip.clip.name).stem}
        return self.answers(clip, names, trace=self.card.digest)

    def answers(self, clip: AdmittedClip, names: set[str], *, trace: str) -> Iterator[Prediction]:
        """The answers that the table gives under any of these names, as answers about this clip."""
        if self._foreign:
            reason = "" if clip.permit.modalities & decode.PICTURE else reasons.NO_FACE
            reason = reason or ("" if clip.clip.video else reasons.NO_PICTURE)
            if not reason:
                yield from self._averaged(clip, names, trace=trace)
                return
            whole = Span(0.0, clip.clip.duration_s or STILL_S)
            yield Prediction(clip.clip.name, "", whole, None, reason=reason, decision=clip.permit.decision_id)
            return
        rows = [k for k, name in enumerate(self._table.clip) if name in names]
        decision = clip.permit.decision_id
        whole = Span(0.0, clip.clip.duration_s or STILL_S)
        if not rows:
            yield Prediction(clip.clip.name, "", whole, None, reason=reasons.NO_ROW, decision=decision)
            return
        for k in rows:
            stated = np.isfinite(self._table.start_s[k]) and np.isfinite(self._table.end_s[k])
            span = Span(float(self._table.start_s[k]), float(self._table.end_s[k])) if stated else whole
            if not 0 <= span.start_s <= whole.end_s + late_s(whole.end_s) or span.end_s > whole.end_s + late_s(
                whole.end_s
            ):
                raise BadInput(f"{span.start_s:g} to {span.end_s:g} s", where=f"{self.path}, row {k + 1}",
                               expected=f"a stretch of the {whole.end_s:.2f} s of {clip.clip.name}")  # fmt: skip
            silent = bool(self._table.abstained[k])
            yield Prediction(
                clip.clip.name, str(self._table.person[k]), span,
                None if silent else self._table.probability[k],
                reason=(str(self._table.reason[k]) or reasons.ABSTAINED) if silent else "",
                trace=trace, decision=decision, modality=str(self._optional("modality", k) or ""), **self._numbers(k),
            )  # fmt: skip

    def _optional(self, name: str, k: int) -> Any:
        """A cell of a column that a table may lack; None without it."""
        column = self._table.optional.get(name)
        return None if column is None else column[k]

    def _numbers(self, k: int) -> dict[str, Any]:
        """All that a row tells beside its probabilities, as fields of a prediction; what the table lacks stays out."""
        plain = {name: self._optional(name, k) for name in (*AFFECT, "quality")}
        named = {
            field: {name: float(values[k]) for name, values in columns.items() if np.isfinite(values[k])}
            for field, columns in self._named.items()
        }
        return {name: float(value) for name, value in plain.items() if value is not None} | {
            field: values for field, values in named.items() if values
        }

    def _averaged(self, clip: AdmittedClip, names: set[str], *, trace: str) -> Iterator[Prediction]:
        sums = Averages(self._windowing)
        for rows in self._foreign:
            mine = [k for k, name in enumerate(rows.clip) if name in names]
            add_rows(sums, rows, mine, times=self._moments(clip, rows, mine))
        end_s = clip.clip.duration_s or STILL_S
        yield from sums.predictions(
            clip.clip.name, end_s, nobody=reasons.NO_ROW, trace=trace, decision=clip.permit.decision_id
        )  # fmt: skip

    def _moments(self, clip: AdmittedClip, rows: Rows, mine: list[int]) -> list[float]:
        """The time of each of these rows: as the table states it, else by the clip."""
        stated = [float(rows.time_s[k]) for k in mine]
        if clip.clip.is_still or (not self._windowing.window_s and not np.isfinite(stated).all()):
            return [0.0] * len(mine)
        if np.isfinite(stated).any():
            lost = [k for k, time_s in zip(mine, stated, strict=True) if not np.isfinite(time_s)]
            if lost:
                raise BadInput(
                    "no time", where=f"{rows.source}, row {lost[0] + 1}", expected="one in each row, or in none"
                )
            return self._within(clip, rows, mine, stated)
        frames = [int(rows.frame[k]) for k in mine]
        if self._times == "pts":
            presented = [frame.time_s for frame in decode.frames(clip)]
            if max(frames) >= len(presented):
                raise BadInput(
                    f"frame {max(frames)}",
                    where=rows.source,
                    expected=f"one of the {len(presented)} of {clip.clip.name}",
                )
            return [presented[frame] for frame in frames]
        rate_hz = self._rate_hz or (clip.clip.video.rate_hz if clip.clip.video else 0.0)
        if not rate_hz > 0:
            raise BadInput(
                "frames without times, and a clip without a rate", where=rows.source,
                expected="rate_hz, times = 'pts' or window_s = 0",
            )  # fmt: skip
        return self._within(clip, rows, mine, [frame / rate_hz for frame in frames])

    @staticmethod
    def _within(clip: AdmittedClip, rows: Rows, mine: list[int], times: list[float]) -> list[float]:
        """The times. Raises BadInput for one outside the clip: the table is of another one, or its rate is wrong."""
        latest_s = clip.clip.duration_s + late_s(clip.clip.duration_s)
        for k, time_s in zip(mine, times, strict=True):
            if not 0 <= time_s <= latest_s:
                raise BadInput(
                    f"a frame at {time_s:g} s", where=f"{rows.source}, row {k + 1}",
                    expected=f"one within the {clip.clip.duration_s:.2f} s of {clip.clip.name}",
                    advice="Is it a table of this clip, at this rate?",
                )  # fmt: skip
        return times
