"""The layers of the house: every import points down, or this test names the file and the line."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "clipforget"

# From the ground up; a file may import what stands on its own line or below it. The longest name that fits counts.
LAYERS = (
    ("errors", "registry", "settings", "__init__", "cache"),
    ("data",),
    # methods.__init__ holds no method: only the shape of one and the registry
    ("clip", "opening", "precision", "weights", "lora", "fisher", "alignment", "losses", "projection",
     "methods.__init__"),
    ("stages", "souped", "soup", "souppath", "pathfile", "bisection", "retrieval", "evaluate", "train", "tail"),
    ("refusal", "synthesis"),
    ("methods",),
    ("config", "record", "store"),
    ("selection", "progress", "presets", "choices", "rows", "comparison", "comparisons"),
    ("cost", "loaded", "task", "judged", "results", "ranked", "experiment", "matrix", "tables", "pretrain"),
    ("validation", "trials", "tuning", "ablation", "experiments", "terminal", "tabletext"),
    ("workspace", "comparing", "view", "opened", "worker", "thumbnails", "uploads", "export"),
    ("charts",),
    ("web", "cli", "arguments", "commands", "compare", "reproduce", "listings", "report", "bench", "__main__"),
)
BANNED = {  # who may not import what, at any depth of its own code
    "gradio": ("data", "charts", "methods", "workspace", "experiment", "store", "cli", "commands", "bench"),
    "torch": (
        "charts", "store", "record", "config", "settings", "registry", "errors", "cli", "report", "terminal", "web",
        "rows", "comparison", "comparisons", "tables", "tabletext", "compare", "arguments",
    ),
    "open_clip": ("charts", "store", "config", "settings", "registry", "errors", "web"),
}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def name_of(path: Path) -> str:
    """clipforget/data/folder.py -> data.folder; clipforget/data/__init__.py -> data.__init__"""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def layer_of(name: str) -> int | None:
    """The layer of a module: its own entry, or that of a package around it."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        for number, layer in enumerate(LAYERS):
            if ".".join(parts[:length]) in layer:
                return number
    return None


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of every import, also of those inside functions; typing-only ones count too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.relative_to(ROOT)}:{node.lineno} imports relatively"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def module_named(dotted: str) -> str | None:
    """The module of the package that an import of `dotted` reaches, as name_of names it."""
    parts = dotted.split(".")
    if parts[0] != "clipforget":
        return None
    for length in range(len(parts), 0, -1):
        path = PACKAGE.joinpath(*parts[1:length])
        if path.with_suffix(".py").is_file() and length > 1:
            return ".".join(parts[1:length])
        if (path / "__init__.py").is_file():
            return ".".join([*parts[1:length], "__init__"])
    raise AssertionError(f"there is no module {dotted}")


def test_every_file_has_its_layer():
    homeless = [str(path.relative_to(ROOT)) for path in modules() if layer_of(name_of(path)) is None]
    assert not homeless, f"give these files a line in LAYERS of {Path(__file__).name}: {', '.join(homeless)}"


def test_imports_point_down():
    wrong = []
    for path in modules():
        own = layer_of(name_of(path))
        for line, dotted in imports(path):
            module = module_named(dotted)
            other = None if module is None else layer_of(module)
            if own is not None and other is not None and other > own:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}, which stands above it")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", BANNED)
def test_heavy_libraries_stay_where_they_belong(library):
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {dotted}"
        for path in modules()
        if name_of(path).split(".")[0] in BANNED[library]
        for line, dotted in imports(path)
        if dotted.split(".")[0] == library
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_page_knows_gradio():
    users = {name_of(path).split(".")[0] for path in modules() for _, dotted in imports(path) if "gradio" in dotted}
    assert users <= {"web"}


def test_no_drawer_for_everything():
    assert not [path for path in modules() if path.stem in ("utils", "util", "common", "helpers", "misc")]


LIGHT = {
    "clipforget.cli": "from clipforget import cli",
    "the parser of run": "from clipforget.cli import build; build(['run'])",
    "methods and their settings": "from clipforget.methods import METHODS; METHODS.load()",
    "the store": "import clipforget.store",
    "the list of models": "import io; from clipforget.cli import main; "
    "sys.stdout = io.StringIO(); main(['models']); sys.stdout = sys.__stdout__",
    "a workspace": "from clipforget.workspace import Workspace; Workspace()",
    "the charts": "from clipforget.charts import CHARTS; CHARTS.load()",
}


@pytest.mark.parametrize("what", LIGHT)
def test_light_without_torch(what):
    code = f"import sys; {LIGHT[what]}; print([m for m in ('torch', 'gradio', 'open_clip') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]", f"{what} imports {shown.stdout}"
