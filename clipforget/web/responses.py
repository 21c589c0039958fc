"""What goes over the wire: JSON and files with compression, tags and one place that words errors."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, fail_after, move_on_after, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from clipforget.errors import ClipforgetError, QueueFull, StaleIndex, UnknownName
from clipforget.web.visitors import VISITOR_HEADER
from clipforget.workspace.public import VISITOR

Handler = Callable[[Request], Awaitable[Response]]
IMMUTABLE = "public, max-age=31536000, immutable"
COMPRESS_FROM = 1000  # bytes below which compressing is not worth it
JSON_LIMIT = 64 * 2**10  # bytes of a JSON body
MODEL_REQUESTS = 4  # requests at a time that may wait for models; the rest of the page stays quick meanwhile
THUMBNAIL_REQUESTS = 6  # thumbnails made at a time
UPLOAD_BODIES, UPLOAD_REQUESTS = 4, 1  # uploads in memory at a time, and those of them that are being decoded
BODY_SECONDS, LIGHT_SECONDS, SECONDS = 60, 60, 600  # to wait for a body, for quick work and for any other

log = logging.getLogger(__name__)


class RequestError(Exception):
    """A request answered by one sentence and a status of its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Threads:
    """Run blocking work in threads, so that the event loop stays free; heavy work in a few of its own.

    Where nothing comes in time (a disk that does not answer, a model that takes long), RequestError 503 is raised. The
    thread is let go: what it makes is kept, and others have its place.
    """

    def __init__(self) -> None:
        self._limits: dict[str, CapacityLimiter] = {}

    async def light(self, work: Callable[..., Any], *args: Any) -> Any:
        """Run quick work: small files."""
        return await _in_time(LIGHT_SECONDS, None, work, *args)

    async def heavy(self, work: Callable[..., Any], *args: Any) -> Any:
        """Run work that may load a model or a data set."""
        return await _in_time(SECONDS, self._limit("heavy", MODEL_REQUESTS), work, *args)

    async def thumbnails(self, work: Callable[..., Any], *args: Any) -> Any:
        """Make thumbnails, of which a page asks for dozens at once, and may wait for their data set."""
        return await _in_time(SECONDS, self._limit("thumbnails", THUMBNAIL_REQUESTS), work, *args)

    async def upload(self, read: Callable[[], Awaitable[tuple[Any, ...]]], work: Callable[..., Any]) -> Any:
        """Read an upload, a few at a time, others wait unread; do the work on what `read` returns, one at a time."""
        async with self._limit("bodies", UPLOAD_BODIES):
            return await _in_time(SECONDS, self._limit("uploads", UPLOAD_REQUESTS), work, *await read())

    def _limit(self, name: str, most: int) -> CapacityLimiter:
        return self._limits.setdefault(name, CapacityLimiter(most))


async def _in_time(seconds: float, limiter: CapacityLimiter | None, work: Callable[..., Any], *args: Any) -> Any:
    try:
        with fail_after(seconds):
            return await to_thread.run_sync(work, *args, limiter=limiter, abandon_on_cancel=True)
    except TimeoutError:
        raise RequestError(503, f"This takes longer than {seconds:g} seconds; ask again in a while.") from None


def endpoint(handler: Handler, shown: Callable[[str], str] = str) -> Handler:
    """Wrap a handler: errors become one sentence of JSON, as `shown` shows it; VISITOR is who asks meanwhile."""

    @wraps(handler)
    async def wrapper(request: Request) -> Response:
        VISITOR.set(request.headers.get(VISITOR_HEADER, ""))
        try:
            return await handler(request)
        except ClientDisconnect:
            return Response(status_code=204)
        except Exception as error:
            return error_response(*refusal(error, shown, f"{request.method} {request.url.path}"))

    return wrapper


def refusal(error: Exception, shown: Callable[[str], str], what: str) -> tuple[int, str]:
    """Return the status and the sentence that answer an error of what was asked ("GET /path"); a bug is logged."""
    if isinstance(error, RequestError):
        return error.status, str(error)
    if isinstance(error, ClipforgetError):
        return status_of(error, what.partition(" ")[0]), shown(str(error))
    log.error("A bug in %s", what, exc_info=error)
    return 500, "A bug in ClipForget; the server's log says more."


def status_of(error: ClipforgetError, method: str) -> int:
    """Return the status of an error the user can fix: 404 unknown, 409 stale, 429 too many in line, else 400."""
    if isinstance(error, UnknownName) and method == "GET":
        return 404
    if isinstance(error, QueueFull):
        return 429
    return 409 if isinstance(error, StaleIndex) else 400


def error_response(status: int, message: str) -> Response:
    """Return an error as the page gets it."""
    return JSONResponse({"error": message}, status, headers={"Cache-Control": "no-store"})


async def body(request: Request, limit: int) -> bytes:
    """Return the request's body. Raises RequestError beyond `limit` bytes (413) or BODY_SECONDS (408)."""
    too_large = RequestError(413, f"The request is larger than {limit // 2**10:,} KiB.")
    if int(_digits(request.headers.get("content-length"))) > limit:
        raise too_large
    parts, size = [], 0
    with move_on_after(BODY_SECONDS):
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large
            parts.append(part)
        return b"".join(parts)
    raise RequestError(408, f"The request did not arrive within {BODY_SECONDS} seconds; send it again.")


async def json_body(request: Request, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """Return the request's JSON object. Raises RequestError where it is none or larger than `limit` bytes."""
    try:
        content = json.loads(await body(request, limit))
        json.dumps(content, ensure_ascii=False).encode()  # half a character (a lone surrogate) could not be answered
    except (ValueError, RecursionError):
        raise RequestError(400, "The request's body is no JSON.") from None
    if not isinstance(content, dict):
        raise RequestError(400, "The request's body must be a JSON object.")
    return content


def json_response(request: Request, content: Any, cache: str = "no-cache") -> Response:
    """Return JSON with an ETag, compressed where that is accepted; 304 where the browser has it already."""
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return cached_response(request, data, "application/json", cache)


def cached_response(request: Request, data: bytes, media: str, cache: str, zipped: bytes | None = None) -> Response:
    """Return bytes with an ETag; `zipped` is their gzipped form where there is one. Images are sent as they are."""
    tag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": cache, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
    if tag in request.headers.get("if-none-match", "").replace("W/", ""):
        return Response(status_code=304, headers=headers)
    compressible = not media.startswith("image/") or media == "image/svg+xml"
    if compressible and len(data) > COMPRESS_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        data = gzip.compress(data, 5, mtime=0) if zipped is None else zipped
        headers["Content-Encoding"] = "gzip"
    return Response(data, media_type=media, headers=headers)


def attachment(content: Path | bytes, media: str, title: str) -> Response:
    """Return a file to save under the name `title`."""
    headers = {"Content-Disposition": f'attachment; filename="{title}"', "Cache-Control": "no-cache"}
    if isinstance(content, Path):
        return FileResponse(content, media_type=media, headers=headers)
    return Response(content, media_type=media, headers=headers)


def download(chunks: Iterator[bytes], media: str, title: str) -> Response:
    """Return a file to save under the name `title`, sent piece by piece as it is made."""
    headers = {"Content-Disposition": f'attachment; filename="{title}"', "Cache-Control": "no-store"}
    return StreamingResponse(chunks, media_type=media, headers=headers)


def _digits(text: str | None) -> str:
    return text if text is not None and text.isdigit() else "0"
