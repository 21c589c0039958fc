"""A registry imports the files of its package and answers unknown names with the nearest known one."""

import sys

import pytest

from clipforget.errors import UnknownName
from clipforget.registry import Registry


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An empty package on the path, whose folder is returned."""
    folder = tmp_path / "some_plugins"
    folder.mkdir()
    (folder / "__init__.py").write_text("loaded = []\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "some_plugins"]:
        del sys.modules[name]


def test_files_register_themselves_and_plumbing_is_left_out(package):
    (package / "one.py").write_text("import some_plugins\nsome_plugins.loaded.append('one')\n")
    (package / "_plumbing.py").write_text("raise RuntimeError('not to be imported')\n")
    registry = Registry("plugin", "some_plugins")
    assert registry.load() is registry
    registry.load()
    assert sys.modules["some_plugins"].loaded == ["one"]


def test_an_error_in_a_file_names_the_file(package):
    (package / "broken.py").write_text("import no_such_module_anywhere\n")
    with pytest.raises(ModuleNotFoundError) as caught:
        Registry("plugin", "some_plugins").load()
    assert caught.value.__notes__ == ["while loading the plugin file some_plugins/broken.py"]


def test_unknown_names():
    registry: Registry[int] = Registry("plugin", "clipforget.methods")
    registry["gradient_ascent"] = 1
    assert registry["gradient_ascent"] == 1 and registry.get("nothing") is None
    with pytest.raises(UnknownName, match=r"There is no plugin 'gradient_asent'\. Did you mean 'gradient_ascent'"):
        registry["gradient_asent"]
