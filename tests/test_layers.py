"""The house: packages stand on each other, files inside a package too; what points up or runs in a circle is named."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "clipforget"

# From the ground up: a file may import what stands on its own line or on one above.
PACKAGES = (
    "errors files generators tabular registry settings __init__",
    "data", "models", "soup", "unlearning", "evaluation", "methods", "audits", "runs", "benchmark", "workspace", "web",
    "cli __main__",
)  # fmt: skip
# The same inside each package. A * stands for any name, so that a method or a chart needs no line of its own; where
# several names fit, the longest counts.
INSIDE = {
    "data": (
        "__init__ images pickles sound watching sketchbook.canvas sketchbook.textures",
        "archives",
        "sources",
        "dataset sketchbook.raster sketchbook.*",
        "names",
        "sketchbook.corruption sketchbook.scene",
        "sketchbook.drawings sketchbook.painting sketchbook.posters",
        "sketchbook.styles",
        "sketchbook.__init__",
        "target layout thumbnails",
        "folder others",
        "published splits selection",
        "records",
        "imagefolder imagenet parquet webdataset",
        "catalogue.__init__",
        "breeds matlab",
        "catalogue.* download evaluation",
    ),
    "models": (
        "deferred",
        "__init__ downloads listing lora pixels projection stages tensor_names weights",
        "architectures checkpoints clip",
        "huggingface",
        "sources",
        "loading precision",
        "trunk",
        "export.__init__ export.bundle export.hub",
        "export.openclip export.patch",
        "export.transformers finetune",
        "pretrain.__init__ pretrain.captions pretrain.card pretrain.images pretrain.settings",
        "pretrain.evaluate",
        "pretrain.training",
    ),
    "soup": ("__init__ activations path", "arithmetic bisection error storage", "model", "walk", "mixture"),
    "unlearning": (
        "__init__ options task",
        "losses fisher directions alignment synthesis batches tail",
        "trainer",
        "diagonals",
    ),
    "evaluation": (
        "__init__ metrics refusal retrieval combined cost documents",
        "curves evalset found separation",
        "scores",
        "prompts",
    ),
    "methods": ("__init__", "*.settings", "*.forgetting", "*.__init__ *"),
    "audits": ("_subject", "__init__", "*"),
    "runs": (
        "__init__ cache config devices documents near_duplicates presets queue",
        "folder selections",
        "store",
        "originals",
        "measure references resources",
        "audit_work audited feature_work loading eta soups",
        "watch",
        "audit execute features",
        "retrained",
    ),
    "benchmark": (
        "__init__ ablation ladder rows targets trials validation",
        "plan",
        "store tuning paper._printed",
        "paper.__init__",
        "documents",
        "execute formats matched paper._cifar paper._measure paper.prepare.__init__",
        "run_summary",
        "summary paper.prepare._*",
        "paper.prepare.*",
        "paper.table1",
        "paper.*",
    ),
    "workspace": (
        "__init__ annotations documents entries reading selection_documents setup_documents upload_folders uploads",
        "setup workers",
        "audits card downloads choosing embedding_map export figures models pages predictions results view",
        "gallery report selections",
        "comparisons explorer",
        "mixtures",
        "model_export",
        "workspace",
        "bench public",
    ),
    "web": (
        "__init__ components downloads head steps targets theme visitors charts.__init__ charts._style",
        "responses charts.*",
        "exposing form gate",
        "comparison_routes mixture_routes model_routes selection_routes",
        "api",
        "page routes",
        "serve",
    ),
    "cli": ("__init__ options terminal", "report writing", "working commands.__init__", "commands.*", "main"),
}
BANNED = {  # who may not import what, at any depth of its own code
    "gradio": ("ground", "data", "models", "soup", "unlearning", "evaluation", "methods", "audits", "runs", "benchmark",
               "workspace", "web.charts", "cli"),
    "torch": ("ground", "data", "evaluation.metrics", "evaluation.scores", "runs.config", "runs.store", "runs.folder",
              "benchmark.plan", "benchmark.rows", "benchmark.store", "benchmark.run_summary", "benchmark.summary",
              "benchmark.formats", "benchmark.paper", "web", "cli.options", "cli.main", "cli.report", "cli.terminal"),
    "open_clip": ("ground", "data", "audits", "runs", "benchmark", "workspace", "web"),
}  # fmt: skip
GROUND = PACKAGES[0].split()


@cache
def modules() -> dict[str, Path]:
    """clipforget/data/folder.py under the name data.folder, clipforget/data/__init__.py under data.__init__."""
    paths = (path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(paths)}


def row_of(name: str, rows: tuple[str, ...]) -> int | None:
    """The row in which a name stands, by the longest pattern that fits."""
    fits = [(len(p.replace("*", "")), i) for i, row in enumerate(rows) for p in row.split() if fnmatchcase(name, p)]
    return max(fits)[1] if fits else None


def place_of(name: str) -> tuple[int | None, int | None]:
    """The rows of a module's package and of itself inside it."""
    package, _, inner = name.partition(".")
    return row_of(package, PACKAGES), row_of(inner, INSIDE[package]) if inner else 0


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
    """The module of the package that an import of `dotted` reaches; None for other packages."""
    parts = dotted.split(".")
    if parts[0] != "clipforget":
        return None
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[1:length])
        for candidate in (name, f"{name}.__init__".lstrip(".")):
            if candidate in modules():
                return candidate
    raise AssertionError(f"there is no module {dotted}")


