"""The rows of an ablation, and rows that are read at an alpha of their own."""

import pytest

from clipforget.benchmark.ablation import ablation_rows
from clipforget.benchmark.execute import run_cells
from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import read_row
from clipforget.benchmark.store import ComparisonStore
from clipforget.benchmark.summary import summarize
from clipforget.errors import BadSetting

QUICK = "layers=2,forget_epochs=8,forget_learning_rate=0.02,remind_steps=0"


def test_an_ablation_takes_one_part_away_a_row() -> None:
    rows = [read_row(text) for text in ablation_rows("default")]
    assert len({row.label for row in rows}) == len(rows) == 7
    changed = [{**row.settings} | ({"alpha": row.alpha} if row.alpha is not None else {}) for row in rows]
    assert changed[0] == {} and all(len(change) == 1 for change in changed[1:])
    mixed = [read_row(f"{text},layers=3") for text in ablation_rows("default")]
    assert all(row.settings["layers"] == 3 and row.alpha == plain.alpha for row, plain in zip(mixed, rows, strict=True))


@pytest.mark.parametrize("alpha", ["-0.1", "1.5", "nan", "x"])
def test_an_alpha_that_is_none_is_refused(alpha: str) -> None:
    with pytest.raises(BadSetting, match="alpha must be a number from 0 to 1"):
        read_row(f"targeted,alpha={alpha}")


def test_a_row_read_at_an_alpha_shares_the_runs_and_has_no_other_point(world, tmp_path) -> None:
    rows = tuple(read_row(text) for text in (f"all=targeted,{QUICK}", f"end=targeted,{QUICK},alpha=0"))
    assert read_row(rows[1].text) == rows[1] and rows[1].notes[0].startswith("It is read at alpha 0")
    plan = ComparisonPlan(rows, (("disc/big",),), (0,), world.clip, world.data, device="cpu").checked()
    made = ComparisonStore(tmp_path).create(plan)
    list(run_cells(made))
    shown = summarize(made)
    assert made.plan == plan and shown["cells"][0]["run"] == shown["cells"][1]["run"]
    _, whole, end = shown["rows"]
    curves = {curve["label"]: curve for curve in shown["curves"]}
    assert end["all"]["alpha"]["mean"] == 0.0 and set(curves["end"]["alphas"]) == {0.0}
    for key in ("forgotten", "retained"):
        assert set(curves["end"][key]) == {curves["all"][key][0]} and len(set(curves["all"][key])) > 1
    before = whole["all"]["columns"]["forget"]["before"]
    assert end["all"]["columns"]["forget"]["before"] == before
    ratio = end["all"]["columns"]["forget"]["after"]["mean"] / before["mean"]
    assert curves["end"]["forgotten"][0] == pytest.approx(1 - ratio, abs=1e-3)
