"""Working through a comparison: nothing twice, nothing lost, the rest goes on."""

from dataclasses import replace
from typing import get_type_hints

import pytest
import small

from clipforget.benchmark import execute as cells
from clipforget.benchmark.execute import run_cells
from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import Row
from clipforget.benchmark.store import CellInfo, ComparisonInfo, ComparisonStore
from clipforget.errors import RunProblem
from clipforget.runs import execute as running
from clipforget.runs.store import Store


def plan_of(world, **changes):
    quick = {"steps": 2, "check_every": 1}
    rows = (Row("targeted", "ours", settings=small.FEW), Row("gradient_ascent", "GA", settings=quick))
    own = {"rows": rows, "targets": (("disc/big",),), "seeds": (0,), "model": world.clip, "data": world.data}
    return ComparisonPlan(**{**own, "device": "cpu", **changes}).checked()


@pytest.fixture
def counted(monkeypatch):
    """The configurations that were really run."""
    seen = []

    def execute(run, loaded=None):
        seen.append(run.config)
        return running.execute(run, loaded)

    monkeypatch.setattr(cells, "execute", execute)
    return seen


def test_finished_cells_are_not_run_again_and_equal_those_run_alone(finished, world, tmp_path, counted):
    root = tmp_path / "runs"
    compared = ComparisonStore(root).create(plan_of(world))
    records = list(run_cells(compared))
    info = compared.info()
    assert info["state"] == "done" and info["error"] is None and len(counted) == 2
    assert set(info) == set(get_type_hints(ComparisonInfo))
    assert all(set(cell) == set(get_type_hints(CellInfo)) for cell in info["cells"])
    assert [cell["state"] for cell in info["cells"]] == ["done", "done"]
    assert {record.cell for record in records if record.event} == {0, 1}
    alone, cell = finished.info(), Store(root).get(info["cells"][0]["run"]).info()
    assert cell["fingerprints"] == alone["fingerprints"], "what earlier cells leave in memory changes nothing"
    assert cell["headline"] == alone["headline"] and cell["best"] == alone["best"]
    cost = Store(root).get(info["cells"][1]["run"]).info()["cost"]
    assert 0 < cost["seconds"] < cell["seconds"] + 60 and cost["memory"] > 2**20 and cost["parameters"] > 1000

    again = ComparisonStore(root).create(plan_of(world, targets=(("disc/big",), ("disc/big", "square/thin"))))
    list(run_cells(again))
    assert len(counted) == 4, "the cells of the first target had been run"
    assert [cell["run"] for cell in again.info()["cells"][:2]] == [cell["run"] for cell in info["cells"]]
    list(run_cells(again))
    assert len(counted) == 4


def test_a_deleted_run_is_run_again_and_two_rows_alike_share_one(world, tmp_path, counted):
    row = Row("gradient_ascent", "one", settings={"steps": 2})
    compared = ComparisonStore(tmp_path).create(
        plan_of(world, rows=(row, Row(row.method, "two", settings=row.settings)))
    )
    list(run_cells(compared))
    first, second = (cell["run"] for cell in compared.info()["cells"])
    assert first == second and len(counted) == 1
    Store(tmp_path).delete(first)
    list(run_cells(compared))
    assert len(counted) == 2 and compared.info()["cells"][0]["run"] != first


def test_stopping_keeps_what_there_is_and_going_on_finishes_it(world, tmp_path, counted):
    compared = ComparisonStore(tmp_path).create(plan_of(world))
    records = run_cells(compared)
    while next(records).cell == 0:
        assert compared.alive() and compared.info()["state"] == "running"
    with pytest.raises(RunProblem, match="already at work"):
        next(run_cells(compared))
    records.close()
    info = compared.info()
    assert info["state"] == "stopped" and not compared.alive()
    assert [cell["state"] for cell in info["cells"]] == ["done", "stopped"]
    assert Store(tmp_path).get(info["cells"][1]["run"]).info()["state"] == "stopped"
    list(run_cells(compared))
    assert [cell["state"] for cell in compared.info()["cells"]] == ["done", "done"] and len(counted) == 3


def test_an_interrupt_inside_a_run_ends_the_comparison_too(world, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("clipforget.data.splits.select", interrupted)
    compared = ComparisonStore(tmp_path).create(plan_of(world))
    list(run_cells(compared))
    info = compared.info()
    assert info["state"] == "stopped" and [cell["state"] for cell in info["cells"]] == ["stopped", "waiting"]


def test_a_failed_cell_says_why_and_the_rest_goes_on(world, tmp_path, monkeypatch, capsys):
    compared = ComparisonStore(tmp_path).create(plan_of(world, targets=(("disc/nosuch",), ("disc/big",)), rows=(
        Row("gradient_ascent", "GA", settings={"steps": 2}),
    )))  # fmt: skip
    list(run_cells(compared))
    info = compared.info()
    assert [cell["state"] for cell in info["cells"]] == ["failed", "done"]
    assert "nosuch" in info["cells"][0]["error"] and info["state"] == "done" and "1 of 2 runs failed" in info["error"]

    def broken(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("clipforget.data.splits.select", broken)
    bugs = ComparisonStore(tmp_path).create(plan_of(world, seeds=(1,)))
    list(run_cells(bugs))
    assert bugs.info()["state"] == "failed" and "A bug: ZeroDivisionError" in bugs.info()["error"]
    assert [cell["state"] for cell in bugs.info()["cells"]] == ["failed", "failed"]
    assert "Traceback" in capsys.readouterr().err


def test_a_model_that_is_not_there_is_said_once_and_starts_no_run(world, tmp_path):
    compared = ComparisonStore(tmp_path).create(replace(plan_of(world), model="/nowhere/at/all"))  # gone since
    list(run_cells(compared))
    info = compared.info()
    assert info["state"] == "failed" and "nowhere" in info["error"]
    assert {cell["state"] for cell in info["cells"]} == {"waiting"} and compared.store.all() == []
