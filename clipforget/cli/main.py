"""The command line: options in, one command of clipforget.cli.commands out. Nothing heavy is imported to show help."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from clipforget import __version__
from clipforget.cli.commands import Command, listed
from clipforget.cli.options import STOPPED, Parser
from clipforget.cli.terminal import PROG, as_started
from clipforget.data.sources import printable
from clipforget.errors import BadQuery, ClipforgetError, UnknownName

BAD_INPUT, BROKEN_PIPE = 2, 141
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)  # what is wrong is the place, not the program


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 2 on bad input (with one line on stderr), 130 after Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without the sign for a bar still shows the rest
    try:
        args = read(words)
        entry: Command = args.entry
        status = entry.call(args) or 0
        if sys.stdout is not None:  # None where it was closed
            sys.stdout.flush()
        return status
    except ClipforgetError as error:
        print(f"{PROG}: {printable(as_started(' '.join(str(error).split())))}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return STOPPED
    except OSError as error:
        if error.filename is None and error.errno not in (errno.EPIPE, *NO_ROOM):
            raise
        if error.filename is None:  # it is stdout, and the interpreter would complain again at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            return BROKEN_PIPE
        where = printable(str(error.filename or "the output"))[:200]
        print(f"{PROG}: {where}: {error.strerror}; make room or write elsewhere, e.g. with --runs.", file=sys.stderr)
        return BAD_INPUT
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)


def read(words: Sequence[str]) -> argparse.Namespace:
    """Parse a command line. Raises UnknownName with the nearest known name, BadQuery for anything else amiss."""
    parser = build(words)
    args, extra = parser.parse_known_args(words)
    if extra:
        _refuse(extra[0], parser.commands[args.command])
    return args


def build(words: Sequence[str] = (), *, whole: bool = False) -> Parser:
    """Build the parser for a command line: it knows every command, but only those that are named have their options."""
    parser = Parser(prog=PROG, description="Make a CLIP model forget image subgroups, and judge the result.")
    parser.allow_abbrev = False
    parser.add_argument("--version", action="version", version=f"clipforget {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    parser.commands = {}
    for entry in listed():
        part = commands.add_parser(entry.name, help=entry.help, description=f"{entry.help}.", allow_abbrev=False)
        part.words = words
        if whole or entry.name in words:
            entry.add_options(part)
        part.set_defaults(entry=entry)
        parser.commands[entry.name] = part
    return parser


def _refuse(word: str, parser: Parser) -> NoReturn:
    known = [name for action in parser._actions for name in action.option_strings if action.help != argparse.SUPPRESS]
    if word.startswith("-"):
        raise UnknownName(f"option of {parser.prog.removeprefix(f'{PROG} ')}", word.partition("=")[0], known)
    raise BadQuery(f"'{word}' is one word too many; quote a text of several words. See {parser.prog} --help.")
