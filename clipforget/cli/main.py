"""The command line: options in, one function of clipforget.cli.commands out. Nothing heavy is imported to show help."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from clipforget import __version__
from clipforget.cli.options import COMMANDS, PROG
from clipforget.errors import BadQuery, ClipforgetError, UnknownName
from clipforget.runs.config import RunConfig

BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 141
PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)  # what is wrong is the place, not the program


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 2 on bad input (with one line on stderr), 130 after Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without the sign for a bar still shows the rest
    try:
        chosen = read(words)
        status = chosen.call(chosen) or 0
        if sys.stdout is not None:  # None where it was closed
            sys.stdout.flush()
        return status
    except ClipforgetError as error:
        print(f"{PROG}: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if error.errno not in (errno.EPIPE, *PLACE):
            raise
        if error.filename is None:  # it is stdout, and the interpreter would complain again at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            return BROKEN_PIPE
        where = error.filename or "the output"
        print(f"{PROG}: {where}: {error.strerror}; make room or write elsewhere, e.g. with --runs.", file=sys.stderr)
        return BAD_INPUT
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)


def read(words: Sequence[str]) -> argparse.Namespace:
    """Parse a command line. Raises UnknownName with the nearest known name, BadQuery for anything else amiss."""
    parser = build(words)
    chosen, extra = parser.parse_known_args(words)
    if extra:
        _refuse(extra[0], parser.of[chosen.command])
    return chosen


class Parser(argparse.ArgumentParser):
    """argparse that raises our errors instead of printing its usage. `of` maps commands to their parsers."""

    of: dict[str, Parser]

    def error(self, message: str) -> NoReturn:
        raise BadQuery(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            named = action.option_strings or (action.metavar or action.dest,)
            raise UnknownName(str(named[0]).lower(), str(value), [str(choice) for choice in action.choices])


def build(words: Sequence[str] = (), *, whole: bool = False) -> Parser:
    """The parser for a command line: every command is known to it, but only those it names have their options.

    `run` gets the options of the method that is named.
    """
    parser = Parser(prog=PROG, description="Make a CLIP model forget image subgroups, and judge the result.")
    parser.allow_abbrev = False
    parser.add_argument("--version", action="version", version=f"clipforget {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    parser.of = {}
    for name, (help, fill) in COMMANDS.items():
        part = commands.add_parser(name, help=help, description=f"{help}.", allow_abbrev=False)
        if whole or name in words:
            fill(part, _method_named(words)) if name == "run" else fill(part)
        part.set_defaults(call=_later(name))
        parser.of[name] = part
    return parser


def _later(name: str) -> Callable[[argparse.Namespace], int | None]:
    def call(chosen: argparse.Namespace) -> int | None:
        from clipforget.cli import commands

        return getattr(commands, name)(chosen)

    return call


def _method_named(words: Sequence[str]) -> str:
    """The method a command line asks for: its settings are options too, so it must be known before the rest."""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word == "--method" and following:
            return following
        if word.startswith("--method="):
            return word.partition("=")[2]
    return RunConfig.method


def _refuse(word: str, parser: Parser) -> NoReturn:
    known = [name for action in parser._actions for name in action.option_strings if action.help != argparse.SUPPRESS]
    if word.startswith("-"):
        raise UnknownName(f"option of {parser.prog.removeprefix(f'{PROG} ')}", word.partition("=")[0], known)
    raise BadQuery(f"'{word}' is one word too many; quote a text of several words. See {parser.prog} --help.")
