"""The gate: other names, other sites and forged headers are refused on every route, Gradio's own included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from whole import all_routes, whole_app

from clipforget.errors import BadSetting
from clipforget.web.gate import LARGEST_BODY, PAGE, Gate
from clipforget.workspace.workspace import Workspace

HOME = "http://127.0.0.1:7860"
BROWSER = {"user-agent": "Mozilla/5.0"}
OTHER_HOSTS = ("evil.test", "127.0.0.1.evil.test", "localhost.evil.test:7860", "a@127.0.0.1", "10.0.0.1", "[::2]", "")
OTHER_SITES: tuple[dict[str, str], ...] = (
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "origin": "http://127.0.0.1:3000"},
    {"origin": "http://evil.test", **BROWSER},
    {"origin": "null", **BROWSER},
)
MULTIPART = {"files": {"files": ("a.png", b"x")}}


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Any:
    """The whole app behind its gate, nothing of it replaced."""
    return whole_app(Workspace(tmp_path_factory.mktemp("gate")))


@pytest.fixture(scope="module")
def client(app) -> Iterator[TestClient]:
    with TestClient(Gate(app, "127.0.0.1"), HOME, raise_server_exceptions=False) as client:
        yield client


def test_an_address_with_raw_bytes_is_refused(app):
    replies: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        replies.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"a=\0",
        "headers": [(b"host", b"127.0.0.1")],
    }
    with start_blocking_portal() as portal:
        portal.call(Gate(app, "127.0.0.1"), scope, receive, send)
    assert replies[0]["status"] == 400


@pytest.fixture(scope="module")
def every_route(app) -> list[tuple[str, str]]:
    """Method and path of every route there is, ours and Gradio's."""
    return all_routes(app)


def test_every_route_is_known_here(every_route):
    paths = {path for _, path in every_route}
    assert len(paths) > 80 and paths > {"/", "/clipforget/runs", "/config", "/gradio_api/queue/join"}


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_no_route_answers_under_a_name_that_is_not_its_own(client, every_route, host):
    for method, path in every_route:
        reply = client.request(method, path, headers={"host": host})
        assert reply.status_code == 403, (method, path)
        assert method == "HEAD" or "--allow-host" in reply.json()["error"]


@pytest.mark.parametrize("headers", OTHER_SITES, ids=str)
def test_no_route_answers_another_site(client, every_route, headers):
    for method, path in every_route:
        for sent in ({}, MULTIPART if method == "POST" else {"params": {"name": "/etc"}}):
            reply = client.request(method, path, headers=headers, **sent)
            assert reply.status_code == 403, (method, path)
            assert not any(name.startswith("access-control-") for name in reply.headers)
            assert "http" not in reply.text


def test_over_plain_http_a_browser_says_where_it_comes_from_or_gets_the_page_alone(client, every_route):
    for headers in (BROWSER, {**BROWSER, "referer": "http://evil.test/a"}):
        for method, path in every_route:
            wanted = 200 if path == "/" else 403
            assert client.request(method, path, headers=headers).status_code == wanted, (method, path)
    for headers in ({}, {**BROWSER, "referer": f"{HOME}/?run=1"}, {**BROWSER, "origin": HOME}):
        assert client.get("/clipforget/runs", headers=headers).status_code == 200


def test_a_link_from_another_site_opens_the_page_and_nothing_else(client):
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    page = client.get("/?run=1", headers=followed)
    assert page.status_code == 200 and "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert client.post("/", headers=followed).status_code == 403
    for path in ("/clipforget/runs", "/clipforget/setup/data?name=/etc", "/config", "/gradio_api/file=/etc/passwd"):
        reply = client.get(path, headers={**followed, "accept": "text/html"})
        assert reply.status_code == 403 and reply.text == "Requests from other sites are refused.\n"


