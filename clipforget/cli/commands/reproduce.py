"""`reproduce`: the paper's tables, its figures and ours side by side."""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.cli.commands import command
from clipforget.cli.commands.compare import finish
from clipforget.cli.options import (
    EVALUATION,
    Parser,
    add_evaluation,
    add_fields,
    add_json,
    add_runs,
    check_seed_count,
    workspace_of,
)
from clipforget.cli.terminal import PROG, Bar, as_started, clock, emit
from clipforget.errors import BadQuery, BadSetting
from clipforget.runs.config import RunConfig, images_of, without_folders
from clipforget.tabular import markdown, table

if TYPE_CHECKING:
    from clipforget.benchmark.paper import Case, Experiment
    from clipforget.benchmark.paper._measure import ReproducedTable, SeedStat
    from clipforget.data.dataset import Dataset

ORIGINAL = "Original"  # the line of the untouched model
PAPER = "paper"  # the preset of the paper's rates
NOTHING_DONE = 2
PREPARE = "prepare"  # in the place of a table


def add_options(parser: Parser) -> None:
    """Add the table, the images to make it on, and how often."""
    from clipforget.benchmark.paper import EXPERIMENTS
    from clipforget.benchmark.paper.prepare import SOURCES

    add = parser.add_argument
    parser.usage = f"{PROG} reproduce TABLE [options] | reproduce prepare SET SRC OUT [--evaluation]"
    tables = sorted(EXPERIMENTS.load())
    add("name", metavar="TABLE", choices=[*tables, PREPARE], help=f"{', '.join(tables)}; or prepare")
    about = f"after prepare: one of {', '.join(sorted(SOURCES.load()))}, the folder it lies in, and one to build"
    add("words", nargs="*", metavar="SET SRC OUT", help=about)
    add("--evaluation", action="store_true", help="prepare the test images alone, as an evaluation set OUT/SET/")
    add("--data", metavar="ROOT", help="your images; without it and --sketchbook: what to put where")
    add("--sets", metavar="SETS", help="the folder of the prepared evaluation sets, each in a folder of its name")
    add("--sketchbook", action="store_true", help="a stand-in on the embedded drawings, to try the command")
    add("--model", metavar="MODEL", help=f"(default: the paper's, or with --sketchbook {RunConfig.model})")
    add("--seeds", type=int, default=1, metavar="N", help="how many seeds (default: 1)")
    about = "preset of the rows that name none (default: paper, or with --sketchbook the methods' defaults)"
    add("--preset", metavar="NAME", help=about)
    add_fields(parser, "device", "gallery")
    add_evaluation(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--markdown", action="store_true", help="print Markdown instead of a table")
    add_json(how)
    add_runs(parser)


@command("reproduce", add_options, order=10)
def reproduce(args: argparse.Namespace) -> int:
    """Repeat a table of the paper, its figures and ours side by side.

    Without images it says what to put where; `prepare` puts it there.
    """
    from clipforget.benchmark.paper import EXPERIMENTS
    from clipforget.benchmark.paper._measure import measure
    from clipforget.benchmark.rows import DEFAULT, check_preset

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
    model = args.model or (RunConfig.model if args.sketchbook else experiment.models[0])
    preset = args.preset or (DEFAULT if args.sketchbook else PAPER)
    shared = {name: getattr(args, name) for name in ("device", "gallery", *EVALUATION)}
    shared["eval"] = [*args.eval, *_sets(experiment, case, args.sets)]
    config = RunConfig.read({"model": model, "data": args.data or RunConfig.data, **shared})
    workspace = workspace_of(args)
    check_preset(preset, model, workspace.store.root)
    dataset = workspace.dataset(**images_of(config, evaluation=False))
    experiment.check(case, dataset)
    if experiment.finetuned:
        config = replace(config, model=_finetuned(config, dataset, Path(args.runs)))
    plan = experiment.plan(case, config, range(args.seeds), preset, Path(args.runs))
    folder = workspace.comparisons.create(plan)
    status = finish(folder, args.runs)
    if status:
        return status
    cells = folder.info()["cells"]
    measured = measure(experiment, case, model, cells, lambda id: workspace.finished_run(id).view())
    result: ReproducedTable = {**measured, "comparison": folder.id, "model": config.model, "data": config.data}
    emit(args.json, result, as_markdown(result) if args.markdown else text(result))
    return 0


def _sets(experiment: Experiment, case: Case, folder: str | None) -> tuple[str, ...]:
    """The evaluation sets of the table that lie in the folder, as `run --eval` takes them."""
    if folder is None:
        return ()
    if not os.path.isdir(os.path.expanduser(folder)):
        raise BadQuery(f"There is no folder {folder}; give the one with the prepared evaluation sets.")
    names = experiment.sets(case)
    there = tuple(
        f"{name}={Path(folder, name)}" for name in names if os.path.isdir(os.path.expanduser(Path(folder, name)))
    )
    if names and not there:
        raise BadQuery(f"{folder} holds none of the evaluation sets {', '.join(names)}; see {experiment.command}.")
    return there


def _finetuned(config: RunConfig, dataset: Dataset, runs: Path) -> str:
    """Fine-tune the model first, with progress on stderr, and return the folder that it lies in."""
    from clipforget.models.finetune import finetuned

    bar = Bar()
    try:
        progress = partial(_draw, bar, "fine-tuning: {done:,} of {total:,} steps")
        return str(finetuned(config.model, dataset, runs, config.device, progress=progress))
    finally:
        bar.close()


def _draw(bar: Bar, words: str, done: int, total: int) -> None:
    bar.draw(words.format(done=done, total=total), done, total)


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
    return "\n".join([result["title"], "", table(header, rows, numbers=range(3, len(header))), "", *_notes(result)])


def as_markdown(result: ReproducedTable) -> str:
    """Format the same in Markdown."""
    return "\n".join([markdown(*_cells(result)), "", *_notes(result)])


def _cells(result: ReproducedTable) -> tuple[list[str], list[list[str]]]:
    """Return header and rows: of each line the paper's figures, where there are any, and those measured below them."""
    header = ["forgotten", "method", "whose", "alpha", *(column["label"] for column in result["columns"])]
    scored = result["ratios"]
    header += ["Score"] if scored else []
    keys, rows = [column["key"] for column in result["columns"]], []
    for line in result["lines"]:
        paper, here = line["paper"], line["here"]
        if paper:
            cells = [_printed(paper["values"].get(key), paper["ratios"].get(key)) for key in keys]
            cells += [_number(paper["score"])] if scored else []
            rows.append([line["target"], line["label"], "paper", "", *cells])
        stats = here["values"] if here else {}
        ratios = here["ratios"] if here and scored and line["label"] != ORIGINAL else {}
        cells = [_measured(stats.get(key), ratios.get(key)) for key in keys]
        cells += [_measured(here["score"] if here else None)] if scored else []
        names = ["", ""] if paper else [line["target"], line["label"]]
        rows.append([*names, "here", _measured(here["alpha"], digits=2) if here else "", *cells])
    return header, rows


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _printed(value: float | None, ratio: float | None) -> str:
    return _number(value) + ("" if ratio is None else f" ({ratio:.1f})")


def _measured(stat: SeedStat | None, ratio: SeedStat | None = None, digits: int = 1) -> str:
    if stat is None:
        return "-"
    spread = f" ±{stat['spread']:.{digits}f}" if stat["spread"] else ""
    share = "" if ratio is None else f" ({ratio['mean']:.1f})"
    return f"{stat['mean']:.{digits}f}{spread}{share}"


def _notes(result: ReproducedTable) -> list[str]:
    ratios = ", in brackets the ratio to Original" if result["ratios"] else ""
    data, model = map(without_folders, (result["data"], result["model"]))
    return [
        f"Accuracies in percent{ratios}; here: {data} with {model}.",
        result["note"],
        *result["warnings"],
        f"Behind it: the comparison {result['comparison']}.",
    ]
