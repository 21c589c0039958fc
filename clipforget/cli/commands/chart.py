"""`chart`: a chart of the page as a file of its own."""

from __future__ import annotations

import argparse
import html
import json
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_json, add_runs, comparison_id, run_id, workspace_of
from clipforget.cli.terminal import emit
from clipforget.cli.writing import write_page
from clipforget.errors import BadQuery
from clipforget.tabular import table

if TYPE_CHECKING:
    from clipforget.benchmark.documents import ComparisonSummary
    from clipforget.workspace.documents import AuditsPage, RunView


def add_options(parser: Parser) -> None:
    """Add the chart, the run or comparison that it draws, and the file."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="draw this chart; without it: the list")
    parser.add_argument("id", nargs="?", default="last", metavar="ID", help="a run or a comparison (default: last)")
    parser.add_argument("--target", metavar="TARGET", help="of a comparison (default: the mean over all)")
    parser.add_argument("-o", "--out", metavar="FILE", help="the file to write (default: NAME-ID.html)")
    add_json(parser, "print the list, or plotly's figure, as JSON")
    add_runs(parser)


@command("chart", add_options, order=5.5)
def chart(args: argparse.Namespace) -> None:
    """List the charts, or write one of a run or a comparison as an HTML file."""
    from clipforget.web.charts import CHARTS, listing, to_plain

    if args.name is None:
        charts = listing()
        rows = [[entry["name"], entry["of"], entry["title"]] for entry in charts]
        emit(args.json, {"charts": charts}, table(("chart", "of a", "title"), rows))
        return
    entry = CHARTS.load()[args.name]
    id, content = _content(args, entry.of)
    figure = entry.draw(content)
    if args.json:
        text = json.dumps(to_plain(figure), ensure_ascii=False)
    else:
        page = figure.to_html(include_plotlyjs=True)  # no request to anywhere, when it is opened
        text = page.replace("<head>", f"<head><title>{html.escape(entry.title)}: {id}</title>", 1)
    if args.json and args.out is None:
        print(text)
        return
    write_page(Path(args.out or f"{entry.name}-{id}.html"), text)


def _content(args: argparse.Namespace, of: str) -> tuple[str, RunView | AuditsPage | ComparisonSummary]:
    """Return what a chart draws, with its id: the view or the audits of a run, or the summary of a comparison."""
    from clipforget.benchmark.formats import target_key
    from clipforget.benchmark.store import ComparisonStore

    workspace = workspace_of(args)
    if of == "comparison":
        id = comparison_id(ComparisonStore(Path(args.runs)).ids(), args.id)
        summary = workspace.comparisons.summary(id)
        if args.target is not None:
            summary["target"] = target_key(summary, args.target)
        return id, summary
    if args.target is not None:
        raise BadQuery(f"--target belongs to charts of a comparison; {args.name} draws a run.")
    id = run_id(workspace, args.id)
    return id, workspace.audits(id) if of == "audits" else workspace.finished_run(id).view()
