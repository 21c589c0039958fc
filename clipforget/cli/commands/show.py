"""`show`: the figures of one run, or of several in one Markdown table."""

from __future__ import annotations

import argparse

from clipforget.cli import report
from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_json, add_runs, run_id, workspace_of
from clipforget.cli.terminal import emit, progress
from clipforget.errors import BadQuery
from clipforget.tabular import ordinal


def add_options(parser: Parser) -> None:
    """Add the runs, the alpha and the form of the answer."""
    parser.add_argument("ids", nargs="+", metavar="ID", help="a run, as `runs` lists them, or `last`")
    parser.add_argument("--alpha", type=float, metavar="A", help="share of the original (default: the suggested alpha)")
    parser.add_argument("--markdown", action="store_true", help="print Markdown; of several runs one table, a row each")
    add_runs(parser)
    add_json(parser)


@command("show", add_options, order=4)
def show(args: argparse.Namespace) -> None:
    """Show the figures of a run at an alpha."""
    from clipforget.workspace.figures import run_figures

    workspace = workspace_of(args)
    views = [workspace.view(run_id(workspace, id)) for id in args.ids]
    view, finished = views[0], [view for view in views if view["state"] == "done"]
    if len(views) > 1:
        for other in views:
            if other["state"] != "done":
                raise BadQuery(f"The run {other['id']} is {other['state']}; only finished runs can be compared.")
        if not args.markdown:
            raise BadQuery("Several runs are shown with --markdown only.")
        print(report.comparison(finished, args.alpha))
    elif view["state"] != "done":
        position = view.get("position")
        error = view["error"] or (f"it is {ordinal(position)} in line" if position else "it has no figures")
        if view["state"] == "running":
            error = progress(workspace.events(view["id"])["events"]) or error
        emit(args.json, view, f"The run {view['id']} is {view['state']}: {error}\nTo repeat it: {view['command']}")
    elif args.markdown:
        print(report.as_markdown(view, args.alpha))
    else:
        audits = workspace.finished_run(view["id"]).audits()
        text = f"{report.text(view, args.alpha)}{report.audits_text(audits)}\n\nTo repeat it: {view['command']}"
        emit(args.json, {**run_figures(view, args.alpha), "audits": audits["audits"]}, text)
