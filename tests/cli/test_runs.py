"""The command `runs`."""

import json

from clipforget.cli.main import main


def test_no_runs_yet(capsys, tmp_path, fake):
    fake.infos = []
    assert main(["runs", "--runs", str(tmp_path)]) == 0
    assert "No runs yet" in capsys.readouterr().out
    assert main(["show", "last", "--runs", str(tmp_path)]) == 2


def test_runs(fake, capsys):
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and "90.0 % -> 10.0 %" in lines[2] and "0:21" in lines[2]
    assert main(["runs", "--json"]) == 0
    assert [info["id"] for info in json.loads(capsys.readouterr().out)["runs"]] == ["bad", "good"]
