"""The command line on real runs: a tiny model, a tiny data set, whole commands."""

import json
import shlex
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from small import FEW, METHOD, SLOW

from clipforget.cli.main import main, read
from clipforget.cli.options import settings_of
from clipforget.methods import METHODS
from clipforget.runs.config import RunConfig, shown_command, without_folders
from clipforget.runs.store import Store
from clipforget.settings import options

ROOT = Path(__file__).resolve().parents[2]


def words(world, runs, settings, *more):
    """A command line of `run` on the tiny world."""
    named = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    shared = ["--method", METHOD, "--model", world.clip, "--data", world.data, "--device", "cpu", "--runs", str(runs)]
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
        (["--forget", "disc/big", "--rank", "9999"], "rank must be a whole number from 1 to 128"),
        (["--forget", "disc/big", "--rank", "x"], "rank must be a whole number"),
        (["--forget", "disc/big", "--data", "/no/such"], "nothing at '/no/such'"),
        (["--forget", "disc/big", "--model", "clipforget-tny"], "Nearest: clipforget-tiny"),
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


@pytest.mark.parametrize("name", sorted(METHODS.load()))
def test_every_setting_of_a_method_is_an_option_of_run(name, capsys):
    assert main(["run", "--method", name, "--help"]) == 0
    shown = capsys.readouterr().out
    own = {entry.name for entry in options(METHODS[name].settings)}
    assert all(f"--{setting.replace('_', '-')}" in shown for setting in own)
    assert not own & {field.name for field in fields(RunConfig)}, "a setting may not carry the name of an option of run"


@pytest.mark.parametrize("name", sorted(METHODS.load()))
def test_the_command_of_a_run_reads_back_as_its_configuration(name):
    changed = {}
    for entry in options(METHODS[name].settings):
        others = [choice for choice in entry.choices if choice != entry.default]
        low, high = entry.low if entry.low is not None else 0, entry.high if entry.high is not None else 1
        value = (not entry.default) if entry.kind is bool else entry.kind(low if entry.default != low else high)
        changed[entry.name] = (others[0] if others else entry.default) if entry.kind is str else value
    config = RunConfig(
        data="my photos/a b.tar", forget=("a/b", "c/*/d e"), retain=("-x",), method=name, settings=changed, seed=7
    ).checked()
    words = shlex.split(config.command())
    assert words[:3] == ["python", "-m", "clipforget"]
    args = read(words[3:])
    settings = settings_of(args)
    names = [field.name for field in fields(RunConfig) if field.name not in ("settings", "soup")]
    again = RunConfig.read({**{key: getattr(args, key) for key in names}, "settings": settings}).checked()
    assert again == config


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/home/me/photos", "photos"), ("ViT-B-32//home/me/my.pt:openai", "ViT-B-32/my.pt:openai"),
        ("food=/home/me/food/:a b,c", "food=food/:a b,c"), ("cifar100:/home/me/sets", "cifar100:sets"),
        ("hf-hub:owner/model", "hf-hub:owner/model"), ("airplane/*/sketch", "airplane/*/sketch"),
    ],
)  # fmt: skip
def test_what_is_shown_to_others_names_no_folder(name, shown):
    assert without_folders(name) == shown
    config = RunConfig(data=name, forget=("a/b",)).command()
    assert shlex.split(shown_command(config)) == [shown if word == name else word for word in shlex.split(config)]


def test_the_command_of_an_old_run_is_still_read(capsys):
    words = ["run", "--method", "slug", "--forget", "a", "--looks", "6", "--reach=2"]
    assert settings_of(read(words)) == {"evaluations": "6", "max_step": "2"}
    main(["run", "--method", "slug", "--help"])
    assert "--reach" not in capsys.readouterr().out
