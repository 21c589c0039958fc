"""Whatever is asked of the server, whole and behind its gate: an answer or one sentence, never a 5xx.

Routes are those of the app's own table, ours and Gradio's, and parameters those that our code reads, so that a new one
is tried by itself.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from anyio import fail_after, sleep
from hostile import documents, words
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from whole import all_routes, whole_app

import clipforget.web
from clipforget.benchmark.plan import ComparisonPlan
from clipforget.runs.config import RunConfig
from clipforget.settings import options
from clipforget.web.charts import CHARTS
from clipforget.web.gate import Gate
from clipforget.workspace.results import MEDIA
from clipforget.workspace.workers import Workers
from clipforget.workspace.workspace import Workspace

CODE = "".join(path.read_text(encoding="utf-8") for path in Path(clipforget.web.__file__).parent.rglob("*.py"))
PARAMETERS = sorted(set(re.findall(r'params(?:\.get\(|\[)"(\w+)"', CODE)))
FIELDS = sorted({option.name for kind in (RunConfig, ComparisonPlan) for option in options(kind)} | {"methods"})
FILES = ("run.zip", "run.json", "scores.csv", *MEDIA, *CHARTS.load())
SECONDS = 60
PATIENCE = 0.2  # seconds until whoever asks goes away, for some answers never end


class Server:
    """The app behind its gate, over one finished run that comes back where a request deleted it."""

    def __init__(self, folder: Path, finished: Any, world: Any) -> None:
        self._kept, self._run = finished.folder, folder / finished.id
        self.app = whole_app(Workspace(folder, sample=False))
        self.gate = Gate(self.app, "127.0.0.1")
        config = world.config().as_dict()
        self.configs = [config, {"model": config["model"], "data": config["data"], "forget": ["disc"]}]
        fingerprint = finished.info()["fingerprints"]["data"]
        self.good = (finished.id, fingerprint, "0", "1", "96", "disc", str(world.data))

    def restore(self) -> None:
        if not self._run.is_dir():
            shutil.copytree(self._kept, self._run)

    async def ask(self, method: str, path: str, query: bytes, headers: list[Any], body: bytes) -> tuple[int, bytes]:
        """Status and answer, or what there is of it until whoever asks goes away."""
        replies: list[Any] = []
        messages = [{"type": "http.request", "body": body}]

        async def receive() -> Any:
            if not messages:
                await sleep(PATIENCE)
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            replies.append(message)

        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode("utf-8", "replace"),
            "query_string": query, "headers": [(b"host", b"127.0.0.1"), *headers], "root_path": "", "scheme": "http",
            "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 9), "http_version": "1.1", "asgi": {"version": "3.0"},
        }  # fmt: skip
        with fail_after(SECONDS):
            await self.gate(scope, receive, send)
        return replies[0]["status"], b"".join(reply.get("body", b"") for reply in replies[1:])


@pytest.fixture(scope="module")
def server(tmp_path_factory, finished, world) -> Server:
    return Server(tmp_path_factory.mktemp("properties"), finished, world)


@pytest.fixture(scope="module")
def client(server) -> Iterator[TestClient]:
    with TestClient(server.app) as client, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workers, "start", lambda self, work: None)
        yield client


@st.composite
def requests(draw: st.DrawFn, method: str, path: str, server: Server) -> tuple[str, str, bytes, list[Any], bytes]:
    """A request of this route: parameters in its path, in its query and, of a POST, in JSON or anything as its body."""
    word = words(*server.good, *FILES)
    path = re.sub(r"\{[^}]*\}", lambda _: draw(st.one_of(st.sampled_from([*server.good, *FILES]), word)), path)
    pairs = draw(st.lists(st.tuples(st.sampled_from(PARAMETERS), word), max_size=3))
    query = "&".join(f"{name}={quote(value, errors='surrogatepass')}" for name, value in pairs).encode()
    shape = st.dictionaries(st.sampled_from(FIELDS), documents(*server.good, *server.configs), max_size=4)
    content = draw(st.one_of(st.builds(lambda c, change: c | change, st.sampled_from(server.configs), shape), shape,
                             documents(), st.binary(max_size=30)))  # fmt: skip
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    kinds = ["application/json", "multipart/form-data; boundary=x", "multipart/form-data", "application/x-tar", "\xff"]
    headers = [(b"content-type", draw(st.sampled_from(kinds)).encode("latin-1"))]
    for name in draw(st.lists(st.sampled_from(["accept-encoding", "if-none-match", "range", "cookie", "accept"]))):
        headers.append((name.encode(), draw(word).encode("utf-8", "replace")))
    return method, path, query, headers, body if method == "POST" else b""


def test_no_request_ends_in_a_bug(server, client):
    table = all_routes(server.app, names=True)
    assert len(table) > 100 and {"text", "image", "upload", "alpha"} < set(PARAMETERS)

    def judge(request: tuple[Any, ...]) -> None:
        server.restore()
        status, answer = client.portal.call(server.ask, *request)
        assert status < 500, (request, answer[:500])
        assert b"Traceback" not in answer, request
        if request[1].startswith("/clipforget/") and status >= 400:
            assert json.loads(answer)["error"][-1:] in tuple(".!?)"), (request, answer)

    for method, path in table:
        if method != "HEAD":
            given(requests(method, path, server))(judge)()
