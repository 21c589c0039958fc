"""Runs on disk: what is written comes back, nothing is lost, nobody is fooled."""

import fcntl
import json
import shlex
import subprocess
import sys
from dataclasses import replace

import pytest

from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import read_rows
from clipforget.errors import BadSetting, RunProblem, UnknownName
from clipforget.runs.config import RunConfig
from clipforget.runs.store import Store

CONFIG = RunConfig(forget=("airplane/biplane",), seed=3)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def test_create_and_read_back(store):
    run = store.create(replace(CONFIG, settings={"rank": 4, "name": "ä"}))
    info = store.get(run.id).info()
    assert info["state"] == "queued" and info["id"] == run.id and info["starred"] is False
    assert run.id.split("-")[2:4] == ["anchored", "biplane"] and info["versions"]["clipforget"]
    assert store.get(run.id).config == run.config == replace(CONFIG, settings={"rank": 4, "name": "ä"})
    assert [found.id for found in store.all()] == [run.id]


def test_an_empty_store_has_no_runs_and_makes_no_folder(store):
    assert store.all() == [] and not store.root.exists()


@pytest.mark.parametrize("id", ["../x", "", "a/b", "A", ".", "-", "x\0", "a" * 200, "nosuch", None, "x\n"])
def test_bad_ids_are_unknown_names(store, id):
    store.create(CONFIG)
    with pytest.raises(UnknownName, match="no run"):
        store.get(id)


@pytest.mark.parametrize("name", ["../run.json", ".hidden", "a/b", "", "/etc/passwd"])
def test_a_run_gives_only_plain_files(store, name):
    with pytest.raises(RunProblem):
        store.create(CONFIG).path(name)


def test_two_runs_of_one_second_differ_and_the_newest_comes_first(store):
    ids = [store.create(CONFIG).id for _ in range(3)]
    assert len(set(ids)) == 3 and store.ids() == sorted(ids, reverse=True)


def test_update_is_whole_and_states_are_checked(store):
    run = store.create(CONFIG)
    headline = {"forget": None, "siblings": None, "others": {"before": 1.0, "after": 0.5}, "score": 0.0}
    run.update(state="done", best=0.35, headline={**headline, "h": float("nan")})
    assert run.info()["best"] == 0.35 and run.info()["headline"] == {**headline, "h": None}
    assert {path.name for path in run.folder.iterdir()} == {"run.json", "run.lock"}  # no temporary file stays
    with pytest.raises(BadSetting):
        run.update(state="lost")


def test_events_are_numbered_and_a_torn_line_is_ignored_then_replaced(store):
    run = store.create(CONFIG)
    assert run.events() == []
    step = {
        "t": 1.0,
        "kind": "step",
        "stage": "forget",
        "total": 2,
        "eta": None,
        "steer": {},
        "data": {},
        "note": "",
    }
    assert [run.append({**step, "step": i, "losses": {}})["n"] for i in (1, 2)] == [0, 1]
    with run.path("events.jsonl").open("a") as file:
        file.write('{"kind": "st')
    assert [event["n"] for event in run.events()] == [0, 1]
    assert run.append({**step, "step": 2, "losses": {"x": float("inf")}})["n"] == 2
    assert run.events(after=2) == [{**step, "n": 2, "step": 2, "losses": {"x": None}}] and run.events(after=3) == []


def test_lost_is_reported_when_the_worker_is_gone(store, monkeypatch):
    run = store.create(CONFIG)
    assert run.info()["state"] == "queued"
    monkeypatch.setattr("clipforget.runs.folder.GRACE", -1.0)
    assert run.info()["state"] == "lost"
    with run.worker_lock():
        run.update(state="running")
        assert run.alive() and run.info()["state"] == "running"
        with pytest.raises(RunProblem, match="already at work"), run.worker_lock():
            pass
        with pytest.raises(RunProblem, match="stop it first"):
            store.delete(run.id)
    assert not run.alive() and run.info()["state"] == "lost"
    run.update(state="done")
    assert run.info()["state"] == "done"


