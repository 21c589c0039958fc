"""Working through a comparison: nothing twice, nothing lost, the rest goes on."""

import pytest
import small

from clipforget import experiment, matrix
from clipforget.comparison import Comparison
from clipforget.comparisons import Comparisons
from clipforget.errors import RunProblem
from clipforget.matrix import work
from clipforget.rows import Row
from clipforget.store import Store


def plan_of(world, **changes):
    quick = {"steps": 2, "check_every": 1}
    rows = (Row("ours", "targeted", settings=small.FEW), Row("GA", "gradient_ascent", settings=quick))
    own = {"rows": rows, "targets": (("disc/big",),), "seeds": (0,), "model": world.clip, "data": world.data}
    return Comparison(**{**own, "device": "cpu", **changes}).checked()


@pytest.fixture
def counted(monkeypatch):
    """The configurations that were really run."""
    seen = []

    def execute(run, loaded=None):
        seen.append(run.config)
        return experiment.execute(run, loaded)

    monkeypatch.setattr(matrix, "execute", execute)
    return seen


def test_finished_cells_are_not_run_again_and_equal_those_run_alone(finished, world, tmp_path, counted):
    root = tmp_path / "runs"
    compared = Comparisons(root).create(plan_of(world))
    records = list(work(compared))
    info = compared.info()
    assert info["state"] == "done" and info["error"] is None and len(counted) == 2
    assert [cell["state"] for cell in info["cells"]] == ["done", "done"]
    assert {record.cell for record in records if record.event} == {0, 1}
    alone, cell = finished.info(), Store(root).get(info["cells"][0]["run"]).info()
    assert cell["fingerprints"] == alone["fingerprints"], "what earlier cells leave in memory changes nothing"
    assert cell["headline"] == alone["headline"] and cell["best"] == alone["best"]
    cost = Store(root).get(info["cells"][1]["run"]).info()["cost"]
    assert 0 < cost["seconds"] < cell["seconds"] + 60 and cost["memory"] > 2**20 and cost["parameters"] > 1000

    again = Comparisons(root).create(plan_of(world, targets=(("disc/big",), ("disc/big", "square/thin"))))
    list(work(again))
    assert len(counted) == 4, "the cells of the first target had been run"
    assert [cell["run"] for cell in again.info()["cells"][:2]] == [cell["run"] for cell in info["cells"]]
    list(work(again))
    assert len(counted) == 4


def test_a_deleted_run_is_run_again_and_two_rows_alike_share_one(world, tmp_path, counted):
    row = Row("one", "gradient_ascent", settings={"steps": 2})
    compared = Comparisons(tmp_path).create(plan_of(world, rows=(row, Row("two", row.method, settings=row.settings))))
    list(work(compared))
    first, second = (cell["run"] for cell in compared.info()["cells"])
    assert first == second and len(counted) == 1
    Store(tmp_path).delete(first)
    list(work(compared))
    assert len(counted) == 2 and compared.info()["cells"][0]["run"] != first


def test_stopping_keeps_what_there_is_and_going_on_finishes_it(world, tmp_path, counted):
    compared = Comparisons(tmp_path).create(plan_of(world))
    records = work(compared)
    while next(records).cell == 0:
        assert compared.alive() and compared.info()["state"] == "running"
    with pytest.raises(RunProblem, match="already at work"):
        next(work(compared))
    records.close()
    info = compared.info()
    assert info["state"] == "stopped" and not compared.alive()
    assert [cell["state"] for cell in info["cells"]] == ["done", "stopped"]
    assert Store(tmp_path).get(info["cells"][1]["run"]).info()["state"] == "stopped"
    list(work(compared))
    assert [cell["state"] for cell in compared.info()["cells"]] == ["done", "done"] and len(counted) == 3


def test_an_interrupt_inside_a_run_ends_the_comparison_too(world, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment, "select", interrupted)
    compared = Comparisons(tmp_path).create(plan_of(world))
    list(work(compared))
    info = compared.info()
    assert info["state"] == "stopped" and [cell["state"] for cell in info["cells"]] == ["stopped", "waiting"]


def test_a_failed_cell_says_why_and_the_rest_goes_on(world, tmp_path, monkeypatch, capsys):
    compared = Comparisons(tmp_path).create(plan_of(world, targets=(("disc/nosuch",), ("disc/big",)), rows=(
        Row("GA", "gradient_ascent", settings={"steps": 2}),
    )))  # fmt: skip
    list(work(compared))
    info = compared.info()
    assert [cell["state"] for cell in info["cells"]] == ["failed", "done"]
    assert "nosuch" in info["cells"][0]["error"] and info["state"] == "done" and "1 of 2 runs failed" in info["error"]

    def broken(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(experiment, "select", broken)
    bugs = Comparisons(tmp_path).create(plan_of(world, seeds=(1,)))
    list(work(bugs))
    assert bugs.info()["state"] == "failed" and "A bug: ZeroDivisionError" in bugs.info()["error"]
    assert [cell["state"] for cell in bugs.info()["cells"]] == ["failed", "failed"]
    assert "Traceback" in capsys.readouterr().err


def test_a_model_that_is_not_there_is_said_once_and_starts_no_run(world, tmp_path):
    compared = Comparisons(tmp_path).create(plan_of(world, model="/nowhere/at/all"))
    list(work(compared))
    info = compared.info()
    assert info["state"] == "failed" and "nowhere" in info["error"]
    assert {cell["state"] for cell in info["cells"]} == {"waiting"} and compared.store.all() == []
