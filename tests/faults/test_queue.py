"""The line in front of a device: in order of arrival, bounded, shared by servers, and no process for what waits."""

import os

import pytest
from waiting import wait_for

from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import read_row
from clipforget.cli.main import main
from clipforget.errors import FileProblem, QueueFull, RunProblem
from clipforget.runs.execute import execute
from clipforget.runs.queue import Queue
from clipforget.tabular import ordinal
from clipforget.web.responses import status_of
from clipforget.workspace.workspace import Workspace


@pytest.fixture
def quick(world):
    """A run of a second."""
    return world.config(method="do_nothing", settings={}, nodes=3)


@pytest.fixture
def busy(tmp_path):
    """A workspace whose processor is taken by somebody at a terminal; released by `busy.release()`."""
    workspace = Workspace(tmp_path, sample=False, max_waiting=3)
    lock = workspace.store.device_lock("cpu")
    lock.acquire()
    workspace.release = lock.release
    yield workspace
    lock.release()


def join(queue, id, device="cpu", most=9):
    entered = []
    queue.join("run", id, device, most, lambda: entered.append(id))
    return bool(entered)


def test_the_first_to_come_is_the_first_to_start_on_each_device(tmp_path):
    queue, started, slots = Queue(tmp_path), [], []

    def start(ticket, slot):
        started.append(ticket.id)
        slots.append(os.dup(slot))  # as a worker inherits it
        return ticket.id != "gone"

    assert queue.waiting() == [] and queue.positions() == {} and not queue.leave("a")
    queue.start_next(start)
    assert not list(tmp_path.iterdir()), "looking leaves nothing behind"
    assert join(queue, "z") and join(queue, "gone") and join(queue, "a") and join(queue, "card", "cuda:1")
    assert not join(queue, "a"), "nobody stands in line twice"
    (tmp_path / ".queue" / "notes.txt").touch()
    assert queue.positions() == {"z": 1, "gone": 2, "a": 3, "card": 1}
    queue.start_next(start)
    assert sorted(started) == ["card", "z"] and queue.positions() == {"gone": 1, "a": 2}
    Queue(tmp_path).start_next(start)
    assert len(started) == 2, "the slot is taken, for another server too"
    os.close(slots[started.index("z")])
    queue.start_next(start)
    assert started[2:] == ["gone", "a"] and queue.waiting() == [], "what cannot be started does not block the line"
    os.close(slots[2])


def test_a_full_line_takes_no_more_until_one_leaves(tmp_path):
    queue = Queue(tmp_path)
    assert all(join(queue, id, most=2) for id in ("a", "b"))
    with pytest.raises(QueueFull, match="2 runs are waiting") as full:
        join(queue, "c", most=2)
    assert status_of(full.value, "POST") == 429
    assert queue.leave("a") and not queue.leave("a") and join(queue, "c", most=2)
    assert queue.positions() == {"b": 1, "c": 2}


def test_waiting_runs_take_no_process_survive_the_server_and_start_in_order(busy, quick, capsys):
    ids = [busy.start(quick) for _ in range(3)]
    assert busy._workers._started == {}
    with pytest.raises(QueueFull, match="3 runs are waiting"):
        busy.start(quick)
    assert sorted(run["id"] for run in busy.runs()) == sorted(ids), "nothing is left of a run that was refused"
    for path in busy.store.root.glob("*/run.json"):
        os.utime(path, (0, 0))  # they have waited long
    other = Workspace(busy.store.root, sample=False)  # a second server, or the first one started again
    assert {run["id"]: (run["state"], run["position"]) for run in other.runs()} == {
        id: ("queued", place) for place, id in enumerate(ids, 1)
    }
    assert (other.events(ids[1])["position"], other.view(ids[2])["position"]) == (2, 3)
    assert main(["runs", "--runs", str(busy.store.root)]) == main(["show", ids[2], "--runs", str(busy.store.root)]) == 0
    shown = capsys.readouterr().out
    assert "queued, 2nd" in shown and "it is 3rd in line" in shown
    other.stop(ids[1])
    assert other.view(ids[1])["state"] == "stopped" and other.events(ids[1])["events"][-1]["state"] == "stopped"
    with pytest.raises(RunProblem, match="not at work"):
        other.stop(ids[1])
    last = other.start(quick)
    other.delete(last)
    assert other.events(ids[2])["position"] == 2
    busy.release()
    first, third = busy.run(ids[0]), busy.run(ids[2])
    wait_for(lambda: first.info()["state"] == "done")
    wait_for(third.alive)
    assert not busy.run(ids[1]).path("worker.log").exists(), "what was cancelled never started"
    busy.stop(third.id)
    wait_for(lambda: third.info()["state"] == "stopped")


def test_a_run_whose_worker_cannot_start_says_so_and_the_next_one_starts(busy, quick, monkeypatch):
    ids = [busy.start(quick) for _ in range(3)]
    busy.run(ids[1]).path("run.json").write_text("{}")
    launched = []

    def launch(work, slot):
        if work.id == ids[0]:
            raise OSError(11, "Resource temporarily unavailable")
        launched.append(work.id)

    monkeypatch.setattr(busy._workers, "_launch", launch)
    busy.release()
    wait_for(lambda: launched)
    assert launched == [ids[2]]
    assert busy.view(ids[0])["state"] == "failed" and "Resource temporarily unavailable" in busy.view(ids[0])["error"]


@pytest.mark.parametrize("name", [".queue", ".lane-cpu", ".slot-cpu"])
def test_a_line_that_cannot_be_kept_is_one_sentence(tmp_path, quick, monkeypatch, name):
    workspace = Workspace(tmp_path, sample=False)
    monkeypatch.setattr(workspace._workers, "_launch", lambda work, slot: None)
    (tmp_path / name).mkdir() if name != ".queue" else (tmp_path / name).write_text("no folder")
    if name == ".queue":
        with pytest.raises(FileProblem, match="File exists"):
            workspace.start(quick)
        assert workspace.runs() == []
    else:  # what waits is listed, and starts when that is put right
        id = workspace.start(quick)
        assert [(run["id"], run["position"]) for run in workspace.runs()] == [(id, 1)]
        (tmp_path / name).rmdir()
        wait_for(lambda: not workspace._workers.queue.waiting())


def test_comparisons_wait_in_the_same_line(busy, world, quick):
    plan = ComparisonPlan((read_row("do_nothing"),), (("disc/big",),), model=world.clip, data=world.data, device="cpu")
    comparing, id = busy.comparisons, busy.comparisons.start(plan)
    busy.start(quick), busy.start(quick)
    assert comparing.start(plan) == id and comparing.summary(id)["position"] == 1
    (entry,) = comparing.list()
    assert (entry["state"], entry["position"]) == ("queued", 1)
    with pytest.raises(RunProblem, match="stop it first"):
        comparing.delete(id)
    comparing.stop(id)
    assert comparing.summary(id)["state"] == "stopped" and comparing.summary(id)["position"] is None
    busy.start(quick)
    with pytest.raises(QueueFull):
        comparing.resume(id)
    with pytest.raises(QueueFull):
        comparing.start(ComparisonPlan(plan.rows, (("square/big",),), model=world.clip, data=world.data, device="cpu"))
    assert [(entry["id"], entry["state"]) for entry in comparing.list()] == [(id, "stopped")]


def test_a_run_at_a_terminal_needs_no_place_in_line(busy, quick):
    busy.release()
    run = busy.store.create(quick)
    assert list(execute(run))[-1]["state"] == "done" and Queue(busy.store.root).waiting() == []


def test_ordinals():
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 112)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "112th"]
    )
