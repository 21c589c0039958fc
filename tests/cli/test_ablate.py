"""The command `ablate`."""

from clipforget.benchmark.ablation import CHANGES
from clipforget.cli.commands.compare import planned
from clipforget.cli.main import main


def test_ablate_is_a_comparison_of_these_rows(monkeypatch, tmp_path) -> None:
    asked = []
    monkeypatch.setattr("clipforget.cli.commands.ablate.compare", lambda args: asked.append(planned(args)) or 0)
    words = ["ablate", "--forget", "airplane/biplane", "--seeds", "2", "--runs", str(tmp_path)]
    assert main([*words, "--method", "gradient_ascent"]) == 0
    (plan,) = asked
    assert [row.label for row in plan.rows] == [*CHANGES, "Gradient ascent (GA)"] and plan.seeds == (0, 1)
    assert plan.rows[1].settings == {"selection": "fisher"} and plan.rows[6].alpha == 0.0
