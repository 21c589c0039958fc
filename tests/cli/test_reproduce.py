"""The command `reproduce`."""

import json
from pathlib import Path

import torch
from small import FEW

from clipforget.benchmark.paper import EXPERIMENTS, Case, Experiment, Line
from clipforget.benchmark.paper._printed import read_printed
from clipforget.cli.main import main
from clipforget.models.loading import load_clip
from clipforget.runs.store import Store

CHEAP = ",".join(f"{name}={value}" for name, value in FEW.items())


def test_reproduce_runs_a_table(world, tmp_path, capsys, monkeypatch) -> None:
    """End to end on a tiny table of the same make: two rows, the original beside them, nothing run twice."""
    lines = (Line("Original", alpha=1.0, group="big"), Line("few", group="big"), Line("fewer", 1, alpha=0.0))
    case = Case((("disc/big",),), lines, "Tiny.")
    rows = (f"targeted,{CHEAP}", f"fewer=targeted,{CHEAP},rank=2")
    files = (("train/disc/big/*.png", "Discs."),)
    printed = {"RN50": {"big": read_printed("Original 90.0 80.0 70.0\nfew 1.5/1.7 40.0/50.0 7.0/10.0 52.8")}}
    table = Experiment("tiny", "a tiny table", rows, case, case, files, printed=printed)
    monkeypatch.setitem(EXPERIMENTS, "tiny", table)
    words = ["reproduce", "tiny", "--model", world.clip, "--device", "cpu", "--runs", str(tmp_path)]
    assert main(words) == 2
    assert "ROOT/train/disc/big/*.png  Discs." in capsys.readouterr().out and not list(tmp_path.iterdir())
    assert main([*words, "--data", world.data, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    original, few, fewer = found["lines"]
    assert original["here"]["values"]["target"]["mean"] == 100
    assert original["here"]["score"]["mean"] == 66.67, "two of three columns kept: what doing nothing is worth"
    assert few["paper"]["values"] == {"target": 1.5, "retain": 40.0, "others": 7.0} and few["paper"]["score"] == 52.8
    assert few["here"]["alpha"]["n"] == 1 and fewer["here"]["alpha"]["mean"] == 0 and fewer["paper"] is None
    assert [column["label"] for column in found["columns"]] == ["target", "retain", "others"]
    ids = Store(tmp_path).ids()
    assert len(ids) == 2
    assert main([*words, "--data", world.data]) == 0
    assert "1.5 (1.7)" in capsys.readouterr().out and Store(tmp_path).ids() == ids
    assert main([*words, "--data", world.data, "--sketchbook"]) == 2 and "either" in capsys.readouterr().err
    assert main(["reproduce", "table2", "--data", world.data, "--runs", str(tmp_path)]) == 2
    assert "no 'airplane'" in capsys.readouterr().err


def test_a_table_whose_model_is_finetuned_first(world, tmp_path, capsys, monkeypatch) -> None:
    """The runs start from the fine-tuned model, which is made once."""
    case = Case((("disc/big",),), (Line("Original", alpha=1.0), Line("few")), "Tiny.")
    table = Experiment("tiny", "a tiny table", (f"targeted,{CHEAP}",), case, case, (), finetuned=True)
    monkeypatch.setitem(EXPERIMENTS, "tiny", table)
    words = ["reproduce", "tiny", "--model", world.clip, "--data", world.data, "--device", "cpu", "--json"]
    assert main([*words, "--runs", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    (folder,) = (tmp_path / "finetuned").iterdir()
    assert found["model"] == str(folder)
    before, after = (load_clip(name).model.state_dict() for name in (world.clip, str(folder)))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and all(name.startswith("visual.") and "running" not in name for name in moved)
    time = (folder / "open_clip_config.json").stat().st_mtime_ns
    assert main([*words[:-1], "--runs", str(tmp_path)]) == 0
    assert f"{Path(world.data).name} with {folder.name}." in capsys.readouterr().out, "no folder of this machine"
    assert [folder] == [*(tmp_path / "finetuned").iterdir()] and len(Store(tmp_path).ids()) == 1
    assert (folder / "open_clip_config.json").stat().st_mtime_ns == time
