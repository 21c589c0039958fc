"""The command line: what it prints, how it refuses, that it is light."""

import dataclasses
import errno
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from clipforget.cli.commands import COMMANDS, listed
from clipforget.cli.main import build, main

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("rnu", r"no command 'rnu'\. Did you mean 'run'"),
        ("runs --jsno", r"no option of runs '--jsno'\. Did you mean '--json'"),
        ("run --forgt airplane", r"Did you mean '--forget'"),
        ("run --forget a --method anchord", r"no method 'anchord'\. Did you mean 'anchored'"),
        ("run --forget a --seed x", r"--seed: invalid int value: 'x'; see .* run --help"),
        ("run --forget a --seed -1", r"seed must be a whole number from 0"),
        ("run --forget a --gallery 3", r"gallery must be a whole number from 4"),
        ("run", r"Nothing to forget is named"),
        ("run --worker ../../etc", r"no run '\.\./\.\./etc'"),
        ("show", r"required: ID"),
        ("show nosuch", r"no run 'nosuch'"),
        ("show ../x", r"no run '\.\./x'"),
        ("search x two words", r"'words' is one word too many; quote"),
        ("search x y -k 99", r"-k must be a whole number from 1 to 48"),
        ("compare --method anchored --forget a --preset tunde", r"no preset for clipforget-tiny 'tunde'.*'tuned'"),
        ("reproduce table9", r"no table 'table9'"),
        ("reproduce table5 --sketchbook --preset tunde", r"no preset for clipforget-tiny 'tunde'"),
        ("data one two", r"quote a path with spaces"),
        ("data build sketch", r"Only the embedded set"),
        ("data /no/such/place", r"/no/such/place"),
        ("methods anchord", r"Did you mean 'anchored'"),
        ("app --host \x8f\u00f4 --no-browser", r"Cannot serve on .*: .* Choose another"),
        (f"apply {'x' * 5000} clipforget-tiny", r"Cannot read the patch x+\.\.\. "),
        ("apply ~no-such-user/x clipforget-tiny", r"Cannot read the patch ~no-such-user/x"),
        (f"runs --runs {'x' * 5000}", r"--runs names .* File name too long"),
        (f"run --forget a --seed {'9' * 5000}", r"invalid int value: '9+\.\.\. "),
        ("", r"required: COMMAND"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words, expected, line_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(words)) == 2
    assert re.search(expected, line_of())
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", sorted(COMMANDS.load()))
def test_every_command_has_help(command, capsys):
    assert main([command, "--help"]) == 0
    assert "usage:" in capsys.readouterr().out


# as a process


def test_help_is_fast():
    def seconds(*words):
        """Processor time, so that waiting on a busy machine does not count."""
        before = os.times()
        subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    # in turns, for a machine at other work slows whatever runs at that moment
    pairs = [(seconds("-m", "clipforget", "--help"), seconds("-c", "import numpy, pydantic")) for _ in range(5)]
    own, libraries = min(pairs, key=lambda pair: pair[0] / pair[1])
    assert own < 3 * libraries, f"--help takes {own:.2f} s, numpy and pydantic alone {libraries:.2f} s"


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


def test_a_place_that_cannot_be_written_is_one_line(monkeypatch, line_of):
    def refuse(args):
        raise PermissionError(errno.EACCES, "Permission denied", "runs/.lane-cpu")

    monkeypatch.setitem(COMMANDS, "runs", dataclasses.replace(COMMANDS["runs"], call=refuse))
    assert main(["runs"]) == 2
    assert "runs/.lane-cpu: Permission denied; make room or write elsewhere" in line_of()


def test_nobody_has_to_listen():
    words = f"{shlex.quote(sys.executable)} -m clipforget methods >&-"
    done = subprocess.run(words, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ""


def test_unknown_options_exit_with_2():
    words = [sys.executable, "-m", "clipforget", "show", "x", "--aplha"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Did you mean '--alpha'" in done.stderr and "Traceback" not in done.stderr


def test_the_program_is_called_as_it_was_started(tmp_path):
    script = tmp_path / "clipforget"
    script.write_text("import sys; from clipforget.cli.main import main; sys.exit(main())")
    for start, name in (([str(script)], "clipforget"), (["-m", "clipforget"], "python -m clipforget")):

        def shown(*words, start=start):
            command = [sys.executable, *start, *words]
            env = os.environ | {"PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
            return done.stdout + done.stderr

        assert shown("rnu").startswith(f"{name}: There is no command")
        assert f"Then:  {name} reproduce table2" in shown("reproduce", "table2")


def test_the_parser_knows_every_command():
    assert list(build(whole=True).commands) == [entry.name for entry in listed()]
    assert set(COMMANDS) == {path.stem for path in (ROOT / "clipforget/cli/commands").glob("[!_]*.py")}
