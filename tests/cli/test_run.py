"""The command line on real runs: a tiny model, a tiny data set, whole commands."""

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small import FEW, SLOW

from clipforget.cli.main import main
from clipforget.runs.store import Store
from clipforget.workspace.bench import agreement, speed
from clipforget.workspace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


def words(world, runs, settings, *more):
    """A command line of `run` on the tiny world."""
    named = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    shared = ["--model", world.clip, "--data", world.data, "--device", "cpu", "--runs", str(runs)]
    return ["run", *shared, *named, *more]


def test_from_run_to_search(world, tmp_path, capsys):
    """run, runs, show and search in one go; the command in run.json gives the same weights again."""
    assert main(words(world, tmp_path, FEW, "--forget", "disc/big", "--json")) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)
    assert {row["key"] for row in figures["rows"]} >= {"forget", "siblings", "others"} and "Done." in err
    assert main(["runs", "--runs", str(tmp_path)]) == 0 and figures["id"] in capsys.readouterr().out
    assert main(["show", "last", "--alpha", "1", "--json", "--runs", str(tmp_path)]) == 0
    at_one = json.loads(capsys.readouterr().out)
    assert all(row["after"] == row["before"] for row in at_one["rows"]) and at_one["h"] == 0
    ranked = at_one["retrieval"]["rows"]
    assert len(ranked) == 5 and all(row["after"] == row["before"] for row in ranked)
    assert main(["show", "last", "--runs", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "recall@24 of 10 images" in shown and "2 unrelated prompts" in shown
    assert "Cost of the method: " in shown and at_one["cost"]["parameters"] > 0
    assert main(["search", "last", "a photo of a disc", "--alpha", "1", "--json", "--runs", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["before"] == found["after"] and len(found["before"]) == 24

    again = shlex.split(figures["command"])[3:]
    assert main([*again, "--runs", str(tmp_path), "--json"]) == 0
    ids = (figures["id"], json.loads(capsys.readouterr().out)["id"])
    first, second = (Store(tmp_path).get(id).info() for id in ids)
    assert first["fingerprints"] == second["fingerprints"] and first["config"] == second["config"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--forget", "disc/bigg"], "Did you mean 'big'"),
        (["--forget", "disk"], "Did you mean 'disc'"),
        (["--forget", "disc/big", "--device", "cuda:99"], "cuda:99"),
        (["--forget", "disc/big", "--rank", "9999"], "rank must lie in 1 to 128"),
        (["--forget", "disc/big", "--rank", "x"], "rank must be a number"),
        (["--forget", "disc/big", "--data", "/no/such"], "nothing at '/no/such'"),
        (["--forget", "disc/big", "--model", "clipforget-tny"], "Did you mean 'clipforget-tiny'"),
    ],
)
def test_a_run_that_cannot_start_leaves_no_trace(world, tmp_path, capsys, more, expected):
    assert main(words(world, tmp_path / "runs", {}, *more)) == 2
    err = capsys.readouterr().err.splitlines()
    last = err[-1]
    assert expected in last and last.startswith("python -m clipforget: ")
    assert last not in err[:-1] and Store(tmp_path / "runs").all() == []


def test_a_misspelt_target_does_not_wait_for_the_device(world, tmp_path, capsys):
    with Store(tmp_path).device_lock("cpu"):
        assert main(words(world, tmp_path, {}, "--forget", "disk")) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_control_c_stops_cleanly(world, tmp_path):
    call = [sys.executable, "-m", "clipforget", *words(world, tmp_path, SLOW, "--forget", "disc/big")]
    with subprocess.Popen(call, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("forget"):
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130 and "Stopped" in rest and "Traceback" not in rest
    (run,) = Store(tmp_path).all()
    assert run.info()["state"] == "stopped" and run.events()[-1]["state"] == "stopped"


def test_data_and_models_are_described(world, capsys):
    assert main(["data", world.data, "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["superclasses"]["disc"] == ["big", "small", "thin"] and about["shifted_sets"] == ["shifted"]
    assert sum(part["n"] for part in about["counts"]) == about["images"]
    assert main(["data", world.data]) == 0 and "disc/big" in capsys.readouterr().out
    assert main(["data"]) == 0 and "sketchbook" in capsys.readouterr().out
    assert main(["models", world.clip, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["embedding"] == 16
    assert main(["models"]) == 0 and "clipforget-tiny" in capsys.readouterr().out


def test_bench_measures_a_finished_run(world, finished):
    opened = Workspace(world.folder / "runs", sample=False).opened(finished.id)
    figures = {figure.name: figure for part in (speed, agreement) for figure in part(opened)}
    assert figures["whole tower / changed stages"].number > 0
    assert 0.9 <= figures["top-24 agreement"].number <= 1 and figures["accuracy difference"].number < 10
