"""`vemo-audit infer`: gated inference on files and folders."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from vemo_audit.cli.clocks import boottime_ns, wall_clock
from vemo_audit.cli.screen import console, say_json, shown
from vemo_audit.errors import BadInput, MediaError, VemoError
from vemo_audit.records.consent_terms import Modality, Output
from vemo_audit.records.digest import sha256_hex

SUFFIXES = frozenset([".mp4", ".mov", ".mkv", ".webm", ".avi", ".wav", ".flac", ".jpg", ".jpeg", ".png", ".webp"])
MODALITIES = ["face", "voice"]
OUTPUTS = ["expression_label", "valence_arousal"]
"""What is asked for unless more is named: what nobody asked for is not looked at."""
TOLD = (
    "people", "nobody", "notes", "covered_frames", "outputs_withheld", "modalities_not_read", "micro_expressions",
)  # fmt: skip
"""Entries of a summary that stand in the row of --json too."""
NAME_BYTES = 200
"""The longest folder name that is made of a file's name: file systems take 255, and ours grow a little."""


def infer(
    videos: Annotated[list[Path], typer.Argument(help="Videos, sounds, pictures, or folders of them.")],
    deployment: Annotated[Path, typer.Option(help="The signed deployment manifest (TOML).")],
    purpose: Annotated[str, typer.Option(help="What for. Must be named in manifest and consent.")],
    out: Annotated[Path, typer.Option(help="Folder for the results: one folder for each file.")],
    consent: Annotated[list[Path] | None, typer.Option(help="Signed consent record (JSON); may be repeated.")] = None,
    recognizer: Annotated[str, typer.Option(help="A recognizer by name, or module:Name.")] = "temporal_multimodal",
    modality: Annotated[
        list[str], typer.Option(help="face, body or voice; may be repeated: --modality face --modality body.")
    ] = MODALITIES,
    output: Annotated[
        list[str],
        typer.Option(help="expression_label, valence_arousal, action_units or sustained_states; may be repeated."),
    ] = OUTPUTS,
    option: Annotated[
        list[str] | None,
        typer.Option(help="An option of the recognizer, as name=value: --option window_s=2; may be repeated."),
    ] = None,
    transcript: Annotated[Path | None, typer.Option(help="What was said, as SRT or WebVTT; for one file.")] = None,
    language: Annotated[str, typer.Option(help="Of the transcript, as 'en'; SRT files do not state it.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print a JSON summary on standard output.")] = False,
) -> None:
    """Estimate displayed expressions, if and only if consent and policy allow it. Every decision is recorded first.

    What nobody asked for is not told, and what was asked for but not consented to is left out, and the page says so:
    ask for movements with --output action_units beside --output expression_label.

    Writes for each file: predictions.parquet, events.csv (where something moved), summary.json, page.html, annotated
    video and receipt.json. A second run goes on where the first one stopped. Exit codes: 0 all admitted, 2 bad input,
    3 somebody or something was refused.
    """
    from vemo_audit.governance.screening import Case

    screen = console(json)
    files = folders(list(media_files(videos)))
    envelopes = tuple(dict.fromkeys(read(path) for path in consent or []))
    case = Case(purpose, named("--modality", modality, Modality), named("--output", output, Output), envelopes)
    options = settings(option or [])
    if transcript is not None:
        options |= words(transcript, language, files=len(files), modalities=case.modalities)
    digests = [sha256_hex(read(transcript, "transcript"))] if transcript is not None else []
    rows: list[dict[str, Any]] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with open_service(deployment, recognizer, options, digests) as service, Progress(*columns, console=screen) as bars:
        bar = bars.add_task("inferring", total=len(files))
        for name, path in files.items():
            bars.update(bar, description=escape(shown(path.name)))
            rows.append(one(service, path, out / name, case))
            bars.advance(bar)
            bars.console.print(line(rows[-1]))
    if json:
        say_json({"files": rows})
    codes = {row["exit_code"] for row in rows}
    if code := next((code for code in (4, 2, 3) if code in codes), 0):
        raise typer.Exit(code)


