"""The public mode, through the whole app: listed names only, one's own runs only, bounds, and a clean house."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from starlette.testclient import TestClient
from whole import all_routes, ask, in_a_loop, whole_app

from clipforget.cli.main import main
from clipforget.errors import RunProblem
from clipforget.runs.audit_work import AuditWork
from clipforget.runs.config import RunConfig
from clipforget.web.form import Form, form_choices
from clipforget.web.gate import Gate
from clipforget.web.visitors import COOKIE, VISITOR_HEADER, new_visitor, read_users
from clipforget.workspace import public
from clipforget.workspace.public import CELLS, KEPT, PER_VISITOR, VISITOR, PublicWorkspace

HOME = "http://127.0.0.1:7860"
KEY = b"k" * 32
RUN = {"forget": ["airplane/biplane"], "method": "do_nothing", "device": "cpu"}
COMPARISON = {"methods": ["do_nothing"], "targets": [["airplane/biplane"]], "seeds": [0], "device": "cpu"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> PublicWorkspace:
    """A public workspace whose runs wait in line and never start."""
    workspace = PublicWorkspace(tmp_path_factory.mktemp("public"))
    workspace._workers.queue.start_next = lambda start: None  # type: ignore[method-assign]
    return workspace


@pytest.fixture(scope="module")
def app(workspace) -> Any:
    return whole_app(workspace)


@pytest.fixture
def client(app, workspace) -> Iterator[TestClient]:
    """A browser without a cookie yet; afterwards nothing is left of what it started."""
    with TestClient(Gate(app, "127.0.0.1", key=KEY), HOME, raise_server_exceptions=False) as client:
        yield client
    for store in (workspace.store, workspace.comparisons.store):
        for id in store.ids():
            workspace._workers.queue.leave(id)
            store.delete(id)


def visitor() -> dict[str, str]:
    """The headers of another visitor."""
    return {"cookie": f"{COOKIE}={new_visitor(KEY)}"}


def test_the_page_gives_a_cookie_and_with_it_runs_are_ones_own(client):
    refused = client.post("/clipforget/runs", json=RUN)
    assert refused.status_code == 400 and "cookies" in refused.json()["error"]
    assert "HttpOnly" in client.get("/").headers["set-cookie"] and "set-cookie" not in client.get("/").headers
    id = client.post("/clipforget/runs", json=RUN).json()["id"]
    ann, bob = {}, visitor()
    for headers, own in ((ann, True), (bob, False), ({"cookie": "", VISITOR_HEADER: "spoofed"}, False)):
        runs = {run["id"]: run for run in client.get("/clipforget/runs", headers=headers).json()["runs"]}
        assert runs[id]["own"] is own and runs[id]["position"] == 1
        assert client.get(f"/clipforget/runs/{id}/view", headers=headers).json()["state"] == "queued"
        assert [run["own"] for run in runs.values() if run["sample"]] == [False]
    for what, body in (("stop", {}), ("annotate", {"starred": True}), ("delete", {})):
        for headers in (bob, {"cookie": "", VISITOR_HEADER: "spoofed"}):
            reply = client.post(f"/clipforget/runs/{id}/{what}", json=body, headers=headers)
            assert reply.status_code == 400 and "another visitor's" in reply.json()["error"]
    note = {"starred": True, "tags": ["mine"], "notes": "for Bob's eyes not"}
    assert client.post(f"/clipforget/runs/{id}/annotate", json=note).status_code == 200
    for headers, tags in ((ann, ["mine"]), (bob, None)):
        listed = client.get("/clipforget/runs", headers=headers).json()["runs"]
        assert [run["tags"] for run in listed if run["id"] == id] == [tags]
    for what, body in (("stop", {}), ("delete", {})):
        assert client.post(f"/clipforget/runs/{id}/{what}", json=body).status_code == 200
    assert client.get(f"/clipforget/runs/{id}/view").status_code == 404


def test_a_comparison_is_ones_own_too(client):
    ann, bob = visitor(), visitor()
    id = client.post("/clipforget/comparisons", json=COMPARISON, headers=ann).json()["id"]
    for headers, own in ((ann, True), (bob, False)):
        (listed,) = client.get("/clipforget/comparisons", headers=headers).json()["comparisons"]
        assert (
            listed["own"] is own and client.get(f"/clipforget/comparisons/{id}", headers=headers).json()["own"] is own
        )
    for what in ("stop", "resume", "delete"):
        assert client.post(f"/clipforget/comparisons/{id}/{what}", json={}, headers=bob).status_code == 400
    same = client.post("/clipforget/comparisons", json=COMPARISON, headers=bob).json()["id"]
    assert same == id  # shared, and still Ann's
    for what in ("stop", "delete"):
        assert client.post(f"/clipforget/comparisons/{id}/{what}", json={}, headers=ann).status_code == 200
    assert client.get(f"/clipforget/comparisons/{id}", headers=ann).status_code == 404


@pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio.queueing")  # statistics of its queue
def test_programs_are_visitors_like_any_other(client, workspace, world):
    ann, bob = visitor(), visitor()
    assert "cookies" in ask(client, "start", **RUN)["error"]
    assert "cookies" in ask(client, "start", {VISITOR_HEADER: "spoofed"}, **RUN)["error"]
    id = ask(client, "start", ann, **RUN)
    for headers, own in ((ann, True), (bob, False)):
        assert [run["own"] for run in ask(client, "list_runs", headers) if run["id"] == id] == [own]
        assert ask(client, "progress", headers, id=id)["position"] == 1
    assert "another visitor's" in ask(client, "stop", bob, id=id)["error"]
    compared = ask(client, "compare", ann, methods=["do_nothing"], targets=["airplane/biplane"], device="cpu")
    assert "another visitor's" in ask(client, "stop", bob, id=compared)["error"]
    assert PER_VISITOR == 2 and "wait for one" in ask(client, "start", ann, **RUN)["error"]
    many = {"methods": ["do_nothing"], "targets": ["airplane/biplane"], "seeds": list(range(CELLS + 1))}
    assert f"at most {CELLS} runs" in ask(client, "compare", bob, **many)["error"]
    for values in ({"data": world.data}, {"data": "/etc"}, {"data": "cifar10"}, {"model": world.clip}):
        told = ask(client, "start", bob, **{**RUN, **values})["error"]
        assert told.startswith("This server offers the models clipforget-tiny") and "/" not in told
    assert ask(client, "list_targets", bob, data="/etc") == ask(client, "list_targets", bob, data=world.data)
    assert [entry["name"] for entry in ask(client, "list_data", bob)] == ["sketchbook"]
    assert [model["name"] for model in ask(client, "list_models", bob)["models"]] == ["clipforget-tiny"]
    hidden = workspace.store.create(world.config())
    assert hidden.id not in {run["id"] for run in ask(client, "list_runs", ann)}
    for function in ("progress", "follow", "stop", "show", "show_audits"):
        assert ask(client, function, ann, id=hidden.id)["error"].startswith(f"There is no run '{hidden.id}'")
    workspace.run(id).update(state="failed", error=f"Cannot read {world.data}: it is gone.")
    assert ask(client, "progress", bob, id=id)["error"] == "Cannot read a file of this server: it is gone."
    assert ask(client, "stop", ann, id=compared)["id"] == compared


def test_audits_are_for_those_who_started_the_run(client, workspace):
    ann, bob = visitor(), visitor()
    run = workspace.run(client.post("/clipforget/runs", json=RUN, headers=ann).json()["id"])
    reply = client.post(f"/clipforget/runs/{run.id}/audits/stop", json={}, headers=bob)
    assert reply.status_code == 400 and "another visitor's" in reply.json()["error"]
    assert "is not being audited" in client.post(f"/clipforget/runs/{run.id}/audits/stop", json={}, headers=ann).text
    assert workspace._not_auditable(run).startswith("Only who started this run")
    VISITOR.set(run.owner or "")
    with pytest.raises(RunProblem, match="is not finished"):  # what everybody else is told, too
        workspace._not_auditable(run)
    AuditWork(run.folder).write("queued", ["image_query"])  # counts among the visitor's work
    run.update(state="done")
    assert client.post("/clipforget/runs", json=RUN, headers=ann).status_code == 200
    assert client.post("/clipforget/runs", json=RUN, headers=ann).status_code == 429
    VISITOR.set("")


def test_nothing_tells_what_lies_on_the_disk(client, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    names = [
        "/etc",
        "/etc/passwd",
        "/no/such",
        str(tmp_path),
        str(tmp_path / "pipe"),
        "../runs",
        "~",
        "nothing",
        "/dev/tty",
    ]
    headers = visitor()
    answers = set()
    for name in names:
        replies = [client.get("/clipforget/setup/data", params={"name": name}, headers=headers)]
        for field in ({"data": name}, {"model": name}, {"model": f"ViT-B-32/{name}"}, {"eval": [f"a={name}"]}):
            replies += [
                client.post(f"/clipforget/{path}", json={**body, **field}, headers=headers)
                for path, body in (("runs", RUN), ("estimate", RUN), ("comparisons", COMPARISON))
            ]
        answers |= {(reply.status_code, reply.text) for reply in replies}
    ((status, text),) = answers
    assert status == 400 and "clipforget-tiny" in text and "sketchbook" in text
    assert client.get("/clipforget/runs", headers=headers).json()["runs"][0]["sample"]  # nothing was started


def test_runs_on_what_is_not_listed_are_as_if_there_were_none(client, workspace, world):
    hidden = workspace.store.create(world.config())
    ids = [run["id"] for run in client.get("/clipforget/runs").json()["runs"]]
    assert hidden.id not in ids and ids
    for path in ("view", "events", "query?text=a", "export/run.zip", "charts/alpha", "model"):
        replies = [client.get(f"/clipforget/runs/{id}/{path}") for id in (hidden.id, "no-such-run")]
        assert [reply.status_code for reply in replies] == [404, 404]
        assert replies[0].text.replace(hidden.id, "no-such-run") == replies[1].text
    setup = client.get("/clipforget/setup").json()
    assert setup["recent"] == {"models": [], "data": []} and str(world.folder) not in str(setup) and setup["public"]
    assert client.get("/clipforget/setup/data?name=sketchbook").status_code == 200


def test_a_visitor_has_a_few_runs_and_all_together_some(client, monkeypatch):
    ann = visitor()
    for _ in range(PER_VISITOR):
        assert client.post("/clipforget/runs", json=RUN, headers=ann).status_code == 200
    for path, body in (("runs", RUN), ("comparisons", COMPARISON)):
        reply = client.post(f"/clipforget/{path}", json=body, headers=ann)
        assert reply.status_code == 429 and "of yours" in reply.json()["error"]
    large = {**COMPARISON, "methods": ["do_nothing", "anchored"], "seeds": list(range(public.CELLS))}
    reply = client.post("/clipforget/comparisons", json=large, headers=visitor())
    assert reply.status_code == 400 and str(public.CELLS) in reply.json()["error"]
    for _ in range(public.MAX_WAITING - PER_VISITOR):
        assert client.post("/clipforget/runs", json=RUN, headers=visitor()).status_code == 200
    reply = client.post("/clipforget/runs", json=RUN, headers=visitor())
    assert reply.status_code == 429 and "waiting" in reply.json()["error"]


def test_paths_are_taken_out_of_what_is_said(client, workspace):
    root = workspace.store.root.resolve()
    run = workspace.store.create(RunConfig.read(RUN))
    run.update(
        state="failed", error=f"Cannot write {root}/a/b.json: no room; see <https://a.org/x/y> or airplane/biplane."
    )
    run.path("worker.log").write_text(f"Traceback in {root}")
    said = [client.get(f"/clipforget/runs/{run.id}/{path}").json() for path in ("view", "events")]
    said += [entry for entry in client.get("/clipforget/runs").json()["runs"] if entry["id"] == run.id]
    assert len(said) == 3 and str(root) not in str(said)
    for answer in said:
        assert answer["error"] == (
            "Cannot write a file of this server: no room; see <https://a.org/x/y> or airplane/biplane."
        )


def test_the_house_is_kept_clean(client, workspace, monkeypatch):
    def made(days: float, state: str = "done", owner: str | None = "ann") -> Any:
        run = workspace.store.create(RunConfig.read(RUN))
        run.owner = owner
        run.update(state=state, created=(datetime.now(UTC) - timedelta(days=days)).isoformat())
        return run

    kept = [made(1), made(99, owner=None), made(99, "queued")]
    workspace._workers.queue.join("run", kept[2].id, "cpu", 99, lambda: None)
    doomed = [made(public.DAYS + 1), made(public.DAYS + 1, "failed")]
    workspace.keep_house()
    ids = workspace.store.ids()
    assert all(run.id in ids for run in kept) and not any(run.id in ids for run in doomed)
    monkeypatch.setattr(public, "KEPT", 2)
    newer = [made(0.5), made(0.1)]
    workspace.keep_house()
    ids = workspace.store.ids()
    assert kept[0].id not in ids and all(run.id in ids for run in (*newer, *kept[1:])) and KEPT > 2
    slow, stopped = made(0, "running"), []
    monkeypatch.setattr(workspace._workers, "stop", lambda work: stopped.append(work.id))
    with slow.worker_lock():
        workspace.keep_house()
        assert stopped == []
        monkeypatch.setattr(public, "LONGEST", -1)
        workspace.keep_house()
    assert stopped == [slow.id]


def test_the_form_offers_what_is_listed_and_starts_for_the_visitor(workspace, client):
    def build() -> Form:
        with gr.Blocks():
            return Form(workspace, form_choices(workspace))

    form = in_a_loop(build)
    assert form.model.props["public"] and not form.data.allow_custom_value
    assert not any(option["name"].startswith("eval") for option in form.advanced.props["options"])

    def values(data: str) -> list[Any]:
        method = {"goal": "suppressed", "method": "do_nothing", "settings": {}}
        pick = {"superclass": "airplane", "picked": ["biplane"], "style": "Any style"}
        given = [(form.picker, pick), (form.method, method), (form.data, data)]
        return [next((value for of, value in given if of is part), part.value) for part in form.inputs()]

    request = SimpleNamespace(headers={VISITOR_HEADER: "ann"})
    id, *_ = form.start(request, {}, *values("sketchbook"))
    assert workspace.run(id).owner == "ann" and VISITOR.get() == "ann"
    assert "sketchbook" in form.start(request, {}, *values("/etc"))[-1]["error"]
    VISITOR.set("")


def test_no_route_answers_before_the_login(app, tmp_path, monkeypatch):
    monkeypatch.setattr("clipforget.web.gate.GUESSING", 0)
    (tmp_path / "users").write_text("ann:one\nbob:two\n")
    users = read_users(tmp_path / "users")

    def login(text: str) -> dict[str, str]:
        return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}

    with TestClient(Gate(app, "127.0.0.1", users=users, key=KEY), HOME, raise_server_exceptions=False) as client:
        for headers in ({}, login("ann:two"), visitor()):
            for method, path in all_routes(app):
                reply = client.request(method, path, headers=headers)
                assert reply.status_code in (401, 404), (method, path)
            assert client.get("/config", headers=headers).headers["www-authenticate"].startswith("Basic")
        id = client.post("/clipforget/runs", json=RUN, headers=login("ann:one")).json()["id"]
        assert client.post(f"/clipforget/runs/{id}/delete", json={}, headers=login("bob:two")).status_code == 400
        assert client.post(f"/clipforget/runs/{id}/delete", json={}, headers=login("ann:one")).status_code == 200
        assert client.get("/", headers=login("bob:two")).status_code == 200


@pytest.mark.parametrize(
    "words, environment, public, said",
    [
        ([], {}, False, ""),
        (["--host", "127.0.0.9"], {}, False, ""),
        (["--public"], {}, True, "Public mode"),
        (["--host", "0.0.0.0"], {}, True, "Public mode"),
        (["--host", "192.168.1.2"], {}, True, "Public mode"),
        (["--host", "0.0.0.0", "--trusted"], {}, False, "Trusted mode"),
        ([], {"SPACE_ID": "me/forget"}, True, "Public mode"),
        (["--trusted"], {"SPACE_ID": "me/forget"}, False, "Trusted mode"),
    ],
)
def test_the_mode_follows_from_where_the_server_listens(monkeypatch, words, environment, public, said):
    asked: dict[str, Any] = {}
    monkeypatch.setattr("clipforget.web.serve.serve", lambda runs, **options: asked.update(options))
    for name in ("CLIPFORGET_HOST", "GRADIO_SERVER_NAME", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["app", *words]) in (0, None)
    assert asked["public"] is public and asked["notice"].startswith(said) and bool(asked["notice"]) is bool(said)


def test_public_and_trusted_at_once_are_refused(capsys):
    assert main(["app", "--public", "--trusted"]) == 2
    assert main(["app", "--auth-file", str(Path("no", "such"))]) == 2
    assert "not allowed with" in (said := capsys.readouterr().err) and "--auth-file" in said


def test_only_listed_models_are_shown_and_measured(client, world):
    (listed,) = client.get("/clipforget/models?q=").json()["models"]
    assert listed["name"] == "clipforget-tiny"
    for name in (world.clip, "RN50/openai", "/etc", "nothing"):
        assert client.get("/clipforget/models", params={"q": name}).json()["models"] == []
        told = client.get("/clipforget/models/one", params={"name": name, "device": "cpu"}).json()
        refused = client.post("/clipforget/models/measure", json={"name": name, "device": "cpu"}, headers=visitor())
        assert refused.status_code == 400 and told == refused.json()
        assert told == {"error": "This server offers the models clipforget-tiny and results of your own runs."}


def test_a_result_is_the_original_of_its_owners_runs_alone(client, workspace, world):
    ann, bob = visitor(), visitor()
    run = workspace.run(client.post("/clipforget/runs", json={**RUN, "method": "anchored"}, headers=ann).json()["id"])
    run.update(state="done", best=0.3)
    workspace._workers.queue.leave(run.id)
    hidden = workspace.store.create(world.config())
    hidden.update(state="done")
    name = f"run:{run.id}@0.3"
    listed = client.get("/clipforget/models?q=", headers=ann).json()["models"]
    assert [model["name"] for model in listed] == ["clipforget-tiny", name]
    assert len(client.get("/clipforget/models?q=", headers=bob).json()["models"]) == 1
    derived = client.post("/clipforget/runs", json={**RUN, "model": name}, headers=ann)
    assert derived.status_code == 200, derived.text
    ids = [entry["id"] for entry in client.get("/clipforget/runs", headers=bob).json()["runs"]]
    assert derived.json()["id"] in ids and hidden.id not in ids
    refused = [
        client.post("/clipforget/runs", json={**RUN, "model": model}, headers=headers)
        for model, headers in ((name, bob), (f"run:{hidden.id}@0.3", ann), ("run:no-such-run@0.3", ann))
    ]
    assert {reply.status_code for reply in refused} == {400} and len({reply.text for reply in refused}) == 1
    plan = {**COMPARISON, "model": name}
    assert client.post("/clipforget/comparisons", json=plan, headers=bob).json() == refused[0].json()