def test_of_gradio_only_what_the_page_needs_is_open(client, every_route):
    closed = {path for _, path in every_route if not PAGE.fullmatch(path)}
    assert {"/gradio_api/upload", "/gradio_api/file=1", "/gradio_api/call/1", "/gradio_api/vibe-edit"} < closed
    assert {"/gradio_api/run/1", "/gradio_api/api/1"} < closed
    for method, path in every_route:
        if path in closed:
            assert client.request(method, path).status_code == 404, (method, path)
    for path in (
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/proxy=http://evil.test",
        "/monitoring/summary",
    ):
        assert client.get(path).status_code == 404
    for path in ("/", "/config", "/theme.css", "/clipforget/runs", "/clipforget/static/lib/dom.js"):
        assert client.get(path, headers={"sec-fetch-site": "same-origin", "origin": HOME}).status_code == 200, path
    assert client.post("/gradio_api/queue/join", json={"data": []}).status_code == 400  # Gradio's own answer


def test_a_page_of_this_server_gets_no_header_for_others(client):
    for origin in (HOME, "http://127.0.0.1"):
        reply = client.get("/config", headers={"sec-fetch-site": "same-origin", "origin": origin})
        assert reply.status_code == 200
        assert not any(name.startswith("access-control-") for name in reply.headers)


FORWARDED = {"x-forwarded-host": "forget.test", "x-forwarded-proto": "https", "x-forwarded-for": "10.9.9.9"}


@pytest.mark.parametrize("peer, believed", [("10.0.0.2", True), ("10.0.9.7", True), ("10.1.0.2", False)])
def test_forwarded_headers_are_believed_from_a_named_proxy_only(app, peer, believed):
    gate = Gate(app, "0.0.0.0", ["forget.test"], ["10.0.0.0/16"])
    with TestClient(gate, "http://10.0.0.9:7860", client=(peer, 1)) as client:
        reply = client.get("/config", headers={**FORWARDED, "origin": "https://forget.test"})
        assert reply.status_code == (200 if believed else 403)
        root = client.get("/config", headers=FORWARDED).json()["root"]
        assert root == ("https://forget.test" if believed else "http://10.0.0.9:7860")
        refused = client.get("/config", headers={**FORWARDED, "x-forwarded-host": "evil.test"})
        assert refused.status_code == (403 if believed else 200)


def test_names_are_answered_that_the_user_allows(app):
    with TestClient(Gate(app, "192.168.1.4", ["forget.test"]), "http://forget.test") as client:
        for host in ("forget.test", "FORGET.test:80", "localhost:1", "[::1]:7860", "192.168.1.4", "forget.test."):
            assert client.get("/clipforget/runs", headers={"host": host}).status_code == 200, host
        assert client.get("/clipforget/runs", headers={"host": "192.168.1.5"}).status_code == 403
    with TestClient(Gate(app, "0.0.0.0"), "http://192.168.1.5") as client:  # addresses cannot be rebound, names can
        assert client.get("/clipforget/runs").status_code == 200
        assert client.get("/clipforget/runs", headers={"host": "forget.test"}).status_code == 403
    with pytest.raises(BadSetting, match="'nginx' is none"):
        Gate(app, "127.0.0.1", (), ["nginx"])


def test_only_a_named_site_may_show_the_page_in_a_frame(app):
    framed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
    with TestClient(Gate(app, "127.0.0.1", embedders=["https://huggingface.co"]), HOME) as client:
        page = client.get("/", headers=framed)
        assert page.status_code == 200
        assert page.headers["content-security-policy"] == "frame-ancestors 'self' https://huggingface.co"
        assert client.get("/clipforget/runs", headers=framed).status_code == 403


def test_a_body_beyond_bounds_is_not_read(client):
    reply = client.post("/gradio_api/queue/join", content=b"", headers={"content-length": str(LARGEST_BODY + 1)})
    assert reply.status_code == 413
    taken = []

    async def reads_all(request: Request) -> Response:
        async for part in request.stream():
            taken.append(len(part))
        return Response()

    app = Starlette(routes=[Route("/gradio_api/queue/join", reads_all, methods=["POST"])])
    with TestClient(Gate(app, "127.0.0.1"), HOME, raise_server_exceptions=False) as client:
        client.post("/gradio_api/queue/join", content=(b"x" * 2**20 for _ in range(64)))
    assert sum(taken) <= LARGEST_BODY
