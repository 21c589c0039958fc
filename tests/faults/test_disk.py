"""Disks without room, without locks or away, folders that are links or vanish, clocks set back."""

import errno
import fcntl
import os
import shutil
import time
from collections import namedtuple
from pathlib import Path

import pytest

from clipforget import files
from clipforget.benchmark.execute import run_cells
from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import read_row
from clipforget.benchmark.store import ComparisonStore
from clipforget.cli.main import main
from clipforget.errors import ClipforgetError, FileProblem, QueueFull, StaleIndex, UnknownName
from clipforget.files import FileLock, atomic, leftovers, made_folder, write_json
from clipforget.runs.execute import execute
from clipforget.runs.presets import Preset, save_preset
from clipforget.runs.store import Store
from clipforget.workspace.workspace import Workspace

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def free(monkeypatch):
    """free(bytes): the disk has so much room left."""
    return lambda room: monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**40, 2**40 - room, room))


@pytest.fixture
def refused(monkeypatch):
    """refused(number): every lock is refused with this error, as some network disks do."""

    def refuse(number):
        def flock(file, operation):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", flock)

    return refuse


def test_a_run_is_not_started_without_room_and_leaves_nothing(world, tmp_path, free, capsys):
    free(1000)
    workspace = Workspace(tmp_path / "new" / "runs", sample=False)
    with pytest.raises(FileProblem, match=r"needs 1 MiB; make room there"):
        workspace.start(world.config())
    words = ["run", "--model", world.clip, "--data", world.data, "--forget", "disc/big", "--device", "cpu"]
    assert main([*words, "--runs", str(tmp_path / "new" / "runs")]) == 2
    assert "needs 1 MiB" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_run_that_needs_more_room_than_there_is_fails_before_it_trains(world, tmp_path, free):
    run = Store(tmp_path).create(world.config())
    free(3 * 2**20)
    last = list(execute(run))[-1]
    assert last["state"] == "failed" and "3 MiB are free, and this run needs" in last["note"]
    assert {event.get("stage") for event in run.events()} == {"load", None}


def test_a_run_that_finds_no_place_in_line_leaves_nothing(world, tmp_path, monkeypatch):
    workspace = Workspace(tmp_path, sample=False)
    for error in (QueueFull("full"), FileProblem(tmp_path, OSError(errno.EROFS, "Read-only file system"))):
        monkeypatch.setattr(workspace._workers, "start", lambda run, error=error: (_ for _ in ()).throw(error))
        with pytest.raises(type(error)):
            workspace.start(world.config())
        assert workspace.runs() == [] and not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_what_cannot_be_written_leaves_the_old_content_and_no_empty_folder(tmp_path, monkeypatch, number):
    path = tmp_path / "kept.json"
    write_json(path, {"old": 1})
    monkeypatch.setattr(files.os, "fsync", lambda file: (_ for _ in ()).throw(OSError(number, os.strerror(number))))
    with pytest.raises(FileProblem) as caught:
        write_json(path, {"new": 1})
    assert str(path) in str(caught.value) and os.strerror(number) in str(caught.value)
    assert path.read_text() == '{\n "old": 1\n}\n'
    with pytest.raises(FileProblem):
        save_preset(Preset("mine", "targeted", {}), "clipforget-tiny", tmp_path / "presets")
    assert os.listdir(tmp_path) == ["kept.json"]


def test_content_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    order, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda file: (order.append("fsync"), fsync(file)))
    monkeypatch.setattr(files.os, "replace", lambda *paths: (order.append("replace"), replace(*paths)))
    write_json(tmp_path / "a.json", {})
    assert order == ["fsync", "replace"]


def test_an_error_about_another_file_keeps_its_own_words(tmp_path):
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "a.txt"):
        os.stat("/nowhere/at/all")
    with pytest.raises(ValueError, match="mine"), made_folder(tmp_path / "x" / "y"):
        raise ValueError("mine")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ESTALE, errno.EIO])
def test_a_disk_without_locks_is_said_in_one_sentence(world, finished, tmp_path, refused, number, capsys):
    shutil.copytree(finished.folder, tmp_path / finished.id)
    workspace = Workspace(tmp_path, sample=False)
    waiting = workspace.store.create(world.config())
    waiting.path("worker.lock").touch()
    refused(number)
    listed = {entry["id"]: entry for entry in workspace.runs()}
    assert listed[finished.id]["state"] == "done" and workspace.view(finished.id)["h"]
    assert os.strerror(number) in listed[waiting.id]["error"]
    asks = (lambda: workspace.start(world.config()), lambda: workspace.annotate(finished.id, {"starred": True}),
            lambda: workspace.delete(finished.id), lambda: list(execute(waiting)))  # fmt: skip
    for ask in asks:
        with pytest.raises(FileProblem) as caught:
            ask()
        assert os.strerror(number) in str(caught.value) and len(str(caught.value)) < 400
    assert workspace.watch() == 0
    assert set(workspace.store.ids()) == {finished.id, waiting.id}, "nothing is left of the run that did not start"
    assert main(["runs", "--runs", str(tmp_path)]) == 0 and os.strerror(number) in capsys.readouterr().out


