"""A run from start to end, and every way in which it may end otherwise."""

import json
import signal
import threading
import time
from itertools import pairwise
from typing import get_type_hints

import numpy as np
import pytest
import torch
from small import SHAPES
from waiting import wait_for

from clipforget.errors import BadModel
from clipforget.evaluation import metrics
from clipforget.models.downloads import Fetching
from clipforget.models.loading import load_clip
from clipforget.runs import execute as running
from clipforget.runs.documents import EndEvent, RunInfo, StepEvent
from clipforget.runs.eta import Clock, stage_seconds
from clipforget.runs.execute import execute, stoppable
from clipforget.runs.loading import build_task
from clipforget.runs.store import Store
from clipforget.soup.path import ALPHAS
from clipforget.soup.storage import load_path


def fields(document):
    return set(get_type_hints(document))


def test_a_run_leaves_all_its_files_and_says_how_it_went(finished, world):
    info, events = finished.info(), finished.events()
    names = ("run.json", "events.jsonl", "scores.json", "delta.safetensors", "path.npz", "queries.npz")
    assert all(finished.path(name).stat().st_size for name in names)
    assert info["state"] == "done" and info["error"] is None and info["device"] == "cpu" and info["seconds"] > 0
    assert set(info["fingerprints"]) == {"original", "unlearned", "data"}
    assert info["fingerprints"]["original"] != info["fingerprints"]["unlearned"]
    assert 0 < info["cost"]["seconds"] < info["seconds"] and info["cost"]["memory"] > 0 < info["cost"]["parameters"]
    assert info["best"] in ALPHAS and set(info["headline"]) == {"forget", "siblings", "others", "h", "score"}
    assert "--forget disc/big" in info["command"] and str(world.data) in info["command"]
    stages = list(dict.fromkeys(event["stage"] for event in events[:-1]))
    assert stages[0] == "load" and stages[-2:] == ["restore", "score"] and "forget" in stages
    assert [event["n"] for event in events] == list(range(len(events)))
    assert events[-1] | {"t": 0, "n": 0} == {"kind": "end", "state": "done", "note": "Done.", "t": 0, "n": 0}
    assert all(event["eta"] >= 0 for event in events[:-1])
    assert sum(stage_seconds(events).values()) == pytest.approx(events[-1]["t"], abs=0.5)


def test_a_model_that_lies_elsewhere_is_fetched_first_with_the_time_left(world, tmp_path, monkeypatch):
    def fetch_model(name):
        yield Fetching(name, 0, 600)
        time.sleep(0.2)
        yield Fetching(name, 150, 600)
        raise BadModel("The hub refuses it.")

    monkeypatch.setattr("clipforget.models.sources.fetch_model", fetch_model)
    run = Store(tmp_path).create(world.config(model="MobileCLIP2-S0/dfndr2b"))
    *fetched, end = execute(run)
    assert {event["stage"] for event in fetched} == {"fetch"}, "no device was taken, no image read"
    assert fetched[-1]["note"] == "Fetching MobileCLIP2-S0/dfndr2b: 150 of 600 MB."
    assert (fetched[-1]["step"], fetched[-1]["total"]) == (150, 600) and fetched[-1]["eta"] > 0.1
    assert end["state"] == "failed" and end["note"] == "The hub refuses it."


def test_work_that_says_nothing_still_shows_life(world, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "LIFE_INTERVAL", 0.02)
    run = Store(tmp_path).create(world.config())
    journal = running.Journal(run)
    with journal.alive():
        journal.step("select", 3, 7, "Still at it.", losses={"forget": 0.5}, data={"layers": []})
        first, *repeated = wait_for(lambda: run.events()[2:] and run.events())
    for event in repeated:
        assert event["t"] > first["t"] and event["losses"] == event["data"] == {}, "no figure is told twice"
        assert [event[name] for name in ("stage", "step", "total", "note")] == ["select", 3, 7, "Still at it."]
    count = len(run.events())
    journal.end("done", "Done.")
    assert run.events()[-1]["kind"] == "end" and len(run.events()) == count + 1


def test_documents_have_the_fields_of_their_types(finished):
    *steps, end = finished.events()
    assert set(finished.info()) == fields(RunInfo) - {"comparison", "lineage", "tags", "notes"}
    assert all(set(step) == fields(StepEvent) for step in steps) and set(end) == fields(EndEvent)


