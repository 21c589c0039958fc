"""What is sent costs little: one image at a time is decoded, to the size needed, and nobody waits for ever."""

import io
import json
import os
import subprocess
import sys
import threading

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from clipforget.web import responses
from clipforget.web.routes import routes
from clipforget.workspace.workspace import Workspace

SIDE = 4000  # pixels; an RGBA picture of it takes 61 MiB, and took 250 MiB on its way to a JPEG

SIX_AT_ONCE = """
import json, resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient
from clipforget.web.routes import routes
from clipforget.workspace.workspace import Workspace

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)

def send(data):
    return client.post("/clipforget/upload", content=data).status_code

small, large = (Path(name).read_bytes() for name in sys.argv[1:])
with TestClient(Starlette(routes=routes(Workspace(Path("runs"), sample=False)))) as client:
    assert send(small) == 200
    before = peak()
    with ThreadPoolExecutor(6) as pool:
        print(json.dumps([list(pool.map(send, [large] * 6)), peak() - before]))
"""


def png(size, mode="RGBA"):
    out = io.BytesIO()
    Image.new(mode, size).save(out, "PNG", compress_level=1)
    return out.getvalue()


@pytest.fixture
def client(tmp_path):
    with TestClient(Starlette(routes=routes(Workspace(tmp_path, sample=False)))) as client:
        yield client


def test_six_large_pictures_at_once_take_the_memory_of_one(tmp_path):
    (tmp_path / "small").write_bytes(png((16, 16)))
    (tmp_path / "large").write_bytes(png((SIDE, SIDE)))
    done = subprocess.run(
        [sys.executable, "-c", SIX_AT_ONCE, "small", "large"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    statuses, grown = json.loads(done.stdout)
    assert statuses == [200] * 6
    assert grown < 2 * SIDE * SIDE * 4 / 2**20


def test_work_that_takes_too_long_is_let_go_and_stops_nobody_else(client, monkeypatch):
    waiting, upload = threading.Event(), Workspace.runs
    monkeypatch.setattr(responses, "LIGHT_SECONDS", 0.1)
    monkeypatch.setattr(responses, "SECONDS", 0.1)
    monkeypatch.setattr(Workspace, "runs", lambda self: waiting.wait(60))
    monkeypatch.setattr(Workspace, "setup", lambda self: waiting.wait(60))
    try:
        for path in ["runs", *["setup"] * (responses.MODEL_REQUESTS + 1)]:
            reply = client.get(f"/clipforget/{path}")
            assert reply.status_code == 503 and "ask again" in reply.json()["error"]
        monkeypatch.setattr(Workspace, "runs", upload)
        assert client.get("/clipforget/runs").status_code == 200
    finally:
        waiting.set()


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(responses, "BODY_SECONDS", 0.1)
    request = Request({"type": "http", "method": "POST", "headers": []}, anyio.sleep_forever)
    with start_blocking_portal() as portal, pytest.raises(responses.RequestError) as caught:
        portal.call(responses.body, request, 10)
    assert caught.value.status == 408