def test_a_file_whose_disk_was_away_hurts_only_its_run(finished, tmp_path, monkeypatch):
    for id in (finished.id, "20200101-000000-away-0000"):
        shutil.copytree(finished.folder, tmp_path / id)
    opened = os.open

    def stale(path, *args, **more):
        if "away" in str(path) and str(path).endswith(".json"):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
        return opened(path, *args, **more)

    monkeypatch.setattr(os, "open", stale)
    states = {entry["id"]: (entry["state"], entry["error"]) for entry in Workspace(tmp_path, sample=False).runs()}
    assert states[finished.id] == ("done", None)
    state, error = states["20200101-000000-away-0000"]
    assert state == "damaged" and os.strerror(errno.ESTALE) in error


@pytest.mark.parametrize("hours", [-1000, 1000])
def test_a_clock_that_was_set_misleads_nobody(world, tmp_path, hours):
    workspace = Workspace(tmp_path, sample=False)
    run = workspace.store.create(world.config())
    assert run.info()["state"] == "queued"
    then = time.time() + 3600 * hours
    os.utime(run.path("run.json"), (then, then))
    assert run.info()["state"] == "lost", "no worker comes, whatever the clock says"
    info = run.info()
    write_json(run.path("run.json"), {**info, "state": "done", "created": "2999-01-01T00:00:00.000+00:00"})
    assert workspace.events(run.id)["now"] == 0.0 and workspace.estimate(world.config())["images"] > 0


def test_a_run_folder_may_be_a_link_of_which_only_the_link_is_deleted(finished, tmp_path):
    home = tmp_path / "elsewhere" / finished.id
    shutil.copytree(finished.folder, home)
    (tmp_path / "runs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "runs")
    (tmp_path / "runs" / finished.id).symlink_to(home)
    workspace = Workspace(tmp_path / "link", sample=False)
    assert workspace.query(finished.id, text="disc")["k"] == 24
    workspace.annotate(finished.id, {"starred": True})
    assert Store(home.parent).get(finished.id).info()["starred"]
    workspace.delete(finished.id)
    assert workspace.runs() == [] and (home / "run.json").exists()
    assert not list((tmp_path / "runs").iterdir())


def test_what_is_deleted_while_it_is_open_is_gone_in_one_sentence(finished, tmp_path):
    folder = tmp_path / "runs" / finished.id
    shutil.copytree(finished.folder, folder)
    workspace, other = (Workspace(tmp_path / "runs", sample=False) for _ in range(2))
    assert workspace.query(finished.id, text="disc")
    other.delete(finished.id)
    for ask in (workspace.view, workspace.events, workspace.delete, workspace.finished_run,
                lambda id: workspace.query(id, text="a square"), lambda id: workspace.exact(id, 0.5, text="disc"),
                lambda id: workspace.export(id, "run.zip"), lambda id: workspace.report(id, 0.5)):  # fmt: skip
        with pytest.raises(UnknownName):
            ask(finished.id)


def test_images_that_change_or_vanish_while_they_are_open_are_one_sentence(world, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(world.data, data)
    workspace = Workspace(tmp_path / "runs", sample=False)
    dataset = workspace.dataset(str(data))
    mark = dataset.fingerprint
    assert workspace.image(mark, 0, 96)
    (data / dataset.items[1].key).write_bytes(b"cut")
    (data / dataset.items[2].key).unlink()
    for index in (1, 2):
        with pytest.raises(ClipforgetError) as caught:
            workspace.image(mark, index, 96)
        assert len(str(caught.value)) < 400
    shutil.rmtree(data)
    with pytest.raises(ClipforgetError):
        workspace.image(mark, 3, 96)


def test_a_lock_that_another_holds_is_no_error(tmp_path):
    with FileLock(tmp_path / "a"):
        assert not FileLock(tmp_path / "a").acquire(wait=False)
    assert StaleIndex("x") and str(FileProblem("p", OSError("odd"))) == "Cannot write p: odd; choose another folder."


def test_a_comparison_on_a_full_disk_says_how_it_ended(world, tmp_path, monkeypatch):
    plan = ComparisonPlan((read_row("do_nothing"),), (("disc/big",),), (0,), world.clip, world.data, device="cpu")
    comparison = ComparisonStore(tmp_path).create(plan.checked())
    replace, full = os.replace, []

    def no_room(draft, path):  # but for what is given back
        if full and (Path(path).parent / "reserve.bin").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(draft))
        replace(draft, path)

    monkeypatch.setattr(files.os, "replace", no_room)
    for record in run_cells(comparison):
        if record.event and record.event.get("stage") == "restore":
            full.append(True)
    (run,) = Store(tmp_path).all()
    assert run.info()["state"] == "failed" and "path.npz: No space left" in run.info()["error"]
    info = comparison.info()
    assert info["state"] == "failed" and "comparison.json: No space left" in info["error"]
    assert not [path for path in tmp_path.rglob("*") if path.name == "reserve.bin" or leftovers(path)]
