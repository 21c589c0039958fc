"""`reproduce`: the paper's tables, its figures and ours side by side."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.cli.commands import command
from clipforget.cli.commands.compare import finish
from clipforget.cli.options import Parser, add_json, add_runs, check_seed_count, workspace_of
from clipforget.cli.terminal import PROG, Bar, as_started, clock, emit
from clipforget.errors import BadQuery, BadSetting
from clipforget.runs.config import RunConfig
from clipforget.tabular import markdown, table

if TYPE_CHECKING:
    from clipforget.benchmark.paper._measure import ReproducedTable, SeedStat

ABSENT = "not in the public text"
NOTHING_DONE = 2
PREPARE = "prepare"  # in the place of a table


def add_options(parser: Parser) -> None:
    """Add the table, the images to make it on, and how often."""
    from clipforget.benchmark.paper import EXPERIMENTS, MODEL
    from clipforget.benchmark.paper.prepare import SOURCES

    add = parser.add_argument
    parser.usage = f"{PROG} reproduce TABLE [options] | reproduce prepare SET SRC OUT [--evaluation]"
    tables = sorted(EXPERIMENTS.load())
    add("name", metavar="TABLE", choices=[*tables, PREPARE], help=f"{', '.join(tables)}; or prepare")
    about = f"after prepare: one of {', '.join(sorted(SOURCES.load()))}, the folder it lies in, and one to build"
    add("words", nargs="*", metavar="SET SRC OUT", help=about)
    add("--evaluation", action="store_true", help="prepare the test images alone, as an evaluation set OUT/SET/")
    add("--data", metavar="ROOT", help="your images; without it and --sketchbook: what to put where")
    add("--sketchbook", action="store_true", help="the counterpart on the embedded drawings")
    add("--model", metavar="MODEL", help=f"(default: {MODEL}, or with --sketchbook {RunConfig.model})")
    add("--device", metavar="DEVICE", default=RunConfig.device, help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    add("--seeds", type=int, default=1, metavar="N", help="how many seeds (default: 1)")
    add("--preset", metavar="NAME", default="default", help="preset of the rows that name none: tuned, argued, ...")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--markdown", action="store_true", help="print Markdown instead of a table")
    add_json(how)
    add_runs(parser)


@command("reproduce", add_options, order=10)
def reproduce(args: argparse.Namespace) -> int:
    """Repeat a table of the paper, its figures and ours side by side.

    Without images it says what to put where; `prepare` puts it there.
    """
    from clipforget.benchmark.paper import EXPERIMENTS, MODEL
    from clipforget.benchmark.paper._measure import measure
    from clipforget.benchmark.rows import check_preset

    if args.name == PREPARE:
        return _prepare(args)
    if args.words:
        raise BadQuery(f"'{args.words[0]}' is one word too many after {args.name}; see {PROG} reproduce --help.")
    experiment = EXPERIMENTS.load()[args.name]
    if not args.data and not args.sketchbook:
        print(as_started(experiment.instructions()))
        return NOTHING_DONE
    if args.data and args.sketchbook:
        raise BadSetting("Name either your own images with --data or the embedded drawings with --sketchbook.")
    check_seed_count(args.seeds)
    case = experiment.sketchbook if args.sketchbook else experiment.paper
    model = args.model or (RunConfig.model if args.sketchbook else MODEL)
    config = RunConfig(model=model, data=args.data or RunConfig.data, device=args.device)
    workspace = workspace_of(args)
    check_preset(args.preset, model, workspace.store.root)
    experiment.check(case, workspace.dataset(config.data))
    plan = experiment.plan(case, config, range(args.seeds), args.preset, Path(args.runs))
    folder = workspace.comparisons.create(plan)
    status = finish(folder, args.runs)
    if status:
        return status
    measured = measure(experiment, case, folder.info()["cells"], lambda id: workspace.finished_run(id).view())
    result: ReproducedTable = {**measured, "comparison": folder.id, "model": config.model, "data": config.data}
    emit(args.json, result, as_markdown(result) if args.markdown else text(result))
    return 0


def _prepare(args: argparse.Namespace) -> int:
    """Build the folders of one published data set."""
    from clipforget.benchmark.paper.prepare import SOURCES
    from clipforget.benchmark.paper.prepare._write import prepare

    if len(args.words) != 3:
        raise BadQuery(f"Say {PROG} reproduce prepare SET SRC OUT; SET is one of {', '.join(sorted(SOURCES.load()))}.")
    name, src, out = args.words
    bar, start, drawn = Bar(), 0.0, 0.0

    def progress(done: int, total: int) -> None:
        nonlocal start, drawn
        now = time.monotonic()
        start = start or now  # the first image; what went before was reading
        if now - drawn > 0.1:  # seconds; links are made faster than a terminal draws
            left = (now - start) / done * (total - done) if done > 1 else None
            bar.draw(f"{done:,} of {total:,} images  {clock(left)}{' left' if left else ''}", done, total)
            drawn = now

    try:
        bar.draw(f"reading {src}", 0, None)
        result = prepare(name, src, out, args.evaluation, progress)
    except OSError as error:
        raise BadQuery(f"{error.filename or out}: {error.strerror}; put that right and repeat the command.") from error
    finally:
        bar.close()
    where = " and ".join(str(Path(out, folder)) for folder in result.folders)
    already = f"; {result.kept:,} were there already" if result.kept else ""
    emit(args.json, asdict(result), f"{result.images:,} images of {result.classes} classes lie in {where}{already}.")
    return 0


def text(result: ReproducedTable) -> str:
    """Format the table for a terminal, with what to know about it below."""
    header, rows = _cells(result)
    return "\n".join([result["title"], "", table(header, rows, numbers=range(1, len(header))), "", *_notes(result)])


def as_markdown(result: ReproducedTable) -> str:
    """Format the same in Markdown."""
    return "\n".join([markdown(*_cells(result)), "", *_notes(result)])


def _cells(result: ReproducedTable) -> tuple[list[str], list[list[str]]]:
    """Return header and rows: for each column what was measured, and before it the paper's figure if it printed any."""
    printed = {key for line in result["lines"] for key in line["paper"]}
    header = ["", "alpha"]
    for column in result["columns"]:
        header += [f"paper: {column['label']}"] if column["key"] in printed else []
        header.append(column["label"])
    rows = []
    for line in result["lines"]:
        row = [line["label"], _figure(line["alpha"], 2)]
        for column in result["columns"]:
            key = column["key"]
            row += [f"{line['paper'][key]:.1f}" if key in line["paper"] else "-"] if key in printed else []
            row.append(_figure(line["here"].get(key)))
        rows.append(row)
    return header, rows


def _figure(stat: SeedStat | None, digits: int = 1) -> str:
    if stat is None:
        return ""
    spread = f" ±{stat['spread']:.{digits}f}" if stat["spread"] else ""
    return f"{stat['mean']:.{digits}f}{spread}"


def _notes(result: ReproducedTable) -> list[str]:
    printed = any(line["paper"] for line in result["lines"])
    about = f"-: {ABSENT}." if printed else f"The paper's figures: {ABSENT}."
    return [
        f"Accuracies in percent, on {result['data']} with {result['model']}. {about}",
        result["note"],
        f"Behind it: the comparison {result['comparison']}.",
    ]
