"""Who may ask: a server answers under its own names, to its own page, and no more of Gradio than the page needs.

The gate stands outside everything else, so that a route of Gradio's is no exception.
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, cast
from urllib.parse import urlsplit

from anyio import sleep
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from clipforget.errors import BadSetting
from clipforget.web.responses import RequestError, error_response
from clipforget.web.visitors import VISITOR_HEADER, new_visitor, set_cookie, user_of, visitor_of

LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")  # what a server is bound to that listens on every network
HOST = re.compile(r"\[([0-9a-f:.]+)\](?::\d+)?|([^\s:/@\[\]]+)(?::\d+)?")
UNPRINTED = re.compile(rb"[\x00-\x20\x7f]")  # no browser sends these unescaped
LARGEST_BODY = 11 * 2**20  # bytes of any request; routes have their own, lower bounds
GUESSING = 1.0  # seconds until a wrong password is answered
# Headers that only a named proxy may send, and one that only the gate sets.
FORGED = re.compile("forwarded|x-forwarded-.*|x-gradio-.*|x-real-ip|" + VISITOR_HEADER)
# What the page and programs ask of Gradio; everything else that it answers (files, uploads, proxies) is closed.
PAGE = re.compile(
    r"/(clipforget/.*|config/?|theme\.css|robots\.txt|favicon\.ico|manifest\.json|(svelte|static|assets)/.*"
    r"|gradio_api/(startup-events|info/?|app_id/?|theme\.css|queue/(join|data)|cancel|reset/?|heartbeat/[^/]+"
    r"|call/v2/[a-z_]+(/[0-9a-f]+)?|mcp(/|/schema)?))?"
)


class Gate:
    """An ASGI app around another that lets in what its own page and programs of the same name ask.

    host is the address the server is bound to, allowed are further names it answers for, proxies the addresses or
    networks (or *) whose X-Forwarded-* headers are believed, embedders the sites that may show the page in a frame.
    With users everybody has to log in; with a key everybody gets a signed cookie, and is told apart by it or by the
    login. Raises BadSetting for a proxy that is no address.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        allowed: Sequence[str] = (),
        proxies: Sequence[str] = (),
        embedders: Sequence[str] = (),
        users: Mapping[str, bytes] | None = None,
        key: bytes | None = None,
    ) -> None:
        for proxy in proxies:
            check_proxy(proxy)
        everywhere = host in EVERYWHERE
        own = [socket.gethostname()] if everywhere else [host.strip("[]")]
        self._hosts = {name.lower() for name in (*LOOPBACK, *own, *allowed)}
        self._any_address = everywhere  # an address, unlike a name, cannot be made to point here by another site
        self._app, self._embedders, self._users, self._key = app, tuple(embedders), users, key
        self._proxied = ProxyHeadersMiddleware(cast(Any, app), list(proxies))  # tells a visitor's own address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with one sentence."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # the page uses no web sockets
        scope = {**scope, "headers": self._believed(scope)}
        headers, more = Headers(scope=scope), list[tuple[bytes, bytes]]()

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*self._safe(message["headers"]), *more]}
            await send(message)

        try:
            self._check(scope["method"], scope["path"], headers)
            if UNPRINTED.search(scope["query_string"]):
                raise RequestError(400, "The address holds characters that no address may hold.")
            visitor = await self._visitor(scope["path"], headers, more)
        except RequestError as refused:
            await _refusal(refused, headers)(scope, receive, protected)
        else:
            scope["headers"].append((VISITOR_HEADER.encode(), visitor.encode()))
            await cast(ASGIApp, self._proxied)(scope, _bounded(receive), protected)

    async def _visitor(self, path: str, headers: Headers, more: list[tuple[bytes, bytes]]) -> str:
        """Who asks, "" where visitors are not told apart; `more` gets the headers to answer with.

        Raises RequestError for one who has to log in.
        """
        user = None
        if self._users is not None and (user := user_of(headers.get("authorization", ""), self._users)) is None:
            if "authorization" in headers:
                await sleep(GUESSING)
            more.append((b"www-authenticate", b'Basic realm="ClipForget", charset="UTF-8"'))
            raise RequestError(401, "Log in first, with a name and password of this server.")
        if self._key is None:
            return ""
        if user is not None:
            return "user." + hashlib.sha256(user.encode()).hexdigest()
        visitor = visitor_of(headers.get("cookie", ""), self._key)
        if visitor is None and path == "/":
            more.append((b"set-cookie", set_cookie(new_visitor(self._key), bool(self._embedders)).encode()))
        return visitor or ""

    def _believed(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """The headers of a request without those that only a proxy may set; a named one also tells the host."""
        headers = scope["headers"]
        if not self._from_proxy(scope):
            return [pair for pair in headers if not FORGED.fullmatch(pair[0].decode("latin-1").lower())]
        headers = [pair for pair in headers if pair[0] != VISITOR_HEADER.encode()]
        told = [value for name, value in headers if name == b"x-forwarded-host"]
        if not told:
            return headers
        host = told[-1].split(b",")[-1].strip()
        others = [pair for pair in headers if pair[0] not in (b"host", b"x-forwarded-host", b"x-gradio-server")]
        return [*others, (b"host", host), (b"x-forwarded-host", host)]

    def _from_proxy(self, scope: Scope) -> bool:
        client = scope.get("client")
        return client is not None and client[0] in self._proxied.trusted_hosts

    def _check(self, method: str, path: str, headers: Headers) -> None:
        """Raise RequestError for another name of this server, for another site, and for what is closed."""
        hosts = headers.getlist("host")
        name = host_name(hosts[0]) if len(hosts) == 1 else ""
        if not (name in self._hosts or (self._any_address and _is_address(name))):
            shown = name[:80] if name.isprintable() else ""
            raise RequestError(
                403,
                f"This server does not answer for '{shown}'; start it with --allow-host and that name if it should.",
            )
        if not is_own(method, path, headers, frames=bool(self._embedders)):
            raise RequestError(403, "Requests from other sites are refused.")
        if not PAGE.fullmatch(path):
            raise RequestError(404, "There is nothing here.")
        length = headers.get("content-length", "0")
        if not length.isdigit() or len(length) > 12 or int(length) > LARGEST_BODY:
            raise RequestError(413, f"The request is larger than {LARGEST_BODY // 2**20} MiB.")

    def _safe(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers of an answer: none that lets another site read it, and who may show it in a frame."""
        kept = [pair for pair in headers if not pair[0].lower().startswith(b"access-control-")]
        frames = " ".join(("'self'", *self._embedders)).encode()
        return [
            *kept,
            (b"content-security-policy", b"frame-ancestors " + frames),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"referrer-policy", b"same-origin"),
        ]


def is_own(method: str, path: str, headers: Headers, frames: bool = False) -> bool:
    """Return True for what this server's own page or a program asks, and for a link to the page from anywhere.

    A browser says where a request comes from: by Sec-Fetch-Site, or over plain HTTP by Origin or Referer. A program
    says nothing. A browser that says nothing gets the page alone. frames lets the page be shown inside another.
    """
    followed = method in ("GET", "HEAD") and path == "/"
    site = headers.get("sec-fetch-site")
    if site is not None:
        goal = ("document", "iframe") if frames else ("document",)
        navigated = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") in goal
        return site in ("same-origin", "none") or (followed and navigated)
    if (origin := headers.get("origin")) is not None:
        return _authority(urlsplit(origin).netloc) == _authority(headers["host"])
    if (referer := headers.get("referer")) is not None:
        return followed or _authority(urlsplit(referer).netloc) == _authority(headers["host"])
    return followed or not headers.get("user-agent", "").startswith("Mozilla/")


def host_name(header: str) -> str:
    """Return the name in a Host header without its port, in lower case; empty where it is none."""
    found = HOST.fullmatch(header.lower())
    return (found[1] or found[2].rstrip(".")) if found else ""


def check_proxy(text: str) -> None:
    """Raise BadSetting for what is no address, no network and not *."""
    try:
        if text != "*":
            ip_network(text, strict=False)
    except ValueError:
        raise BadSetting(
            f"--proxy takes the address of a proxy, 10.0.0.2 or 10.0.0.0/8; '{text[:80]}' is none."
        ) from None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _authority(netloc: str) -> str:
    """Host and port as Host and Origin both write them: without the ports that go without saying."""
    return re.sub(":(80|443)$", "", netloc.lower())


def _refusal(error: RequestError, headers: Headers) -> Response:
    """The sentence as the page's code gets it, or as a person reads it who followed a link."""
    if "text/html" in headers.get("accept", ""):
        return PlainTextResponse(f"{error}\n", error.status, headers={"Cache-Control": "no-store"})
    return error_response(error.status, str(error))


def _bounded(receive: Receive) -> Receive:
    """The same requests, which end where a body is longer than it may be."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if size > LARGEST_BODY else message

    return counted