def test_what_is_queued_again_waits_for_its_worker_anew(store):
    run = store.create(CONFIG)
    run.update(state="stopped", created="2026-01-01T00:00:00.000+00:00")
    run.update(state="queued")
    assert run.info()["state"] == "queued"


def test_the_lock_dies_with_its_process(store):
    run = store.create(CONFIG)
    code = (
        "import sys, time; from pathlib import Path; from clipforget.runs.store import Store\n"
        "with Store(Path(sys.argv[1])).get(sys.argv[2]).worker_lock():\n    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, store.root, run.id], stdout=subprocess.PIPE) as worker:
        assert worker.stdout.readline() == b"held\n" and run.alive()
        worker.kill()
    assert not run.alive()


def test_a_device_serves_one_at_a_time(store):
    store.create(CONFIG)
    second = store.device_lock("cuda:0")
    with store.device_lock("cuda:0") as first, store.device_lock("cpu"):
        assert first.acquire(wait=False) and not second.acquire(wait=False)
        first.release()
        assert second.acquire(wait=False)
    second.release()


def test_a_look_does_not_disturb_the_worker(store):
    run = store.create(CONFIG)
    run.path("worker.lock").touch()
    with run.path("worker.lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # as alive() does for an instant
        assert not run.alive()


def test_delete(store):
    run = store.create(CONFIG)
    store.delete(run.id)
    assert store.all() == [] and not run.folder.exists()
    with pytest.raises(UnknownName):
        store.delete(run.id)


def test_a_broken_run_says_so(store):
    run = store.create(CONFIG)
    run.path("run.json").write_text("{")
    with pytest.raises(RunProblem, match=r"no readable run\.json"):
        run.info()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunProblem, match="Cannot write"):
        Store(tmp_path / "file").create(CONFIG)


def test_the_command_is_quoted_and_deterministic():
    config = replace(
        CONFIG,
        data="my photos/a.tar",
        retain=("-odd/x",),
        settings={"remind_steps": 5, "ema": 0.9, "lora": True, "hinge": False, "shift": -0.1},
    )
    assert shlex.split(config.command())[3:] == [
        *["run", "--model", "clipforget-tiny", "--data", "my photos/a.tar", "--forget", "airplane/biplane"],
        *["--retain=-odd/x", "--method", "anchored", "--seed", "3", "--ema", "0.9", "--no-hinge", "--lora"],
        *["--remind-steps", "5", "--shift=-0.1"],
    ]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], "A run must be a JSON object."),
        ({"modle": "x"}, "There is no field of a run 'modle'. Did you mean 'model'?"),
        ({"model": 3}, "model must be a text; it is 3."),
        ({"model": ""}, "model must be a text; it is ''."),
        ({"model": "\udcff"}, "A run must be a JSON object (Invalid JSON: lone leading surrogate"),
        ({"data": "x\0"}, "data must be a text; it is 'x"),
        ({"forget": "airplane"}, "forget must be a list of texts; it is 'airplane'."),
        ({"forget": [1]}, "forget must be a list of texts; it holds 1."),
        ({"forget": [""]}, "forget must be a list of texts; it holds ''."),
        ({"seed": -1}, "seed must be a whole number from 0 to 2147483647; it is -1."),
        ({"seed": True}, "seed must be a whole number from 0 to 2147483647; it is True."),
        ({"seed": "1"}, "seed must be a whole number from 0 to 2147483647; it is '1'."),
        ({"gallery": 0}, "gallery must be a whole number from 4 to 1000000; it is 0."),
        ({"tolerance": True}, "tolerance must be a number from 0.0 to 1.0; it is True."),
        ({"settings": {"a": [1]}}, "settings must be a JSON object of numbers, texts, true and false; it holds [1]."),
        ({"settings": {"a": float("nan")}}, "settings must be a JSON object of numbers, texts, true and false; it"),
    ],
)
def test_what_is_wrong_with_a_foreign_configuration_is_one_sentence(values, sentence):
    with pytest.raises((BadSetting, UnknownName)) as caught:
        RunConfig.read(values)
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


