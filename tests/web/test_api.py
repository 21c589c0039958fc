"""The functions for programs: through the whole app behind its gate, as curl and gradio_client call them."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import uvicorn
from anyio.from_thread import start_blocking_portal
from gradio_client import Client
from waiting import wait_for
from whole import ask, whole_app

from clipforget.benchmark.formats import MEDIA as TABLES
from clipforget.cli.main import main
from clipforget.data.splits import ROLES
from clipforget.runs.audit_work import AuditWork
from clipforget.runs.execute import execute
from clipforget.runs.store import Run
from clipforget.web.api import File, Functions, Role
from clipforget.web.gate import Gate
from clipforget.workspace.documents import FORMATS
from clipforget.workspace.export import MADE, PLAIN
from clipforget.workspace.pages import Page
from clipforget.workspace.results import MEDIA
from clipforget.workspace.workers import Workers
from clipforget.workspace.workspace import Workspace

# Gradio's own statistics of its queue, by way of pandas.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio.queueing")
NAMES = [name for name in vars(Functions) if not name.startswith("_")]
README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
EXAMPLE = next(
    code for code in re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE) if "Client(" in code
)


@pytest.fixture(scope="module")
def space(tmp_path_factory, finished) -> Workspace:
    """A workspace with a finished run and the sample run."""
    root = tmp_path_factory.mktemp("api")
    shutil.copytree(finished.folder, root / finished.id)
    return Workspace(root)


@pytest.fixture(scope="module")
def address(space) -> Iterator[str]:
    """The page on a port, in a thread; whatever it starts is worked on in a thread too."""

    def work_on(workers: Workers, work: Run) -> None:
        threading.Thread(target=lambda: list(execute(work)), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workers, "start", work_on)
        config = uvicorn.Config(Gate(whole_app(space, mcp=True), "127.0.0.1"), log_level="warning", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        wait_for(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def client(address) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as client:
        yield client


def test_the_documentation_shows_these_functions_alone_with_types_words_and_examples(client):
    info = client.get("/gradio_api/info").json()
    assert client.get("/").headers["content-encoding"] == "gzip", "the page is told of all this, twice"
    assert info["unnamed_endpoints"] == {} and list(info["named_endpoints"]) == [f"/{name}" for name in NAMES]
    assert (
        client.get("/gradio_api/info?all_endpoints=True").json()["named_endpoints"].keys()
        == info["named_endpoints"].keys()
    )
    for name, told in info["named_endpoints"].items():
        assert told["description"].endswith("."), name
        for parameter in told["parameters"]:
            assert parameter["type"].keys() - {"additional_description"} and parameter["python_type"]["description"]
            assert parameter["parameter_has_default"] or parameter["example_input"] != "...", (name, parameter)
        (result,) = told["returns"]
        assert result["type"].keys() - {"description"}, name
    assert get_args(Role) == ("", *ROLES)
    assert set(get_args(File)) == {*PLAIN, *MADE, *FORMATS, *MEDIA, *TABLES}


def test_a_finished_run_is_shown_searched_and_exported(client, space, finished):
    assert [run["id"] for run in ask(client, "list_runs")] == [run["id"] for run in space.runs()]
    figures = ask(client, "show", id=finished.id, alpha=0.5)
    assert figures["alpha"] == 0.5 and {row["key"] for row in figures["rows"]} >= {"forget", "siblings", "others"}
    found = ask(client, "search", id=finished.id, text="disc", alpha=1.0, count=3)
    assert len(found["before"]) == 3 and found["before"] == found["after"]
    assert found == space.search(finished.id, 1.0, Page(count=3), text="disc")
    assert ask(client, "show_audits", id=finished.id)["summary"]["audited"] is False
    for file in get_args(File):
        address = ask(client, "export", id=finished.id, file=file, text="disc")
        if file.startswith("table"):
            assert "There is no export" in address["error"]
        elif file not in ("transformers", "audits.json"):  # this model has a ResNet, and there are no audits
            assert client.get(f"/{address}").status_code == 200, address


def test_what_can_be_chosen(client, world):
    methods = {method["name"]: method for method in ask(client, "list_methods")}
    assert methods["anchored"]["tier"] == 3
    assert {option["name"] for option in ask(client, "describe_method", method="targeted")["options"]} >= {
        "remind_steps"
    }
    assert ask(client, "list_models", words="vit b 32 openai")["models"][0]["name"].startswith("ViT-B-32")
    assert {"name": "sketchbook", "title": "sketchbook", "note": ""} in ask(client, "list_data")
    targets = ask(client, "list_targets", data=world.data)
    assert targets["superclasses"]["disc"] == ["big", "small", "thin"] and "disc/big/light" in targets["targets"]


@pytest.mark.parametrize(
    "name, values, said",
    [
        ("show", {"id": "gone"}, "There is no run 'gone'"),
        ("show", {"id": "../gone"}, "There is no run '../gone'"),
        ("show", {"id": 5}, "id must be a text; it is 5."),
        ("show", {"id": "RUN", "alpha": 2}, "alpha must be a number from 0"),
        ("search", {"id": "RUN", "text": " "}, "Write what to look for."),
        ("search", {"id": "RUN", "text": "a\0b"}, "without the character NUL"),
        ("search", {"id": "gone", "text": r"a\u0000"}, "There is no run 'gone'"),
        ("search", {"id": "RUN", "text": "x" * 70_000}, "at most 64 KiB"),
        ("search", {"id": "RUN", "text": "a", "count": 99}, "count must be 1 to 48"),
        ("search", {"id": "RUN", "text": "a", "count": "5"}, "count must be a whole number; it is '5'."),
        ("search", {"id": "RUN"}, "There is no such function, or it takes other parameters"),
        ("export", {"id": "RUN", "file": "x"}, "file must be one of run.json, "),
        ("export", {"id": "RUN", "file": "table.md"}, "There is no export 'table.md'"),
        ("start", {"forget": []}, "Nothing to forget is named"),
        ("start", {"forget": ["airplane/biplanes"]}, "Did you mean 'biplane'?"),
        ("start", {"forget": "airplane"}, "forget must be a list of texts; it is 'airplane'."),
        ("start", {"forget": ["airplane"], "method": "no"}, "There is no method 'no'"),
        ("start", {"forget": ["airplane"], "preset": "no"}, "There is no preset of anchored 'no'"),
        ("start", {"forget": ["airplane"], "settings": {"rank": [1]}}, "settings must be a JSON object"),
        ("compare", {"methods": [], "targets": ["airplane"]}, "Choose at least one method"),
        ("compare", {"methods": ["lip"], "targets": [""]}, "Nothing to forget is named"),
        ("follow", {"id": "gone"}, "There is no run 'gone'"),
        ("stop", {"id": "RUN"}, "is not at work"),
        ("audit", {"id": "RUN", "audits": ["no"]}, "There is no audit 'no'"),
        ("list_targets", {"data": "/etc/passwd"}, "."),
        ("show_data", {"name": "sketchbook"}, "There is no such function"),  # one of the page's own
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(client, finished, caplog, name, values, said):
    answer = ask(client, name, **{key: finished.id if value == "RUN" else value for key, value in values.items()})
    assert said in answer["error"] and answer["error"].endswith(".") and "Traceback" not in answer["error"]
    assert "A bug" not in answer["error"] and not caplog.records


def test_a_bug_is_told_to_the_log_alone(client, space, monkeypatch, caplog):
    monkeypatch.setattr(space, "runs", lambda: 1 / 0)
    assert ask(client, "list_runs") == {"error": "A bug in ClipForget; the server's log says more."}
    assert "ZeroDivisionError" in caplog.text


def test_no_other_host_or_site_may_call(client):
    for headers in ({"host": "evil.test"}, {"origin": "http://evil.test"}, {"sec-fetch-site": "cross-site"}):
        for path in ("/gradio_api/call/v2/start", "/gradio_api/call/v2/start/0a", "/gradio_api/mcp/"):
            assert client.post(path, json={}, headers=headers).status_code == 403
            assert client.get(path, headers=headers).status_code == 403
    for path in (
        "call/list_runs",
        "run/list_runs",
        "api/list_runs",
        "call/v2/../list_runs",
        "mcp/sse",
        "mcp/messages/",
    ):
        assert client.post(f"/gradio_api/{path}", json={"data": []}).status_code == 404


def test_the_readme_lists_the_functions():
    section = README.split("## From other programs")[1].split("\n## ")[0]
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)))) == set(NAMES)


@pytest.mark.parametrize("tiny", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_example_of_the_readme_runs(address, world, tmp_path, monkeypatch, capsys, tiny):
    """As written, on a tiny model, or on the embedded one."""
    monkeypatch.chdir(tmp_path)
    here = EXAMPLE.replace("http://127.0.0.1:7860", address)
    if tiny:
        named = f'forget=["disc/big"], model="{world.clip}", data="{world.data}"'
        here = here.replace('forget=["airplane/biplane"]', named)
    assert here.count(address) == 1 and (world.clip in here) is tiny
    exec(compile(here, "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("done score") for line in lines) and any(line.startswith("forget ") for line in lines)
    assert (tmp_path / "scores.csv").read_text().startswith("key,label,role,images,alpha,accuracy")


def test_following_is_cancelled_and_the_work_goes_on(address, client, space, world, monkeypatch):
    looked = []
    look = Functions.progress
    monkeypatch.setattr(Functions, "progress", lambda self, id: looked.append(id) or look(self, id))
    monkeypatch.setattr(Workers, "start", lambda workers, work: None)
    monkeypatch.setattr("clipforget.web.api.INTERVAL", 0.01)
    monkeypatch.setattr("clipforget.web.api.SIGN", 0.1)
    id = ask(client, "start", forget=["disc/big"], model=world.clip, data=world.data, method="do_nothing")
    with space.run(id).worker_lock():  # as a worker holds it that says nothing
        program = Client(address, verbose=False, analytics_enabled=False)
        job = program.submit(id=id, api_name="/follow")
        assert next(iter(job))["state"] == "queued"
        assert job.cancel()
        wait_for(lambda: not _grows(looked))
        assert ask(client, "progress", id=id)["state"] == "queued"
        space.run(id).update(state="running")
        path = "/gradio_api/call/v2/follow"
        joined = client.post(path, json={"id": id}).json()
        with client.stream("GET", f"{path}/{joined['event_id']}") as told:
            assert any("running" in line for line in told.iter_lines())
        wait_for(lambda: not _grows(looked))  # so does following for a program that is gone
        program.close()
        monkeypatch.setattr("clipforget.web.api.FOLLOWERS", 1)  # and nobody is counted any more
        with client.stream("GET", f"{path}/{client.post(path, json={'id': id}).json()['event_id']}") as told:
            assert any("running" in line for line in told.iter_lines())
            assert ask(client, "follow", id=id)["error"].startswith("1 programs follow already")
    assert ask(client, "progress", id=id)["state"] == "lost"


def _grows(items: list[Any]) -> bool:
    count = len(items)
    time.sleep(0.3)
    return len(items) > count


def test_a_comparison_and_audits_are_followed_and_stopped(client, space, finished, world, monkeypatch):
    monkeypatch.setattr(Workers, "start", lambda workers, work: None)
    stopped: list[Any] = []
    monkeypatch.setattr(Workers, "stop", lambda workers, work: stopped.append((work.KIND, work.id)))
    id = ask(client, "compare", methods=["do_nothing", "lip"], targets=["disc/big", "disc/small + disc/thin"],
             model=world.clip, data=world.data)  # fmt: skip
    assert space.comparisons.store.get(id).plan.targets == (("disc/big",), ("disc/small", "disc/thin"))
    assert [entry["id"] for entry in ask(client, "list_comparisons")] == [id]
    with space.comparisons.store.get(id).worker_lock():
        told = ask(client, "progress", id=id)
        assert (told["state"], told["step"], told["total"]) == ("queued", 0, 4)
        assert ask(client, "stop", id=id)["id"] == id
    assert ask(client, "show_comparison", id=id)["rows"][1]["label"]
    address = ask(client, "export", id=id, file="table.md")
    assert client.get(f"/{address}").text.startswith("**2 methods")
    assert ask(client, "progress", id=finished.id)["state"] == "done"
    assert ask(client, "audit", id=finished.id, audits=["image_query"]) == finished.id
    work = AuditWork(space.run(finished.id).folder)
    with work.worker_lock():
        assert ask(client, "progress", id=finished.id)["state"] == "queued"
        assert ask(client, "stop", id=finished.id)["state"] == "queued"
    assert stopped == [("comparison", id), (work.KIND, finished.id)]


def test_assistants_get_the_same_functions_as_tools(address, finished):
    """By the protocol's own client; a tool's description is what the function says."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def talk() -> Any:
        async with (
            streamable_http_client(f"{address}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            shown = await session.call_tool("show", {"id": finished.id, "alpha": 0.5})
            refused = await session.call_tool("show", {"id": "gone"})
            return tools, shown, refused

    with start_blocking_portal() as portal:  # the thread of the tests may have a loop that runs: the browser's
        tools, shown, refused = portal.call(talk)
    assert [tool.name for tool in tools] == NAMES
    for tool in tools:
        first = inspect.getdoc(getattr(Functions, tool.name)).splitlines()[0]
        assert tool.description.startswith(first)
        assert all(value["description"] for value in tool.inputSchema["properties"].values())
    assert not shown.isError and finished.id in shown.content[0].text
    assert refused.isError and refused.content[0].text.startswith("There is no run 'gone'.")


def test_without_its_package_or_with_passwords_mcp_is_refused_in_a_sentence(monkeypatch, capsys, tmp_path):
    (tmp_path / "users").write_text("ann:one\n")
    assert main(["app", "--mcp", "--auth-file", str(tmp_path / "users")]) == 2
    assert "--mcp and --auth-file do not go together" in capsys.readouterr().err
    monkeypatch.setattr("clipforget.web.serve.find_spec", lambda name: None)
    assert main(["app", "--mcp"]) == 2
    assert "pip install 'clipforget[mcp]'" in capsys.readouterr().err


def test_half_a_character_is_refused(client, finished):
    body = json.dumps({"id": finished.id, "text": "\ud800"})
    joined = client.post("/gradio_api/call/v2/search", content=body, headers={"content-type": "application/json"})
    told = client.get(f"/gradio_api/call/v2/search/{joined.json()['event_id']}").text
    assert "What was sent cannot be read." in told
