"""One file dropped into its folder is enough: a method, data set, chart, table or command stands where people look."""

import importlib
import json
import sys

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from clipforget.cli.main import main
from clipforget.registry import Registry
from clipforget.web.charts import listing
from clipforget.web.routes import routes
from clipforget.workspace.workspace import Workspace

METHOD = '''
from dataclasses import dataclass

from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.task import Step


@dataclass(frozen=True)
class DroppedSettings:
    """Settings of nothing."""

    hops: int = option(3, "How often it hops", low=1, high=9)


@method("dropped", DroppedSettings, title="Dropped in", tier=0, source="A test")
def dropped(task, settings):
    """Hop and change nothing."""
    yield from (Step("forget", hop, settings.hops) for hop in range(1, settings.hops + 1))
'''
DATA = '''
from clipforget.data.catalogue import dataset
from clipforget.data.folder import load_folder


@dataset("dropped", title="Dropped in")
def dropped():
    """Read discs, squares and stripes."""
    return load_folder(FOLDER, "dropped")
'''
CHART = '''
import plotly.graph_objects as go

from clipforget.web.charts import chart


@chart("dropped", title="Dropped in")
def dropped(view):
    """Draw the best alpha as one bar."""
    return go.Figure(go.Bar(x=["best"], y=[view["best"]]))
'''
TABLE = """
from clipforget.benchmark.paper import Case, Line, experiment

CASE = Case((("disc/big",),), (Line("original", alpha=1.0), Line("after")), "A note.")
experiment("dropped", title="Dropped in", rows=("dropped",), paper=CASE, sketchbook=CASE, files=(("train", "Discs."),))
"""
COMMAND = '''
from clipforget.cli.commands import command


@command("dropped", lambda parser: parser.add_argument("--loud", action="store_true"))
def dropped(args):
    """Say that it is there."""
    print("DROPPED IN" if args.loud else "Dropped in")
'''
FILES = {
    "methods": METHOD,
    "data.catalogue": DATA,
    "web.charts": CHART,
    "benchmark.paper": TABLE,
    "cli.commands": COMMAND,
}


@pytest.fixture(scope="module", autouse=True)
def dropped_files(world, tmp_path_factory):
    """One file more for each of the folders, which are left as they are on disk; all of it is taken away afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for name, text in FILES.items():
            package = importlib.import_module(f"clipforget.{name}")
            folder = tmp_path_factory.mktemp(name)
            (folder / "dropped.py").write_text(text.replace("FOLDER", repr(world.data)))
            patch.setattr(package, "__path__", [*package.__path__, str(folder)])
        yield
    for name in FILES:
        package = importlib.import_module(f"clipforget.{name}")
        for registry in {id(value): value for value in vars(package).values() if isinstance(value, Registry)}.values():
            registry.pop("dropped", None)
        sys.modules.pop(f"clipforget.{name}.dropped", None)


@pytest.fixture
def shown(capsys, world):
    """Gives what a command prints, as JSON where it asks for that."""

    def show(*words: str):
        status = main([*words])
        out = capsys.readouterr().out
        assert status == 0, out
        return json.loads(out) if "--json" in words else out

    return show


@pytest.fixture(scope="module")
def client(finished):
    with TestClient(Starlette(routes=routes(Workspace(finished.folder.parent, sample=False)))) as client:
        yield client


def test_a_method(shown, client, world, tmp_path):
    assert "dropped" in shown("methods") and "Hop and change nothing." in shown("methods", "dropped")
    assert "--hops" in shown("run", "--method", "dropped", "--help")
    where = ["--model", world.clip, "--data", world.data, "--device", "cpu", "--runs", str(tmp_path), "--json"]
    view = shown("run", "--method", "dropped", "--hops", "2", "--forget", "disc/big", *where)
    assert view["state"] == "done" and "--hops 2" in view["command"]
    (method,) = [entry for entry in client.get("/clipforget/setup").json()["methods"] if entry["name"] == "dropped"]
    assert method["title"] == "Dropped in" and [option["name"] for option in method["options"]] == ["hops"]


def test_a_data_set(shown, client):
    assert "dropped" in shown("data") and "disc/big" in shown("data", "dropped")
    (data,) = [entry for entry in client.get("/clipforget/setup").json()["data"] if entry["name"] == "dropped"]
    assert set(data["superclasses"]) == {"disc", "square", "stripe"}
    assert client.get("/clipforget/setup/data?name=dropped").json()["samples"]


def test_a_chart(shown, client, finished):
    assert "dropped" in shown("chart")
    runs = str(finished.folder.parent)
    figure = shown("chart", "dropped", finished.id, "--runs", runs, "--json")
    assert figure["data"][0]["x"] == ["best"]
    assert "dropped" in [chart["name"] for chart in listing()], "which is what the page gets"
    assert client.get(f"/clipforget/runs/{finished.id}/charts/dropped").json() == figure


def test_a_table_of_the_paper(shown, client, capsys):
    assert main(["reproduce", "dropped"]) == 2 and "ROOT/train  Discs." in capsys.readouterr().out
    assert "dropped" in shown("reproduce", "--help")
    assert "dropped" in [table["name"] for table in client.get("/clipforget/setup").json()["experiments"]]


def test_a_command(shown):
    assert "Say that it is there" in shown("--help") and "--loud" in shown("dropped", "--help")
    assert shown("dropped", "--loud") == "DROPPED IN\n"
