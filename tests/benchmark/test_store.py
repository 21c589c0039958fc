"""Comparisons on disk: written whole, found again, removed without their runs."""

import json

import pytest

from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import Row, read_row, read_rows
from clipforget.benchmark.store import ComparisonStore, FinishedRuns
from clipforget.errors import RunProblem, UnknownName
from clipforget.runs.store import Store


@pytest.fixture
def plan():
    rows = read_rows(["slug:paper", "gradient_ascent"])
    return ComparisonPlan(rows, targets=(("a/b",), ("a/c", "d")), seeds=(0, 1), title="Mine").checked()


def test_a_comparison_is_written_as_planned_and_found_again(tmp_path, plan):
    store = ComparisonStore(tmp_path)
    assert store.ids() == [] and store.same(plan) is None and not store.root.exists()
    made = store.create(plan)
    info = store.get(made.id).info()
    assert info["state"] == "queued" and info["title"] == "Mine" and info["command"] == plan.command()
    assert [(c["row"], c["target"], c["seed"]) for c in info["cells"]] == [
        (cell.row, cell.target, cell.seed) for cell in plan.cells()
    ]
    assert made.plan == plan and store.same(plan).id == made.id
    store.create(plan).path("comparison.json").write_text("{")
    assert store.same(plan).id == made.id, "a damaged one is in nobody's way"
    assert store.same(ComparisonPlan(plan.rows, plan.targets, (0,)).checked()) is None
    made.set_cell(3, state="done", run="x")
    assert [cell["state"] for cell in made.info()["cells"]] == ["waiting"] * 3 + ["done"] + ["waiting"] * 4
    assert Store(tmp_path).ids() == [], "a comparison is no run"


def test_a_comparison_of_former_names_is_told_in_the_current_ones(tmp_path):
    store = ComparisonStore(tmp_path)
    rows = (read_row("gradient_ascent,learning-rate=0.01"), read_row("mine=gradient_ascent,batch-size=8"))
    plan = ComparisonPlan(rows, (("a/b",),)).checked()
    made = store.create(plan)
    text = json.dumps(made.info())
    old = text.replace("learning_rate", "rate").replace("batch_size", "batch")
    assert old != text and "(rate 0.01)" in old
    made.path("comparison.json").write_text(old)
    assert made.plan == plan and store.same(plan).id == made.id
    assert made.info() == json.loads(text)


def test_what_was_called_targeted_is_read_as_anchored(tmp_path):
    store = ComparisonStore(tmp_path)
    rows = read_rows(["targeted", "mine=targeted,rank=3"])
    made = store.create(ComparisonPlan(rows, (("a/b",),)).checked())
    assert [row["method"] for row in made.info()["rows"]] == ["targeted"] * 2
    stored = json.loads(made.path("comparison.json").read_text())
    del stored["version"]  # as versions before 0.2.0 wrote it
    made.path("comparison.json").write_text(json.dumps(stored))
    info = made.info()
    assert [(row["method"], row["label"]) for row in info["rows"]] == [
        ("anchored", "Anchored forgetting"),
        ("anchored", "mine"),
    ]
    assert "--method anchored --method mine=anchored,rank=3" in info["command"] and "targeted" not in info["command"]
    made.set_cell(0, state="done", run="x")
    mine = Row("anchored", "mine", settings={"rank": 3})  # which anchored forgetting no longer has
    assert made.plan.rows == (*read_rows(["anchored"]), mine) and made.plan.targets == (("a/b",),)


def test_a_comparison_at_work_is_not_deleted(tmp_path, plan):
    store = ComparisonStore(tmp_path)
    made = store.create(plan)
    with made.worker_lock(), pytest.raises(RunProblem, match="stop it first"):
        store.delete(made.id)
    store.delete(made.id)
    assert store.ids() == []
    for id in (made.id, "../runs", "..", "", None):
        with pytest.raises(UnknownName):
            store.get(id)


def test_a_finished_run_is_found_by_its_configuration_and_fingerprints(finished, world):
    known, marks = FinishedRuns(finished.store), finished.info()["fingerprints"]
    same = world.config().checked()
    assert known.find(same, marks).id == finished.id
    assert known.find(same, {**marks, "original": "0" * 16}) is None
    assert known.find(same, {**marks, "data": "0" * 16}) is None
    assert known.find(same, {**marks, "eval:food": "0" * 16}) is None
    assert known.find(world.config(seed=1).checked(), marks) is None


def test_a_run_of_another_version_is_no_cell(finished, monkeypatch):
    monkeypatch.setattr("clipforget.benchmark.store.__version__", "9.9.9")
    assert FinishedRuns(finished.store).candidates(finished.config.checked()) == []