def named(flag: str, given: list[str], known: type[StrEnum]) -> frozenset[str]:
    """The words of a repeated option. Raises BadInput for one that nobody knows."""
    for word in given:
        if word not in list(known):
            raise BadInput(f"{flag} '{word}'", expected=", ".join(known))
    return frozenset(given)


def settings(given: list[str]) -> dict[str, Any]:
    """The options of a recognizer by name. Raises BadInput for one that is given twice."""
    found: dict[str, Any] = {}
    for name, value in map(setting, given):
        if name in ("transcript", "language"):
            raise BadInput(f"--option {name}", expected=f"--{name}", advice="There, what it names is checked first.")
        if name in found:
            raise BadInput(f"--option {name} twice", expected="each option once")
        found[name] = value
    return found


def words(transcript: Path, language: str, *, files: int, modalities: frozenset[str]) -> dict[str, str]:
    """The options of the recognizer for a transcript.

    Raises BadInput unless it is of one file whose voice is asked for, and of a language that somebody states.
    """
    if files != 1:
        raise BadInput(
            f"one transcript for {files} files", where=str(transcript), expected="one file",
            advice="Run infer once for each file.",
        )  # fmt: skip
    if Modality.VOICE not in modalities:
        raise BadInput(
            "a transcript without --modality voice", where=str(transcript), expected="the voice among the modalities",
            advice="What was said is part of the voice.",
        )  # fmt: skip
    read(transcript, "transcript")
    if transcript.suffix.lower() == ".srt" and not language:
        raise BadInput(
            "an SRT file without its language", where=str(transcript), expected="--language, such as --language en",
            advice="SRT has no place for it, and words of an unknown language are not read.",
        )  # fmt: skip
    return {"transcript": str(transcript.absolute()), "language": language}


def setting(text: str) -> tuple[str, Any]:
    """'name=value' as a name and a number, a list or a text, as TOML reads it. Raises BadInput without a name."""
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise BadInput(f"--option '{text}'", expected="name=value")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value


def one(service: Any, path: Path, folder: Path, case: Any) -> dict[str, Any]:
    """How one file ended, as a row; a file that cannot be read or written does not stop the others."""
    try:
        served = service.infer(path, folder, case)
    except VemoError as error:
        outcome = "unreadable" if isinstance(error, MediaError) else "failed"
        return {"file": shown(path), "outcome": outcome, "error": shown(error), "exit_code": error.exit_code}
    decision = served.decision
    row = {
        "file": shown(path), "outcome": decision.outcome.value, "decision": decision.decision_id,
        "folder": shown(served.folder), "done_before": served.again, "exit_code": 0 if decision.allowed else 3,
        "rules": [{"id": r.rule_id, "ref": r.ref, "message": r.message} for r in decision.rules],
        "next_step": decision.advice,
    }  # fmt: skip
    return row | {key: served.summary.get(key) for key in TOLD}


def line(row: dict[str, Any]) -> str:
    """One file in words."""
    name = f"[bold]{escape(Path(row['file']).name)}[/]"
    if row["outcome"] == "unreadable":
        return f"{name}: [red]cannot be read[/]. {escape(row['error'])}"
    if row["outcome"] == "failed":
        return f"{name}: [red]failed[/]. {escape(row['error'])}"
    if row["exit_code"]:
        rule = row["rules"][0]
        step = f" Next: {rule_text}" if (rule_text := escape(row["next_step"])) else ""
        return (
            f"{name}: [red]refused[/] by {escape(rule['id'])} ({escape(rule['ref'])}). {escape(rule['message'])}{step}"
        )
    before = " (done before, kept)" if row["done_before"] else ""
    covered = f"; covered in {max(row['covered_frames'].values())} frames" if row["covered_frames"] else ""
    if row["nobody"]:
        told = row["notes"] or ["nobody was seen or heard"]
        return f"{name}: admitted{before}; {escape('; '.join(told))}{covered} -> {escape(row['folder'])}"
    told = []
    for person in row["people"]:
        share = person["top_share"]
        top = f"mostly {max(share, key=share.get)}" if share else "no answer"
        moved = sum(person.get("events", {}).values())
        told.append(escape(f"{person['person']} {top}" + (f", {moved} events" if moved else "")))
    left = row.get("outputs_withheld")
    without = f"; left out, consent or deployment do not cover it: {', '.join(left)}" if left else ""
    return f"{name}: admitted{before}; {', '.join(told)}{without}{covered} -> {escape(row['folder'])}"