@pytest.mark.parametrize("depth", [60, 300, 950, 10_000])
def test_a_deeply_nested_configuration_is_refused(depth):
    nested = []
    for _ in range(depth):
        nested = [nested]
    with pytest.raises(BadSetting):
        RunConfig.read({"settings": {"a": nested}})


def test_a_configuration_survives_json():
    config = replace(CONFIG, retain=("airplane",), settings={"rank": 2})
    assert RunConfig.read(json.loads(json.dumps(config.as_dict()))) == config


def test_a_run_of_former_names_is_told_in_the_current_ones(store):
    run = store.create(replace(CONFIG, method="gradient_ascent"))
    stored = json.loads(run.path("run.json").read_text())
    stored["config"]["settings"] = {"rate": 0.01, "batch": 8, "steps": 5}
    stored["command"] += " --batch 8 --rate 0.01 --steps 5"
    run.path("run.json").write_text(json.dumps(stored))
    current = {"learning_rate": 0.01, "batch_size": 8, "steps": 5}
    assert run.config.settings == run.info()["config"]["settings"] == current
    command = shlex.split(run.info()["command"])
    assert command[-6:] == ["--batch-size", "8", "--learning-rate", "0.01", "--steps", "5"] and "--rate" not in command
    assert run.config.checked() == replace(CONFIG, method="gradient_ascent", settings=current).checked()
    run.update(starred=True)
    assert json.loads(run.path("run.json").read_text())["config"]["settings"] == current


def test_what_was_called_targeted_is_read_as_anchored(store):
    """By the version that wrote it: a run of today's targeted stays what it is."""
    run = store.create(replace(CONFIG, method="targeted"))
    stored = json.loads(run.path("run.json").read_text())
    assert run.config.method == "targeted"
    for versions in ({"clipforget": "0.1.0"}, None):
        stored["versions"] = versions
        if versions is None:
            del stored["versions"]
        run.path("run.json").write_text(json.dumps(stored))
        info = run.info()
        assert run.config.method == info["config"]["method"] == "anchored"
        assert "--method anchored" in info["command"] and info["title"] == "airplane/biplane · anchored"
    run.update(starred=True)
    assert run.info()["config"]["method"] == "anchored"


def test_a_run_of_another_version_is_listed_as_it_is(store):
    run = store.create(CONFIG)
    stored = json.loads(run.path("run.json").read_text())
    stored["config"] |= {"magic": 1, "settings": {"rate": 1}}
    run.path("run.json").write_text(json.dumps(stored))
    assert run.info()["config"]["magic"] == 1 and run.info()["command"] == stored["command"]


def test_nothing_to_forget_is_refused():
    with pytest.raises(BadSetting, match="Nothing to forget"):
        RunConfig().checked()


def test_events_of_version_0_1_open_in_todays_words(store):
    run = store.create(CONFIG)
    step = {"t": 1.0, "kind": "step", "stage": "forget", "step": 1, "total": 1, "eta": 0.0, "losses": {}, "note": ""}
    run.append({**step, "data": {}, "validation": {"forget": 0.5}})
    (event,) = run.events()
    assert event["steer"] == {"forget": 0.5} and "validation" not in event


def test_paths_lead_to_the_same_place_from_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("birds", "clip", "sketchbook"):
        (tmp_path / name).mkdir()
    (tmp_path / "own.pt").touch()
    config = replace(CONFIG, data="birds", model="./clip", eval=("birds=birds:sea gull", "no=nothing:there"))
    checked = config.checked()
    assert (checked.data, checked.model) == (f"{tmp_path}/birds", f"{tmp_path}/clip")
    assert checked.eval == (f"birds={tmp_path}/birds:sea gull", "no=nothing:there")
    assert checked.checked() == checked
    assert replace(config, model="ViT-B-32/own.pt").checked().model == f"ViT-B-32/{tmp_path}/own.pt"
    kept = replace(CONFIG, data="sketchbook", model="RN50/openai")
    assert kept.checked() == kept
    plan = ComparisonPlan(read_rows(["targeted"]), (("a/b",),), data="birds").checked()
    assert plan.data == f"{tmp_path}/birds"
