"""The command `reproduce`."""

import json

from small import FEW

from clipforget.benchmark.paper import EXPERIMENTS, Case, Experiment, Line
from clipforget.cli.main import main
from clipforget.runs.store import Store

CHEAP = ",".join(f"{name}={value}" for name, value in FEW.items())


def test_reproduce_runs_a_table(world, tmp_path, capsys, monkeypatch) -> None:
    """End to end on a tiny table of the same make: two rows, the original beside them, nothing run twice."""
    lines = (Line("original", alpha=1.0), Line("few", paper={"forget": 1.5}), Line("fewer", 1, alpha=0.0))
    case = Case((("disc/big",),), lines, "Tiny.")
    rows = (f"targeted,{CHEAP}", f"fewer=targeted,{CHEAP},rank=2")
    files = (("train/disc/big/*.png", "Discs."),)
    monkeypatch.setitem(EXPERIMENTS, "tiny", Experiment("tiny", "a tiny table", rows, case, case, files))
    words = ["reproduce", "tiny", "--model", world.clip, "--device", "cpu", "--runs", str(tmp_path)]
    assert main(words) == 2
    assert "ROOT/train/disc/big/*.png  Discs." in capsys.readouterr().out and not list(tmp_path.iterdir())
    assert main([*words, "--data", world.data, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    original, few, fewer = found["lines"]
    assert original["here"]["forget"]["mean"] == 100 and original["here"]["h"]["mean"] == 0
    assert few["paper"] == {"forget": 1.5} and few["alpha"]["n"] == 1 and fewer["alpha"]["mean"] == 0
    assert {"forget", "siblings", "others", "eval:shifted"} <= set(few["here"])
    ids = Store(tmp_path).ids()
    assert len(ids) == 2
    assert main([*words, "--data", world.data]) == 0
    assert "paper: forget" in capsys.readouterr().out and Store(tmp_path).ids() == ids
    assert main([*words, "--data", world.data, "--sketchbook"]) == 2 and "either" in capsys.readouterr().err
    assert main(["reproduce", "table2", "--data", world.data, "--runs", str(tmp_path)]) == 2
    assert "no 'airplane'" in capsys.readouterr().err
