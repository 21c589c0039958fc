"""Workers that are killed, cut off from room or from their folder: what is said afterwards is true, and all goes on."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from drill import FAULTS, MOUNTED

from clipforget.errors import UnknownName
from clipforget.files import leftovers
from clipforget.models.weights import load
from clipforget.soup.storage import load_path
from clipforget.workspace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
ORDER = ("delta.safetensors", "path.npz", "queries.npz", "scores.json")  # as a run writes them


@pytest.fixture(scope="module")
def drilled(world, tmp_path_factory):
    """The runs of the drill by fault, and a workspace over them."""
    runs = tmp_path_factory.mktemp("drill")
    words = [sys.executable, str(ROOT / "tests/faults/drill.py"), str(world.folder), str(runs)]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    apart = ["unshare", "--map-root-user", "--mount"]  # where this is allowed, it may mount disks that nobody else sees
    allowed = (
        shutil.which(apart[0]) and not subprocess.run([*apart, "true"], capture_output=True, check=False).returncode
    )
    words = [*apart, *words] if allowed else words
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), Workspace(runs, sample=False)


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_a_run_says_the_truth_and_holds_nothing_half_written(drilled, fault):
    runs, workspace = drilled
    id = runs[fault]
    if fault.startswith("deleted"):
        with pytest.raises(UnknownName):
            workspace.view(id)
        said = json.loads((workspace.store.root / f"said-{id}.json").read_text())
        assert id in said and "No such file" in said
        return
    run, view = workspace.run(id), workspace.view(id)
    cause, _, name = fault.partition(" ")
    name = next((file for file in (*ORDER, "events.jsonl") if file in fault), "")
    if cause == "killed" or fault == "full for good at the end":
        assert view["state"] == "lost" and not run.alive()
    else:
        reason = "No space left on device; make room" if cause == "full" else "File too large"
        assert view["state"] == "failed" and name in view["error"] and reason in view["error"]
        assert len(view["error"]) < 400 and "\n" not in view["error"]
        assert workspace.events(id)["events"]
    there = set(os.listdir(run.folder))
    assert not there & set(ORDER[ORDER.index(name) :] if name in ORDER else ()), "what failed has no final name"
    assert there >= set(ORDER[: ORDER.index(name)] if name in ORDER else ()), "what was there before is kept"
    if "delta.safetensors" in there:
        assert load(run.path("delta.safetensors"))
    if "path.npz" in there:
        assert load_path(run.path("path.npz")).alphas
    if cause != "killed":
        assert not leftovers(run.folder) and "reserve.bin" not in there


@pytest.mark.parametrize("fault", MOUNTED)
def test_a_real_disk_that_gives_way_leaves_no_run_at_work(drilled, fault):
    said = (drilled[0]["mounted"] or {}).get(fault)
    if said is None:
        pytest.skip("no disk may be mounted here")
    assert not {"reserve.bin"} & set(said["files"]) or fault != "a disk that fills"
    assert not [name for name in said["files"] if name in ORDER or name.startswith(".")]
    if fault == "a disk that fills":
        assert said["state"] == "failed" and "delta.safetensors" in said["error"], said["error"]
        assert "No space left" in said["error"] and "needs 1 MiB" in said["next"]
    else:
        assert said["state"] == "lost"


def test_all_runs_are_listed_beside_each_other_and_a_sweep_leaves_no_drafts(drilled):
    runs, workspace = drilled
    listed = {entry["id"]: entry["state"] for entry in workspace.runs()}
    assert set(listed) == {runs[fault] for fault in ("nothing", *FAULTS) if not fault.startswith("deleted")}
    assert listed[runs["nothing"]] == "done" and workspace.view(runs["nothing"])["h"]
    assert any(leftovers(run.folder) for run in workspace.store.all())
    workspace.store.sweep()
    assert not any(leftovers(run.folder) or run.path("reserve.bin").exists() for run in workspace.store.all())
    assert not workspace.store.device_lock("cpu").is_held()
    for id in listed:
        workspace.delete(id)
    assert workspace.runs() == []
