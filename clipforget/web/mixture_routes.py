"""The page's requests about several runs in one soup; same rules as those about runs (see routes)."""

from __future__ import annotations

import math
import re
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from clipforget.errors import BadQuery
from clipforget.web.responses import Handler, RequestError, Threads, json_body, json_response
from clipforget.workspace.uploads import LONGEST_QUERY
from clipforget.workspace.workspace import Workspace

LONGEST = 2000  # characters of the names of runs, or of alphas


def mixture_routes(workspace: Workspace, threads: Threads) -> list[tuple[str, str, Handler]]:
    """Return method, path and handler of every request about soups of several runs."""
    api = MixtureApi(workspace, threads)
    return [
        ("GET", "soups", api.view),
        ("GET", "soups/line", api.line),
        ("POST", "soups", api.save),
        ("POST", "soups/example", api.example),
    ]


class MixtureApi:
    """The handlers; each reads its request, asks the workspace in a thread, and answers."""

    def __init__(self, workspace: Workspace, threads: Threads) -> None:
        self.mixtures, self.threads = workspace.mixtures, threads

    async def view(self, request: Request) -> Response:
        ids = _listed(request, "runs")
        return json_response(request, await self.threads.heavy(lambda: self.mixtures.open(ids).view()))

    async def line(self, request: Request) -> Response:
        ids, point = _listed(request, "runs"), [_number(text) for text in _listed(request, "alphas")]
        slider, exact = request.query_params.get("slider", ""), request.query_params.get("exact", "0")
        query = _query(request)
        if slider not in map(str, range(len(point))) or exact not in ("0", "1"):
            raise BadQuery("slider must be the number of an alpha, the first is 0, and exact 0 or 1.")

        def ask() -> object:
            return self.mixtures.open(ids).line(point, int(slider), query, exact == "1")

        return json_response(request, await self.threads.heavy(ask))

    async def save(self, request: Request) -> Response:
        body = await json_body(request)
        ids, alphas, name = body.get("runs"), body.get("alphas"), body.get("name", "")
        if (
            not isinstance(ids, list)
            or not isinstance(alphas, list)
            or not all(isinstance(text, str) for text in (*ids, name))
            or not all(type(alpha) in (int, float) for alpha in alphas)
        ):
            raise RequestError(400, "runs must be a list of runs, alphas one of numbers, and name a text.")
        id = await self.threads.heavy(partial(self.mixtures.save, ids, alphas, name))
        return json_response(request, {"id": id}, "no-store")

    async def example(self, request: Request) -> Response:
        return json_response(request, {"runs": await self.threads.heavy(self.mixtures.example)}, "no-store")


def _listed(request: Request, name: str) -> list[str]:
    text = request.query_params.get(name, "")
    if not text or len(text) > LONGEST:
        raise BadQuery(f"{name} must name something, parted by commas.")
    return text.split(",")


def _query(request: Request) -> str | int:
    """The text to search by, or the number of a gallery image."""
    image, text = request.query_params.get("image"), request.query_params.get("text", "").strip()
    if image is not None and re.fullmatch("[0-9]{1,9}", image):
        return int(image)
    if not text or len(text) > LONGEST_QUERY:
        raise BadQuery(f"Search by an image of the gallery or a text of 1 to {LONGEST_QUERY} characters.")
    return text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
