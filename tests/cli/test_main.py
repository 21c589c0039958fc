"""The command line: what it prints, how it refuses, that it is light."""

import errno
import io
import json
import re
import shlex
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import pytest

from clipforget.cli import main as cli
from clipforget.cli.main import build, main
from clipforget.cli.options import COMMANDS, settings_of
from clipforget.cli.terminal import Bar, clock
from clipforget.errors import UnknownName
from clipforget.methods import METHODS
from clipforget.runs.config import RunConfig
from clipforget.settings import options
from clipforget.tabular import markdown, table

ROOT = Path(__file__).resolve().parents[2]
ALPHAS = [i / 100 for i in range(101)]


def line_of(capsys) -> str:
    """The one line that a refused command leaves on stderr."""
    out, err = capsys.readouterr()
    assert out == "" and err.endswith("\n") and err.count("\n") == 1, err
    return err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("rnu", r"no command 'rnu'\. Did you mean 'run'"),
        ("runs --jsno", r"no option of runs '--jsno'\. Did you mean '--json'"),
        ("run --forgt airplane", r"Did you mean '--forget'"),
        ("run --forget a --method targetd", r"no method 'targetd'\. Did you mean 'targeted'"),
        ("run --forget a --seed x", r"--seed: invalid int value: 'x'; see .* run --help"),
        ("run --forget a --seed -1", r"seed must be a whole number from 0"),
        ("run --forget a --gallery 3", r"gallery must be a whole number from 4"),
        ("run", r"Nothing to forget is named"),
        ("run --worker ../../etc", r"no run '\.\./\.\./etc'"),
        ("show", r"required: ID"),
        ("show nosuch", r"no run 'nosuch'"),
        ("show ../x", r"no run '\.\./x'"),
        ("search x two words", r"'words' is one word too many; quote"),
        ("search x y -k 99", r"-k must be a whole number from 1 to 24"),
        ("compare --method targeted --forget a --preset tunde", r"no preset for clipforget-tiny 'tunde'.*'tuned'"),
        ("reproduce table9", r"no table 'table9'"),
        ("reproduce table5 --sketchbook --preset tunde", r"no preset for clipforget-tiny 'tunde'"),
        ("data one two", r"quote a path with spaces"),
        ("data build sketch", r"Only the embedded set"),
        ("data /no/such/place", r"/no/such/place"),
        ("methods targetd", r"Did you mean 'targeted'"),
        ("", r"required: COMMAND"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(words)) == 2
    assert re.search(expected, line_of(capsys))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    assert main([command, "--help"]) == 0
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(METHODS.load()))
def test_every_setting_of_a_method_is_an_option_of_run(name, capsys):
    assert main(["run", "--method", name, "--help"]) == 0
    shown = capsys.readouterr().out
    own = {entry.name for entry in options(METHODS[name].settings)}
    assert all(f"--{setting.replace('_', '-')}" in shown for setting in own)
    assert not own & {field.name for field in fields(RunConfig)}, "a setting may not carry the name of an option of run"


@pytest.mark.parametrize("name", sorted(METHODS.load()))
def test_the_command_of_a_run_reads_back_as_its_configuration(name):
    chosen = METHODS[name].settings
    changed = {}
    for entry in options(chosen):
        others = [choice for choice in entry.choices if choice != entry.default]
        low, high = entry.low if entry.low is not None else 0, entry.high if entry.high is not None else 1
        value = (not entry.default) if entry.kind is bool else entry.kind(low if entry.default != low else high)
        changed[entry.name] = (others[0] if others else entry.default) if entry.kind is str else value
    config = RunConfig(
        data="my photos/a b.tar", forget=("a/b", "c/*/d e"), retain=("-x",), method=name, settings=changed, seed=7
    ).checked()
    words = shlex.split(config.command())
    assert words[:3] == ["python", "-m", "clipforget"]
    chosen = cli.read(words[3:])
    settings = settings_of(chosen)
    names = [field.name for field in fields(RunConfig) if field.name != "settings"]
    again = RunConfig.read({**{key: getattr(chosen, key) for key in names}, "settings": settings}).checked()
    assert again == config


def test_the_command_of_an_old_run_is_still_read(capsys):
    words = ["run", "--method", "targeted", "--forget", "a", "--forget-rate", "0.5", "--reach=2"]
    assert settings_of(cli.read(words)) == {"forget_learning_rate": "0.5", "extrapolation": "2"}
    main(["run", "--method", "targeted", "--help"])
    assert "--reach" not in capsys.readouterr().out