def test_alpha_is_chosen_on_calibrate_and_the_figures_come_from_test(finished, world):
    """Against features and captions of the run, classified by hand."""
    scores = json.loads(finished.path("scores.json").read_text())
    path, evaluated, clip = load_path(finished.path("path.npz")), scores["evaluated"], load_clip(world.clip)
    (first, calibrate), (second, test) = evaluated["parts"][:2]
    assert (first, second) == ("calibrate", "test")
    labels = np.array(evaluated["class_names"]["superclass"]["labels"])
    roles = np.array(evaluated["roles"])
    part = np.repeat([0, 1, 2], [calibrate, test, len(roles) - calibrate - test])
    shapes = clip.class_embeddings(sorted(SHAPES), "a photo of a {}.").numpy()
    rows = {row["key"]: row for row in scores["rows"]}
    kind_of = np.array(evaluated["class_names"]["subgroup"]["labels"])
    along = {"forget": [], "siblings": [], "others": []}
    for place, alpha in enumerate(ALPHAS):
        cosines = path.features(alpha) @ path.class_embeddings(alpha).T
        coarse = np.argmax(cosines, axis=1) == labels
        cosines[:, 0] = path.features(alpha) @ shapes[0]  # "big" in the place of "disc", the first name
        finer = np.argmax(cosines, axis=1) == labels
        named = np.argmax(path.features(alpha) @ shapes.T, axis=1) == kind_of
        images = {(role, where): (roles == role) & (part == where) for role in range(3) for where in range(2)}
        expected = {
            "forget-coarse": coarse[images[0, 1]], "forget-fine": finer[images[0, 1]],
            "siblings": coarse[images[1, 1]], "others": coarse[images[2, 1]],
            "siblings-fine": named[images[1, 1]], "others-fine": named[images[2, 1]],
        }  # fmt: skip
        for key, right in expected.items():
            assert rows[key]["after"][place] == pytest.approx(right.mean(), abs=1e-4), key
        larger = max(rows["forget-coarse"]["after"][place], rows["forget-fine"]["after"][place])
        assert rows["forget"]["after"][place] == larger
        along["forget"].append(max(coarse[images[0, 0]].mean(), finer[images[0, 0]].mean()))
        along["siblings"].append(coarse[images[1, 0]].mean())
        along["others"].append(coarse[images[2, 0]].mean())
    choice = metrics.choose_alpha(ALPHAS, along, limit=1 / 3, images=8)
    assert scores["best"] == scores["choice"]["alpha"] == choice.alpha
    assert scores["choice"]["reason"] == choice.reason and scores["choice"]["images"] == 8
    for name, values in along.items():
        assert scores["choice"]["calibrate"][name] == pytest.approx(values, abs=1e-4)
    assert scores["do_nothing"]["h"] == 0 and scores["nodes"] == list(path.alphas)


def test_a_task_shows_the_method_no_image_that_it_is_judged_by(world):
    task, evaluation = build_task(world.config())
    count, pixels = len(evaluation.splits.evaluated), evaluation.pixels
    assert pixels.shape == (count, 3, 32, 32) and evaluation.labels.shape == (count,)
    assert len(task.forget) == 26 and len(task.retain) == 52 and len(task.others) == 156
    assert {name: len(images) for name, images in task.steer.items()} == {"forget": 6, "retain": 12, "others": 36}
    assert task.class_embeddings.shape == (3, 16) and task.names == ("disc", "square", "stripe")
    evaluated = {image.numpy().tobytes() for image in pixels}  # calibrate, test and the shifted set
    trained, steering = (
        {image.numpy().tobytes() for images in sets for image in images.pixels}
        for sets in ((task.forget, task.retain, task.others), task.steer.values())
    )
    assert len(trained) == 234 and len(steering) == 54 and len(evaluated) == count
    assert not trained & steering and not (trained | steering) & evaluated
    assert task.clip.model is not task.original.model


def test_a_task_holds_each_image_once_as_bytes_and_each_weight_once(world):
    """Its peak: as floats, copied for each set, the images of a real model take many times as much."""
    task, evaluation = build_task(world.config())
    sets = [task.forget, task.retain, task.others, *task.steer.values()]
    pixels = [evaluation.pixels, *(images.pixels for images in sets)]
    assert len({part.held.data_ptr() for part in pixels}) == 1
    assert {part.nbytes for part in pixels} == {3 * 32 * 32 * sum(map(len, pixels))}, "a byte a value, no image twice"
    item = evaluation.dataset.items[evaluation.splits.train["retain"][7]]
    assert torch.equal(task.retain.pixels[7], task.original.transform(evaluation.dataset.open(item)))
    for clip in (task.original, task.clip):
        assert all(torch._C._is_cow_tensor(value) for value in clip.model.state_dict().values())


