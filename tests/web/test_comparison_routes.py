"""The page's requests about comparisons: one is started, stopped, resumed and taken away; nonsense is refused."""

import json
import time

import pytest
from small import FEW
from starlette.applications import Starlette
from starlette.testclient import TestClient

from clipforget.benchmark.execute import run_cells
from clipforget.benchmark.paper import EXPERIMENTS
from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import read_rows
from clipforget.benchmark.store import ComparisonStore
from clipforget.benchmark.targets import is_reported
from clipforget.runs.config import RunConfig
from clipforget.web.routes import routes
from clipforget.workspace.workspace import Workspace

PATH = "/clipforget/comparisons"


@pytest.fixture(scope="module")
def space(world):
    return Workspace(world.folder / "compared", sample=False)


@pytest.fixture(scope="module")
def client(space):
    with TestClient(Starlette(routes=routes(space)), raise_server_exceptions=False) as client:
        yield client


def body(world, **changes):
    """A form filled in: one method that is over at once, on one target."""
    own = {"methods": ["targeted"], "targets": [["disc/big"]], "seeds": [0], "model": world.clip, "data": world.data}
    return {**own, "device": "cpu", **changes}


@pytest.fixture(scope="module")
def compared(world, space):
    """A finished comparison of one method on two targets, worked through in this process."""
    words = ",".join(f"{name}={value}" for name, value in FEW.items())
    plan = ComparisonPlan(
        read_rows([f"quick=targeted,{words}"]), (("disc/big",), ("square/thin",)), seeds=(0,), model=world.clip,
        data=world.data, device="cpu", title="two targets",
    ).checked()  # fmt: skip
    found = ComparisonStore(space.store.root).create(plan)
    list(run_cells(found))
    return found


def test_targets_by_a_rule_second_images_levels_and_evaluation_sets(client, space, world, tmp_path, monkeypatch):
    """What the folded part of the form asks for goes into the plan; the rule names no target that the model misses."""
    monkeypatch.setattr(space._workers, "start", lambda work: None)
    more = {"others": "sketchbook", "levels": "superclass,subgroup,style", "eval_target": "forgotten"}
    sets = [f"own={world.data}"]
    reply = client.post(PATH, json=body(world, targets=[], choice="development:2", eval=sets, **more))
    assert reply.status_code == 200, reply.text
    plan = space.comparisons.store.get(reply.json()["id"]).plan
    assert plan.choice == "development:2" and len(plan.targets) == 2 and plan.eval == tuple(sets)
    assert not any(is_reported(target) for (target,) in plan.targets)
    assert {name: getattr(plan, name) for name in more} == more
    found = client.get("/clipforget/setup/data", params={"name": world.data, "others": "sketchbook"}).json()
    assert {"airplane", "disc"} <= found["superclasses"].keys()
    refused = client.post(PATH, json=body(world, targets=[], choice="favourite:3"))
    assert refused.status_code == 400 and "no choice of targets" in refused.json()["error"]


def test_a_comparison_its_chart_and_its_files(client, compared):
    (entry,) = [one for one in client.get(PATH).json()["comparisons"] if one["id"] == compared.id]
    assert entry == {**entry, "title": "two targets", "state": "done", "done": 2, "total": 2}
    found = client.get(f"{PATH}/{compared.id}").json()
    assert [row["label"] for row in found["rows"]] == ["do nothing", "quick"]
    assert found["rows"][1]["all"]["n"] == 2 and found["rows"][1]["targets"]["1"]["n"] == 1
    for query, target in (("", None), ("?target=1", 1)):
        drawn = client.get(f"{PATH}/{compared.id}/charts/methods{query}").json()["data"]
        wanted = [curve["forgotten"] for curve in found["curves"] if curve["target"] == target]
        assert [trace["x"] for trace in drawn if len(trace["x"]) == 101] == wanted
    for name in ("table.csv", "table.json", "table.tex", "table.md", "report.html"):
        reply = client.get(f"{PATH}/{compared.id}/export/{name}")
        assert b"quick" in reply.content and name in reply.headers["content-disposition"]


@pytest.mark.parametrize("target", ["2", "-1", "x", "", "0 "])
def test_a_chart_of_an_unknown_target_is_refused(client, compared, target):
    reply = client.get(f"{PATH}/{compared.id}/charts/methods", params={"target": target})
    assert reply.status_code == 400 and "target" in reply.json()["error"]


@pytest.mark.parametrize("id", ["nothing", "..", "%2e%2e", "..%2f..%2fetc", "a%00b", "UP", "x" * 400])
def test_bad_ids_lead_nowhere(client, id):
    for path in ("", "/charts/methods", "/export/table.csv"):
        reply = client.get(f"{PATH}/{id}{path}")
        assert reply.status_code == 404 and reply.json()["error"], path
    for act in ("stop", "resume", "delete"):
        assert client.post(f"{PATH}/{id}/{act}").status_code in (400, 404)


