"""The page's own requests: plain JSON, images and files, for `demo.launch(app_kwargs={"routes": routes(workspace)})`.

Paths have no leading root: behind a proxy's sub-path the server strips it before they are matched.
"""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from clipforget.errors import BadQuery, UnknownName
from clipforget.runs.config import RunConfig
from clipforget.web import responses
from clipforget.web.charts import CHARTS, to_plain
from clipforget.web.comparison_routes import comparison_routes
from clipforget.web.mixture_routes import mixture_routes
from clipforget.web.model_routes import model_routes
from clipforget.web.responses import (
    IMMUTABLE,
    RequestError,
    Threads,
    attachment,
    cached_response,
    download,
    endpoint,
    json_body,
    json_response,
)
from clipforget.web.selection_routes import selection_routes
from clipforget.web.targets import every_target, first_target, whole_styles
from clipforget.workspace.pages import Page
from clipforget.workspace.setup_documents import DataDescription
from clipforget.workspace.uploads import LARGEST_UPLOAD
from clipforget.workspace.workspace import Workspace

if TYPE_CHECKING:
    from clipforget.workspace.explorer import FinishedRun

STATIC = StaticFiles(directory=Path(__file__).resolve().parent / "static")
FORM_OVERHEAD = 2**16  # bytes around an uploaded file


def routes(workspace: Workspace) -> list[Route]:
    """Return every route of the page over one workspace."""
    api = Api(workspace)
    table = [
        ("GET", "runs", api.runs),
        ("POST", "runs", api.start),
        ("GET", "runs/{id}/view", api.view),
        ("GET", "runs/{id}/query", api.query),
        ("GET", "runs/{id}/exact", api.exact),
        ("POST", "runs/{id}/warm", api.warm_up),
        ("GET", "runs/{id}/events", api.events),
        ("GET", "runs/{id}/charts/{name}", api.chart),
        ("GET", "runs/{id}/audits", api.audits),
        ("POST", "runs/{id}/audits", api.start_audits),
        ("POST", "runs/{id}/audits/stop", api.stop_audits),
        ("GET", "runs/{id}/map", api.map),
        ("GET", "runs/{id}/predictions", api.predictions),
        ("GET", "runs/{id}/gallery/{image}", api.gallery_image),
        ("GET", "runs/{id}/export/{name}", api.export),
        ("GET", "runs/{id}/model", api.model_sizes),
        ("GET", "runs/{id}/model.zip", api.model),
        ("GET", "runs/{id}/results/{name}", api.results),
        ("POST", "runs/{id}/stop", api.stop),
        ("POST", "runs/{id}/annotate", api.annotate),
        ("POST", "runs/{id}/delete", api.delete),
        ("POST", "upload", api.upload),
        ("GET", "upload/{token}", api.uploaded),
        ("POST", "estimate", api.estimate),
        ("GET", "images/{fingerprint}/{index}", api.image),
        ("GET", "setup", api.setup),
        ("GET", "setup/data", api.data),
        *comparison_routes(workspace, api.threads),
        *mixture_routes(workspace, api.threads),
        *selection_routes(workspace, api.threads),
        *model_routes(workspace, api.threads),
        ("GET", "static/{path:path}", static),
        ("GET", "plotly.js", plotly),
    ]
    listed = [
        Route(f"/clipforget/{path}", endpoint(handler, workspace.shown), methods=[method])
        for method, path, handler in table
    ]
    return [*listed, Route("/clipforget/{rest:path}", endpoint(not_found), methods=["GET", "POST"])]


