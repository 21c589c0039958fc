"""From the paper's data sets as published to its tables: fakes of each layout, a tiny model, the commands as typed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import published
import pytest

from clipforget.benchmark.paper import EXPERIMENTS, Case, Line
from clipforget.benchmark.paper.prepare import imagenet
from clipforget.cli.main import main
from clipforget.data.evaluation import with_evaluation_sets
from clipforget.data.folder import load_folder
from clipforget.data.imagenet import class_names

AIRLINER = "n02690373"


@pytest.fixture
def few_names(monkeypatch) -> dict[str, str]:
    """A dozen of ImageNet's names in place of a thousand, which a tiny text tower takes seconds for."""
    names = class_names()
    few = {wnid: names[wnid] for wnid in [AIRLINER, *published.WNIDS[:11]]}
    monkeypatch.setattr(imagenet, "class_names", lambda: few)
    return few


@pytest.fixture
def sets(tmp_path, few_names) -> Path:
    """The evaluation sets, prepared from fakes."""
    sources = {
        "imagenet": published.imagenet(tmp_path / "ilsvrc", (AIRLINER,), val=4),
        "food101": published.food(tmp_path / "food"),
        "stl10": published.stl(tmp_path / "stl")[0],
        "objectnet": published.objectnet(tmp_path / "objectnet"),
    }
    sources["imagenet-airplane"] = sources["imagenet"]
    for name, source in sources.items():
        assert main(["reproduce", "prepare", name, str(source), str(tmp_path / "SETS"), "--evaluation"]) == 0
    return tmp_path / "SETS"


def test_table2_from_cifar_as_published(world, tmp_path, sets, few_names, capsys, monkeypatch) -> None:
    """Its first row, its last row and its last columns: the other domain's airplanes are kept, among all names."""
    root, table = str(tmp_path / "ROOT"), EXPERIMENTS.load()["table2"]
    assert main(["reproduce", "prepare", "cifar10", str(published.cifar(tmp_path / "cifar", 4)), root]) == 0
    lines = (
        Line("Original", alpha=1.0, group="airplane"),
        Line("FT", alpha=0.0, group="airplane"),
        Line("Ours", 1, group="airplane"),
    )
    case = Case((("airplane",),), lines, table.paper.note)
    short = replace(table, rows=("finetune", "targeted"), paper=case)
    monkeypatch.setitem(EXPERIMENTS, "table2", short)
    words = ["reproduce", "table2", "--data", root, "--sets", str(sets), "--model", world.clip, "--device", "cpu"]
    capsys.readouterr()
    assert main([*words, "--runs", str(tmp_path / "runs"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    columns = ["target", "retain", "Food", "STL", "ObjectNet", "ImageNet target", "ImageNet"]
    assert [column["label"] for column in found["columns"]] == columns
    original, ft, ours = found["lines"]
    assert all(set(line["here"]["values"]) == set(columns) for line in (original, ft, ours))
    assert original["here"]["ratios"].keys() == set(columns) and ft["here"]["alpha"]["mean"] == 0
    assert ours["paper"]["score"] == 88.9 and ours["paper"]["ratios"]["ImageNet target"] == 92.9
    assert ours["here"]["score"]["n"] == 1
    assert found["warnings"] == [f"The paper has no figures of {world.clip}; those of RN50 are shown."]
    assert main([*words[:4], "--sets", root, *words[6:]]) == 2
    assert "holds none of the evaluation sets food101, stl10," in capsys.readouterr().err


def test_table1_has_every_image_of_its_sets(tmp_path, few_names) -> None:
    """ImageNet's validation images are test images and evaluation set at once; neither is left out for the other."""
    source = str(published.imagenet(tmp_path / "ilsvrc", val=2))
    root, sets = tmp_path / "ROOT", tmp_path / "SETS"
    for name, where in (("living17", root), ("imagenet", sets)):
        assert main(["reproduce", "prepare", name, source, str(where)]) == 0
    dataset = load_folder(root)
    assert len(dataset.of("test")) == 2 * 68
    both = with_evaluation_sets(dataset, [f"imagenet={sets / 'imagenet'}"], 1000)
    assert len(both.of("imagenet")) == 2 * 11 and len(both.of("test")) == 2 * 68
