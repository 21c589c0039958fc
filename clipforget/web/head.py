"""A script in the page's head that runs before Gradio's own, which hands on its `head` only once it has started."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = b'<script src="clipforget/static/lib/idle.js"></script></head>'


class EarlyScript:
    """ASGI middleware that writes SCRIPT at the end of the head of the page at "/"; everything else passes as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope.get("method") != "GET" or scope["path"].removeprefix(scope.get("root_path", "")) not in ("", "/"):
            return await self.app(scope, receive, send)
        held: list[Message] = []

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                held.append(message)
                return
            if held:
                start = held.pop()
                if not message.get("more_body"):  # Gradio sends its page in one
                    message["body"] = message.get("body", b"").replace(b"</head>", SCRIPT, 1)
                    headers = MutableHeaders(raw=start["headers"])
                    if "content-length" in headers:
                        headers["content-length"] = str(len(message["body"]))
                await send(start)
            await send(message)

        await self.app(scope, receive, sending)
