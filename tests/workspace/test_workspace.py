"""What the app may ask for, and how it survives workers that wait, stop or die."""

import io
import json
import os
import shutil
import signal
import time
from dataclasses import replace

import pytest
from PIL import Image
from waiting import wait_for

from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import Row
from clipforget.benchmark.store import ComparisonStore
from clipforget.cli import report
from clipforget.errors import BadData, BadQuery, BadSetting, RunProblem, UnknownName
from clipforget.runs.config import RunConfig
from clipforget.runs.devices import likely_device
from clipforget.runs.execute import execute
from clipforget.runs.store import Store
from clipforget.workspace import workspace as module
from clipforget.workspace.figures import run_figures
from clipforget.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def space(finished):
    return Workspace(finished.folder.parent, sample=False)


def png(size=(40, 30), mode="RGB", **options):
    out = io.BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else 0).save(out, options.pop("format", "PNG"), **options)
    return out.getvalue()


def test_runs_are_listed_with_what_the_list_shows(space, finished):
    (entry,) = space.runs()
    assert entry["id"] == finished.id and entry["state"] == "done" and not entry["sample"]
    assert entry["headline"]["forget"].keys() == {"before", "after"}


def test_setup_names_everything_that_can_be_chosen(space, world):
    setup = space.setup()
    assert setup["devices"][:2] == ["auto", "cpu"]
    assert world.clip in [model["name"] for model in setup["models"]] and world.data in setup["recent"]["data"]
    (method,) = (entry for entry in setup["methods"] if entry["name"] == "targeted")
    assert all(option.keys() >= {"name", "kind", "default", "help", "low", "high"} for option in method["options"])
    assert method["stages"][0] == "load" and method["stages"][-2:] == ["restore", "score"]
    data = space.data(world.data)
    assert data["superclasses"]["disc"] == ["big", "small", "thin"] and data["styles"] == ["dark", "light"]
    assert data["evaluation_sets"] == ["shifted"] and data["count"] == 468 and data["skipped"] == 0
    dataset = space.dataset(world.data)
    for name, indices in data["samples"].items():
        assert len(indices) == 4 and all(dataset.items[i].split == "test" for i in indices)
        assert {f"{dataset.items[i].superclass}/{dataset.items[i].subgroup}" for i in indices} == {name}


def test_an_estimate_is_cheap_and_learns_from_earlier_runs(space, world, finished):
    found = space.estimate(world.config())
    assert (found["forget"], found["retain"], found["images"], found["device"]) == (26, 52, 468, "cpu")
    assert found["seconds"] == pytest.approx(finished.info()["seconds"], rel=0.6, abs=3)
    with pytest.raises(UnknownName, match="Did you mean 'disc'"):
        space.estimate(world.config(forget=("disk/big",)))


def test_one_card_is_one_device_under_both_its_names():
    assert likely_device("cuda:0") == likely_device("cuda") == "cuda" and likely_device("cuda:1") == "cuda:1"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "one text, one image"),
        ({"text": "a", "image": 1}, "one text, one image"),
        ({"text": "  "}, "what to look for"),
        ({"text": "x" * 301}, "300 characters"),
        ({"image": 90}, "holds 90"),
        ({"image": -1}, "no image"),
        ({"upload": "../../etc/passwd"}, "upload it again"),
    ],
)
def test_queries_that_make_no_sense_are_refused(space, finished, query, words):
    with pytest.raises(BadQuery, match=words):
        space.query(finished.id, **query)


@pytest.mark.parametrize("alpha", [5, -0.01, float("nan"), float("inf"), None, "0.5"])
def test_only_alphas_from_0_to_1_are_taken(space, finished, alpha):
    with pytest.raises(BadQuery, match="from 0"):
        space.exact(finished.id, alpha, text="disc")


@pytest.mark.parametrize("id", ["", "..", "../runs", "/etc/passwd", "a/../b", "UPPER", "nul\0", "x" * 500, ".lane-cpu"])
def test_ids_that_are_none_lead_nowhere(space, id):
    for ask in (space.view, space.events, space.stop, space.delete, lambda id: space.query(id, text="a")):
        with pytest.raises(UnknownName):
            ask(id)


def test_an_upload_finds_its_own_image(space, finished, world):
    dataset = space.dataset(world.data)
    index = space.view(finished.id)["gallery"]["items"][11][0]
    sent = space.uploads.add(dataset.source.read(dataset.items[index].key), "C:\\pictures\\mine\n.png")
    assert sent["label"] == "mine.png"
    pack = space.query(finished.id, upload=sent["token"])
    assert pack["query"] == {"kind": "upload", "label": "mine.png"}
    assert 11 in pack["before"]["ids"][:3] and pack["before"]["cosines"][0] > 0.98


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"GIF89a<script>alert(1)</script>", "cannot be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read"),
        (png()[:60], "cannot be read"),
        (png((3, 3)), "smaller"),
        (png((9000, 9000), "L"), "more than"),
        (b"\xff" * (10 * 2**20 + 1), "larger than 10 MiB"),
    ],
)
def test_what_is_no_usable_image_is_refused(space, data, words):
    with pytest.raises(BadData, match=words):
        space.uploads.add(data, "x.png")


