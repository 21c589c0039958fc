"""The page's requests about models: the list, one of them, its measurement; same rules as those about runs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from clipforget.errors import BadModel, BadQuery
from clipforget.web.responses import Handler, Threads, json_body, json_response
from clipforget.workspace.workspace import Workspace

LONGEST = 4096  # characters of a name


def model_routes(workspace: Workspace, threads: Threads) -> list[tuple[str, str, Handler]]:
    """Return method, path and handler of every request about models."""
    api = ModelApi(workspace, threads)
    return [
        ("GET", "models", api.list),
        ("GET", "models/one", api.describe),
        ("POST", "models/measure", api.measure),
        ("POST", "models/measure/stop", api.stop),
    ]


class ModelApi:
    """The handlers; each reads its request, asks the workspace in a thread, and answers."""

    def __init__(self, workspace: Workspace, threads: Threads) -> None:
        self.models, self.shown, self.threads = workspace.models, workspace.shown, threads

    async def list(self, request: Request) -> Response:
        query = _text(request.query_params.get("q", ""))
        return json_response(request, await self.threads.light(self.models.list, query))

    async def describe(self, request: Request) -> Response:
        name, device = (_text(request.query_params.get(key, "")) for key in ("name", "device"))
        try:  # half a name is no fault of a request
            found = await self.threads.light(self.models.describe, name, device or "auto")
        except BadModel as error:
            found = {"error": self.shown(str(error))}
        return json_response(request, found, "no-store")

    async def measure(self, request: Request) -> Response:
        body = await json_body(request)
        name, device = _text(body.get("name")), _text(body.get("device", "auto"))
        return json_response(request, await self.threads.light(self.models.start, name, device), "no-store")

    async def stop(self, request: Request) -> Response:
        await self.threads.light(self.models.stop)
        return json_response(request, {"ok": True}, "no-store")


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
        raise BadQuery("Name a model and a device in words.")
    return value
