"""Audits as the page asks for them: begun, followed, stopped, refused with a sentence, and summed up in one."""

import json
import shutil

import pytest
from waiting import wait_for

from clipforget.errors import QueueFull, RunProblem, UnknownName
from clipforget.runs.audit_work import AuditWork
from clipforget.runs.audited import audits_view, read_audits
from clipforget.runs.store import Store
from clipforget.unlearning.task import NEVER_SEEN
from clipforget.workspace.audits import audits_summary
from clipforget.workspace.workspace import Workspace

NAME = "image_query"


@pytest.fixture
def space(finished, tmp_path):
    """A workspace with a copy of the finished run."""
    shutil.copytree(finished.folder, tmp_path / finished.id)
    return Workspace(tmp_path, sample=False)


def figure(value):
    return {"key": "target", "label": "", "value": value, "low": None, "high": None, "count": 9, "unit": "share",
            "note": ""}  # fmt: skip


def measured(value):
    return {"figures": [figure(value)], "details": {}}


def test_audits_are_made_by_a_worker_and_kept(space, finished):
    assert space.view(finished.id)["audits"]["sentence"] == "Not audited: what no name finds may still be there."
    assert space.audits(finished.id)["work"] is None and space.audits(finished.id)["problem"] == ""
    space.start_audits(finished.id, [NAME])
    with pytest.raises(RunProblem, match="being audited already"):
        space.start_audits(finished.id, [NAME])
    assert space.view(finished.id)["state"] == "done", "it can be looked at meanwhile"
    wait_for(lambda: space.audits(finished.id)["work"]["state"] == "done")
    page = space.audits(finished.id)
    assert (page["work"]["names"], page["work"]["error"]) == ([NAME], None)
    (entry,) = [entry for entry in page["audits"] if entry["name"] == NAME]
    assert entry["subjects"].keys() == {"original", "chosen", "zero"} and page["summary"]["audited"]
    assert space.view(finished.id)["audits"] == page["summary"]


def test_a_worker_that_is_stopped_or_fails_says_so(space, finished):
    work = AuditWork(space.run(finished.id).folder)
    space.start_audits(finished.id, [NAME])
    space.stop_audits(finished.id)
    wait_for(lambda: work.info()["state"] == "stopped")
    assert read_audits(space.run(finished.id)) is None
    with pytest.raises(RunProblem, match="not at work"):
        space.stop_audits(finished.id)
    space.run(finished.id).path("delta.safetensors").unlink()
    space.start_audits(finished.id, [NAME])
    wait_for(lambda: work.info()["state"] == "failed")
    assert "Cannot read the weights" in space.audits(finished.id)["work"]["error"]


def test_what_cannot_be_audited_says_why_and_starts_nothing(space, finished, monkeypatch):
    with pytest.raises(UnknownName, match="no audit 'image_quer'"):
        space.start_audits(finished.id, ["image_quer"])
    with pytest.raises(RunProblem, match="at least one"):
        space.start_audits(finished.id, [])
    with pytest.raises(RunProblem, match="is not being audited"):
        space.stop_audits(finished.id)

    def full(*_):
        raise QueueFull("20 runs are waiting.")

    monkeypatch.setattr("clipforget.workspace.workers.Workers.start", full)
    with pytest.raises(QueueFull):
        space.start_audits(finished.id, [NAME])
    assert space.audits(finished.id)["work"]["state"] == "failed"
    run = space.run(finished.id)
    run.update(fingerprints=run.info()["fingerprints"] | {"data": "0" * 16})
    fresh = Workspace(space.store.root, sample=False)
    assert "have changed since this run" in fresh.audits(finished.id)["problem"]
    with pytest.raises(RunProblem, match="have changed since this run"):
        fresh.start_audits(finished.id, [NAME])
    run.path("audits.json").write_text("{")
    assert fresh.view(finished.id)["audits"]["sentence"].startswith("The audits.json of the run")
    assert "damaged" in fresh.audits(finished.id)["summary"]["sentence"]


def test_the_sample_is_audited_already():
    space = Workspace(sample=True)
    (sample,) = [run["id"] for run in space.runs() if run["sample"]]
    page = space.audits(sample)
    assert page["summary"]["hidden"] and "Image query" in page["summary"]["failed"]
    assert all(entry["subjects"] or entry["reason"] for entry in page["audits"] if entry["cheap"])
    with pytest.raises(RunProblem, match="ships with ClipForget"):
        space.start_audits(sample, [NAME])


@pytest.mark.parametrize(
    ("found", "forgotten", "sentence"),
    [
        ([], True, "Not audited: what no name finds may still be there."),
        ([False], True, "Suppressed as asked, not gone: 1 of 1 audits can tell that it was there."),
        ([False, True, False], True, "Suppressed as asked, not gone: 2 of 3 audits can tell that it was there."),
        ([False, True], False, "1 of 2 audits can tell that it was there."),
        ([True], True, "As far as 1 audit can tell, it is gone."),
        ([None, True, True], True, "As far as 2 audits can tell, it is gone."),
        ([None], True, "No audit can judge this run; each says why."),
    ],
)
def test_the_summary_is_one_sentence(finished, found, forgotten, sentence):
    scores = json.loads(finished.path("scores.json").read_text())
    limit = scores["choice"]["limit"]
    forget = next(row for row in scores["rows"] if row["key"] == "forget")
    forget["after"] = [limit if forgotten else limit + 0.01] * 101
    view = audits_view(Store(finished.folder.parent).get(finished.id), None)
    entries = [{"title": str(i), "passed": passed, "verdict": "Words."} for i, passed in enumerate(found)]
    summary = audits_summary(
        {**view, "audits": [*entries, {"title": "never run", "passed": None, "verdict": ""}]}, scores
    )
    assert summary["sentence"] == sentence and summary["audited"] == bool(found)
    assert summary["hidden"] == sentence.startswith("Suppressed")
    scores["evaluated"]["goal"] = NEVER_SEEN
    assert audits_summary({**view, "audits": entries}, scores)["sentence"] == sentence.replace(
        "Suppressed as asked", "Hidden"
    )
