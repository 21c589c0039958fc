"""The whole app as it is served, Gradio's part of it included, for tests of what stands in front of it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount

from clipforget.web.page import build_app
from clipforget.web.routes import routes
from clipforget.workspace.workspace import Workspace


def in_a_loop(make: Callable[[], Any]) -> Any:
    """Return what `make` makes, in a running loop: else Gradio makes one of its own, which nobody would close."""

    async def made() -> Any:
        return make()

    with ThreadPoolExecutor(1) as pool:  # the thread of the tests may have a loop that runs: the browser's
        return pool.submit(lambda: asyncio.run(made())).result()


def whole_app(workspace: Workspace, mcp: bool = False) -> Starlette:
    """Build the app over a workspace, without its gate."""
    return in_a_loop(lambda: build_app(workspace, routes(workspace), mcp))


def all_routes(app: Starlette, names: bool = False) -> list[tuple[str, str]]:
    """Return method and path of every route there is, ours and Gradio's, with 1 for each part with a name or these."""
    found: set[tuple[str, str]] = set()

    def walk(table: Any, above: str = "") -> None:
        for route in table:
            if isinstance(route, Mount):
                walk(route.routes, above + route.path)
            elif hasattr(route, "original_router"):  # FastAPI's way to include one
                walk(route.original_router.routes, above)
            else:
                path = above + (route.path if names else re.sub(r"\{[^}]*\}", "1", route.path))
                found.update((method, path) for method in route.methods or ())

    walk(app.routes)
    return sorted(found)


def ask(client: Any, function: str, headers: dict[str, str] | None = None, **values: Any) -> Any:
    """Call a function of the API by plain requests; of a refusal its sentence comes, as {"error": ...}."""
    path = f"/gradio_api/call/v2/{function}"
    joined = client.post(path, json=values, headers=headers)
    if joined.status_code != 200:
        return joined.json()
    told = client.get(f"{path}/{joined.json()['event_id']}", headers=headers).text
    kind, data = re.findall(r"event: (complete|generating|error)\ndata: (.*)\n", told)[-1]
    content = json.loads(data)
    return {"error": content["error"]} if kind == "error" else content[0]
