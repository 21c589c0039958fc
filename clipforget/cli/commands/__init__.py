"""Commands: one file each. A command adds its options to a parser, and takes what was parsed.

    @command("runs", add_options, order=3)
    def runs(args: argparse.Namespace) -> None:
        ...

To show the help of all, every file here is imported; so torch and whatever else is slow waits inside the functions.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from clipforget.cli.options import Parser
from clipforget.registry import Registry

Call = TypeVar("Call", bound=Callable[[argparse.Namespace], int | None])


@dataclass(frozen=True)
class Command:
    """A registered command: `call(args)` does it and returns the exit status, where None is 0.

    `help` is the first line of its docstring; commands are listed by `order`.
    """

    name: str
    help: str
    add_options: Callable[[Parser], None]
    call: Callable[[argparse.Namespace], int | None]
    order: float


COMMANDS: Registry[Command] = Registry("command", __name__)


def command(name: str, add_options: Callable[[Parser], None], *, order: float = 99) -> Callable[[Call], Call]:
    """Register a function of the parsed options as a command."""

    def register(call: Call) -> Call:
        summary = (call.__doc__ or "").strip().splitlines()[0].rstrip(".")
        COMMANDS[name] = Command(name, summary, add_options, call, order)
        return call

    return register


def listed() -> list[Command]:
    """Return all commands in the order in which help lists them."""
    return sorted(COMMANDS.load().values(), key=lambda entry: (entry.order, entry.name))