def test_images_are_small_upright_and_only_of_known_data_sets(space, finished, world):
    mark = space.view(finished.id)["gallery"]["data"]
    data, media = space.image(mark, 0, 96)
    assert media == "image/png" and Image.open(io.BytesIO(data)).size == (32, 32)
    for fingerprint, index, size, error in (
        ("0" * 16, 0, 96, UnknownName),
        ("../..", 0, 96, UnknownName),
        (mark, 99999, 96, UnknownName),
        (mark, 0, 97, BadQuery),
    ):
        with pytest.raises(error):
            space.image(fingerprint, index, size)
    fresh = Workspace(finished.folder.parent, sample=False)
    assert fresh.image(mark, 0, 96)[0] == data, "after a restart the data set is found through the run"


def test_thumbnails_are_turned_flattened_and_reduced():
    from clipforget.data.thumbnails import thumbnail

    exif = Image.Exif()
    exif[274] = 6
    turned, media = thumbnail(png((60, 20), format="JPEG", exif=exif), 96)
    assert Image.open(io.BytesIO(turned)).size == (20, 60) and media == "image/jpeg"
    for data in (
        png((500, 200)),
        png((500, 200), "RGBA"),
        png((500, 200), "I;16"),
        png((500, 200), "CMYK", format="JPEG"),
    ):
        small, media = thumbnail(data, 96)
        image = Image.open(io.BytesIO(small))
        assert max(image.size) == 96 and image.mode == "RGB" and media == "image/jpeg"


def test_a_sample_run_is_listed_opened_and_never_changed(finished, tmp_path, monkeypatch):
    shutil.copytree(finished.folder, tmp_path / "assets" / "sample-run" / finished.id)
    monkeypatch.setattr(module, "ASSETS", tmp_path / "assets")
    space = Workspace(tmp_path / "runs")
    (entry,) = space.runs()
    assert entry["sample"] and space.view(finished.id)["sample"]
    assert space.query(finished.id, text="disc")["k"] == 24
    for change in (space.delete, lambda id: space.annotate(id, {"starred": True})):
        with pytest.raises(RunProblem, match="sample"):
            change(finished.id)
    assert not (tmp_path / "runs").exists()


def test_a_run_from_before_there_were_retrieval_scores_opens(finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / finished.id)
    scores = tmp_path / finished.id / "scores.json"
    old = json.loads(scores.read_text())
    del old["retrieval"]
    scores.write_text(json.dumps(old))
    view = Workspace(tmp_path, sample=False).view(finished.id)
    assert run_figures(view)["retrieval"] is None
    assert not any("recall" in shown for shown in (report.text(view), report.as_markdown(view)))


def test_a_damaged_run_is_in_nobodys_way(world, tmp_path):
    run, damaged = (Store(tmp_path).create(world.config(method="do_nothing", settings={}, nodes=3)) for _ in range(2))
    damaged.path("run.json").write_text("")
    damaged.folder.rename(tmp_path / "29990101-000000-the-newest")
    assert list(execute(run))[-1]["state"] == "done"
    space = Workspace(tmp_path, sample=False)
    assert [(info["id"], info["state"]) for info in space.runs()] == [
        ("29990101-000000-the-newest", "damaged"),
        (run.id, "done"),
    ]
    assert space.image(run.info()["fingerprints"]["data"], 0, 96)
    assert space.estimate(world.config())["images"] == 468


def test_a_run_can_be_starred_named_noted_and_deleted(finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / finished.id)
    space = Workspace(tmp_path, sample=False)
    made = space.runs()[0]["title"]
    space.annotate(finished.id, {"starred": True, "title": " For Thursday ", "tags": ["a", " a", ""], "notes": "why"})
    (entry,) = space.runs()
    assert entry["starred"] and (entry["title"], entry["tags"], entry["notes"]) == ("For Thursday", ["a"], "why")
    view = space.view(finished.id)
    assert view["starred"] and view["title"] == "For Thursday"
    space.annotate(finished.id, {"title": ""})
    assert space.runs()[0]["title"] == made
    for wrong in ({"title": 1}, {"title": "x" * 121}, {"tags": ["x"] * 2 + ["y" * 41]}, {"notes": None}, {"best": 1}):
        with pytest.raises((BadSetting, UnknownName)):
            space.annotate(finished.id, wrong)
    space.delete(finished.id)
    assert space.runs() == []
    with pytest.raises(UnknownName):
        space.view(finished.id)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"forget": ()}, BadSetting),
        ({"forget": ("disc/huge",)}, UnknownName),
        ({"method": "magic"}, UnknownName),
        ({"settings": {"magic": 1}}, UnknownName),
        ({"data": "/etc/passwd"}, BadData),
        ({"data": "~nobody-of-this-name/x"}, BadData),
        ({"forget": ("disc/big",), "retain": ("disc/big",)}, BadQuery),
    ],
)
def test_a_run_that_cannot_work_is_not_started(world, tmp_path, change, error):
    space = Workspace(tmp_path / "runs", sample=False)
    with pytest.raises(error):
        space.start(world.config(**change))
    assert space.runs() == []


