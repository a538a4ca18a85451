"""From performances and stills to the shipped temporal module: learn each, choose one, compare it, calibrate it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from vemo_audit.datasets.ferplus import VotedFaces
from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.face_expert import FaceExpert
from vemo_audit.recognition.network.temporal_expert import TemporalExpert, encoder_digest
from vemo_audit.recognition.training import landing
from vemo_audit.recognition.training import sequences as kept_sequences
from vemo_audit.recognition.training.calibrate import temperature
from vemo_audit.recognition.training.compare import Comparison, compare
from vemo_audit.recognition.training.loop import Progress
from vemo_audit.recognition.training.outcome import HeldOut, Trained
from vemo_audit.recognition.training.recipe import TemporalRecipe
from vemo_audit.recognition.training.sequences import Performed, Sequences, held_out_subjects
from vemo_audit.recognition.training.temporal import answered, examined, fit, new, still_windows
from vemo_audit.recognition.training.time_settings import FusionData, TemporalData, TemporalFit
from vemo_audit.recognition.training.time_windows import Windows
from vemo_audit.recognition.training.token_banks import (
    Played,
    Stills,
    Told,
    as_answered,
    encode,
    played,
    stills,
    views,
)
from vemo_audit.records.digest import digest
from vemo_audit.records.labels import EKMAN

STILLS = 5000
BASELINE = "mean"
PLAIN = "still head on the mean token, not trained on time"
SPLIT = (
    "windows of 1, 2 and 4 s, thinned at random, of rendered people that nothing was learned from or chosen on; "
    "windows whose expression is too weak for one right answer are left out"
)


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """Questions of three kinds with their answers: rendered windows, real stills, and movements between stills."""

    name: str
    windows: list[Windows]
    truth: NDArray[np.int64]
    cluster: NDArray[np.str_]


@dataclass(frozen=True, slots=True, eq=False)
class Banks:
    """Everything as tokens of one encoder."""

    played: Played
    learn: Stills
    kept: Stills
    parts: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # learn, select, held out: sequences


def prepare(
    network: FaceExpert, sequences: Sequences, folder: Path, *, data: TemporalData, seed: int, cache: Path,
    told: Told = lambda *_: None,
) -> Banks:  # fmt: skip
    """Encodes all, and splits the rendered people in three. Raises BadInput for too few of them."""
    learn, kept = kept_stills(network, folder, data=data, seed=seed, cache=cache, told=told)
    apart = held_out_subjects(sequences, data.held_out_share + data.select_share, seed=seed)
    out = held_out_subjects(sequences, data.held_out_share, seed=seed)
    parts = {"learn": np.flatnonzero(~apart), "select": np.flatnonzero(apart & ~out), "held out": np.flatnonzero(out)}
    if not all(len(rows) for rows in parts.values()):
        raise BadInput("too few rendered people for three parts", expected="about ten or more")
    path = (
        cache
        / f"played-{digest({'encoder': encoder_digest(network.encoder), 'data': sequences.digest})[:16]}.safetensors"
    )
    tokens, maps = kept_tensors(
        path, lambda: encode(network, sequences.crops, told=lambda n: told("rendered", n, len(sequences.crops)))
    )
    return Banks(played(tokens, maps, sequences), learn, kept, parts)


def kept_stills(
    network: FaceExpert, folder: Path, *, data: TemporalData | FusionData, seed: int, cache: Path,
    told: Told = lambda *_: None,
) -> tuple[Stills, Stills]:  # fmt: skip
    """The stills to learn from and those kept back, encoded once for each encoder and split."""
    most = data.stills if isinstance(data, TemporalData) else STILLS
    faces = stills(folder, most=most, least_votes=data.least_votes, held_back_share=data.held_back_share,
                   split_seed=data.split_seed)  # fmt: skip
    return (
        _encoded(network, faces[0], "stills", seed=seed, cache=cache, told=told),
        _encoded(network, faces[1], "stills held back", seed=seed, cache=cache, told=told),
    )


def _encoded(network: FaceExpert, faces: VotedFaces, name: str, *, seed: int, cache: Path, told: Told) -> Stills:
    facts = {"encoder": encoder_digest(network.encoder), "ids": list(faces.ids), "seed": seed}
    seen = kept_tensors(
        cache / f"stills-{digest(facts)[:16]}.safetensors",
        lambda: views(
            network, faces, size_px=network.settings.size_px, seed=seed,
            told=lambda what, done, of: told(f"{name}: {what}", done, of),
        ),
    )  # fmt: skip
    return Stills(*seen, torch.from_numpy(faces.shares), faces.ids)


def kept_tensors(path: Path, made: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Tokens and maps that lie at `path`; when none do, they are made now and kept there."""
    if not path.is_file():
        tokens, maps = made()
        landing.land(path, safetensors.torch.save({"tokens": tokens.contiguous(), "maps": maps.contiguous()}))
    try:
        found = safetensors.torch.load(path.read_bytes())
    except safetensors.SafetensorError as error:
        raise BadInput(f"no readable tokens ({error})", where=str(path), expected="a file of tokens and maps",
                       advice="Remove it to encode them again.") from error  # fmt: skip
    return found["tokens"], found["maps"]


