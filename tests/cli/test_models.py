"""The command `models`."""

import json

from clipforget.cli.main import main


def test_models_are_described(world, capsys):
    assert main(["models", world.clip, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["embedding"] == 16
    assert main(["models"]) == 0 and "clipforget-tiny" in capsys.readouterr().out


def test_models_are_searched_and_told_before_they_are_fetched(capsys):
    assert main(["models", "vit", "b", "32", "openai", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["models"]
    assert found["name"] == "ViT-B-32-quickgelu/openai" and not found["on_disk"]
    assert main(["models", found["name"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found
    assert main(["models", "--all"]) == 0
    listed = capsys.readouterr().out
    assert "MobileCLIP2-S0/dfndr2b" in listed and "apple-amlr" in listed
    assert main(["models", "nonsense"]) == 2 and "No model fits" in capsys.readouterr().err


def test_an_unknown_model_is_refused_before_there_is_a_run(tmp_path, capsys):
    runs = tmp_path / "runs"
    named = ["--model", "ViT-B-32/opnai", "--forget", "airplane/biplane", "--runs", str(runs)]
    for command in (["run"], ["compare", "--methods", "anchored"], ["tune", "--methods", "anchored"]):
        assert main([*command, *named]) == 2
        assert "openai" in capsys.readouterr().err
    assert not runs.exists()
