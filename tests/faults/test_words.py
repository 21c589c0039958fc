"""Names, numbers and texts that are endless, empty or no text: one short sentence, 400 or 404, nothing left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from clipforget.cli.main import main
from clipforget.web.routes import routes
from clipforget.workspace.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
ODD = {
    "5,000 digits": "9" * 5000, "5,000 letters": "m" * 5000, "no UTF-8": "caf\udce9", "a colour": "\x1b[31mred",
    "nothing": "", "a blank": " ", "minus": "-", "long words": "word " * 2000,
}  # fmt: skip
RUN = ["run", "--forget", "airplane/biplane", "--method", "do_nothing"]
COMMANDS = [
    ["{}"], ["runs", "--{}"], ["runs", "{}"], ["runs", "--runs", "{}/runs/\0"], ["show", "{}"],
    ["show", "last", "--alpha", "{}"], ["search", "{}", "a"], ["search", "last", "{}", "--runs", "none"],
    ["chart", "{}", "last"], ["chart", "alpha", "{}"], ["methods", "{}"], ["data", "{}"], ["report", "{}"],
    ["compare", "--show", "{}"], ["compare", "--sort", "{}", "--list"],
    ["compare", "--preset", "{}", "--method", "targeted", "--forget", "airplane/biplane"],
    ["compare", "--method", "{}", "--forget", "airplane/biplane"],
    ["compare", "--seeds", "{}", "--method", "targeted", "--forget", "a"], ["tune", "--method", "{}"],
    ["app", "--port", "{}"], ["apply", "{}", "{}"], ["reproduce", "{}"], ["audit", "{}"],
    ["run", "--method", "{}", "--forget", "airplane/biplane"], ["run", "--method", "targeted", "--rank", "{}"],
    [*RUN, "--seed", "{}"], [*RUN, "--nodes", "{}"], [*RUN, "--tolerance", "{}"], [*RUN, "--device", "{}"],
    [*RUN, "--data", "{}"], [*RUN, "--preset", "{}"], [*RUN, "--eval", "{}"],
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_a_command_line_of_odd_words_is_one_short_sentence(odd, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words in COMMANDS:
        status = main([word.replace("{}", ODD[odd]) for word in words])
        err = capsys.readouterr().err
        assert status in (0, 2), words
        if status:
            assert err.count("\n") == 1 and len(err) < 1100 and "\x1b" not in err, words
            assert not any(len(word) >= 200 for word in err.split()), words
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [["runs"], ["show", "last"], ["compare", "--list"], RUN, ["app", "--port", "1"]])
def test_runs_must_name_a_folder(command, tmp_path, capsys):
    (tmp_path / "FILE").write_text("not a folder")
    for runs, reason in ((tmp_path / "FILE", "it is no folder"), ("", "it is empty"), (" ", "it is empty"),
                         (tmp_path / "FILE" / "runs", "Not a directory")):  # fmt: skip
        assert main([*command, "--runs", str(runs)]) == 2
        err = capsys.readouterr().err
        assert "--runs names the folder of the runs" in err and reason in err and err.count("\n") == 1
    assert (tmp_path / "FILE").read_text() == "not a folder"


BODIES = {
    "half a character": '"\\ud800 x"', "5,000 letters": '"' + "m" * 5000 + '"', "5,000 digits": "9" * 5000, "-1": "-1",
    "digits as text": '"' + "9" * 5000 + '"', "NUL": '"a\\u0000b"', "1e999": "1e999", "NaN": "NaN", "empty": '""',
    "deep": "[" * 2000 + "]" * 2000,
}  # fmt: skip


@pytest.fixture(scope="module")
def client(finished, tmp_path_factory):
    """The routes over an empty folder of runs, and the id of a sample run."""
    workspace = Workspace(tmp_path_factory.mktemp("odd") / "runs")
    with TestClient(Starlette(routes=routes(workspace)), raise_server_exceptions=False) as client:
        client.runs, client.sample = workspace.store.root, workspace.runs()[0]["id"]
        yield client


def refused(answer, what):
    """One short sentence with a status that fits."""
    assert answer.status_code in (400, 404), f"{what}: {answer.status_code} {answer.text[:200]}"
    sentence = answer.json()["error"]
    assert len(sentence) <= 1000 and not any(len(word) >= 200 for word in sentence.split()), what


@pytest.mark.parametrize("odd", BODIES)
def test_a_body_with_an_odd_value_is_refused_and_leaves_nothing(client, world, odd):
    base = {"model": world.clip, "data": world.data, "forget": ["disc/big"], "method": "do_nothing", "nodes": 3}
    for key in (*base, "device", "seed", "retain", "eval", "gallery", "settings", "tolerance", "a field of no run"):
        if key == "model" and odd in ("5,000 letters", "digits as text"):
            continue  # which only the worker can tell
        value = f"[{BODIES[odd]}]" if key in ("forget", "retain", "eval") else BODIES[odd]
        fields = {name: json.dumps(value) for name, value in base.items()} | {key: value}
        body = "{" + ",".join(f'"{name}": {value}' for name, value in fields.items()) + "}"
        refused(client.post("/clipforget/runs", content=body), key)
    for body in ('{"experiment": %s}', '{"methods": [%s]}', '{"methods": ["do_nothing"], "targets": [[%s]]}'):
        refused(client.post("/clipforget/comparisons", content=body.replace("%s", BODIES[odd])), body)
    assert not client.runs.exists()


@pytest.mark.parametrize("odd", ["5,000 digits", "5,000 letters", "no UTF-8", "a colour"])
def test_an_address_with_an_odd_part_is_refused(client, odd):
    part = quote(ODD[odd].encode(errors="surrogateescape"))
    run = f"runs/{client.sample}"
    for path in (f"runs/{part}/view", f"runs/{part}/events", f"{run}/events?after={part}", f"{run}/query?image={part}",
                 f"{run}/query?upload={part}", f"{run}/exact?alpha={part}&text=a", f"{run}/charts/{part}",
                 f"{run}/export/{part}", f"{run}/results/{part}?alpha=0.5&text=a", f"images/{part}/0",
                 f"images/abc/{part}", f"images/abc/0?size={part}", f"setup/data?name={part}", f"comparisons/{part}",
                 f"static/{part}", part, f"{run}/model.zip?alpha=0.5&format={part}"):  # fmt: skip
        refused(client.get(f"/clipforget/{path}"), path)
    for path in (f"runs/{part}/stop", f"runs/{part}/delete", f"comparisons/{part}/stop"):
        refused(client.post(f"/clipforget/{path}", content=b"{}"), path)


@pytest.mark.parametrize("setting", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"HOME": None}])
def test_a_bare_environment_is_no_obstacle(finished, setting):
    environment = {name: value for name, value in {**os.environ, **setting}.items() if value is not None}
    words = [sys.executable, "-m", "clipforget", "show", "last", "--runs", str(finished.folder.parent)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, env=environment, check=False)
    assert done.returncode == 0 and not done.stderr and b"targeted" in done.stdout


def test_a_reader_that_leaves_is_no_error(finished):
    words = f"'{sys.executable}' -m clipforget show last --json --runs '{finished.folder.parent}'"
    script = f"{words} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() in ("0", "141") and not done.stderr
