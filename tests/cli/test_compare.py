"""The command `compare`: from options to a table, and on from where it was stopped."""

import io
import json
import re
import shlex
import signal

import pytest
import small

from clipforget.benchmark.execute import CellProgress
from clipforget.benchmark.store import ComparisonStore
from clipforget.cli import main as cli
from clipforget.cli.commands.compare import Board, planned
from clipforget.cli.main import main
from clipforget.runs import execute as running


@pytest.fixture
def words(world, tmp_path):
    """A comparison of two quick methods on one target."""
    few = ",".join(f"{name}={value}" for name, value in small.FEW.items())
    rows = ["--method", f"ours=targeted,{few}", "--method", "gradient_ascent,steps=2"]
    where = ["--model", world.clip, "--data", world.data, "--device", "cpu", "--runs", str(tmp_path / "runs")]
    return ["compare", *rows, "--forget", "disc/big", "--seeds", "1", *where]


def test_a_comparison_from_start_to_table(words, tmp_path, capsys):
    words += ["--forget", "disc/big + square/thin"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert [line[:4] for line in err.splitlines()] == ["1/4 ", "2/4 ", "3/4 ", "4/4 "] and "left" in err
    assert "do nothing" in out and "mean over 2 targets; 4 of 4 runs" in out
    again = re.search(r"To repeat it: python -m clipforget (.*)$", out, re.M)[1]
    assert planned(cli.read(shlex.split(again))) == planned(cli.read(words))
    runs = ["--runs", str(tmp_path / "runs")]

    assert main(words) == 0
    assert capsys.readouterr().err.count("done before") == 4
    assert main(["compare", "--list", *runs]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 2 and " 4/4 " in listed[1], "the same command goes on with the same comparison"
    assert main(["compare", "--show", "last", "--json", *runs]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["state"] == "done" and [row["label"] for row in document["rows"][:2]] == ["do nothing", "ours"]
    for target, curves in (("disc/big", 2), (None, 2)):
        words_of_target = ["--target", target] if target else []
        assert main(["chart", "methods", "last", "--json", *words_of_target, *runs]) == 0
        assert len(json.loads(capsys.readouterr().out)["data"]) == 2 * curves + 1, "a line and a point each"
    for option, sign in (("--csv", "row,method,"), ("--latex", r"\begin{table}"), ("--markdown", "| method |")):
        assert main(["compare", "--show", document["id"], option, "--target", "disc/big + square/thin", *runs]) == 0
        assert sign in capsys.readouterr().out


def test_a_table_goes_between_its_marks_without_paths_of_this_machine(words, tmp_path, world, capsys):
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- methods -->\nold\n<!-- /methods -->\nAfter.\n")
    assert main([*words, "--markdown", "--into", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("Before.\n<!-- methods -->\n**2 methods") and text.endswith("<!-- /methods -->\nAfter.\n")
    assert "old" not in text and "| do nothing |" in text and str(tmp_path) not in text and world.data not in text
    show = ["compare", "--show", "last", "--runs", str(tmp_path / "runs"), "--into"]
    capsys.readouterr()
    assert main([*show, str(page)]) == 2 and "add --markdown" in capsys.readouterr().err
    assert main([*show, f"{page}#elsewhere", "--markdown"]) == 2 and "<!-- elsewhere -->" in capsys.readouterr().err
    assert main([*show, str(tmp_path / "none.md"), "--markdown"]) == 2 and "Cannot write" in capsys.readouterr().err
    assert page.read_text() == text


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(words, tmp_path, capsys, monkeypatch):
    finish = running._finish

    def second(run, *rest):
        if run.config.method == "gradient_ascent":
            signal.raise_signal(signal.SIGINT)
        yield from finish(run, *rest)

    monkeypatch.setattr(running, "_finish", second)
    assert main(words) == 130
    said = capsys.readouterr().err
    assert "1 of 2 runs are done and kept" in said
    monkeypatch.setattr(running, "_finish", finish)
    (id,) = ComparisonStore(tmp_path / "runs").ids()
    resume = shlex.split(re.search(r"To go on: python -m clipforget (.*)$", said, re.M)[1])
    assert resume[:3] == ["compare", "--resume", id]
    assert main(resume) == 0
    out, err = capsys.readouterr()
    assert err.count("done before") == 1 and "2 of 2 runs" in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("compare", "choose at least one method"),
        ("compare --method anchored", "Nothing to forget is named"),
        ("compare --method anchord --forget airplane/biplane", "Did you mean 'anchored'"),
        ("compare --methods anchored,slgu --forget airplane/biplane", "Did you mean 'slug'"),
        ("compare --method slug:papr --forget airplane/biplane", "Did you mean 'paper'"),
        ("compare --method anchored --forget airplane/biplan", "Did you mean 'biplane'"),
        ("compare --method anchored --forget a --data nosuchdata", "nosuchdata"),
        ("compare --method anchored --forget a --seeds 0", "--seeds is how many"),
        ("compare --method anchored --forget a --seed 1 --seeds 2", "either single seeds"),
        ("compare --method anchored --forget airplane --target airplan", "Did you mean 'airplane'"),
        ("compare --method anchored --forget airplane --sort sibling", "Did you mean 'siblings'"),
        ("compare --show nosuch", "no comparison 'nosuch'"),
        ("compare --show last", "no comparison yet"),
        ("compare --resume ../../etc", "no comparison"),
        ("compare --methd a", "Did you mean '--method'"),
        ("compare --list --show last", "not allowed with"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(words)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and expected in err, err
    assert not (tmp_path / "runs").exists()


def test_on_a_terminal_a_bar_follows_the_run_and_goes_away(words, tmp_path):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    compared = ComparisonStore(tmp_path / "runs").create(planned(cli.read(words)))
    stream = Terminal()
    board = Board(compared, stream)
    compared.set_cell(0, state="running")
    event = {"kind": "step", "t": 5.0, "stage": "forget", "step": 2, "total": 8, "eta": 10.0}
    board.show(CellProgress(0, "running", event=event))
    drawn = stream.getvalue()
    assert "0/2  0:25 left  ours, disc/big, seed 0  forget 2/8" in drawn, "10 s and a cell of 15 s"
    compared.set_cell(0, state="done", seconds=15.0)
    board.show(CellProgress(0, "done"))
    line, below = stream.getvalue()[len(drawn) :].rsplit("\n", 1)
    assert line.split("\r")[-1] == "1/2  ours, disc/big, seed 0  done in 0:15  0:15 left" and "forget 2/8" in below
    board.bar.close()
    assert stream.getvalue().endswith(" \r")