def test_methods_are_listed_with_bounds(capsys):
    assert main(["methods"]) == 0 and "targeted" in capsys.readouterr().out
    assert main(["methods", "targeted", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["options"] and {"name", "kind", "default", "help", "low", "high"} <= set(about["options"][0])
    assert main(["methods", "targeted"]) == 0 and "(default: " in capsys.readouterr().out


def test_no_runs_yet(capsys, tmp_path, fake):
    fake.infos = []
    assert main(["runs", "--runs", str(tmp_path)]) == 0
    assert "No runs yet" in capsys.readouterr().out
    assert main(["show", "last", "--runs", str(tmp_path)]) == 2


# a run, without a model


class Fake:
    """A workspace with one finished run and one failed one."""

    def __init__(self) -> None:
        config = RunConfig(forget=("airplane/biplane",)).as_dict()
        shared = {"title": "t", "config": config, "created": "2026-01-01T00:00:00+00:00", "starred": False}
        headline = {key: {"before": 0.9, "after": 0.1} for key in ("forget", "siblings", "others")}
        done = {"id": "good", "state": "done", "best": 0.35, "headline": headline, "seconds": 21.0, "error": None}
        failed = {"id": "bad", "state": "failed", "best": None, "headline": None, "seconds": None, "error": "Too few."}
        self.infos = [shared | failed, shared | done]

    def __call__(self, *_, **__):
        return self

    def runs(self):
        return self.infos

    def view(self, id):
        info = next((info for info in self.infos if info["id"] == id), None)
        if info is None:
            raise UnknownName("run", id, ["good"])
        if info["state"] != "done":
            return info | {"command": "python -m clipforget run"}
        rows = [
            {
                "key": key,
                "label": key.title(),
                "role": role,
                "n": 50,
                "before": {"value": 0.9, "low": 0.85, "high": 0.95},
                **{name: [0.9 * a for a in ALPHAS] for name in ("after", "low", "high")},
            }
            for key, role in (("forget", "forget"), ("others", "others"))
        ]
        figures = {"h": ALPHAS, "score": [100 * a for a in ALPHAS], "do_nothing": {"h": 0, "score": 50.0}}
        bound = {"agreement": [1.0 if a in (0, 1) else 0.993 for a in ALPHAS], "accuracy": [0.0] * 101}
        gallery = {
            "superclasses": ["airplane"],
            "subgroups": ["biplane", "airliner"],
            "styles": [],
            "roles": ["forget", "siblings", "others"],
            "items": [[9, 0, 0, -1, "forget"], [8, 0, 1, -1, "siblings"]],
        }
        about = {"command": "python -m clipforget run", "device": "cpu", "chance": 0.125, "nodes": [0, 1]}
        return info | figures | about | {"alphas": ALPHAS, "rows": rows, "bound": bound, "gallery": gallery}

    def query(self, id, text):
        after = {"ids": [[1, 0]] * 101, "cosines": [[0.3, a] for a in ALPHAS]}
        return {"k": 24, "before": {"ids": [0, 1], "cosines": [0.4, 0.3]}, "after": after}


@pytest.fixture
def fake(monkeypatch):
    fake = Fake()
    monkeypatch.setattr("clipforget.cli.commands._workspace", fake)
    return fake


def test_runs(fake, capsys):
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and "90.0% > 10.0%" in lines[2] and "0:21" in lines[2]
    assert main(["runs", "--json"]) == 0
    assert [info["id"] for info in json.loads(capsys.readouterr().out)["runs"]] == ["bad", "good"]


def test_show(fake, capsys):
    assert main(["show", "last", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["id"], figures["alpha"], figures["h"]) == ("good", 0.35, 0.35)
    assert figures["rows"][0]["after"]["value"] == pytest.approx(0.315)
    assert main(["show", "good", "--alpha", "0.1"]) == 0
    shown = capsys.readouterr().out
    assert "alpha 0.10;" in shown and "agreement 99.3%" in shown and "doing nothing: H 0.0, Score 50.0" in shown
    assert main(["show", "good"]) == 0 and "(suggested)" in capsys.readouterr().out
    assert main(["show", "good", "--markdown"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "| --- | --- | --- | --- | --- |"
    assert main(["show", "good", "good", "--markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and "do nothing" in lines[2] and "90.0% > 31.5%" in lines[3]
    assert main(["show", "good", "bad", "--markdown"]) == 2 and "bad is failed" in line_of(capsys)
    assert main(["show", "good", "good"]) == 2 and "with --markdown only" in line_of(capsys)
    assert main(["show", "bad"]) == 0 and "is failed: Too few." in capsys.readouterr().out


@pytest.mark.parametrize("alpha", ["5", "-0.1", "nan", "inf"])
@pytest.mark.parametrize("command", [["show", "good"], ["search", "good", "x"]])
def test_an_alpha_outside_is_refused(fake, capsys, alpha, command):
    assert main([*command, f"--alpha={alpha}"]) == 2
    assert "alpha must be a number from 0" in line_of(capsys)


def test_search(fake, capsys):
    assert main(["search", "good", "a photo of an airplane", "--alpha", "0.2"]) == 0
    shown = capsys.readouterr().out
    assert "* airplane/biplane" in shown and "after (alpha 0.20)" in shown
    assert "1 before, 1 after; on both sides: 2" in shown
    assert main(["search", "good", "airplane", "-k", "1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [hit["label"] for hit in result["after"]] == ["airplane/airliner"] and len(result["before"]) == 1


# what is drawn


def test_tables():
    assert table(("a", "n"), [["x", "1"], ["long", "22"]], numbers=[1]) == "a      n\nx      1\nlong  22"
    assert markdown(("a",), [["x|y"]]) == "| a |\n| --- |\n| x\\|y |"
    assert [clock(s) for s in (None, 0, 59.6, 125)] == ["", "0:00", "1:00", "2:05"]


EVENTS = [
    {"kind": "step", "stage": "load", "step": 0, "total": 1, "t": 0.0, "eta": None, "note": "reading"},
    {"kind": "step", "stage": "forget", "step": 1, "total": 30, "t": 2.0, "eta": 6.0, "losses": {"hinge": 0.5}},
    {"kind": "step", "stage": "forget", "step": 2, "total": 30, "t": 4.0, "eta": 4.0, "losses": {"hinge": None}},
    {"kind": "end", "state": "done", "t": 8.0, "note": "Done."},
]


@pytest.mark.parametrize("live", [True, False])
def test_a_bar_follows_the_events(live):
    stream = io.StringIO()
    stream.isatty = lambda: live
    drawn = Bar(stream)
    for event in EVENTS:
        drawn.show({"note": "", **event})
    drawn.close()
    shown = stream.getvalue()
    assert shown.endswith("Done. (0:08)\n") or shown.rstrip().endswith("Done. (0:08)")
    if live:
        assert all(part in shown for part in ("██████░░░░░░░░░░░░░░░░░░", "forget 1/30", "0:06 left", "hinge 0.5"))
    else:
        assert shown == "load ... reading\nforget ...\nDone. (0:08)\n"


# as a process


def test_help_is_fast():
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "clipforget", "--help"], cwd=ROOT, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5, f"--help takes {min(times):.2f} s"


def test_a_closed_pipe_is_no_error():
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -m clipforget methods --json | head -c 1; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "" and done.stdout.startswith("{")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "clipforget", "methods"]
        done = subprocess.run(words, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "make room" in done.stderr


def test_a_place_that_cannot_be_written_is_one_line(monkeypatch, capsys):
    def refuse(chosen):
        raise PermissionError(errno.EACCES, "Permission denied", "runs/.lane-cpu")

    monkeypatch.setattr("clipforget.cli.commands.runs", refuse)
    assert main(["runs"]) == 2
    assert "runs/.lane-cpu: Permission denied; make room or write elsewhere" in line_of(capsys)


def test_nobody_has_to_listen():
    words = f"{shlex.quote(sys.executable)} -m clipforget methods >&-"
    done = subprocess.run(words, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ""


def test_unknown_options_exit_with_2():
    words = [sys.executable, "-m", "clipforget", "show", "x", "--aplha"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Did you mean '--alpha'" in done.stderr and "Traceback" not in done.stderr


def test_the_parser_knows_every_command():
    assert set(build(whole=True).of) == set(COMMANDS)


def test_an_unfinished_bar_is_taken_away():
    stream = io.StringIO()
    stream.isatty = lambda: True
    drawn = Bar(stream)
    drawn.show({"note": "", **EVENTS[1]})
    drawn.close()
    drawn.close()
    assert stream.getvalue().endswith(" \r") and stream.getvalue().count("\r") == 3
