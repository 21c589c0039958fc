"""`tune`: the search for each method's settings."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from clipforget.cli.commands import command
from clipforget.cli.commands.compare import picked
from clipforget.cli.options import Parser, add_fields, add_json, add_runs, add_selections, names, selections_of
from clipforget.cli.terminal import Bar, emit
from clipforget.errors import BadQuery
from clipforget.runs.config import RunConfig
from clipforget.tabular import table


def add_options(parser: Parser) -> None:
    """Add the methods, the targets to try them on, and how many trials."""
    from clipforget.benchmark.tuning import TuneConfig

    add = parser.add_argument
    add("--methods", metavar="A,B|all", type=names, default=RunConfig.method, help="methods (default: anchored)")
    add(
        "--forget", metavar="TARGET", action="append", default=[],
        help="a target to try them on (may be repeated); A + B are forgotten together",
    )  # fmt: skip
    add("--targets", metavar="KIND[:N]", help="let a rule pick them: development:N; reported ones are never tuned on")
    count = f"trials of each method (default: {TuneConfig.trials})"
    add("--trials", type=int, default=TuneConfig.trials, metavar="N", help=count)
    add("--name", default=TuneConfig.name, help="of the presets (default: tuned)")
    add("--out", metavar="DIR", help="the folder to write presets to (default: presets below --runs)")
    add_selections(parser)
    add_fields(parser, "model", "data", "others", "levels", "goal", "seed", "tolerance", "device")
    add_runs(parser)
    add_json(parser)


@command("tune", add_options, order=11)
def tune(args: argparse.Namespace) -> None:
    """Search each method's settings on calibrate images and save the best as a preset."""
    from clipforget.benchmark.plan import read_target
    from clipforget.benchmark.targets import read_choice
    from clipforget.benchmark.tuning import TuneConfig
    from clipforget.benchmark.tuning import tune as search
    from clipforget.methods import METHODS

    methods = sorted(METHODS.load()) if args.methods == ["all"] else args.methods
    fields = ("model", "data", "others", "levels", "goal", "trials", "seed", "tolerance", "device", "name")
    if args.targets and read_choice(args.targets)[0] == "reported":
        raise BadQuery("Reported targets are never tuned on; write --targets development:N.")
    targets = tuple(read_target(text) for text in (picked(args) if args.targets else args.forget))
    config = TuneConfig(
        tuple(methods), targets, selections=selections_of(args), **{name: getattr(args, name) for name in fields}
    )
    bar, start, trials, presets = Bar(), time.monotonic(), [], []
    try:
        for step in search(config, Path(args.runs), args.out and Path(args.out)):
            if step.trial or step.preset or not step.total:
                bar.write(step.note)
            else:
                event = {"stage": "trials", "step": step.done, "total": step.total, "eta": step.eta}
                bar.show({"kind": "step", "t": time.monotonic() - start, "note": step.note, **event})
            trials += [vars(step.trial)] if step.trial else []
            presets += [step.preset] if step.preset else []
    finally:
        bar.close()
    rows = [[preset.method, preset.name, preset.text, preset.note] for preset in presets]
    text = table(("method", "preset", "settings", "how found"), rows) if rows else "No preset was found."
    emit(args.json, {"presets": [vars(preset) for preset in presets], "trials": trials}, text)
