"""A data set is one file in the catalogue: dropped there, it stands on the command line and on the page."""

import json
import re
import sys
from pathlib import Path

import pytest

from clipforget.cli.main import main
from clipforget.data import catalogue
from clipforget.data.catalogue import DATASETS, load_dataset, path_of
from clipforget.errors import BadData, UnknownName
from clipforget.workspace.workspace import Workspace

PLUGIN = """
from pathlib import Path

from clipforget.data.catalogue import dataset
from clipforget.data.folder import load_folder

@dataset("dropped", title="Dropped in", path=Path({path!r}))
def dropped():
    return load_folder({path!r}, "dropped")
"""


@pytest.fixture
def drop(tmp_path, monkeypatch):
    """A function that drops a file into the catalogue, which is as it was afterwards."""
    before, loaded = dict(DATASETS), set(sys.modules)
    monkeypatch.setattr(catalogue, "__path__", [*catalogue.__path__, str(tmp_path / "plugins")])
    (tmp_path / "plugins").mkdir()

    def write(name: str, text: str) -> None:
        (tmp_path / "plugins" / f"{name}.py").write_text(text)

    yield write
    DATASETS.clear()
    DATASETS.update(before)
    for name in [name for name in sys.modules if name.startswith("clipforget.data.catalogue.") and name not in loaded]:
        del sys.modules[name]
        delattr(catalogue, name.rpartition(".")[2])


def test_names_and_paths(folder, monkeypatch):
    assert load_dataset(str(folder)).name == "set" and path_of(str(folder)) == folder
    with pytest.raises(UnknownName, match="Did you mean 'sketchbook'"):
        load_dataset("sketchbok")
    assert path_of("sketchbook").name == "sketchbook.tar" and path_of("~/x") == Path.home() / "x"
    monkeypatch.setattr("clipforget.data.catalogue.sketchbook.TAR", folder / "missing.tar")
    with pytest.raises(BadData, match=r"missing\.tar is not there"):
        load_dataset("sketchbook")


def test_one_file_is_enough(folder, drop, tmp_path, capsys):
    drop("dropped", PLUGIN.format(path=str(folder)))
    drop("_plumbing", "raise RuntimeError('not to be imported')")
    assert main(["data"]) == 0
    assert re.search(rf"^dropped +Dropped in +{folder}$", capsys.readouterr().out, re.MULTILINE)
    assert main(["data", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["dropped"]["where"] == str(folder)
    assert main(["data", "dropped"]) == 0
    assert "bird/owl" in capsys.readouterr().out
    space = Workspace(tmp_path / "runs", sample=False)
    entry = next(entry for entry in space.setup()["data"] if entry["name"] == "dropped")
    assert entry["title"] == "Dropped in" and entry["fingerprint"] == load_dataset(str(folder)).fingerprint
    assert space.dataset("dropped").name == "dropped"
    assert main(["data", "droped"]) == 2 and "Did you mean 'dropped'" in capsys.readouterr().err


def test_a_broken_file_is_named(drop):
    drop("broken", "import no_such_module_anywhere")
    with pytest.raises(ModuleNotFoundError) as caught:
        load_dataset("sketchbook")
    assert caught.value.__notes__ == ["while loading the data set file clipforget/data/catalogue/broken.py"]
