"""The command line: options in, one function of clipforget.commands out. Nothing heavy is imported to show help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from clipforget import __version__
from clipforget.config import RunConfig
from clipforget.errors import BadQuery, ClipforgetError, UnknownName
from clipforget.settings import Option, options

PROG = "python -m clipforget"
BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 2 on bad input (with one line on stderr), 130 after Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without the sign for a bar still shows the rest
    try:
        chosen = read(words)
        status = chosen.call(chosen) or 0
        sys.stdout.flush()
        return status
    except ClipforgetError as error:
        print(f"{PROG}: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        return BROKEN_PIPE
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
            raise UnknownName(action.dest, str(value), [str(choice) for choice in action.choices])


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
            fill(part, _method_named(words)) if fill is _run else fill(part)
        part.set_defaults(call=_later(name))
        parser.of[name] = part
    return parser


def _later(name: str) -> Callable[[argparse.Namespace], int | None]:
    def call(chosen: argparse.Namespace) -> int | None:
        from clipforget import commands

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


def _runs_folder(parser: Parser) -> None:
    parser.add_argument("--runs", metavar="DIR", default="runs", help="the folder of the runs (default: runs)")


def _json(parser: Any) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")


def _run(parser: Parser, method: str) -> None:
    config = {entry.name: entry for entry in options(RunConfig) if entry.name != "settings"}
    for name, entry in config.items():
        many, number = name in ("forget", "retain"), entry.kind in (int, float)
        parser.add_argument(
            f"--{name}",
            metavar="TARGET" if many else {int: "N", float: "X"}.get(entry.kind, name.upper()),
            action="append" if many else "store",
            default=[] if many else entry.default,
            type=entry.kind if number else str,
            help=entry.help + (" (may be repeated)" if many else f" (default: {entry.default})"),
        )
    parser.add_argument("--preset", metavar="NAME", help="start from these settings; those named beside it win")
    _runs_folder(parser)
    _json(parser)
    parser.add_argument("--worker", metavar="ID", help=argparse.SUPPRESS)
    from clipforget.methods import METHODS

    chosen = METHODS.load().get(method)  # an unknown one is refused by `checked`
    if chosen is not None:
        group = parser.add_argument_group(f"settings of the method {method}", chosen.summary)
        for entry in options(chosen.settings):
            _setting(group, entry)


def _setting(group: Any, entry: Option) -> None:
    flag = f"--{entry.name.replace('_', '-')}"
    about = describe(entry).replace("%", "%%")
    if entry.kind is bool:
        group.add_argument(
            flag, dest=f"set:{entry.name}", action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=about
        )
        return
    metavar = "|".join(entry.choices) or {int: "N", float: "X"}.get(entry.kind, "TEXT")
    group.add_argument(flag, dest=f"set:{entry.name}", metavar=metavar, default=argparse.SUPPRESS, help=about)


def describe(entry: Option) -> str:
    """Help, default and bounds of a setting in one line."""
    bounds = "" if entry.low is None and entry.high is None else f", {_bound(entry.low)} to {_bound(entry.high)}"
    return f"{entry.help} (default: {entry.default}{bounds})"


def settings_of(chosen: argparse.Namespace) -> dict[str, Any]:
    """The settings that were named on the command line, by name."""
    return {name.removeprefix("set:"): value for name, value in vars(chosen).items() if name.startswith("set:")}


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def _compare(parser: Parser) -> None:
    from clipforget.tabletext import SORTS

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = COMPARE
    add = parser.add_argument
    add("--method", metavar="ROW", action="append", default=[], help="[LABEL=]METHOD[:PRESET][,SETTING=VALUE]...")
    add("--methods", metavar="all", choices=("all",), help="every method there is")
    add("--forget", metavar="TARGET", action="append", default=[], help='a target; "A + B" forgets both in one run')
    add("--retain", metavar="TARGET", action="append", default=[], help="what every run is to keep in view")
    add("--seeds", type=int, metavar="N", help="how many seeds (default: 3)")
    add("--seed-start", type=int, metavar="N", help="the first of them (default: 0)")
    add("--seed", type=int, metavar="N", action="append", default=[], help="exactly this seed (may be repeated)")
    add("--preset", metavar="NAME", default="default", help="preset of rows that name none: tuned, paper or default")
    for name in ("model", "data", "tolerance", "device", "gallery", "nodes"):
        entry = next(entry for entry in options(RunConfig) if entry.name == name)
        kind = entry.kind if entry.kind in (int, float) else str
        add(f"--{name}", metavar=name.upper(), type=kind, default=entry.default, help=f"{entry.help} ({entry.default})")
    add("--title", default="", help="a name of your own")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the comparisons there are, newest first")
    what.add_argument("--show", metavar="ID", help="print the table of a comparison, or of the `last`")
    what.add_argument("--resume", metavar="ID", help="go on with a comparison, or with the `last`")
    what.add_argument("--worker", metavar="ID", help=argparse.SUPPRESS)
    add("--target", metavar="TARGET", help="print the table of this target (default: the mean over all)")
    add("--sort", metavar="KEY", default="h", help=f"order of the rows: {', '.join(SORTS)}, or a set such as siblings")
    how = parser.add_mutually_exclusive_group()
    for name, what_for in (("csv", "CSV"), ("latex", "LaTeX"), ("markdown", "Markdown")):
        how.add_argument(f"--{name}", action="store_true", help=f"print {what_for} instead of a table")
    _json(how)
    _runs_folder(parser)


def _runs(parser: Parser) -> None:
    _runs_folder(parser)
    _json(parser)


def _show(parser: Parser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="a run, as `runs` lists them, or `last`")
    parser.add_argument("--alpha", type=float, metavar="A", help="share of the original (default: the suggested alpha)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown; of several runs one table, a row each")
    _runs_folder(parser)
    _json(parser)


def _search(parser: Parser) -> None:
    parser.add_argument("id", metavar="ID", help="a run, as `runs` lists them, or `last`")
    parser.add_argument("text", metavar="TEXT", help='what to look for, e.g. "a photo of an airplane"')
    parser.add_argument("--alpha", type=float, metavar="A", help="share of the original (default: the suggested alpha)")
    parser.add_argument("-k", type=int, default=24, metavar="K", help="how many images, 1 to 24 (default: 24)")
    _runs_folder(parser)
    _json(parser)


def _data(parser: Parser) -> None:
    parser.usage = f"{PROG} data [NAME] [--json] | data build sketchbook OUT"
    parser.add_argument("words", nargs="*", metavar="NAME", help="a known set, a folder or a .tar; without: the list")
    _json(parser)


def _models(parser: Parser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="load this model and describe it; without it: the list")
    parser.add_argument("--all", action="store_true", help="also list every model/pretrained that open_clip knows")
    _json(parser)


def _methods(parser: Parser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="describe this method, its settings and presets")
    parser.add_argument("--model", default=RunConfig.model, help=f"of the presets (default: {RunConfig.model})")
    _runs_folder(parser)
    _json(parser)


def _ablate(parser: Parser) -> None:
    _compare(parser)
    parser.description = "The rows of `compare` for the method targeted: layers, loss, balance, alignment, average."


def _reproduce(parser: Parser) -> None:
    from clipforget.experiments import EXPERIMENTS, MODEL

    add = parser.add_argument
    add("name", metavar="TABLE", choices=sorted(EXPERIMENTS.load()), help=", ".join(sorted(EXPERIMENTS)))
    add("--data", metavar="ROOT", help="your images; without it and --sketchbook: what to put where")
    add("--sketchbook", action="store_true", help="the counterpart on the embedded drawings")
    add("--model", metavar="MODEL", help=f"(default: {MODEL}, or with --sketchbook {RunConfig.model})")
    add("--device", metavar="DEVICE", default=RunConfig.device, help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    add("--seeds", type=int, default=1, metavar="N", help="how many seeds (default: 1)")
    add("--preset", metavar="NAME", default="default", help="preset of the rows that name none: tuned, argued, ...")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--markdown", action="store_true", help="print Markdown instead of a table")
    _json(how)
    _runs_folder(parser)


def _tune(parser: Parser) -> None:
    from clipforget.tuning import TuneConfig

    parser.add_argument("--methods", metavar="A,B|all", default=RunConfig.method, help="methods (default: targeted)")
    parser.add_argument(
        "--forget", metavar="TARGET", action="append", default=[],
        help="a target to try them on (may be repeated); A + B are forgotten together",
    )  # fmt: skip
    count = f"trials of each method (default: {TuneConfig.trials})"
    parser.add_argument("--trials", type=int, default=TuneConfig.trials, metavar="N", help=count)
    parser.add_argument("--name", default=TuneConfig.name, help="of the presets (default: tuned)")
    parser.add_argument("--out", metavar="DIR", help="the folder to write presets to (default: presets below --runs)")
    for entry in options(RunConfig):
        if entry.name in ("model", "data", "seed", "tolerance", "device"):
            parser.add_argument(
                f"--{entry.name}", type=entry.kind, default=entry.default, metavar=entry.name.upper(),
                help=f"{entry.help} (default: {entry.default})",
            )  # fmt: skip
    _runs_folder(parser)
    _json(parser)


def _pretrain(parser: Parser) -> None:
    from clipforget.pretrain import PretrainSettings

    parser.add_argument("out", metavar="OUT", help="the folder to write the model to")
    for entry in options(PretrainSettings):
        _setting(parser, entry)


def _bench(parser: Parser) -> None:
    parser.add_argument("--run", metavar="ID", default="last", help="the finished run to measure on (default: last)")
    _runs_folder(parser)
    _json(parser)


COMPARE = """Run several methods on several targets and seeds, one run after the other, and put them on one table.

  compare --method targeted --method gradient_ascent --forget airplane/biplane --forget "dog/pug + dog/corgi"
  compare --methods all --preset tuned --forget airplane/biplane --seeds 3
  compare --method targeted:paper --method "no average=targeted,ema_decay=0" --forget airplane/biplane
  compare --show last --target airplane/biplane --sort siblings --latex

Every method is trained on the same images and judged at its own suggested alpha, so at matched forgetting. Each cell is
an ordinary run. Finished ones are not run again: type the same command once more, or --resume, to go on."""

COMMANDS: dict[str, tuple[str, Callable[..., None]]] = {
    "run": ("Forget something and score the result", _run),
    "compare": ("Run several methods on several targets and seeds, and put them on one table", _compare),
    "runs": ("List the runs, newest first", _runs),
    "show": ("Show the figures of a run at an alpha", _show),
    "search": ("Search the images of a run before and after", _search),
    "data": ("List data sets, describe one, or build the embedded one", _data),
    "models": ("List models, or describe one", _models),
    "methods": ("List methods, or describe one and its settings", _methods),
    "ablate": ("Compare targeted forgetting with one thing changed at a time", _ablate),
    "reproduce": ("Repeat a table of the paper, its figures and ours side by side", _reproduce),
    "tune": ("Search each method's settings on validation images and save the best as a preset", _tune),
    "pretrain": ("Train the embedded model from scratch", _pretrain),
    "bench": ("Measure speed and agreement on this machine", _bench),
}
