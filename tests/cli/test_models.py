"""The command `models`."""

import json

from clipforget.cli.main import main


def test_models_are_described(world, capsys):
    assert main(["models", world.clip, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["embedding"] == 16
    assert main(["models"]) == 0 and "clipforget-tiny" in capsys.readouterr().out
