"""The whole app as it is served, Gradio's part of it included, for tests of what stands in front of it."""

from __future__ import annotations

import asyncio
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


def whole_app(workspace: Workspace) -> Starlette:
    """Build the app over a workspace, without its gate."""
    return in_a_loop(lambda: build_app(workspace, routes(workspace)))


def all_routes(app: Starlette) -> list[tuple[str, str]]:
    """Return method and path of every route there is, ours and Gradio's."""
    found: list[tuple[str, str]] = []

    def walk(table: Any) -> None:
        for route in table:
            if isinstance(route, Mount):
                walk(route.routes)
            elif hasattr(route, "original_router"):  # FastAPI's way to include one
                walk(route.original_router.routes)
            else:
                path = re.sub(r"\{[^}]*\}", "1", route.path)
                found.extend((method, path) for method in sorted(route.methods or ()))

    walk(app.routes)
    return found
