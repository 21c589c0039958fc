"""What several commands share: the parser, options for the runs folder, JSON, a run's fields and settings."""

from __future__ import annotations

import argparse
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from clipforget.cli.terminal import PROG
from clipforget.errors import BadQuery, BadSetting, UnknownName
from clipforget.runs.config import RunConfig
from clipforget.settings import Option, options

if TYPE_CHECKING:
    from clipforget.workspace.workspace import Workspace

STOPPED = 130  # exit status after Ctrl-C
MOST_SEEDS = 1000
EVALUATION = ("eval", "eval_target", "eval_images")  # the fields of a run that `add_evaluation` adds


class Parser(argparse.ArgumentParser):
    """argparse that raises our errors instead of printing its usage.

    `words` is the whole command line, for options that depend on others; `commands` maps names to their parsers.
    """

    words: Sequence[str] = ()
    commands: dict[str, Parser]

    def error(self, message: str) -> NoReturn:
        """Raise BadQuery with the message and where to look."""
        raise BadQuery(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            named = action.option_strings or (action.metavar or action.dest,)
            raise UnknownName(str(named[0]).lower(), str(value), [str(choice) for choice in action.choices])


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Add --runs, the folder of the runs."""
    about = "the folder of the runs (default: runs)"
    parser.add_argument("--runs", metavar="DIR", type=runs_folder, default="runs", help=about)


def runs_folder(text: str) -> str:
    """Return a folder that runs may lie in, made later where it is missing. Raises BadQuery for anything else."""
    try:
        if text.strip() and (stat.S_ISDIR(os.stat(text).st_mode)):
            return text
        reason = "it is no folder" if text.strip() else "it is empty"
    except FileNotFoundError:
        return text
    except (OSError, ValueError) as error:  # ValueError of a NUL
        reason = str(getattr(error, "strerror", None) or error)
    raise BadQuery(f"--runs names the folder of the runs, and '{text}' is none: {reason}.")


def add_json(parser: argparse._ActionsContainer, help: str = "print one JSON document instead of a table") -> None:
    """Add --json to a parser or a group of options."""
    parser.add_argument("--json", action="store_true", help=help)


def add_fields(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add options for fields of a run that hold one value each."""
    for entry in options(RunConfig):
        if entry.name in names:
            metavar = {int: "N", float: "X"}.get(entry.kind, entry.name.upper())
            about = f"{entry.help} (default: {entry.default or 'none'})"
            flag = f"--{entry.name.replace('_', '-')}"
            parser.add_argument(flag, metavar=metavar, type=entry.kind, default=entry.default, help=about)


def add_evaluation(parser: argparse.ArgumentParser) -> None:
    """Add --eval NAME=PATH, and what goes with it."""
    about = next(entry.help for entry in options(RunConfig) if entry.name == "eval")
    parser.add_argument("--eval", metavar="NAME=PATH", action="append", default=[], help=f"{about} (may be repeated)")
    add_fields(parser, "eval_target", "eval_images")


def add_selections(parser: argparse.ArgumentParser) -> None:
    """Add --selected (some methods have a setting named selection); `selections_of` finds what was named."""
    about = next(entry.help for entry in options(RunConfig) if entry.name == "selections")
    parser.add_argument(
        "--selected", metavar="NAME", dest="selections", action="append", default=[], help=f"{about} (may be repeated)"
    )


def selections_of(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the selections that were named as files that stay as they are. Raises UnknownName or BadData."""
    from clipforget.runs.selections import SelectionStore

    return SelectionStore(Path(args.runs)).pin(args.selections)


def add_setting(parser: argparse._ActionsContainer, entry: Option) -> None:
    """Add an option for one setting, whose value `settings_of` finds again."""
    flag = f"--{entry.name.replace('_', '-')}"
    about = describe(entry).replace("%", "%%")
    if entry.kind is bool:
        parser.add_argument(
            flag, dest=f"set:{entry.name}", action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=about
        )
        return
    metavar = "|".join(entry.choices) or {int: "N", float: "X"}.get(entry.kind, "TEXT")
    parser.add_argument(flag, dest=f"set:{entry.name}", metavar=metavar, default=argparse.SUPPRESS, help=about)
    for former in entry.former:
        old = f"--{former.replace('_', '-')}"
        parser.add_argument(old, dest=f"set:{entry.name}", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def describe(entry: Option) -> str:
    """Return help, default and bounds of a setting in one line."""
    bounds = "" if entry.low is None and entry.high is None else f", {_bound(entry.low)} to {_bound(entry.high)}"
    return f"{entry.help} (default: {entry.default}{bounds})"


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were named on the command line, by name."""
    return {name.removeprefix("set:"): value for name, value in vars(args).items() if name.startswith("set:")}


def check_seed_count(count: int) -> None:
    """Raise BadSetting for a number of seeds that makes no sense."""
    if not 1 <= count <= MOST_SEEDS:
        raise BadSetting(f"--seeds is how many, a whole number from 1 to {MOST_SEEDS}; it is {count}.")


def names(text: str) -> list[str]:
    """Split names parted by commas or spaces."""
    return text.replace(",", " ").split()


def workspace_of(args: argparse.Namespace) -> Workspace:
    """Open the workspace over the folder that --runs names."""
    from clipforget.workspace.workspace import Workspace

    return Workspace(Path(args.runs))


def run_id(workspace: Workspace, id: str) -> str:
    """Return the id, or for `last` that of the newest finished run. Raises BadQuery where there is none."""
    if id != "last":
        return id
    finished: list[str] = [info["id"] for info in workspace.runs() if info["state"] == "done"]
    if not finished:
        raise BadQuery(f"There is no finished run yet; start one with: {PROG} run --forget TARGET")
    return finished[0]


def comparison_id(ids: Sequence[str], id: str) -> str:
    """Return the id, or for `last` the first of these (newest first). Raises BadQuery where there is none."""
    if id != "last":
        return id
    if not ids:
        raise BadQuery(f"There is no comparison yet; see {PROG} compare --help.")
    return ids[0]


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"
