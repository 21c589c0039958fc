"""The rows of the ladder, and the command."""

from itertools import pairwise

from clipforget.benchmark.ladder import RUNGS, ladder_rows
from clipforget.benchmark.rows import read_row
from clipforget.cli.commands.compare import planned
from clipforget.cli.main import main


def test_each_rung_takes_one_thing_less_away_up_to_ours() -> None:
    rows = [read_row(text) for text in ladder_rows()]
    assert [row.label for row in rows] == list(RUNGS)
    assert (rows[0].method, rows[0].settings) == ("targeted", {})
    assert (rows[-1].method, rows[-1].settings) == ("separated", {})
    assert all(row.method == "anchored" for row in rows[1:-1]) and rows[-2].settings == {}
    for lower, upper in pairwise(rows[1:-1]):
        assert upper.settings.items() < lower.settings.items() and len(lower.settings) - len(upper.settings) == 1


def test_ladder_is_a_comparison_of_these_rows(monkeypatch, tmp_path) -> None:
    asked = []
    monkeypatch.setattr("clipforget.cli.commands.ladder.compare", lambda args: asked.append(planned(args)) or 0)
    assert main(["ladder", "--forget", "airplane/biplane", "--method", "slug", "--runs", str(tmp_path)]) == 0
    (plan,) = asked
    assert [row.label for row in plan.rows][:-1] == list(RUNGS) and plan.rows[-1].method == "slug"
