"""What each command may be given: COMMANDS holds its help and the function that adds its options to a parser."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from clipforget.runs.config import RunConfig
from clipforget.settings import Option, options

PROG = "python -m clipforget"


def _runs_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", metavar="DIR", default="runs", help="the folder of the runs (default: runs)")


def _json(parser: Any) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")


def _config(parser: argparse.ArgumentParser, *names: str) -> None:
    """Options for fields of a run that hold one value each."""
    for entry in options(RunConfig):
        if entry.name in names:
            metavar = {int: "N", float: "X"}.get(entry.kind, entry.name.upper())
            about = f"{entry.help} (default: {entry.default})"
            parser.add_argument(f"--{entry.name}", metavar=metavar, type=entry.kind, default=entry.default, help=about)


def _run(parser: argparse.ArgumentParser, method: str) -> None:
    for entry in options(RunConfig):
        if entry.name in ("forget", "retain"):
            about = f"{entry.help} (may be repeated)"
            parser.add_argument(f"--{entry.name}", metavar="TARGET", action="append", default=[], help=about)
    _config(parser, "model", "data", "method", "seed", "tolerance", "device", "gallery", "nodes")
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
    for former in entry.former:
        old = f"--{former.replace('_', '-')}"
        group.add_argument(old, dest=f"set:{entry.name}", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def describe(entry: Option) -> str:
    """Help, default and bounds of a setting in one line."""
    bounds = "" if entry.low is None and entry.high is None else f", {_bound(entry.low)} to {_bound(entry.high)}"
    return f"{entry.help} (default: {entry.default}{bounds})"


def settings_of(chosen: argparse.Namespace) -> dict[str, Any]:
    """The settings that were named on the command line, by name."""
    return {name.removeprefix("set:"): value for name, value in vars(chosen).items() if name.startswith("set:")}


def _names(text: str) -> list[str]:
    """Names parted by commas or spaces."""
    return text.replace(",", " ").split()


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def _compare(parser: argparse.ArgumentParser) -> None:
    from clipforget.benchmark.formats import SORTS

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = COMPARE
    add = parser.add_argument
    add("--method", metavar="ROW", action="append", default=[], help="[LABEL=]METHOD[:PRESET][,SETTING=VALUE]...")
    several = "a row each for these methods, or for every one there is"
    add("--methods", metavar="A,B|all", type=_names, default=[], help=several)
    add("--forget", metavar="TARGET", action="append", default=[], help='a target; "A + B" forgets both in one run')
    add("--retain", metavar="TARGET", action="append", default=[], help="what every run is to keep in view")
    add("--seeds", type=int, metavar="N", help="how many seeds (default: 3)")
    add("--seed-start", type=int, metavar="N", help="the first of them (default: 0)")
    add("--seed", type=int, metavar="N", action="append", default=[], help="exactly this seed (may be repeated)")
    add("--preset", metavar="NAME", default="default", help="preset of rows that name none: tuned, paper or default")
    _config(parser, "model", "data", "tolerance", "device", "gallery", "nodes")
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


def _runs(parser: argparse.ArgumentParser) -> None:
    _runs_folder(parser)
    _json(parser)


def _show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="a run, as `runs` lists them, or `last`")
    parser.add_argument("--alpha", type=float, metavar="A", help="share of the original (default: the suggested alpha)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown; of several runs one table, a row each")
    _runs_folder(parser)
    _json(parser)


def _search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="a run, as `runs` lists them, or `last`")
    parser.add_argument("text", metavar="TEXT", help='what to look for, e.g. "a photo of an airplane"')
    parser.add_argument("--alpha", type=float, metavar="A", help="share of the original (default: the suggested alpha)")
    parser.add_argument("-k", type=int, default=24, metavar="K", help="how many images, 1 to 24 (default: 24)")
    _runs_folder(parser)
    _json(parser)


def _data(parser: argparse.ArgumentParser) -> None:
    parser.usage = f"{PROG} data [NAME] [--json] | data build sketchbook OUT"
    parser.add_argument("words", nargs="*", metavar="NAME", help="a known set, a folder or a .tar; without: the list")
    _json(parser)


def _models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="load this model and describe it; without it: the list")
    parser.add_argument("--all", action="store_true", help="also list every model/pretrained that open_clip knows")
    _json(parser)


def _methods(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="describe this method, its settings and presets")
    parser.add_argument("--model", default=RunConfig.model, help=f"of the presets (default: {RunConfig.model})")
    _runs_folder(parser)
    _json(parser)


def _ablate(parser: argparse.ArgumentParser) -> None:
    _compare(parser)
    parser.description = "The rows of `compare` for the method targeted: layers, loss, balance, alignment, average."


def _reproduce(parser: argparse.ArgumentParser) -> None:
    from clipforget.benchmark.paper import EXPERIMENTS, MODEL

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


def _tune(parser: argparse.ArgumentParser) -> None:
    from clipforget.benchmark.tuning import TuneConfig

    add = parser.add_argument
    add("--methods", metavar="A,B|all", type=_names, default=RunConfig.method, help="methods (default: targeted)")
    add(
        "--forget", metavar="TARGET", action="append", default=[],
        help="a target to try them on (may be repeated); A + B are forgotten together",
    )  # fmt: skip
    count = f"trials of each method (default: {TuneConfig.trials})"
    add("--trials", type=int, default=TuneConfig.trials, metavar="N", help=count)
    add("--name", default=TuneConfig.name, help="of the presets (default: tuned)")
    add("--out", metavar="DIR", help="the folder to write presets to (default: presets below --runs)")
    _config(parser, "model", "data", "seed", "tolerance", "device")
    _runs_folder(parser)
    _json(parser)


def _pretrain(parser: argparse.ArgumentParser) -> None:
    from clipforget.models.pretrain.settings import PretrainSettings

    parser.add_argument("out", metavar="OUT", help="the folder to write the model to")
    for entry in options(PretrainSettings):
        _setting(parser, entry)


def _bench(parser: argparse.ArgumentParser) -> None:
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
