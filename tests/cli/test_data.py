"""The command `data`."""

import json

from clipforget.cli.main import main


def test_data_are_described(world, capsys):
    assert main(["data", world.data, "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["superclasses"]["disc"] == ["big", "small", "thin"] and about["evaluation_sets"] == ["shifted"]
    assert sum(part["n"] for part in about["counts"]) == about["images"]
    assert main(["data", world.data]) == 0 and "disc/big" in capsys.readouterr().out
    assert main(["data"]) == 0 and "sketchbook" in capsys.readouterr().out