def media_files(given: list[Path]) -> Iterator[Path]:
    """Files as given, and the media files of folders in order of name. Raises BadInput for what is not there."""
    for path in given:
        if path.is_dir():
            inside = sorted(child for child in path.iterdir() if child.suffix.lower() in SUFFIXES and child.is_file())
            if not inside:
                raise BadInput("a folder without media files", where=str(path), expected=", ".join(sorted(SUFFIXES)))
            yield from inside
        elif path.exists():
            yield path
        else:
            raise BadInput("nothing there", where=str(path), expected="a media file or a folder of them")


def folders(files: list[Path]) -> dict[str, Path]:
    """A folder name for each file: its stem, with a number where two files share one."""
    names: dict[str, Path] = {}
    for path in {path.absolute(): path for path in files}.values():
        stem = stem_of(path)
        name, k = stem, 2
        while name in names:
            name, k = f"{stem}-{k}", k + 1
        names[name] = path
    return names


def stem_of(path: Path) -> str:
    """The stem as a name for a folder of its own: never hidden, `.` or `..`, and of a length that can be made."""
    whole = shown(path.stem).lstrip(".") or "clip"
    return whole.encode()[:NAME_BYTES].decode(errors="ignore")


def read(path: Path, what: str = "consent") -> bytes:
    """The bytes of a consent or a transcript. Raises BadInput when there is none."""
    try:
        return path.read_bytes()
    except OSError as error:
        expected = "a signed record" if what == "consent" else "an SRT or WebVTT file"
        raise BadInput(f"no readable {what}: {error.strerror}", where=str(path), expected=expected) from error


def face_finder(options: Mapping[str, Any] | None = None) -> Any:
    """A maker of fresh face finders that share one detector, on the device of the recognizer with these options."""
    from vemo_audit.recognition.network import devices
    from vemo_audit.recognition.perception.faces import FaceDetector
    from vemo_audit.recognition.perception.tracks import FaceTracker

    detector = FaceDetector(devices.chosen(str((options or {}).get("device", "cpu"))))
    return lambda: FaceTracker(detector)


@contextmanager
def open_service(
    deployment: Path, recognizer: str, options: dict[str, Any] | None = None, files: Sequence[str] = ()
) -> Iterator[Any]:
    """Gate and recognizer of a deployment, closed at the end; `files` are digests of what else it reads."""
    from vemo_audit.audit.answers import open_recognizer
    from vemo_audit.audit.plan import RecognizerChoice
    from vemo_audit.governance import manifest
    from vemo_audit.governance.gate import Gate
    from vemo_audit.governance.policy.packs import load_bundle
    from vemo_audit.records.decision import RuleHit
    from vemo_audit.resources import places
    from vemo_audit.serving.clip import Service
    from vemo_audit.serving.finder import Remembered

    named, _ = manifest.load(deployment)
    guest = open_recognizer(RecognizerChoice(recognizer, plugin=recognizer, options=options or {}))
    rules = {r.id: RuleHit(r.id, r.ref, r.message) for r in load_bundle(places.folder("policies")).rules}
    finders = Remembered(face_finder(options))
    with Gate.open(deployment, clock=wall_clock, boottime_ns=boottime_ns, make_finder=finders) as gate:
        yield Service(gate, guest, named.deployment.id, named.digest, rules, finders, tuple(files))