class Api:
    """The handlers; each reads its request, asks the workspace in a thread, and answers."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.threads = workspace, Threads()

    async def runs(self, request: Request) -> Response:
        return json_response(request, {"runs": await self.threads.light(self.workspace.runs)})

    async def start(self, request: Request) -> Response:
        config = RunConfig.read(await json_body(request))
        return json_response(request, {"id": await self.threads.heavy(self.workspace.start, config)}, "no-store")

    async def stop(self, request: Request) -> Response:
        await self.threads.light(self.workspace.stop, _id(request))
        return json_response(request, {"ok": True}, "no-store")

    async def annotate(self, request: Request) -> Response:
        await self.threads.light(self.workspace.annotate, _id(request), await json_body(request))
        return json_response(request, {"ok": True}, "no-store")

    async def delete(self, request: Request) -> Response:
        await self.threads.light(self.workspace.delete, _id(request))
        return json_response(request, {"ok": True}, "no-store")

    async def view(self, request: Request) -> Response:
        return json_response(request, await self.threads.heavy(self.workspace.view, _id(request)))

    async def query(self, request: Request) -> Response:
        ask = partial(self.workspace.query, _id(request), **_query(request), page=_page(request))
        return json_response(request, await self.threads.heavy(ask))

    async def exact(self, request: Request) -> Response:
        alpha = _number(request.query_params.get("alpha"))
        ask = partial(self.workspace.exact, _id(request), alpha, **_query(request), page=_page(request))
        return json_response(request, await self.threads.heavy(ask))

    async def warm_up(self, request: Request) -> Response:
        await self.threads.heavy(self.workspace.warm_up, _id(request))
        return json_response(request, {"ok": True}, "no-store")

    async def events(self, request: Request) -> Response:
        after = _integer(request.query_params.get("after", "0"), "after")
        return json_response(request, await self.threads.light(self.workspace.events, _id(request), after), "no-store")

    async def chart(self, request: Request) -> Response:
        draw = partial(draw_chart, self.workspace, _id(request), request.path_params["name"])
        return json_response(request, await self.threads.heavy(draw))

    async def audits(self, request: Request) -> Response:
        return json_response(request, await self.threads.heavy(self.workspace.audits, _id(request)), "no-store")

    async def start_audits(self, request: Request) -> Response:
        body = await json_body(request)
        names, again = body.get("names"), body.get("again", False)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or again not in (0, 1):
            raise RequestError(400, "names must be a list of audits, and again true or false.")
        await self.threads.heavy(self.workspace.start_audits, _id(request), names, bool(again))
        return json_response(request, {"ok": True}, "no-store")

    async def stop_audits(self, request: Request) -> Response:
        await self.threads.light(self.workspace.stop_audits, _id(request))
        return json_response(request, {"ok": True}, "no-store")

    async def map(self, request: Request) -> Response:
        by = request.query_params.get("by", "names")
        return await self._of_run(request, lambda run: run.map(by))

    async def predictions(self, request: Request) -> Response:
        return await self._of_run(request, lambda run: run.predictions())

    async def gallery_image(self, request: Request) -> Response:
        image = _integer(request.path_params["image"], "image")
        return await self._of_run(request, lambda run: run.image(image))

    async def _of_run(self, request: Request, ask: Callable[[FinishedRun], Any]) -> Response:
        run = await self.threads.heavy(self.workspace.finished_run, _id(request))
        return json_response(request, await self.threads.heavy(ask, run))

    async def export(self, request: Request) -> Response:
        name = request.path_params["name"]
        return attachment(*await self.threads.heavy(self.workspace.export, _id(request), name))

    async def model_sizes(self, request: Request) -> Response:
        return json_response(request, await self.threads.heavy(self.workspace.export_sizes, _id(request)))

    async def model(self, request: Request) -> Response:
        alpha, format = _number(request.query_params.get("alpha")), request.query_params.get("format", "")
        name, chunks = await self.threads.heavy(self.workspace.model_zip, _id(request), alpha, format)
        return download(chunks, "application/zip", f"{name}.zip")

    async def results(self, request: Request) -> Response:
        alpha, name = _number(request.query_params.get("alpha")), request.path_params["name"]
        ask = partial(self.workspace.results, _id(request), name, alpha, **_query(request))
        return attachment(*await self.threads.heavy(ask))

    async def upload(self, request: Request) -> Response:
        sent = await self.threads.upload(partial(_upload, request), self.workspace.uploads.add)
        return json_response(request, sent, "no-store")

    async def uploaded(self, request: Request) -> Response:
        """Serve an uploaded picture as it is searched; whoever has its token could search by it."""
        if (sent := self.workspace.uploads.peek(request.path_params["token"])) is None:
            raise RequestError(404, "The uploaded image is not kept any more; upload it again.")
        return cached_response(request, sent[0], "image/jpeg", "private, no-cache")

    async def image(self, request: Request) -> Response:
        size = _integer(request.query_params.get("size", "96"), "size")
        fingerprint, index = request.path_params["fingerprint"], _integer(request.path_params["index"], "index")
        data, media = await self.threads.thumbnails(self.workspace.image, fingerprint, index, size)
        return cached_response(request, data, media, IMMUTABLE)

    async def setup(self, request: Request) -> Response:
        return json_response(request, await self.threads.heavy(self.workspace.setup))

    async def data(self, request: Request) -> Response:
        name = request.query_params.get("name", "")
        if not name or len(name) > 4096 or "\0" in name:
            raise BadQuery("Name a data set, a folder or a .tar.")
        selections = request.query_params.getlist("selection")
        composed = {key: request.query_params[key] for key in ("others", "levels") if request.query_params.get(key)}
        RunConfig.read(composed)
        data: DataDescription = await self.threads.heavy(partial(self.workspace.data, name, selections, **composed))
        choices = {"targets": [*every_target(data), *whole_styles(data)], "first_target": first_target(data)}
        return json_response(request, {**data, **choices})

    async def estimate(self, request: Request) -> Response:
        config = RunConfig.read(await json_body(request))
        return json_response(request, await self.threads.heavy(self.workspace.estimate, config), "no-store")


def draw_chart(workspace: Workspace, id: str, name: str) -> dict[str, Any]:
    """Return a finished run's chart as plotly figure JSON. Raises UnknownName, or RunProblem for an unfinished run."""
    chart = CHARTS.load()[name]
    if chart.of == "comparison":
        raise UnknownName("chart of a run", name, [other.name for other in CHARTS.values() if other.of != chart.of])
    content = workspace.audits(id) if chart.of == "audits" else workspace.finished_run(id).view()
    return to_plain(chart.draw(content))


