"""Imports run downward only, cli -> report | serve | sweep | bench | export | finetune -> synthesis | train | evaluate ->
... -> units, no import hides in a string, the only loose files are those of the package itself, and what pyproject.toml
asks for is imported."""

import ast
import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ditar

ROOT = Path(__file__).parents[1]

# Rooms of equal height may not import each other.
ORDER = [
    {"units"},
    {"storage", "seeds", "extras"},
    {"config"},
    {"nn", "text", "audio"},
    {"diffusion"},
    {"vae", "data", "recognise"},
    {"model", "baseline"},
    {"synthesis", "train", "evaluate"},
    {"report", "serve", "sweep", "bench", "export", "finetune"},
    {"cli"},
]
# Speaks without torch, from these rooms alone; as high as what speaks with it.
ONLY = {"onnx": {"text", "audio", "config", "storage", "units", "seeds", "extras"}}
LOOSE = {"__init__", "units", "extras", "seeds"}
# Where a name is all there is: what is public, and packages of extras.
STRINGS = {"ditar/__init__.py", "ditar/extras.py"}
# Evaluation judges files and never sees a model, so that it judges every system alike.
NEVER = {"evaluate": {"nn", "diffusion", "vae", "model", "baseline"}}
PUBLIC = {f"ditar.{name}": module for name, module in ditar._HOMES.items()}
HEIGHT = {room: height for height, rooms in enumerate(ORDER) for room in rooms}
HEIGHT["onnx"] = HEIGHT["synthesis"]


def room_of(path):
    return path.relative_to(ROOT / "ditar").parts[0].removesuffix(".py")


def imported(source):
    """Every module that a file imports, wherever the import stands, as dotted names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            # `import ditar` reaches every public name as an attribute
            yield from (alias.name + ".*" * (alias.name == "ditar") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def violations(room, source):
    """What a file of `room` imports and may not."""
    found = []
    for name in imported(source):
        parts = name.split(".")
        if name in PUBLIC:  # `from ditar import DiTAR` imports the module where it is at home
            parts = PUBLIC[name].split(".")
        if parts[0] in ("recipes", "egs", "tests") or name == "ditar.*":
            found.append(name)
        elif parts[0] == "ditar" and len(parts) > 1 and parts[1] in HEIGHT and parts[1] != room:
            allowed = parts[1] in ONLY[room] if room in ONLY else HEIGHT[parts[1]] < HEIGHT[room]
            if not allowed or parts[1] in NEVER.get(room, ()):
                found.append(name)
    return found


def test_every_room_has_its_height():
    rooms = {room_of(p) for p in (ROOT / "ditar").rglob("*.py")} - {"__init__"}
    assert rooms <= set(HEIGHT), f"say in ORDER where {rooms - set(HEIGHT)} stand"


def test_imports_run_downward_only():
    found = {
        str(path.relative_to(ROOT)): bad
        for path in (ROOT / "ditar").rglob("*.py")
        if room_of(path) != "__init__" and (bad := violations(room_of(path), path.read_text(encoding="utf-8")))
    }
    assert not found


def test_no_circles():
    """Neither between modules that import each other at the top nor where a function imports."""
    paths = {path.relative_to(ROOT).with_suffix("").as_posix(): path for path in (ROOT / "ditar").rglob("*.py")}
    modules = {name.replace("/", ".").removesuffix(".__init__"): path for name, path in paths.items()}
    graph = {}
    for module, path in modules.items():
        names = {name for name in imported(path.read_text(encoding="utf-8")) if name in modules}
        of_packages = {name.rpartition(".")[0] for name in names}  # `from a.b import c` names a.b too, where c is a module
        graph[module] = names - (of_packages & {m for m in names if modules[m].name == "__init__.py"})
    TopologicalSorter(graph).prepare()  # CycleError names one


def test_the_only_loose_files_are_of_the_package_itself():
    assert {path.stem for path in (ROOT / "ditar").glob("*.py")} == LOOSE


def test_no_import_is_a_string():
    for path in (ROOT / "ditar").rglob("*.py"):
        if str(path.relative_to(ROOT)) not in STRINGS:
            called = re.findall(r"(?:import_module|__import__)\((.*?)\)", path.read_text(encoding="utf-8"))
            assert not [name for name in called if "ditar" in name or not name.startswith('"')], path


def test_no_relative_imports():
    """They would pass the test above unseen."""
    for path in (ROOT / "ditar").rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        assert not any(isinstance(n, ast.ImportFrom) and n.level for n in nodes), path


def test_the_test_sees_a_violation():
    assert violations("evaluate", "import ditar.model.ditar") == ["ditar.model.ditar"]
    assert violations("model", "from ditar.train.loop import run") == ["ditar.train.loop", "ditar.train.loop.run"]
    assert violations("data", "def f():\n    import ditar.vae.speech_vae") == ["ditar.vae.speech_vae"]
    assert violations("model", "from ditar import baseline") == ["ditar.baseline"]
    assert violations("model", "from ditar.nn.attention import Attention") == []
    assert violations("vae", "import recipes.train") == ["recipes.train"]
    assert violations("sweep", "from ditar.bench import study") == ["ditar.bench", "ditar.bench.study"]
    assert violations("onnx", "import ditar.nn.threads") == ["ditar.nn.threads"]
    assert violations("onnx", "from ditar.text import Phonemiser") == []
    assert violations("storage", "from ditar.seeds import seed_of") == ["ditar.seeds", "ditar.seeds.seed_of"]


@pytest.mark.parametrize(
    ("room", "source", "found"),
    [
        ("evaluate", "from ditar import DiTAR", ["ditar.DiTAR"]),
        ("evaluate", "def f():\n    from ditar import SpeechVAE as Vae", ["ditar.SpeechVAE"]),
        ("evaluate", "from ditar.vae.loading import load_vae", ["ditar.vae.loading", "ditar.vae.loading.load_vae"]),
        ("model", "from ditar import DiTARPipeline, load_config", ["ditar.DiTARPipeline"]),
        ("data", "import ditar\nditar.SpeechVAE", ["ditar.*"]),
        ("data", "from ditar import *", ["ditar.*"]),
        ("synthesis", "from ditar import DiTAR, __version__", []),
        ("evaluate", "from ditar.data.tables import read_table", []),
    ],
)
def test_public_names_are_no_way_round(room, source, found):
    assert violations(room, source) == found


# Distributions whose module has another name, and what is needed without an import of ours.
MODULES = {"praat-parselmouth": "parselmouth", "pyyaml": "yaml", "scikit-learn": "sklearn"}
WITHOUT_IMPORT = {
    "python-multipart": "FastAPI reads forms with it",
    "tensorboard": "torch.utils.tensorboard imports it",
    "webrtcvad-wheels": "takes the place of Resemblyzer's webrtcvad",
    "whisper-normalizer": "ditar/evaluate/words.py reads its table as a file",
    "pytest-cov": "the option --cov of the tests",
    "pytest-xdist": "their option -n",
}


def test_every_dependency_is_imported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    names = {re.match(r"[\w.-]+", requirement).group(0) for requirement in asked}
    used: set[str] = set()
    for folder in ("ditar", "recipes", "egs", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            used |= {name.split(".")[0] for name in imported(source)}
            used |= set(re.findall(r"(?:load_extra|import_for_\w+|import_module)\(\"(\w+)\"", source))  # where an extra is asked for
    unused = {name for name in names - set(WITHOUT_IMPORT) if MODULES.get(name, name.replace("-", "_")) not in used}
    assert not unused, f"nothing imports {sorted(unused)}; take them out of pyproject.toml"
    assert set(WITHOUT_IMPORT) <= names