def exams(banks: Banks, part: str, *, seed: int) -> list[Exam]:
    """The questions of 'select' or 'held out': the stills that are kept back are halved between both."""
    windows, truth, subject = examined(banks.played, banks.parts[part], rng=np.random.default_rng([seed, 8]))
    rows = np.arange(part == "select", len(banks.kept.ids), 2)
    half = Stills(banks.kept.tokens[rows], banks.kept.maps[rows], banks.kept.shares[rows],
                  tuple(banks.kept.ids[k] for k in rows))  # fmt: skip
    found = [Exam("rendered people", windows, truth, subject)]
    for name, moving_share in (("real stills", 0.0), ("movements between real stills", 1.0)):
        asked = still_windows(half, seed=seed, moving_share=moving_share)
        wanted = torch.cat([one.target for one in asked]).argmax(dim=1).numpy()
        found.append(Exam(name, asked, wanted, np.array(half.ids)))
    return found


def run(
    network: FaceExpert, sequences: Sequences, folder: Path, *, recipe: TemporalRecipe, heat: float, cache: Path,
    told: Told = lambda *_: None, listener: Callable[[str, Progress], None] = lambda module, progress: None,
) -> Trained:  # fmt: skip
    """The shipped temporal module and its comparison. `heat` is the temperature of the face expert; `cache` is a folder
    for tokens, kept by the digests of encoder and data."""
    banks = prepare(network, sequences, folder, data=recipe.data, seed=recipe.seed, cache=cache, told=told)
    banks = Banks(banks.played, as_answered(banks.learn, network, heat), banks.kept, banks.parts)
    return train_temporal(
        banks, network, recipe.modules, settings=recipe.fit, seed=recipe.seed, name=recipe.data.face,
        reach=recipe.reach, listener=listener,
    )  # fmt: skip


def train_temporal(
    banks: Banks, network: FaceExpert, modules: tuple[str, ...], *, settings: TemporalFit, seed: int, name: str,
    reach: str, listener: Callable[[str, Progress], None] = lambda module, progress: None,
) -> Trained:  # fmt: skip
    """Every module learns the same; the best on the selection part is kept and compared on the held-out part.

    The best has the highest mean accuracy over the three exams. Raises BadInput without the baseline among them.
    """
    if BASELINE not in modules:
        raise BadInput(f"modules {', '.join(modules)}", expected=f"'{BASELINE}' among them: it is the baseline")
    learned = {
        module: fit(
            new(network, module, reach=reach, seed=seed), banks.played, banks.learn, chosen=banks.parts["learn"],
            settings=settings, seed=seed, listener=lambda progress, module=module: listener(module, progress),
        ).half().float().eval()
        for module in modules
    }  # fmt: skip
    select = exams(banks, "select", seed=seed)
    scores = {module: np.mean([accuracy(expert, one) for one in select]) for module, expert in learned.items()}
    best = max(
        (module for module in modules if module != BASELINE), key=lambda module: scores[module], default=BASELINE
    )
    still = next(one for one in select if one.name == "real stills")
    majority = torch.eye(len(EKMAN))[torch.from_numpy(still.truth)]
    heat = temperature(torch.from_numpy(answered(learned[best], still.windows)).float(), majority)
    asked = exams(banks, "held out", seed=seed + 1)
    plain = new(network, BASELINE, reach=reach, seed=seed).eval()
    lines = comparisons(learned, plain, asked, seed=seed)
    held_out = answers(learned[best], asked[0], heat)
    header = header_of(learned[best], heat) | {"face": name, "encoder_sha256": encoder_digest(network.encoder)}
    return Trained(dict(learned[best].state_dict()), header, held_out, len(banks.parts["learn"]), lines)


def accuracy(expert: TemporalExpert, exam: Exam) -> float:
    """The share of right answers."""
    return float((answered(expert, exam.windows).argmax(axis=1) == exam.truth).mean())


def comparisons(
    learned: dict[str, TemporalExpert], plain: TemporalExpert, asked: list[Exam], *, seed: int
) -> tuple[Comparison, ...]:
    """Each module against the trained masked mean, and each against the plain head, on every exam."""
    lines = []
    for exam in asked:
        told = {name: answered(expert, exam.windows) for name, expert in learned.items()}
        base = answered(plain, exam.windows)
        pairs = [((name, told[name]), (BASELINE, told[BASELINE])) for name in learned if name != BASELINE]
        pairs += [((name, told[name]), (PLAIN, base)) for name in learned]
        lines += [
            compare(part, against, truth=exam.truth, cluster=exam.cluster, metric="accuracy", held_out=exam.name,
                    rng=np.random.default_rng([seed, 9]))
            for part, against in pairs
        ]  # fmt: skip
    return tuple(lines)


def answers(expert: TemporalExpert, exam: Exam, heat: float) -> HeldOut:
    """Calibrated answers to the rendered windows."""
    probability = torch.softmax(torch.from_numpy(answered(expert, exam.windows)) / heat, dim=1).float().numpy()
    rows = tuple(f"{subject}-{k}" for k, subject in enumerate(exam.cluster.tolist()))
    return HeldOut("rendered performances", SPLIT, rows, tuple(exam.cluster.tolist()), EKMAN.names,
                   exam.truth.astype(np.int16), probability, {})  # fmt: skip


def header_of(expert: TemporalExpert, heat: float) -> dict[str, str]:
    """What one must know to read the weights."""
    own = expert.settings
    return {
        "kind": "temporal", "module": own.module, "reach": own.reach, "token_size": str(own.token_size),
        "map_size": str(own.map_size), "labels": ",".join(EKMAN.names), "temperature": f"{heat:.4f}",
    }  # fmt: skip


def kept_or_played(path: Path, performed: Callable[[], Iterable[Performed]]) -> Sequences:
    """The sequences that lie at `path`; when none do, they are played now and kept there."""
    if not path.is_file():
        kept_sequences.write(path, kept_sequences.joined(performed()))
    return kept_sequences.read(path)
