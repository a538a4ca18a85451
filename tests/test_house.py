"""The walls of the house: who may import whom, and what may stand where. Each rule has a twin that must break it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "vemo_audit"
FILES = sorted(PACKAGE.rglob("*.py"))
WINGS = ("governance", "recognition", "evaluation")
ALLOWED = {
    "errors": set(),
    "records": {"errors"},
    "resources": {"errors"},
    "media": {"records", "errors"},
    "tables": {"records", "errors"},
    "datasets": {"records", "media", "tables", "errors"},
    "governance": {"records", "resources", "media", "errors"},
    "recognition": {"records", "resources", "media", "tables", "datasets", "errors"},
    "evaluation": {"records", "tables", "errors"},
    "probe": {"records", "resources", "errors"},
    "report": {"records", "resources", "errors"},
}
"""Room -> what it may import of the package. audit, server and cli compose, and are ruled by their own tests below."""
TORCH_ROOMS = ("recognition",)
NO_TORCH = (
    "recognition/dynamics", *(f"recognition/recognizers/{name}" for name in ("replay.py", "interface.py", "layouts/",
    "command.py", "http.py", "wire.py", "windows.py")),
)  # fmt: skip
BANNED_MODULES = {"torchvision", "torchaudio", "timm", "pickle", "facenet_pytorch", "marshal", "shelve"}
BANNED_NAMES = {"utils", "helpers", "common", "base", "core", "manager", "handler"}
ONLY_IN = {
    "cedarpy": ("governance/policy/",),
    "sqlite3": ("governance/consents", "governance/ledger/", "governance/nonces", "governance/store"),
    "jinja2": ("report/", "server/"),
    "defusedxml": ("report/",),
    "typer": ("cli/",),
    "fastapi": ("server/",),
    "rich": ("cli/",),
}
LONGEST_FILE, LONGEST_FUNCTION = 300, 60
LONGEST_SCRIPT = {"governance/ledger/verify_proof.py": 400}  # one file by design: a stranger reads all of it


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(source: str) -> Iterator[str]:
    """Every module that a source names in an import, wherever it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_of(source: str) -> set[str]:
    """The rooms of the package that a source imports."""
    named = {module.split(".")[1] for module in imports(source) if module.startswith("vemo_audit.")}
    return {room for room in named if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()}


def trespasses(room: str, source: str) -> set[str]:
    """Rooms that a file of `room` imports and may not."""
    return rooms_of(source) - ALLOWED[room] - {room} if room in ALLOWED else set()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_room_imports_only_what_its_walls_allow(path: Path) -> None:
    assert not trespasses(room_of(path), path.read_text())


def test_the_wall_test_sees_a_wing_that_imports_a_wing() -> None:
    assert trespasses("governance", "from vemo_audit.recognition.dynamics import affect") == {"recognition"}
    assert trespasses("records", "import vemo_audit.media.decode") == {"media"}


def test_report_and_media_never_import_what_composes_them() -> None:
    for path in FILES:
        if room_of(path) not in ("cli", "server"):
            assert "cli" not in rooms_of(path.read_text()), name_of(path)
        if room_of(path) not in ("cli", "server", "audit"):
            assert "audit" not in rooms_of(path.read_text()), name_of(path)
        if room_of(path) == "audit":
            assert "report" not in rooms_of(path.read_text()), f"{name_of(path)}: render is passed in"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_banned_modules_are_nowhere(path: Path) -> None:
    tops = {module.split(".")[0] for module in imports(path.read_text())}
    assert not tops & BANNED_MODULES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_heavy_and_dangerous_modules_stay_in_their_rooms(path: Path) -> None:
    tops = {module.split(".")[0] for module in imports(path.read_text())}
    for module, places in ONLY_IN.items():
        if module in tops:
            assert name_of(path).startswith(places), f"{module} in {name_of(path)}"
    if "torch" in tops:
        assert room_of(path) in TORCH_ROOMS and not name_of(path).startswith(NO_TORCH), f"torch in {name_of(path)}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_hides_behind_type_checking(path: Path) -> None:
    assert "TYPE_CHECKING" not in path.read_text()


def calls(source: str) -> Iterator[str]:
    """Dotted names of everything that a source calls."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_gate_takes_the_seal_and_makes_admitted_clips(path: Path) -> None:
    made = {call.rpartition(".")[2] for call in calls(path.read_text())}
    if name_of(path) != "governance/gate.py":
        assert "AdmittedClip" not in made
    if name_of(path) not in ("governance/gate.py", "records/clip.py"):
        assert "_take_seal" not in path.read_text()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_torch_load_is_called_in_one_guarded_place(path: Path) -> None:
    if "torch.load" in set(calls(path.read_text())):
        assert name_of(path) == "recognition/network/load.py"


CLOCKS = {"datetime.now", "datetime.utcnow", "time.time", "time.time_ns", "date.today", "datetime.datetime.now"}
RANDOM = {"np.random.rand", "np.random.seed", "random.random", "random.seed", "np.random.shuffle", "random.choice"}


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) != "cli"], ids=name_of)
def test_clock_and_randomness_are_arguments(path: Path) -> None:
    assert not set(calls(path.read_text())) & (CLOCKS | RANDOM)


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) != "cli"], ids=name_of)
def test_the_library_never_prints_and_never_exits(path: Path) -> None:
    if name_of(path) != "governance/ledger/verify_proof.py":  # a script of its own
        assert not set(calls(path.read_text())) & {"print", "sys.exit", "exit", "quit"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_stay_short(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= LONGEST_SCRIPT.get(name_of(path), LONGEST_FILE)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_line_one_says_what_a_module_is_for(path: Path) -> None:
    words = ast.get_docstring(ast.parse(path.read_text()))
    assert words and path.read_text().startswith('"""')


def test_names_are_domain_nouns() -> None:
    for path in FILES:
        assert not set(path.relative_to(PACKAGE).with_suffix("").parts) & BANNED_NAMES, name_of(path)


def test_no_import_circle() -> None:
    modules = {f"vemo_audit.{name_of(p)[:-3].replace('/', '.')}".removesuffix(".__init__"): p for p in FILES}
    edges = {name: {m for m in imports(path.read_text()) if m in modules} - {name} for name, path in modules.items()}
    done: set[str] = set()

    def visit(name: str, road: tuple[str, ...]) -> None:
        assert name not in road, " -> ".join((*road[road.index(name) :], name))
        if name not in done:
            for other in sorted(edges[name]):
                visit(other, (*road, name))
            done.add(name)

    for name in modules:
        visit(name, ())


def test_every_part_of_the_package_is_importable_without_torch_where_promised() -> None:
    import subprocess
    import sys

    code = (
        "import sys; import vemo_audit.evaluation.levels, vemo_audit.evaluation.disparity, vemo_audit.tables.read, "
        "vemo_audit.audit.judge, vemo_audit.report.page, vemo_audit.recognition.dynamics.smoothing, "
        "vemo_audit.audit.answers; "
        "assert not {'torch', 'cv2', 'pandas', 'torchvision', 'facenet_pytorch'} & set(sys.modules); "
        "import vemo_audit.recognition.recognizers.replay, vemo_audit.recognition.recognizers.command, "
        "vemo_audit.recognition.recognizers.http; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
