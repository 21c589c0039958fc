"""The functions for programs: through the whole app behind its gate, as curl and gradio_client call them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient
from whole import whole_app

from clipforget.benchmark.formats import MEDIA as TABLES
from clipforget.data.splits import ROLES
from clipforget.web.api import File, Functions, Role
from clipforget.web.gate import Gate
from clipforget.workspace.documents import FORMATS
from clipforget.workspace.export import MADE, PLAIN
from clipforget.workspace.pages import Page
from clipforget.workspace.results import MEDIA
from clipforget.workspace.workspace import Workspace

# Gradio's own statistics of its queue, by way of pandas.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio.queueing")
HOME = "http://127.0.0.1:7860"
KEY = b"k" * 32
NAMES = [name for name in vars(Functions) if not name.startswith("_")]
README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
EXAMPLE = next(
    code for code in re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE) if "Client(" in code
)


def ask(client: TestClient, function: str, headers: dict[str, str] | None = None, **values: Any) -> Any:
    """The answer of a function, the last where it gives several; of a refusal its sentence, as {"error": ...}."""
    path = f"/gradio_api/call/v2/{function}"
    joined = client.post(path, json=values, headers=headers)
    if joined.status_code != 200:
        return joined.json()
    told = client.get(f"{path}/{joined.json()['event_id']}", headers=headers).text
    events = re.findall(r"event: (\w+)\ndata: (.*)\n", told)
    kind, data = next(event for event in reversed(events) if event[0] != "complete" or event[1] != "[]")
    content = json.loads(data)
    return {"error": content["error"]} if kind == "error" else content[0]


@pytest.fixture(scope="module")
def space(tmp_path_factory, finished) -> Workspace:
    """A workspace with a finished run and the sample run."""
    root = tmp_path_factory.mktemp("api")
    shutil.copytree(finished.folder, root / finished.id)
    return Workspace(root)


@pytest.fixture(scope="module")
def app(space) -> Any:
    return whole_app(space)


@pytest.fixture(scope="module")
def client(app) -> Iterator[TestClient]:
    with TestClient(Gate(app, "127.0.0.1"), HOME, raise_server_exceptions=False) as client:
        yield client


def test_the_documentation_shows_these_functions_alone_with_types_words_and_examples(client):
    info = client.get("/gradio_api/info").json()
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
        for name in NAMES:
            assert client.post(f"/gradio_api/call/v2/{name}", json={}, headers=headers).status_code == 403
            assert client.get(f"/gradio_api/call/v2/{name}/0a", headers=headers).status_code == 403
    for path in ("/gradio_api/call/list_runs", "/gradio_api/run/list_runs", "/gradio_api/call/v2/../list_runs"):
        assert client.post(path, json={"data": []}).status_code == 404


def test_the_readme_lists_the_functions():
    section = README.split("## From other programs")[1].split("\n## ")[0]
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)))) == set(NAMES)
