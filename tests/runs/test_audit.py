"""Audits of a finished run: kept, resumed, stopped, and read again."""

import json
import shutil

import pytest

from clipforget.audits import AUDITS
from clipforget.errors import BadModel, BadQuery, ClipforgetError, RunProblem, StaleIndex, UnknownName
from clipforget.generators import finish
from clipforget.runs.audit import ALONG, audit_run
from clipforget.runs.audit_work import AuditWork
from clipforget.runs.audited import audit_rows, audits_view, read_audits
from clipforget.runs.resources import Resources
from clipforget.runs.store import Store
from clipforget.soup.path import ALPHAS

NAME = "image_query"


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the finished run, to be audited."""
    shutil.copytree(finished.folder, tmp_path / finished.id)
    return Store(tmp_path).get(finished.id)


@pytest.fixture(scope="module")
def resources():
    return Resources()


def test_an_audit_measures_three_models_and_follows_alpha(run, resources):
    events = audit_run(run, [NAME], resources)
    first = next(events)
    assert first["stage"] == "load" and run.alive()
    document = finish(events)
    assert not run.alive() and document == read_audits(run) and document["alphas"] == list(ALONG)
    found = document["audits"][NAME]
    assert list(found["subjects"]) == ["original", "chosen", "zero"] and not found["reason"]
    for key, along in found["along"].items():
        values = {name: {f["key"]: f["value"] for f in m["figures"]}[key] for name, m in found["subjects"].items()}
        assert along[0] == pytest.approx(values["zero"], abs=0.05)
        assert along[-1] == pytest.approx(values["original"], abs=0.05)
    view = audits_view(run, document)
    (entry,) = [entry for entry in view["audits"] if entry["name"] == NAME]
    assert entry["verdict"] and entry["passed"] in (True, False)
    assert next(row[0] for row in audit_rows(view)) == AUDITS[NAME].title


def test_what_is_known_is_not_measured_again(run, resources, monkeypatch):
    finish(audit_run(run, [NAME], resources))
    calls = []
    monkeypatch.setattr("clipforget.runs.audit._audit", lambda *_: calls.append(1))
    assert finish(audit_run(run, [NAME], resources))["audits"].keys() == {NAME} and not calls


def test_a_stopped_audit_keeps_nothing_half_done(run, resources):
    events = audit_run(run, [NAME], resources)
    while next(events)["stage"] != NAME:
        pass
    events.close()
    assert read_audits(run) is None and not run.alive()
    assert AuditWork(run.folder).info()["state"] == "stopped"


def test_what_is_not_kept_leaves_no_trace(run, resources):
    before = {path.name: path.stat().st_mtime_ns for path in run.folder.parent.rglob("*")}
    assert finish(audit_run(run, [NAME], resources, keep=False))["audits"].keys() == {NAME}
    assert {path.name: path.stat().st_mtime_ns for path in run.folder.parent.rglob("*")} == before


def test_another_alpha_is_measured_and_not_kept(run, resources):
    kept = finish(audit_run(run, [NAME], resources))
    other = next(alpha for alpha in ALPHAS if alpha != run.info()["best"] and alpha > 0)
    assert finish(audit_run(run, [NAME], resources, other))["alpha"] == other
    assert read_audits(run) == kept and kept["alpha"] == run.info()["best"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 1}', '{"audits": {"image_query": 3}}'])
def test_a_damaged_file_is_one_sentence(run, content):
    run.path("audits.json").write_text(content)
    with pytest.raises(RunProblem, match=r"^The audits.json of the run .* is damaged \(.*\); run the audits again"):
        read_audits(run)


def test_figures_of_other_weights_count_as_none(run, resources):
    document = finish(audit_run(run, [NAME], resources))
    document["fingerprints"]["unlearned"] = "0" * 16
    run.path("audits.json").write_text(json.dumps(document))
    assert read_audits(run) is None


def test_images_that_have_changed_are_not_audited(run, resources):
    run.update(fingerprints={**run.info()["fingerprints"], "data": "0" * 16})
    with pytest.raises(StaleIndex, match="have changed since this run; run it again"):
        finish(audit_run(run, [NAME], resources))


def test_what_cannot_be_audited_says_why(run, resources):
    with pytest.raises(UnknownName, match=r"no audit 'image_quer'\. Did you mean 'image_query'"):
        finish(audit_run(run, ["image_quer"], resources))
    with pytest.raises(BadQuery, match="alpha must be a number"):
        finish(audit_run(run, [NAME], resources, 2.0))
    run.path("delta.safetensors").unlink()
    with pytest.raises(ClipforgetError, match="Cannot read the weights"):
        finish(audit_run(run, [NAME], resources))
    run.update(state="stopped")
    with pytest.raises(RunProblem, match="only finished runs can be audited"):
        finish(audit_run(run, [NAME], resources))


def test_a_model_of_ones_own_is_the_yardstick(run, resources, world):
    finish(audit_run(run, [NAME], resources))
    document = finish(audit_run(run, [NAME], resources, reference=world.clip))  # what it lacks is measured
    subjects = document["audits"][NAME]["subjects"]
    assert subjects["reference"] == subjects["original"]
    (entry,) = [entry for entry in audits_view(run, document)["audits"] if entry["name"] == NAME]
    assert list(entry["reference"]) == ["your own"] and "reference" not in entry["subjects"]
    assert "a model that never saw one" in entry["verdict"]
    with pytest.raises(BadModel, match="images of another size"):
        finish(audit_run(run, [NAME], resources, reference="clipforget-tiny", again=True))


def test_a_method_that_changes_no_weights_is_not_measured_where_it_says_nothing(run, resources):
    config = {**run.info()["config"], "method": "prompt_filter", "settings": {}}
    run.update(config=config)
    found = finish(audit_run(run, [NAME, "wording"], resources))["audits"]
    assert list(found[NAME]["subjects"]) == ["original"] and "changes no weights" in found[NAME]["note"]
    assert "chosen" in found["wording"]["subjects"] and not found["wording"]["note"]
