"""The page's requests about several runs in one soup; nonsense is refused, and strangers stay among what is listed."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from clipforget.web.routes import routes
from clipforget.workspace.public import PublicWorkspace
from clipforget.workspace.workspace import Workspace

PATH = "/clipforget/soups"


@pytest.fixture(scope="module")
def space(parts: Any) -> Workspace:
    return Workspace(parts[0].store.root, sample=False)


@pytest.fixture(scope="module")
def client(space: Workspace) -> Any:
    with TestClient(Starlette(routes=routes(space)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def named(parts: Any) -> str:
    return ",".join(run.id for run in parts)


def test_a_soup_its_lines_and_saving_it(client, space, parts, named, monkeypatch):
    view = client.get(PATH, params={"runs": named}).json()
    assert [run["id"] for run in view["runs"]] == named.split(",")
    asked = {"runs": named, "alphas": "0.3,0.5", "slider": "1"}
    line = client.get(f"{PATH}/line", params={**asked, "text": "disc"}).json()
    assert not line["exact"] and line["off"] is None and len(line["h"]) == 101 and line["point"] == [0.3, 0.5]
    exact = client.get(f"{PATH}/line", params={**asked, "image": "2", "exact": "1"}).json()
    assert exact["exact"] and 0.5 in exact["nodes"] and len(exact["pack"]["after"]["ids"][50]) == 24
    started = []
    monkeypatch.setattr(space, "start", lambda config: started.append(config) or parts[0].id)
    monkeypatch.setattr("clipforget.runs.store.Run.update", lambda run, **changes: started.append(changes))
    body = {"runs": named.split(","), "alphas": [0.3, 0.5], "name": "both"}
    assert client.post(PATH, json=body).json() == {"id": parts[0].id}
    assert started[0].parts == tuple(zip(body["runs"], body["alphas"], strict=True)) and started[1] == {"title": "both"}


@pytest.mark.parametrize(
    "changes",
    [
        {"runs": ""}, {"runs": "gone,gone2"}, {"runs": "a" * 3000}, {"alphas": "0.5"}, {"alphas": "a,b"},
        {"alphas": "nan,0"}, {"alphas": "2,0"}, {"slider": "2"}, {"slider": "-1"}, {"slider": "x"}, {"text": ""},
        {"text": "x" * 301}, {"image": "99999", "exact": "0"}, {"exact": "2"}, {"runs": "../a,../b"},
    ],
)  # fmt: skip
def test_lines_that_there_are_not_are_refused_in_a_sentence(client, named, changes):
    reply = client.get(f"{PATH}/line", params={"runs": named, "alphas": "0,0", "slider": "0", "text": "a", **changes})
    assert reply.status_code in (400, 404) and reply.json()["error"].endswith((".", "?")), reply.text


@pytest.mark.parametrize(
    "changes",
    [{"runs": "a"}, {"runs": [1, 2]}, {"alphas": ["0.1", 0]}, {"alphas": [0.1]}, {"alphas": [True, 0]}, {"name": 3},
     {"alphas": [1, 1]}, {"runs": ["gone", "gone2"]}, {"name": "x" * 500}],
)  # fmt: skip
def test_bodies_that_make_no_soup_are_refused(client, space, named, changes):
    before = len(space.runs())
    reply = client.post(PATH, json={"runs": named.split(","), "alphas": [0, 0], "name": "", **changes})
    assert reply.status_code == 400 and reply.json()["error"].endswith((".", "?")), reply.text
    assert len(space.runs()) == before


def test_strangers_mix_listed_runs_only(parts, named):
    public = PublicWorkspace(parts[0].store.root, sample=False)  # its runs are of a model and images on this disk
    with TestClient(Starlette(routes=routes(public)), raise_server_exceptions=False) as client:
        for reply in (
            client.get(PATH, params={"runs": named}),
            client.post(PATH, json={"runs": named.split(","), "alphas": [0, 0]}),
            client.post("/clipforget/runs", json={"forget": ["ship"], "method": "merged",
                                                  "soup": [f"{id}=0.5" for id in named.split(",")]}),
        ):  # fmt: skip
            assert reply.status_code in (400, 404)
            assert "Known: none" in reply.json()["error"] or "cookies" in reply.json()["error"]
            assert str(parts[0].store.root) not in reply.text