def test_closing_the_generator_stops_the_run_and_keeps_what_there_is(world, tmp_path):
    run = Store(tmp_path).create(world.config())
    events = execute(run)
    for event in events:
        if event["stage"] == "forget":
            break
    assert run.info()["state"] == "running" and run.alive()
    events.close()
    assert run.info()["state"] == "stopped" and not run.alive()
    assert run.events()[-1]["state"] == "stopped" and run.events()[-2]["stage"] == "forget"
    assert not run.path("path.npz").exists()


def test_a_signal_stops_the_run_wherever_it_arrives(world, tmp_path, monkeypatch):
    run = Store(tmp_path).create(world.config())
    monkeypatch.setattr(running, "_finish", lambda *_: signal.raise_signal(signal.SIGTERM))
    end = running.Journal.end
    impatient = lambda *words: (signal.raise_signal(signal.SIGTERM), end(*words))[1]  # noqa: E731  a second click
    monkeypatch.setattr(running.Journal, "end", impatient)
    with stoppable():
        events = list(execute(run))
    assert events[-1]["state"] == run.info()["state"] == "stopped"


def test_a_second_run_waits_visibly_for_the_device_and_says_so_once(world, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "LIFE_INTERVAL", 0.02)
    store = Store(tmp_path)
    lock = store.device_lock("cpu")
    assert lock.acquire(wait=False)
    run = store.create(world.config(forget=("disc/none",)))
    events = execute(run)
    assert next(events)["stage"] == "wait" and run.info()["state"] == "queued" and run.alive()
    threading.Timer(0.3, lock.release).start()
    started = time.monotonic()
    following = list(events)
    assert time.monotonic() - started > 0.2
    assert following[0]["stage"] == "load"
    assert [event["stage"] for event in run.events()[:2]] == ["wait", "load"], "nothing is repeated meanwhile"
    free = store.device_lock("cpu")
    assert free.acquire(wait=False)
    free.release()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"forget": ("disc/bigg",)}, "Did you mean 'big'"),
        ({"data": "/nowhere/at/all"}, "nowhere"),
        ({"model": "/nowhere/at/all"}, "nowhere"),
        ({"settings": {"remind_steps": -1}}, "remind_steps"),
        ({"method": "anchoredd"}, "Did you mean 'anchored'"),
    ],
)
def test_bad_input_fails_with_one_sentence(world, tmp_path, change, words):
    run = Store(tmp_path).create(world.config(**change))
    events = list(execute(run))
    assert events[-1]["state"] == run.info()["state"] == "failed"
    assert words in run.info()["error"] and events[-1]["note"] == run.info()["error"] and "\n" not in events[-1]["note"]


def test_a_bug_fails_the_run_and_is_raised(world, tmp_path, monkeypatch, capsys):
    run = Store(tmp_path).create(world.config())

    def broken(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("clipforget.data.splits.select", broken)
    with pytest.raises(ZeroDivisionError):
        list(execute(run))
    assert run.info()["state"] == "failed" and run.info()["error"].startswith("A bug: ZeroDivisionError")
    assert "Traceback" in capsys.readouterr().err and not run.alive()


def test_the_time_left_follows_the_measured_speed_without_jumps():
    plan = {"load": 2.0, "forget": 5.0, "restore": 8.0, "score": 1.0}
    clock, shown, now = Clock(plan), [], 0.0
    for stage, planned in plan.items():
        for step in range(21):
            shown.append((now, clock.eta(stage, step, 20, now)))
            now += 2 * planned / 20 if step < 20 else 0  # this machine is half as fast as planned
    ends = now
    late = [(at, eta) for at, eta in shown if at > 0.4 * ends]
    assert all(abs(at + eta - ends) < 0.15 * ends for at, eta in late)
    assert all(abs((b + t) - (a + s)) < 0.12 * ends for (s, a), (t, b) in pairwise(shown))
    assert shown[-1][1] < 0.5