def test_unknown_files_and_charts_are_no_files(client, compared):
    for path in ("export/comparison.json", "export/..%2Fcomparison.json", "export/", "charts/nothing", "charts/alpha"):
        assert client.get(f"{PATH}/{compared.id}/{path}").status_code == 404, path


@pytest.mark.parametrize(
    "changes",
    [
        {"methods": []},
        {"methods": "targeted"},
        {"methods": [1]},
        {"methods": ["anchoredd"]},
        {"methods": ["targeted"] * 101},
        {"preset": 3},
        {"rows": []},
        {"targets": []},
        {"targets": "disc/big"},
        {"targets": [["disc/huge"]]},
        {"targets": [[]]},
        {"seeds": []},
        {"seeds": ["0"]},
        {"seeds": [-1]},
        {"tolerance": 2},
        {"model": 3},
        {"data": "/etc"},
        {"magic": 1},
    ],
)
def test_bodies_that_make_no_comparison_are_refused(client, space, world, changes):
    before = len(space.comparisons.list())
    reply = client.post(PATH, json=body(world, **changes))
    assert reply.status_code == 400 and reply.json()["error"].endswith((".", "?")), reply.text
    assert len(space.comparisons.list()) == before
    assert client.post(PATH, content=b"[").status_code == 400
    half = json.dumps(body(world, methods=["\ud800"]))  # of a character: no answer could repeat it
    assert client.post(PATH, content=half).json() == {"error": "The request's body is no JSON."}


def test_starting_stopping_resuming_and_deleting(client, space, world):
    id = client.post(PATH, json=body(world)).json()["id"]
    assert client.post(f"{PATH}/{id}/delete").status_code == 400  # its worker is alive
    assert client.post(f"{PATH}/{id}/stop").json() == {"ok": True}
    wait(client, id, "stopped")
    assert client.post(f"{PATH}/{id}/stop").status_code == 400  # nothing is at work
    assert client.post(f"{PATH}/{id}/resume").json() == {"ok": True}
    assert client.get(f"{PATH}/{id}").json()["state"] in ("queued", "running")
    client.post(f"{PATH}/{id}/stop")
    wait(client, id, "stopped")
    assert client.post(f"{PATH}/{id}/delete").json() == {"ok": True}
    assert client.get(f"{PATH}/{id}").status_code == 404


def wait(client, id, state, seconds=40):
    end = time.monotonic() + seconds
    while (found := client.get(f"{PATH}/{id}").json())["state"] != state:
        assert time.monotonic() < end, found["state"]
        time.sleep(0.1)


def test_a_preset_serves_the_methods_that_have_it(client, space, world, monkeypatch):
    plans = []
    monkeypatch.setattr(space.comparisons, "start", lambda plan: plans.append(plan) or "id")
    client.post(PATH, json=body(world, methods=["slug", "gradient_ascent"], preset="paper"))
    rows = {row.method: row for row in plans[0].rows}
    assert rows["slug"].preset == "paper" and rows["slug"].settings
    assert json.dumps(plans[0].as_dict())


def test_an_experiment_of_the_paper_starts_the_comparison_behind_it(client, space, monkeypatch):
    plans = []
    monkeypatch.setattr(space.comparisons, "start", lambda plan: plans.append(plan) or "id")
    shown = client.get("/clipforget/setup").json()["experiments"]
    assert {entry["name"] for entry in shown} == EXPERIMENTS.load().keys()
    for entry in shown:
        sent = {"experiment": entry["name"], "seeds": [3], "device": "cpu", "tolerance": 0.1}
        assert client.post(PATH, json=sent).json() == {"id": "id"}
        case = EXPERIMENTS[entry["name"]].sketchbook
        config = RunConfig(device="cpu", tolerance=0.1)
        assert plans[-1] == EXPERIMENTS[entry["name"]].plan(case, config, (3,), "default", space.store.root)
        assert [list(target) for target in case.targets] == entry["targets"] and entry["note"] == case.note


@pytest.mark.parametrize(
    "body",
    [
        {"experiment": "table9"},
        {"experiment": 1},
        {"experiment": ["table1"]},
        {"experiment": "table1", "methods": ["targeted"]},
        {"experiment": "table1", "seeds": []},
        {"experiment": "table1", "seeds": 3},
        {"experiment": "table1", "seeds": [-1]},
        {"experiment": "table1", "preset": 3},
        {"experiment": "table1", "tolerance": 2},
    ],
)
def test_what_is_no_experiment_is_refused(client, space, body):
    before = len(space.comparisons.list())
    reply = client.post(PATH, json=body)
    assert reply.status_code == 400 and reply.json()["error"].endswith((".", "?")), reply.text
    assert len(space.comparisons.list()) == before
