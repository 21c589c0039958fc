"""`soup`: several finished runs of one original mixed into one model, which is a run of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from clipforget.cli.commands import command
from clipforget.cli.options import STOPPED, Parser, add_json, add_runs, run_id, workspace_of
from clipforget.cli.working import show_result, work_on
from clipforget.errors import BadQuery


def add_options(parser: Parser) -> None:
    """Add the runs, their alphas, a name, and the example."""
    parser.add_argument("ids", nargs="*", metavar="RUN", help="finished runs of one original, as `runs` lists them")
    about = "share of the original of a run, 0 to 1; once for each, in their order (default: the suggested alphas)"
    parser.add_argument("--alpha", metavar="A", type=float, action="append", default=[], help=about)
    parser.add_argument("--name", metavar="NAME", default="", help="what to call the soup in the list of runs")
    about = "table 6 of the paper on the shipped drawings: forget three classes one by one, then mix the three runs"
    parser.add_argument("--example", action="store_true", help=about)
    add_runs(parser)
    add_json(parser)


@command("soup", add_options, order=5.8)
def soup(args: argparse.Namespace) -> int:
    """Mix several finished runs of one original into one model, saved as a run.

    The result at alpha 0 is the soup that was asked for; its own alpha leads from there back to the original.
    """
    from clipforget.runs.config import images_of
    from clipforget.runs.resources import Resources
    from clipforget.runs.soups import soup_config
    from clipforget.runs.store import Store
    from clipforget.workspace.annotations import read_annotations

    workspace, store, resources = workspace_of(args), Store(Path(args.runs)), Resources(Path(args.runs))
    if args.example:
        from clipforget.runs.soups import made_already
        from clipforget.workspace.mixtures import example_configs

        if args.ids:
            raise BadQuery("--example brings its own runs; leave RUN away.")
        runs = []
        for config in example_configs():
            run = made_already(store, config)
            if run is None:
                print(f"Forgetting {', '.join(config.forget)} ...", file=sys.stderr)
                run = store.create(config)
                if not work_on(run, resources):
                    return STOPPED
            runs.append(run)
    else:
        runs = [workspace.run(run_id(workspace, id)) for id in args.ids]
    alphas = args.alpha or [run.info()["best"] or 0.0 for run in runs]
    config = soup_config(runs, alphas)
    config.splits(resources.dataset(**images_of(config)))
    titled = read_annotations({"title": args.name}, config.title)
    started = store.create(config)
    started.update(**titled)
    if not work_on(started, resources):
        return STOPPED
    show_result(args, started, alpha=0.0)
    return 0
