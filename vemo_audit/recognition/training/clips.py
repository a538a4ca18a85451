"""Trains a face expert on a published set of clips or pictures in its own folders; answers are per clip."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vemo_audit.datasets.affectnet import AffectNet
from vemo_audit.datasets.cremad_media import CremaDMedia
from vemo_audit.datasets.dfew import Dfew
from vemo_audit.datasets.mafw import Mafw
from vemo_audit.datasets.published_media import Item, PublishedMedia
from vemo_audit.datasets.rafdb import RafDb
from vemo_audit.datasets.ravdess_media import RavdessMedia
from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.face_expert import FaceExpert
from vemo_audit.recognition.perception.faces import FaceDetector
from vemo_audit.recognition.training import clip_crops, sequences
from vemo_audit.recognition.training.calibrate import temperature
from vemo_audit.recognition.training.clip_crops import ClipCrops
from vemo_audit.recognition.training.corpus import Corpus, labelled
from vemo_audit.recognition.training.loop import Machine, Progress, train
from vemo_audit.recognition.training.outcome import HeldOut, Trained
from vemo_audit.recognition.training.recipe import ClipData, ClipsRecipe
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.units import UNITS

Told = Callable[[str, int, int], None]
PEOPLE_KNOWN = ("cremad", "ravdess")
"""Sets that say who is seen: their splits keep people apart. The others are split as their authors published."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Clips with crops, of which at least one has a face."""

    items: tuple[Item, ...]
    clips: tuple[ClipCrops, ...]
    label: NDArray[np.int64]  # [N] index into EKMAN

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What is learned from, kept back and held out; `told` says what was left out and why."""

    learn: Part
    kept_back: Part
    held_out: Part
    dataset: PublishedMedia
    split: str
    told: tuple[str, ...]


def opened(data: ClipData, folder: Path) -> tuple[PublishedMedia, PublishedMedia, str]:
    """The part to learn from, the part to score, and the split in words. Raises BadInput for no actor held out."""
    if data.source in PEOPLE_KNOWN:
        make = CremaDMedia if data.source == "cremad" else RavdessMedia
        held = frozenset(str(actor) for actor in data.held_out_actors)
        known = sorted({int(item.subject) for item in make(folder).items})
        rest = [actor for actor in known if str(actor) not in held]
        if len(rest) == len(known) or not rest:
            raise BadInput(
                f"held_out_actors = {list(data.held_out_actors)}", where=str(folder), expected="some of its actors"
            )
        out = [actor for actor in known if str(actor) in held]
        return make(folder, actors=rest), make(folder, actors=out), f"actors {', '.join(map(str, out))} held out"
    if data.source == "dfew":
        parts = (Dfew(folder, fold=data.fold, split=split) for split in ("train", "test"))
        return *parts, f"published fold {data.fold}"
    if data.source == "mafw":
        parts = (Mafw(folder, fold=data.fold, split=split, classes="seven") for split in ("train", "test"))
        return *parts, f"published fold {data.fold}, seven of eleven classes"
    if data.source == "affectnet":
        return AffectNet(folder, split="train"), AffectNet(folder, split="val"), "the published validation part"
    return RafDb(folder, split="train"), RafDb(folder, split="test"), "the published test part"


def prepare(recipe: ClipsRecipe, folder: Path, cache: Path, *, told: Told = lambda *_: None) -> Prepared:
    """All crops of a set, from the cache where they are known. Raises BadInput when a part has no face at all."""
    learn, out, split = opened(recipe.data, folder)
    demand_apart(learn, out, where=str(folder))
    detector, notes, parts = FaceDetector(), [], []
    for name, dataset in (("to learn from", learn), ("held out", out)):
        part, note = _part(dataset, detector, cache, recipe=recipe, told=told, what=f"{recipe.data.source}, {name}")
        parts.append(part)
        notes.append(f"Of the clips {name}, {note}.")
    back = kept_back(parts[0], share=recipe.data.held_back_share, seed=recipe.data.split_seed)
    return Prepared(_chosen(parts[0], ~back), _chosen(parts[0], back), parts[1], out, split, tuple(notes))


def demand_apart(learn: PublishedMedia, out: PublishedMedia, *, where: str) -> None:
    """Raises BadInput when a file is both learned from and held out, whatever the published lists say."""
    both = {item.path for item in learn.items} & {item.path for item in out.items}
    if both:
        raise BadInput(
            f"{len(both)} files in both parts, '{min(both).name}' first", where=where,
            expected="no file that is learned from among those held out",
            advice="The lists of the set are damaged or of different folds; take them from its authors again.",
        )  # fmt: skip


def kept_back(part: Part, *, share: float, seed: int) -> NDArray[np.bool_]:
    """Which clips `[N]` are kept back: whole subjects, about `share` of them and at least one. Needs two subjects."""
    subjects = sorted({item.subject for item in part.items})
    if len(subjects) < 2:
        raise BadInput("one subject to learn from", expected="two or more, so that one can be kept back")
    count = min(len(subjects) - 1, max(1, round(share * len(subjects))))
    chosen = {subjects[k] for k in np.random.default_rng(seed).permutation(len(subjects))[:count]}
    return np.array([item.subject in chosen for item in part.items])


def train_clips(
    recipe: ClipsRecipe, folder: Path, cache: Path, *, machine: Machine | None = None, keep: Path | None = None,
    told: Told = lambda *_: None, listener: Callable[[Progress], None] = lambda progress: None,
) -> Trained:  # fmt: skip
    """Trains on single frames as the recipe says, then answers on held-out clips by the mean over their frames.

    With `keep`, the run goes on from that file after an interruption; the crops are kept in `cache` in any case.
    """
    if recipe.network.temporal != "mean":
        raise BadInput(
            f"temporal = '{recipe.network.temporal}'", expected="'mean'",
            advice="Modules over time learn from `as_sequences` with a recipe of their own kind.",
        )  # fmt: skip
    prepared = prepare(recipe, folder, cache, told=told)
    torch.manual_seed(recipe.seed)
    corpus = frames_to_learn(prepared.learn)
    averaged = train(
        FaceExpert(recipe.network), corpus, schedule=recipe.schedule, augmentation=recipe.augmentation,
        seed=recipe.seed, machine=machine or Machine(), keep=keep, listener=lambda progress, _: listener(progress),
    )  # fmt: skip
    network = averaged.half().float().eval().to(memory_format=torch.channels_last)
    wanted = functional.one_hot(torch.from_numpy(prepared.kept_back.label), len(EKMAN)).float()
    heat = temperature(clip_logits(network, prepared.kept_back), wanted)
    header = {
        "kind": "face", "encoder": recipe.network.encoder, "temporal": recipe.network.temporal,
        "size_px": str(recipe.network.size_px), "labels": ",".join(EKMAN.names), "units": str(recipe.network.units),
        "temperature": f"{heat:.4f}",
    }  # fmt: skip
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    return Trained(weights, header, _answers(network, prepared, heat), len(corpus))


def frames_to_learn(part: Part) -> Corpus:
    """Every frame with a face, with the label of its clip; the label of a clip need not show in each frame."""
    faces = np.concatenate([clip.crops[clip.mask] for clip in part.clips])
    label = np.repeat(part.label, [int(clip.mask.sum()) for clip in part.clips])
    return labelled(faces, np.eye(len(EKMAN), dtype=np.float32)[label])


def as_sequences(part: Part) -> sequences.Sequences:
    """The clips as sequences for a module over time. What is not known of them, units and head pose, is NaN."""
    performed = (
        sequences.Performed(
            clip.crops, clip.mask, clip.time_s, np.ones(len(clip.mask), np.float32),
            np.full((len(clip.mask), len(UNITS)), np.nan, np.float32),
            np.full((len(clip.mask), 3), np.nan, np.float32), EKMAN.names[label], item.subject,
        )
        for item, clip, label in zip(part.items, part.clips, part.label, strict=True)
    )  # fmt: skip
    return sequences.joined(performed)


def clip_logits(network: FaceExpert, part: Part) -> Tensor:
    """Logits `[N, 7]` of the clips, each from its frames with a face."""
    rows = []
    for clip in part.clips:
        tokens = network.tokens(torch.from_numpy(clip.crops[clip.mask]).unsqueeze(1))[None]
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool)
        rows.append(network.window_logits(tokens, mask, torch.from_numpy(clip.time_s[clip.mask])[None].float())[0])
    return torch.cat(rows)


def _part(
    dataset: PublishedMedia, detector: FaceDetector, cache: Path, *, recipe: ClipsRecipe, told: Told, what: str
) -> tuple[Part, str]:
    mapped = [(item, dataset.ekman(item.label)) for item in dataset.items]
    items = [item for item, name in mapped if name is not None]
    found = clip_crops.crops_of(
        (item.path for item in items), detector, cache, size_px=recipe.network.size_px, frames=recipe.data.frames,
        listener=lambda done: told(what, done, len(items)),
    )  # fmt: skip
    labels = np.array([EKMAN.index(name) for _, name in mapped if name is not None], np.int64)
    seen = np.array([bool(clip.mask.any()) for clip in found], bool)
    if not seen.any():
        raise BadInput(f"no face in {len(items)} clips", where=what, expected="clips of faces")
    note = f"{len(mapped) - len(items)} have a class outside the seven and {int((~seen).sum())} show no face"
    return _chosen(Part(tuple(items), tuple(found), labels), seen), f"{note}; {len(dataset.missing)} have no file"


def _chosen(part: Part, keep: NDArray[np.bool_]) -> Part:
    index = np.flatnonzero(keep)
    return Part(tuple(part.items[k] for k in index), tuple(part.clips[k] for k in index), part.label[index])


def _answers(network: FaceExpert, prepared: Prepared, heat: float) -> HeldOut:
    part = prepared.held_out
    probability = torch.softmax(clip_logits(network, part) / heat, dim=1).numpy()
    return HeldOut(
        prepared.dataset.card.name, f"{prepared.split}. {' '.join(prepared.told)}",
        tuple(item.name for item in part.items), tuple(item.subject for item in part.items), EKMAN.names,
        part.label.astype(np.int16), probability, _traits(prepared.dataset, [item.subject for item in part.items]),
    )  # fmt: skip


def _traits(dataset: PublishedMedia, subjects: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What the set states of the subject of each clip; 'unknown' where it states nothing."""
    stated = {row.subject: row.traits for row in dataset.traits()}
    return {
        trait.name: tuple(stated[subject][trait.name] or "unknown" for subject in subjects)
        for trait in dataset.card.traits
    }
