"""What goes over the wire: JSON and files with compression, tags and one place that words errors."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

from clipforget.errors import ClipforgetError, StaleIndex, UnknownName

Handler = Callable[[Request], Awaitable[Response]]
IMMUTABLE = "public, max-age=31536000, immutable"
SMALL = 1000  # bytes below which compressing is not worth it
JSON_LIMIT = 64 * 2**10  # bytes of a JSON body
HEAVY = 4  # requests at a time that may wait for models; the rest of the page stays quick meanwhile
PICTURES = 6  # thumbnails made at a time

log = logging.getLogger(__name__)


class Refused(Exception):
    """A request answered by one sentence and a status of its own."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Threads:
    """Runs blocking work in threads, so that the event loop stays free; heavy work in a few of its own."""

    def __init__(self) -> None:
        self._limits: dict[int, CapacityLimiter] = {}

    async def light(self, work: Callable[..., Any], *args: Any) -> Any:
        """Run quick work: small files."""
        return await to_thread.run_sync(work, *args)

    async def heavy(self, work: Callable[..., Any], *args: Any) -> Any:
        """Run work that may load a model or a data set."""
        return await self._limited(HEAVY, work, *args)

    async def pictures(self, work: Callable[..., Any], *args: Any) -> Any:
        """Make thumbnails, of which a page asks for dozens at once, and may wait for their data set."""
        return await self._limited(PICTURES, work, *args)

    async def _limited(self, most: int, work: Callable[..., Any], *args: Any) -> Any:
        limiter = self._limits.setdefault(most, CapacityLimiter(most))
        return await to_thread.run_sync(work, *args, limiter=limiter)


def guarded(handler: Handler) -> Handler:
    """Errors as JSON with one sentence, POSTs from the same origin only, and a login where the app asks for one."""

    @wraps(handler)
    async def wrapper(request: Request) -> Response:
        try:
            check_login(request)
            if request.method == "POST":
                check_origin(request)
            return await handler(request)
        except Refused as error:
            return failure(error.status, str(error))
        except ClientDisconnect:
            return Response(status_code=204)
        except ClipforgetError as error:
            return failure(status_of(error, request.method), str(error))
        except Exception:
            log.exception("A bug in %s %s", request.method, request.url.path)
            return failure(500, "A bug in ClipForget; the server's log says more.")

    return wrapper


def status_of(error: ClipforgetError, method: str) -> int:
    """The status of an error the user can fix: 404 unknown, 409 stale, else 400."""
    if isinstance(error, UnknownName) and method == "GET":
        return 404
    return 409 if isinstance(error, StaleIndex) else 400


def failure(status: int, sentence: str) -> Response:
    """An error as the page gets it."""
    return JSONResponse({"error": sentence}, status, headers={"Cache-Control": "no-store"})


def check_origin(request: Request) -> None:
    """Raise Refused for a POST that another site's page makes; programs without a browser may post."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise Refused(403, "Requests from other sites are refused.")
        return
    origin = request.headers.get("origin")
    hosts = {request.headers.get("host"), request.headers.get("x-forwarded-host")}
    if origin is not None and urlsplit(origin).netloc not in hosts:
        raise Refused(403, "Requests from other sites are refused.")


def check_login(request: Request) -> None:
    """Raise Refused where the Gradio app around asks for a login and the request has none."""
    app = request.scope.get("app")
    if getattr(app, "auth", None) is None and getattr(app, "auth_dependency", None) is None:
        return
    cookie = getattr(app, "cookie_id", "")
    tokens = getattr(app, "tokens", {})
    names = (f"access-token-{cookie}", f"access-token-unsecure-{cookie}")
    if not any(request.cookies.get(name) in tokens for name in names):
        raise Refused(401, "Log in first.")


async def body(request: Request, limit: int) -> bytes:
    """The request's body. Raises Refused (413) beyond `limit` bytes, without reading on."""
    too_large = Refused(413, f"The request is larger than {limit // 2**10:,} KiB.")
    if int(_digits(request.headers.get("content-length"))) > limit:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise too_large
        parts.append(part)
    return b"".join(parts)


async def json_body(request: Request) -> dict[str, Any]:
    """The request's JSON object. Raises Refused where it is none or larger than 64 KiB."""
    try:
        content = json.loads(await body(request, JSON_LIMIT))
    except (ValueError, RecursionError):
        raise Refused(400, "The request's body is no JSON.") from None
    if not isinstance(content, dict):
        raise Refused(400, "The request's body must be a JSON object.")
    return content


def reply(request: Request, content: Any, cache: str = "no-cache") -> Response:
    """JSON with an ETag, compressed where that is accepted; 304 where the browser has it already."""
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return file_reply(request, data, "application/json", cache)


def file_reply(request: Request, data: bytes, media: str, cache: str, packed: bytes | None = None) -> Response:
    """Bytes with an ETag; `packed` is the gzipped form where it is known already. Images are sent as they are."""
    tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
    shared = {"ETag": tag, "Cache-Control": cache, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
    if tag in request.headers.get("if-none-match", "").replace("W/", ""):
        return Response(status_code=304, headers=shared)
    fit = not media.startswith("image/") or media == "image/svg+xml"
    if fit and len(data) > SMALL and "gzip" in request.headers.get("accept-encoding", ""):
        data = gzip.compress(data, 5, mtime=0) if packed is None else packed
        shared["Content-Encoding"] = "gzip"
    return Response(data, media_type=media, headers=shared)


def attachment(content: Path | bytes, media: str, title: str) -> Response:
    """A file to save under the name `title`."""
    headers = {"Content-Disposition": f'attachment; filename="{title}"', "Cache-Control": "no-cache"}
    if isinstance(content, Path):
        return FileResponse(content, media_type=media, headers=headers)
    return Response(content, media_type=media, headers=headers)


def _digits(text: str | None) -> str:
    return text if text is not None and text.isdigit() else "0"
