"""The page's requests about choosing images, the selections made so, and pictures that are sent; see routes.

A server for strangers has none of them.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from clipforget.errors import BadQuery, ClipforgetError
from clipforget.runs.config import RunConfig
from clipforget.web.responses import Handler, RequestError, Threads, attachment, body, json_body, json_response
from clipforget.workspace.selections import LARGEST_FILE, as_json
from clipforget.workspace.upload_folders import PIECE
from clipforget.workspace.workspace import Workspace

LARGEST_REQUEST = 8 * 2**20  # bytes of JSON that names images


def selection_routes(workspace: Workspace, threads: Threads) -> list[tuple[str, str, Handler]]:
    """Return method, path and handler of every request about selections; none on a public server."""
    if workspace.public:
        return []
    api = SelectionApi(workspace, threads)
    return [
        ("GET", "choosing", api.choosing),
        ("GET", "choosing/work", api.work),
        ("POST", "choosing/start", api.start),
        ("POST", "choosing/stop", api.stop),
        ("GET", "choosing/similar", api.similar),
        ("GET", "choosing/map", api.map),
        ("GET", "choosing/clusters", api.clusters),
        ("POST", "choosing/propose", api.propose),
        ("GET", "selections", api.saved),
        ("POST", "selections", api.save),
        ("POST", "selections/load", api.load),
        ("GET", "selections/{name}", api.open),
        ("GET", "selections/{name}/file", api.file),
        ("POST", "selections/{name}/rename", api.rename),
        ("POST", "selections/{name}/delete", api.delete),
        ("POST", "pictures", api.begin),
        ("POST", "pictures/{token}", api.piece),
        ("POST", "pictures/{token}/finish", api.finish),
        ("POST", "pictures/{token}/cancel", api.cancel),
    ]


class SelectionApi:
    """The handlers; each reads its request, asks the workspace in a thread, and answers."""

    def __init__(self, workspace: Workspace, threads: Threads) -> None:
        self.workspace, self.threads, self.service = workspace, threads, workspace.choosing

    async def choosing(self, request: Request) -> Response:
        return json_response(request, await self.threads.heavy(self.service.choosing, _config(request)))

    async def work(self, request: Request) -> Response:
        return json_response(request, await self.threads.light(self.service.work, _config(request)), "no-store")

    async def start(self, request: Request) -> Response:
        await self.threads.heavy(self.service.start, _config(request))
        return json_response(request, {"ok": True}, "no-store")

    async def stop(self, request: Request) -> Response:
        await self.threads.light(self.service.stop, _config(request))
        return json_response(request, {"ok": True}, "no-store")

    async def similar(self, request: Request) -> Response:
        query = request.query_params
        image = _integer(query["image"], "image") if "image" in query else None
        ask = partial(self.service.similar, _config(request), query.get("text"), image, query.get("upload"))
        return json_response(request, await self.threads.heavy(ask))

    async def map(self, request: Request) -> Response:
        return json_response(request, await self.threads.heavy(self.service.map, _config(request)))

    async def clusters(self, request: Request) -> Response:
        count = _integer(request.query_params.get("count", "12"), "count")
        groups = await self.threads.heavy(self.service.clusters, _config(request), count)
        return json_response(request, {"clusters": groups})

    async def propose(self, request: Request) -> Response:
        content = await json_body(request, LARGEST_REQUEST)
        images, caption = _indices(content, "images"), _text(content, "caption", "")
        proposal = await self.threads.heavy(self.service.propose, _config(request), images, caption)
        return json_response(request, proposal, "no-store")

    async def saved(self, request: Request) -> Response:
        return json_response(request, {"selections": await self.threads.light(self.service.saved)})

    async def save(self, request: Request) -> Response:
        content = await json_body(request, LARGEST_REQUEST)
        how = content.get("how", {})
        if not isinstance(how, dict) or not all(isinstance(value, str | int | float) for value in how.values()):
            raise RequestError(400, "how must be an object of texts and numbers.")
        save = partial(
            self.service.save, _config(request), _text(content, "name"), _text(content, "caption"),
            _indices(content, "images"), _indices(content, "siblings"), how, content.get("replace") is True,
        )  # fmt: skip
        selection = await self.threads.heavy(save)
        return json_response(request, _told(selection), "no-store")

    async def load(self, request: Request) -> Response:
        content = await body(request, LARGEST_FILE)
        selection = await self.threads.light(self.service.load, content, request.query_params.get("name", ""))
        return json_response(request, _told(selection), "no-store")

    async def open(self, request: Request) -> Response:
        opened = await self.threads.heavy(self.service.open, _config(request), _name(request))
        return json_response(request, opened, "no-store")

    async def file(self, request: Request) -> Response:
        selection = await self.threads.light(self.service.store.get, _name(request))
        title = re.sub(r"[^\w.-]+", "-", selection.name, flags=re.ASCII).strip("-.") or "selection"
        return attachment(as_json(selection), "application/json", f"{title}.json")

    async def rename(self, request: Request) -> Response:
        new = _text(await json_body(request, LARGEST_REQUEST), "name")
        return json_response(
            request, _told(await self.threads.light(self.service.store.rename, _name(request), new)), "no-store"
        )

    async def delete(self, request: Request) -> Response:
        await self.threads.light(self.service.store.delete, _name(request))
        return json_response(request, {"ok": True}, "no-store")

    async def begin(self, request: Request) -> Response:
        content = await json_body(request, LARGEST_REQUEST)
        size = content.get("bytes")
        if not isinstance(size, int) or isinstance(size, bool):
            raise RequestError(400, "bytes must be a whole number.")
        token = await self.threads.light(self.workspace.folders.begin, _text(content, "name", ""), size)
        return json_response(request, {"token": token, "piece": PIECE}, "no-store")

    async def piece(self, request: Request) -> Response:
        query = request.query_params
        offset, last = _integer(query.get("offset", "0"), "offset"), query.get("last") == "1"

        async def read() -> tuple[bytes]:
            return (await body(request, PIECE),)

        add = lambda data: self.workspace.folders.add(_token(request), query.get("name", ""), offset, data, last)  # noqa: E731
        return json_response(request, {"problem": await self.threads.upload(read, add)}, "no-store")

    async def finish(self, request: Request) -> Response:
        return json_response(request, await self.threads.heavy(finish, self.workspace, _token(request)), "no-store")

    async def cancel(self, request: Request) -> Response:
        await self.threads.light(self.workspace.folders.cancel, _token(request))
        return json_response(request, {"ok": True}, "no-store")


def finish(workspace: Workspace, token: str) -> dict[str, Any]:
    """Keep an upload as a data set, which has to be one; else nothing of it is left, and the reason is raised."""
    path = workspace.folders.finish(token)
    try:
        dataset = workspace.dataset(str(path.resolve()))
    except ClipforgetError:
        workspace.folders.remove(path)
        raise
    return {"data": str(path.resolve()), "images": len(dataset.native), "skipped": len(dataset.skipped)}


def _config(request: Request) -> RunConfig:
    query = request.query_params
    return RunConfig.read({name: query[name] for name in ("model", "data", "device") if query.get(name)})


def _told(selection: Any) -> dict[str, Any]:
    copies = selection.how.get("near_duplicates", 0)
    return {"name": selection.name, "target": selection.target, "images": len(selection.images), "copies": copies}


def _indices(content: dict[str, Any], name: str) -> list[int]:
    values = content.get(name, [])
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise RequestError(400, f"{name} must be a list of whole numbers.")
    return values


def _text(content: dict[str, Any], name: str, default: str | None = None) -> str:
    value = content.get(name, default)
    if not isinstance(value, str):
        raise RequestError(400, f"{name} must be a text.")
    return value


def _integer(text: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,11}", text):
        raise BadQuery(f"{name} must be a whole number; it is '{text[:40]}'.")
    return int(text)


def _name(request: Request) -> str:
    return str(request.path_params["name"])


def _token(request: Request) -> str:
    return str(request.path_params["token"])