async def static(request: Request) -> Response:
    """Serve a script, style sheet or picture of the page."""
    try:
        response = await STATIC.get_response(request.path_params["path"], request.scope)
    except HTTPException:
        raise RequestError(404, "There is no such file.") from None
    response.headers.update({"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})
    return response


async def plotly(request: Request) -> Response:
    """Serve plotly.js as python's plotly brings it."""
    data, zipped = await Threads().light(_plotly)
    return cached_response(request, data, "text/javascript", "public, max-age=86400", zipped)


async def not_found(request: Request) -> Response:
    """Refuse whatever else lies below our path."""
    raise RequestError(404, "There is nothing here.")


@cache
def _plotly() -> tuple[bytes, bytes]:
    from importlib.resources import files

    data = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    return data, gzip.compress(data, 6, mtime=0)


async def _upload(request: Request) -> tuple[bytes, str]:
    """Return the uploaded bytes and their name, from a form's field "file" or the plain body."""
    content = await responses.body(request, LARGEST_UPLOAD + FORM_OVERHEAD)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return content, request.query_params.get("name", "")
    request._body = content  # read already, within bounds; the form parser takes it from here
    try:
        async with request.form(max_files=1, max_fields=4, max_part_size=LARGEST_UPLOAD) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise RequestError(400, "Send one image in the field 'file'.")
            return await file.read(), file.filename or ""
    except HTTPException:  # inside an app Starlette tells so of a form that cannot be parsed
        raise RequestError(400, "The form cannot be read.") from None


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _query(request: Request) -> dict[str, Any]:
    """Return the query among text, image and upload; the workspace checks it further."""
    params = request.query_params
    image = _integer(params["image"], "image") if "image" in params else None
    return {"text": params.get("text"), "image": image, "upload": params.get("upload")}


def _page(request: Request) -> Page:
    """Return which of the results are wanted."""
    params = request.query_params
    numbers = {name: _integer(params[name], name) for name in ("first", "count") if name in params}
    return Page(**numbers, role=params.get("role", ""))


def _integer(text: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise BadQuery(f"{name} must be a whole number; it is '{text[:40]}'.")
    return int(text)


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