@cache
def arrows() -> list[tuple[str, str, int]]:
    """Who imports whom inside the package, and in which line."""
    found = ((name, module_named(dotted), line) for name, path in modules().items() for line, dotted in imports(path))
    return [(name, other, line) for name, other, line in found if other is not None and other != name]


def test_every_file_has_its_place():
    homeless = [name for name in modules() if None in place_of(name)]
    assert not homeless, f"give these a place in {Path(__file__).name}: {', '.join(homeless)}"


def test_imports_point_down():
    wrong = []
    for name, other, line in arrows():
        (package, inner), (its_package, its_inner) = place_of(name), place_of(other)
        same = name.split(".")[0] == other.split(".")[0]
        if its_package > package or (same and its_inner > inner):
            wrong.append(f"{modules()[name].relative_to(ROOT)}:{line} imports {other}, which stands above it")
    assert not wrong, "\n".join(wrong)


def test_imports_run_in_no_circle():
    below = {name: {other for start, other, _ in arrows() if start == name} for name in modules()}
    while free := [name for name, others in below.items() if not others & below.keys()]:
        for name in free:
            del below[name]
    assert not below, f"these import each other: {', '.join(below)}"


@pytest.mark.parametrize("library", BANNED)
def test_heavy_libraries_stay_where_they_belong(library):
    def banned(name: str) -> bool:
        own = "ground." + name if name.split(".")[0] in GROUND else name
        return any(f"{own}.".startswith(f"{place}.") for place in BANNED[library])

    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {dotted}"
        for name, path in modules().items()
        if banned(name)
        for line, dotted in imports(path)
        if dotted.split(".")[0] == library
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_page_knows_gradio():
    users = {name.split(".")[0] for name, path in modules().items() for _, text in imports(path) if "gradio" in text}
    assert users <= {"web"}


def test_no_drawer_for_everything():
    assert not [name for name in modules() if name.split(".")[-1] in ("utils", "util", "common", "helpers", "misc")]


LIGHT = {
    "the command line": "from clipforget.cli import main",
    "the parser of run": "from clipforget.cli.main import build; build(['run'])",
    "methods and their settings": "from clipforget.methods import METHODS; METHODS.load()",
    "audits": "from clipforget.audits import AUDITS; AUDITS.load(); import clipforget.runs.audited",
    "the store": "import clipforget.runs.store",
    "the soup path": "import clipforget.soup.path",
    "the list of models": "import io; from clipforget.cli.main import main; "
    "sys.stdout = io.StringIO(); main(['models', '--all']); sys.stdout = sys.__stdout__",
    "a workspace": "from clipforget.workspace.workspace import Workspace; Workspace()",
    "the charts": "from clipforget.web.charts import CHARTS; CHARTS.load()",
    "the data sets": "from clipforget.data.catalogue import DATASETS; DATASETS.load()",
    "the paper's data sets": "from clipforget.benchmark.paper.prepare import SOURCES; SOURCES.load()",
    "the paper's tables": "from clipforget.benchmark.paper import EXPERIMENTS; EXPERIMENTS.load()",
}


@pytest.mark.parametrize("what", LIGHT)
def test_light_without_torch(what):
    code = f"import sys; {LIGHT[what]}; print([m for m in ('torch', 'gradio', 'open_clip') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]", f"{what} imports {shown.stdout}"


def test_the_tests_mirror_the_packages():
    packages = {name.split(".")[0] for name in modules()} - set(GROUND) - {"__main__"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("**/test_*.py"))}
    assert packages <= folders and folders - packages <= {"browser", "faults", "properties"}
