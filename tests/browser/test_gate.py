"""Another site's page in a real browser: it can link to ours, and can do nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from served import Site

pytestmark = pytest.mark.browser

# What a page can try on another origin; each attempt says how it ended.
ATTACK = """async (home) => {
    const ended = {};
    const sent = (name, path, options = {}) =>
        fetch(home + path, options).then(async (answer) => { ended[name] = await answer.text(); },
                                         () => { ended[name] = "refused"; });
    const blind = { mode: "no-cors", credentials: "include", referrerPolicy: "no-referrer" };
    const loaded = (tag, path) => new Promise((done) => {
        const node = document.createElement(tag);
        node.referrerPolicy = "no-referrer";
        node.onload = () => { ended[`${tag} ${path}`] = "loaded"; done(); };
        node.onerror = () => { ended[`${tag} ${path}`] = "refused"; done(); };
        node.src = home + path;
        document.body.append(node);
    });
    const form = new FormData();
    form.append("files", new Blob(["x"]), "x.txt");
    const json = { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" };
    await Promise.all([
        sent("read", "clipforget/runs"),
        sent("config", "config"),
        sent("json", "clipforget/runs", json),
        sent("join", "gradio_api/queue/join", json),
        sent("call", "gradio_api/call/start", json),
        sent("blind read", "clipforget/setup/data?name=/etc", blind),
        sent("blind delete", "clipforget/runs/RUN/delete", { ...blind, method: "POST", body: "{}" }),
        sent("multipart", "gradio_api/upload", { ...blind, method: "POST", body: form }),
        loaded("img", "clipforget/static/icon.svg"),
        loaded("script", "clipforget/static/lib/dom.js"),
    ]);
    return ended;
}"""


class Page(BaseHTTPRequestHandler):
    """An empty page of whatever site the browser believes to be on."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>other</title><body>")

    def log_message(self, *args: Any) -> None:
        """Be silent."""


@pytest.fixture(scope="module")
def other() -> Iterator[int]:
    """The port of another site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def homes(site: Site) -> dict[str, str]:
    """Our page under both its names; over plain HTTP only the address is sent Sec-Fetch headers."""
    return {"address": site.address, "name": f"http://good.test:{urlsplit(site.address).port}/"}


@pytest.mark.parametrize("home", ["address", "name"])
def test_another_site_reads_starts_and_deletes_nothing(
    context: Any, site: Site, other: int, homes: dict[str, str], home: str
) -> None:
    page = context.new_page()
    page.goto(f"http://evil.test:{other}/")
    wire = page.context.new_cdp_session(page)  # sees also what the browser then hides from the page
    wire.send("Network.enable")
    sent, codes = {}, {}
    wire.on("Network.requestWillBeSent", lambda event: sent.update({event["requestId"]: event["request"]["url"]}))
    wire.on("Network.responseReceivedExtraInfo", lambda event: codes.update({event["requestId"]: event["statusCode"]}))
    ended = page.evaluate(ATTACK.replace("RUN", site.run), homes[home])
    assert len(ended) == 10 and set(ended.values()) == {"refused"}, ended
    answers = [code for request, code in codes.items() if sent.get(request, "").startswith(homes[home])]
    assert len(answers) >= 6 and set(answers) == {403}, (sent, codes)
    assert site.state(site.run) == "done"
    page.close()


def test_a_name_bound_to_this_server_gets_a_sentence(context: Any, homes: dict[str, str]) -> None:
    page = context.new_page()
    answer = page.goto(homes["name"].replace("good", "evil"))
    assert answer.status == 403 and "--allow-host" in page.inner_text("body")
    page.close()


@pytest.mark.parametrize("home", ["address", "name"])
def test_a_link_from_another_site_opens_the_page_but_no_frame_shows_it(
    context: Any, site: Site, other: int, homes: dict[str, str], home: str
) -> None:
    page = context.new_page()
    page.goto(f"http://evil.test:{other}/")
    add = "([tag, name, home]) => document.body.append(Object.assign(document.createElement(tag), {[name]: home}))"
    page.evaluate(add, ["iframe", "src", homes[home]])
    page.wait_for_function("frames.length && !document.querySelector('iframe').contentDocument")
    page.wait_for_timeout(500)
    assert not any(frame.query_selector("gradio-app, #cf-main") for frame in page.frames)
    page.evaluate(add, ["a", "href", f"{homes[home]}?run={site.run}"])
    page.evaluate("document.querySelector('a').click()")
    page.wait_for_selector("#cf-main[data-mode=open] .cf-thumb")
    assert page.url.startswith(homes[home])
    page.close()
