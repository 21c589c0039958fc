"""Methods as functions of Gradio's API: documented by their docstrings, checked, and an error is one sentence."""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, get_args, get_origin

import gradio as gr
from gradio.events import api
from gradio.utils import get_function_description
from pydantic import TypeAdapter, ValidationError

from clipforget.errors import BadQuery
from clipforget.settings import NOUNS, shortened
from clipforget.web.responses import JSON_LIMIT, refusal
from clipforget.web.visitors import VISITOR_HEADER
from clipforget.workspace.public import VISITOR

Function = Callable[..., Any]
Run = Callable[[Callable[[], Any]], Awaitable[Any]]
WORDS: dict[Any, str] = {  # what a parameter takes, in our sentences
    **NOUNS, list[str]: "a list of texts", list[int]: "a list of whole numbers", float | None: "a number",
    str | None: "a text",
}  # fmt: skip


def expose(page: gr.Blocks, ask: Function, run: Run, shown: Callable[[str], str], examples: Mapping[str, Any]) -> None:
    """Add a method to the API of a page that is being built; `run` runs it in a thread.

    Its annotations must be real types, its docstring has Parameters: and Returns:. One that yields streams, as often at
    a time as it lets itself. An error is shown as `shown` says; examples are those of the documentation, by parameter.
    """
    added = api(_answering(ask, run, shown), concurrency_limit=None if inspect.isasyncgenfunction(ask) else "default")
    _, about, gives = get_function_description(ask)
    for name, id in zip(about, added["inputs"], strict=True):
        block: Any = page.blocks[id]
        block.label, block._api_info["additional_description"] = name, about[name]
        if name in examples:
            block.example_payload = partial(examples.get, name)
    for id in added["outputs"]:
        result: Any = page.blocks[id]
        result.label, result._api_info["description"] = "result", " ".join(gives)


def _answering(ask: Function, run: Run, shown: Callable[[str], str]) -> Function:
    """The function as Gradio calls it: who asks is known, values are checked, and an error is one sentence."""
    signature = inspect.signature(ask)

    @contextmanager
    def asked(request: gr.Request, values: Sequence[Any]) -> Iterator[dict[str, Any]]:
        VISITOR.set(request.headers.get(VISITOR_HEADER, ""))
        try:
            yield _checked(signature, values)
        except Exception as error:
            raise gr.Error(refusal(error, shown, ask.__name__)[1], print_exception=False) from None

    async def answer(request: gr.Request, *values: Any) -> Any:
        with asked(request, values) as named:
            return await run(partial(ask, **named))

    async def stream(request: gr.Request, *values: Any) -> AsyncIterator[Any]:
        with asked(request, values) as named:
            async for part in ask(**named):
                yield part

    streams = inspect.isasyncgenfunction(ask)
    function: Any = stream if streams else answer
    function.__name__, function.__doc__ = ask.__name__, ask.__doc__
    gives = get_args(signature.return_annotation)[0] if streams else signature.return_annotation
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    function.__signature__ = inspect.Signature([request, *signature.parameters.values()], return_annotation=gives)
    function.__annotations__ = {**ask.__annotations__, "request": gr.Request, "return": gives}
    return function  # type: ignore[no-any-return]


def _checked(signature: inspect.Signature, values: Sequence[Any]) -> dict[str, Any]:
    """The values by name. Raises BadQuery for one of the wrong type, and for what is too much or no text."""
    try:
        content = json.dumps(values, ensure_ascii=False)
        size = len(content.encode())  # which half a character cannot be
    except (ValueError, RecursionError):
        raise BadQuery("What was sent cannot be read.") from None
    if size > JSON_LIMIT or "\\u0000" in content.replace("\\\\", ""):
        raise BadQuery(f"Send at most {JSON_LIMIT // 2**10} KiB, without the character NUL.")
    for parameter, value in zip(signature.parameters.values(), values, strict=True):
        try:
            TypeAdapter(parameter.annotation).validate_python(value, strict=True)
        except ValidationError:
            kind = parameter.annotation
            what = f"one of {', '.join(get_args(kind))}" if get_origin(kind) is Literal else WORDS[kind]
            raise BadQuery(f"{parameter.name} must be {what}; it is {shortened(repr(value), 80)}.") from None
    return dict(zip(signature.parameters, values, strict=True))