def test_workers_outlive_the_server_stop_when_asked_and_are_missed_when_killed(world, tmp_path):
    import small

    config = world.config(settings=small.SLOW)
    spaces = [Workspace(tmp_path / name, sample=False) for name in ("stopped", "killed")]
    ids = [space.start(config) for space in spaces]
    runs = [Store(space.store.root).get(id) for space, id in zip(spaces, ids, strict=True)]
    for run in runs:
        wait_for(lambda run=run: any(event.get("stage") == "forget" for event in run.events()))
        assert run.info()["state"] == "running"
    again = Workspace(tmp_path / "stopped", sample=False)  # another server: the first one is gone
    told = again.events(ids[0], after=0)
    assert told["about"].startswith("clip is to forget big (disc / big) and to keep everything else. Method: Targeted")
    first = told["events"]
    later = wait_for(lambda: again.events(ids[0], after=len(first))["events"])
    assert later[0]["n"] == len(first)
    with pytest.raises(RunProblem, match="not finished"):
        again.query(ids[0], text="disc")
    with pytest.raises(RunProblem, match="stop it first"):
        again.delete(ids[0])
    started = time.monotonic()
    again.stop(ids[0])
    wait_for(lambda: runs[0].info()["state"] == "stopped", 10)
    assert time.monotonic() - started < 5
    assert runs[0].events()[-1]["state"] == "stopped" and again.view(ids[0])["state"] == "stopped"
    pid = runs[1].info()["pid"]
    os.killpg(pid, signal.SIGKILL)
    wait_for(lambda: spaces[1].events(ids[1])["state"] == "lost", 10)
    with pytest.raises(RunProblem, match="not at work"):
        spaces[1].stop(ids[1])
    spaces[1].delete(ids[1])


def test_a_comparison_is_worked_on_in_a_process_of_its_own_stopped_and_gone_on_with(world, tmp_path):
    import small

    rows = (Row("targeted", settings=small.SLOW), Row("gradient_ascent", settings={"steps": 2}))
    plan = ComparisonPlan(rows[::-1], (("disc/big",),), (0,), world.clip, world.data, device="cpu")
    comparing = Workspace(tmp_path, sample=False).comparisons
    assert comparing.list() == []
    with pytest.raises(UnknownName, match="Did you mean 'disc'"):
        comparing.start(replace(plan, targets=(("disk/big",),)))
    id = comparing.start(plan)
    wait_for(lambda: (comparing.summary(id)["now"] or {}).get("stage") == "forget" and comparing.summary(id)["done"])
    (entry,) = comparing.list()
    assert entry["state"] == "running" and (entry["done"], entry["total"]) == (1, 2)
    assert comparing.summary(id)["eta"] > 0 and comparing.start(plan) == id, "the same one is not started twice"
    with pytest.raises(RunProblem, match="stop it first"):
        comparing.delete(id)
    space = Workspace(tmp_path, sample=False)
    again = space.comparisons
    again.stop(id)
    wait_for(lambda: again.summary(id)["state"] == "stopped", 10)
    assert [cell["state"] for cell in again.summary(id)["cells"]] == ["done", "stopped"]
    wait_for(lambda: not ComparisonStore(tmp_path).get(id).alive(), 10)  # the worker ends a moment after its last word
    with pytest.raises(RunProblem, match="not at work"):
        again.stop(id)
    data, _, title = again.export(id, "table.csv")
    assert b"Gradient ascent" in data and title == f"{id}-table.csv"
    again.delete(id)
    assert again.list() == [] and len(space.runs()) == 2, "its runs stay"


def test_a_configuration_from_outside_is_read_with_care():
    for values in ([], {"forget": "air"}, {"magic": 1}, {"seed": -1}, {"gallery": 1.5}, {"settings": {"a": [1]}}):
        with pytest.raises((BadSetting, UnknownName)):
            RunConfig.read(values)
