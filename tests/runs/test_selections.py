"""Selections beside the runs: saved, renamed, deleted; and a run keeps its own copy, so that it can be repeated."""

from pathlib import Path

import pytest

from clipforget.data.selection import make_selection, read_selection
from clipforget.errors import BadData, BadSetting, UnknownName
from clipforget.runs.resources import Resources
from clipforget.runs.selections import SelectionStore


@pytest.fixture
def selection(world):
    dataset = Resources().dataset(world.data)
    chosen = [i for i, item in enumerate(dataset.items) if item.subgroup == "big" and item.superclass == "disc"]
    return make_selection(dataset, world.data, "red discs", "thing", chosen)


def test_selections_are_saved_renamed_and_deleted(tmp_path, selection):
    store = SelectionStore(tmp_path / "runs")
    assert store.names() == []
    path = store.save(selection)
    assert store.get("red discs") == selection and store.locate(str(path)) == path == store.locate("red discs")
    with pytest.raises(BadSetting, match="There is a selection 'red discs' already"):
        store.save(selection)
    store.save(selection, replace=True)
    assert store.rename("red discs", "balls").target == "thing/balls" and store.names() == ["balls"]
    (store.folder / "torn.json").write_text("{")
    assert [(name, isinstance(entry, BadData)) for name, entry in store.all()] == [("balls", False), ("torn", True)]
    store.delete("balls")
    for ask in (store.get, store.delete, store.locate):
        for name in ("balls", "../x", "x" * 300 + ".json", "a\0.json"):
            with pytest.raises(UnknownName, match="no selection"):
                ask(name)


def test_a_pinned_selection_survives_its_name(tmp_path, world, selection):
    store = SelectionStore(tmp_path / "runs")
    store.save(selection)
    (pinned,) = store.pin(["red discs", "red discs"])
    store.delete("red discs")
    dataset = Resources().dataset(world.data, selections=[pinned])
    assert "red discs" in dataset.subgroups("thing")
    assert store.pin([pinned]) == (pinned,), "a copy of a copy is the copy"
    assert read_selection(Path(pinned)).name == "red discs" and store.names() == []
