"""Times the evaluation room against fairlearn and an honest numpy row loop; prints one JSON line per figure."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import MappingProxyType

import numpy as np

from vemo_audit.evaluation.levels import levels
from vemo_audit.evaluation.metrics import METRICS
from vemo_audit.evaluation.resample import Evidence, draws
from vemo_audit.evaluation.sketch import Sketch, merge
from vemo_audit.evaluation.slices import slices
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.scored import Scored

GROUPS = 12
CONFUSION = tuple(METRICS[name] for name in ("accuracy", "uar", "macro_f1"))
FOUR = (*CONFUSION, METRICS["ece"])


def table(rows: int, subjects: int) -> Scored:
    """Scored rows of a made-up recognizer: 7 unbalanced classes, 12 groups of subjects."""
    rng = np.random.default_rng(1)
    truth = rng.choice(7, rows, p=[0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05]).astype(np.int16)
    logits = rng.normal(size=(rows, 7)).astype(np.float32)
    logits[np.arange(rows), truth] += 1.5
    probability = np.exp(logits)
    probability /= probability.sum(axis=1, keepdims=True)
    subject = rng.integers(0, subjects, rows).astype(np.int32)
    group = rng.integers(0, GROUPS, subjects).astype(np.int16)[subject]
    return Scored(
        "bench", "made up", EKMAN, truth, probability, probability.argmax(axis=1).astype(np.int16), subject,
        tuple(f"s{i:06d}" for i in range(subjects)), MappingProxyType({"group": group}),
        MappingProxyType({"group": tuple(f"g{i:02d}" for i in range(GROUPS))}),
    )  # fmt: skip


def ours(scored: Scored, count: int) -> None:
    """Levels of four metrics in all groups, with jackknife, cluster-t and `count` draws by subject."""
    sketch = Sketch.of(scored)
    drawn = draws(len(sketch.subjects), count, np.random.default_rng(1)) if count else None
    for one in slices(sketch, ["group"], depth=1)[1:]:
        evidence = Evidence(sketch, one, draws=drawn)
        for metric in FOUR:
            evidence.value(metric), evidence.left_out(metric), evidence.resampled(metric)


def audit(scored: Scored, count: int) -> None:
    """The same through the public door, with states and disclosure rules."""
    sketch = Sketch.of(scored)
    drawn = draws(len(sketch.subjects), count, np.random.default_rng(1))
    levels(sketch, slices(sketch, ["group"], depth=1), FOUR, draws=drawn)


def row_loop(scored: Scored, count: int) -> None:
    """What a careful user writes with numpy: per group, resample rows and count; confusion metrics only."""
    rng = np.random.default_rng(1)
    code = scored.truth.astype(np.int64) * 7 + scored.predicted
    for group in range(GROUPS):
        mine = code[scored.traits["group"] == group]
        for _ in range(count):
            matrix = np.bincount(mine[rng.integers(0, len(mine), len(mine))], minlength=49).reshape(7, 7)
            rows, columns, hits = matrix.sum(1), matrix.sum(0), np.diag(matrix)
            hits.sum() / matrix.sum(), (hits / rows).mean(), (2 * hits / (rows + columns)).mean()


def fairlearn_points(scored: Scored) -> None:
    """The three confusion metrics by group with MetricFrame; it offers no interval by subject."""
    from fairlearn.metrics import MetricFrame
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    frame = MetricFrame(
        metrics={
            "accuracy": accuracy_score,
            "uar": lambda t, p: recall_score(t, p, average="macro"),
            "macro_f1": lambda t, p: f1_score(t, p, average="macro"),
        },
        y_true=scored.truth, y_pred=scored.predicted, sensitive_features=scored.traits["group"],
    )  # fmt: skip
    if len(frame.by_group) != GROUPS:
        raise ValueError("fairlearn saw other groups")


def figures() -> Iterator[dict[str, object]]:
    """One line after another, each peer timed in the same run."""
    million, tenth = table(1_000_000, 2_000), table(100_000, 2_000)
    loop_s = best(lambda: row_loop(million, 10), times=2) * 10
    yield line(
        "P1 1e6 rows, 12 groups, 2000 subject draws, 4 metrics, jackknife", best(lambda: ours(million, 2000)), "s",
        "numpy row loop, 100 row draws, 3 metrics", loop_s, bar=1.0,
    )  # fmt: skip
    yield line("P1 through levels(), overall beside the groups", best(lambda: audit(million, 2000)), "s")
    yield line("peak memory so far", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB", bar=500.0)
    yield line("points only, 1e5 rows", best(lambda: ours(tenth, 0)), "s",
               "fairlearn MetricFrame, 3 metrics", best(lambda: fairlearn_points(tenth), times=1))  # fmt: skip
    wide = table(1_000_000, 20_000)
    yield line("P2 20,000 subjects", best(lambda: ours(wide, 2000), times=2), "s", bar=1.0)
    yield line("P4 merge of 64 shards, 20,000 subjects", merged(wide), "s", bar=0.5)
    yield line("P6 import of the room", imported(), "s", bar=0.6)


def merged(scored: Scored) -> float:
    """Seconds to merge 64 shards at once."""
    parts = []
    for i in range(64):
        rows = slice(i * len(scored) // 64, (i + 1) * len(scored) // 64)
        traits = MappingProxyType({"group": scored.traits["group"][rows]})
        parts.append(
            Sketch.of(
                Scored(
                    "bench", "made up", EKMAN, scored.truth[rows], scored.probability[rows], scored.predicted[rows],
                    scored.subject[rows], scored.subjects, traits, scored.vocabulary,
                ),
                shard=str(i),
            )
        )  # fmt: skip
    return best(lambda: merge(*parts), times=2)


def imported() -> float:
    """Seconds that a fresh interpreter spends importing the room."""
    code = (
        "import time; t = time.perf_counter(); import vemo_audit.evaluation.disparity, vemo_audit.evaluation.join; "
        "print(time.perf_counter() - t)"
    )
    return min(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) for _ in "123"
    )


def best(work: Callable[[], object], *, times: int = 3) -> float:
    """Shortest of several runs, in seconds."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def line(
    name: str, value: float, unit: str, peer: str = "", peer_value: float | None = None, *, bar: float | None = None
) -> dict[str, object]:
    """A figure in the form that every benchmark here has."""
    return {
        "name": name, "value": round(value, 4), "unit": unit, "peer": peer,
        "peer_value": None if peer_value is None else round(peer_value, 4), "bar": bar,
        "held": None if bar is None else value <= bar, "load": os.getloadavg()[0],
    }  # fmt: skip


if __name__ == "__main__":
    for figure in figures():
        print(json.dumps(figure), flush=True)
