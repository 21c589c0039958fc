"""What stands in the page's head before Gradio's own scripts: Gradio hands on its `head` only once it has started."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EarlyHead:
    """ASGI middleware that writes `markup` at the end of the head of the page at "/"; all else passes as it is."""

    def __init__(self, app: ASGIApp, markup: str) -> None:
        self.app = app
        self.end = f"{markup}</head>".encode()

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
                    message["body"] = message.get("body", b"").replace(b"</head>", self.end, 1)
                    headers = MutableHeaders(raw=start["headers"])
                    if "content-length" in headers:
                        headers["content-length"] = str(len(message["body"]))
                await send(start)
            await send(message)

        await self.app(scope, receive, sending)
