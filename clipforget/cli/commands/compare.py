"""`compare`: options to a plan, its cells with progress on stderr, the table on stdout."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from clipforget.cli import report
from clipforget.cli.commands import command
from clipforget.cli.options import (
    STOPPED,
    Parser,
    add_evaluation,
    add_fields,
    add_json,
    add_runs,
    add_selections,
    check_seed_count,
    comparison_id,
    names,
    selections_of,
    workspace_of,
)  # fmt: skip
from clipforget.cli.terminal import PROG, Bar, clock, emit
from clipforget.errors import BadQuery, BadSetting, ClipforgetError
from clipforget.tabular import table

if TYPE_CHECKING:
    from clipforget.benchmark.documents import ComparisonSummary
    from clipforget.benchmark.execute import CellProgress
    from clipforget.benchmark.plan import ComparisonPlan
    from clipforget.benchmark.store import CellInfo, ComparisonFolder
    from clipforget.runs.documents import StepEvent
    from clipforget.workspace.workspace import Workspace

ABOUT = """Run several methods on several targets and seeds, one run after the other, and put them on one table.

  compare --method targeted --method gradient_ascent --forget airplane/biplane --forget "dog/pug + dog/corgi"
  compare --methods all --preset tuned --forget airplane/biplane --seeds 3
  compare --method targeted:paper --method "no average=targeted,ema_decay=0" --forget airplane/biplane
  compare --methods all --targets reported:10 --data photos.tar --model photo-clip
  compare --methods anchored,leace --forget airplane/biplane --audits cheap
  compare --show last --target airplane/biplane --sort tier --latex

Every method is read where it has forgotten equally much, at 10 % forget accuracy and at chance; further columns hold
its own suggested alpha. Each cell is an ordinary run. Finished ones are not run again: type the same command once more,
or --resume, to go on."""


def add_options(parser: Parser) -> None:
    """Add rows, targets and seeds, or which comparison to show, and the form of the table."""
    from clipforget.benchmark.formats import LEAD, SORTS
    from clipforget.benchmark.plan import ComparisonPlan

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = ABOUT
    add = parser.add_argument
    add("--method", metavar="ROW", action="append", default=[], help="[LABEL=]METHOD[:PRESET][,SETTING=VALUE]...")
    about = "a row each for these methods, or for every one there is"
    add("--methods", metavar="A,B|all", type=names, default=[], help=about)
    add("--forget", metavar="TARGET", action="append", default=[], help='a target; "A + B" forgets both in one run')
    add("--targets", metavar="KIND[:N]", help="let a rule pick them: development:N or reported:N (all without N)")
    add("--retain", metavar="TARGET", action="append", default=[], help="what every run is to keep in view")
    add("--seeds", type=int, metavar="N", help=f"how many seeds (default: {len(ComparisonPlan.seeds)})")
    add("--seed-start", type=int, metavar="N", help="the first of them (default: 0)")
    add("--seed", type=int, metavar="N", action="append", default=[], help="exactly this seed (may be repeated)")
    add("--preset", metavar="NAME", default="default", help="preset of rows that name none: tuned, paper or default")
    add_fields(parser, "model", "data", "others", "levels", "goal", "tolerance", "device", "gallery", "nodes")
    add_selections(parser)
    add_evaluation(parser)
    about = "audit every run as well, and add the average gap to a model that never saw the target"
    add("--audits", metavar="A,B|cheap|all", type=names, action="extend", default=[], help=about)
    add("--title", default="", help="a name of your own")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list the comparisons there are, newest first")
    what.add_argument("--show", metavar="ID", help="print the table of a comparison, or of the `last`")
    what.add_argument("--resume", metavar="ID", help="go on with a comparison, or with the `last`")
    what.add_argument("--worker", metavar="ID", help=argparse.SUPPRESS)
    add("--target", metavar="TARGET", help="print the table of this target (default: the mean over all)")
    order = f"order of the rows (default: {LEAD}): {', '.join(SORTS)}, or a set such as siblings"
    add("--sort", metavar="KEY", default=LEAD, help=order)
    how = parser.add_mutually_exclusive_group()
    for name, what_for in (("csv", "CSV"), ("latex", "LaTeX"), ("markdown", "Markdown")):
        how.add_argument(f"--{name}", action="store_true", help=f"print {what_for} instead of a table")
    add_json(how)
    about = "with --markdown: write it between <!-- NAME --> and <!-- /NAME --> of a file (default: methods)"
    add("--into", metavar="FILE[#NAME]", help=about)
    add_runs(parser)


@command("compare", add_options, order=2)
def compare(args: argparse.Namespace) -> int:
    """Run several methods on several targets and seeds, and put them on one table.

    It also lists comparisons, shows or resumes one, or with --worker works on the page's.
    """
    from clipforget.benchmark import formats
    from clipforget.benchmark.plan import JOIN
    from clipforget.benchmark.store import ComparisonStore

    workspace, store = workspace_of(args), ComparisonStore(Path(args.runs))
    if args.into and not args.markdown:
        raise BadQuery("--into writes Markdown; add --markdown.")
    if args.worker:
        return _run_cells(store.get(args.worker))
    if args.list:
        _list(workspace, args.json)
        return 0
    if args.show:
        _print(workspace.comparisons.summary(comparison_id(store.ids(), args.show)), args)
        return 0
    if args.resume:
        folder = store.get(comparison_id(store.ids(), args.resume))
    else:
        plan = planned(args)
        formats.check([JOIN.join(target) for target in plan.targets], args.target, args.sort)
        folder = workspace.comparisons.create(plan)
    status = finish(folder, args.runs)
    if not status:
        _print(workspace.comparisons.summary(folder.id), args)
    return status


def planned(args: argparse.Namespace) -> ComparisonPlan:
    """Return the plan that a command line asks for, checked. Raises UnknownName or BadSetting."""
    from clipforget.benchmark.plan import SHARED, ComparisonPlan, read_target
    from clipforget.benchmark.rows import check_preset, read_rows

    if args.seed and (args.seeds is not None or args.seed_start is not None):
        raise BadSetting("Name either single seeds with --seed, or how many with --seeds and --seed-start.")
    count = len(ComparisonPlan.seeds) if args.seeds is None else args.seeds
    check_seed_count(count)
    first = args.seed_start or 0
    values = {name: getattr(args, name) for name in SHARED} | {"selections": selections_of(args)}
    values |= {"seeds": args.seed or list(range(first, first + count)), "title": args.title}
    texts = picked(args) if args.targets else args.forget
    values |= {"targets": [read_target(text) for text in texts], "rows": [], "choice": args.targets or ""}
    values["audits"] = audits_named(args.audits)
    plan = ComparisonPlan.read(values)
    check_preset(args.preset, plan.model, Path(args.runs))
    rows = read_rows([*args.method, *args.methods], args.preset, plan.model, Path(args.runs))
    return replace(plan, rows=rows).checked()


def audits_named(words: Sequence[str]) -> list[str]:
    """Return audits by name; cheap stands for those that take seconds, all for every one."""
    from clipforget.audits import AUDITS

    groups = {"all": list(AUDITS.load()), "cheap": [name for name, entry in AUDITS.items() if entry.cheap]}
    return [name for word in words for name in groups.get(word, [word])]


def picked(args: argparse.Namespace) -> list[str]:
    """Return the targets that --targets picks of the data set named. Raises as `benchmark.targets.pick`."""
    from clipforget.benchmark.targets import PICKED_BY, pick
    from clipforget.runs.config import RunConfig
    from clipforget.runs.resources import Resources

    if args.forget:
        raise BadQuery("Name targets with --forget, or let --targets pick them, not both.")
    fields = {name: getattr(args, name) for name in PICKED_BY if hasattr(args, name)}
    fields["selections"] = selections_of(args)
    return pick(args.targets, RunConfig.read(fields), Resources(Path(args.runs)))


def _run_cells(folder: ComparisonFolder) -> int:
    from clipforget.benchmark.execute import run_cells
    from clipforget.runs.execute import stoppable

    with stoppable():
        for _ in run_cells(folder):
            pass
    return 0


def finish(folder: ComparisonFolder, runs: str) -> int:
    """Work on the cells that are not done, with progress on stderr; 0, or 130 where it was stopped.

    Raises ClipforgetError where every cell failed.
    """
    from clipforget.benchmark.execute import run_cells
    from clipforget.runs.execute import stoppable

    board, records = Board(folder), run_cells(folder)
    with stoppable():
        try:
            for record in records:
                board.show(record)
        finally:
            records.close()
            board.bar.close()
    info = folder.info()
    done = sum(cell["state"] == "done" for cell in info["cells"])
    if info["state"] == "stopped":
        resume = shlex.join(["compare", "--resume", folder.id, *(["--runs", runs] if runs != "runs" else [])])
        message = f"Stopped; {done} of {len(info['cells'])} runs are done and kept. To go on: {PROG} {resume}"
        print(message, file=sys.stderr)
        return STOPPED
    if info["state"] == "failed":
        raise ClipforgetError(info["error"])
    if info["error"]:
        print(info["error"], file=sys.stderr)
    return 0


def _print(summary: ComparisonSummary, args: argparse.Namespace) -> None:
    from clipforget.benchmark import formats

    target = None if args.target is None else formats.target_key(summary, args.target)
    if args.csv:
        print(formats.as_csv(summary, args.sort), end="")
    elif args.latex:
        print(formats.latex(summary, target, args.sort), end="")
    elif args.into:
        _write_into(args.into, formats.markdown(summary, target, args.sort))
    elif args.markdown:
        print(formats.markdown(summary, target, args.sort), end="")
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        lines = [formats.text(summary, target, args.sort, width)]
        lines += ["One target alone: --target TARGET."] if target is None and len(summary["targets"]) != 1 else []
        lines += [] if summary["state"] == "done" else [f"It is {summary['state']}."]
        lines.append(f"Comparison {summary['id']}. To repeat it: {summary['command']}")
        emit(args.json, summary, "\n".join(lines))


def _write_into(where: str, text: str) -> None:
    from clipforget.benchmark.formats import into
    from clipforget.files import atomic, read_regular

    name, _, mark = where.partition("#")
    path = Path(name)
    try:
        content = into(read_regular(path).decode(), mark or "methods", text)
        with atomic(path) as draft:
            draft.write_text(content, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadQuery(f"Cannot write the table into {path}: {error}.") from error
    print(f"Wrote the table into {path}.")


def _list(workspace: Workspace, as_json: bool) -> None:
    infos = workspace.comparisons.list()
    rows = [[info["id"], report.state(info), f"{info['done']}/{info['total']}", info["title"]] for info in infos]
    hint = f"No comparisons yet. Start one: {PROG} compare --method targeted --forget airplane/biplane"
    text = table(("comparison", "state", "done", "title"), rows, numbers=(2,)) if rows else hint
    problems = [info["error"] for info in infos if "error" in info]
    emit(as_json, {"comparisons": infos}, "\n".join([text, *problems]))


class Board:
    """Progress on stderr: a line for each finished cell and, on a terminal, a bar with the time left below them."""

    def __init__(self, folder: ComparisonFolder, stream: TextIO | None = None) -> None:
        self.folder, self.bar = folder, Bar(stream)
        self.info = folder.info()

    def show(self, record: CellProgress) -> None:
        """Draw one record."""
        if record.state == "running":
            if self.info["cells"][record.cell]["state"] != "running":
                self.info = self.folder.info()
            if record.event is not None and record.event["kind"] == "step":
                self.bar.draw(self._running(record.cell, record.event), self._done(), len(self.info["cells"]))
        else:
            self.info = self.folder.info()
            self.bar.write(self._finished(record))

    def _finished(self, record: CellProgress) -> str:
        cell = self.info["cells"][record.cell]
        if cell["error"]:
            outcome = f"failed: {cell['error']}"
        elif record.reused:
            outcome = "done before"
        else:
            outcome = f"{record.state} in {clock(cell['seconds'])}"
        return f"{self._count()}  {self._name(cell)}  {outcome}{self._left()}"

    def _running(self, index: int, event: StepEvent) -> str:
        step = f"{event['stage']} {event['step']}/{event['total']}"
        return f"{self._count()}{self._left(event)}  {self._name(self.info['cells'][index])}  {step:<18}"

    def _left(self, event: StepEvent | None = None) -> str:
        from clipforget.benchmark.summary import seconds_left

        left = seconds_left(self.info["cells"], event)
        return f"  {clock(left)} left" if left else ""

    def _name(self, cell: CellInfo) -> str:
        from clipforget.benchmark.plan import JOIN

        target = JOIN.join(self.info["targets"][cell["target"]])
        return f"{self.info['rows'][cell['row']]['label']}, {target}, seed {cell['seed']}"

    def _done(self) -> int:
        return sum(cell["state"] == "done" for cell in self.info["cells"])

    def _count(self) -> str:
        total = str(len(self.info["cells"]))
        return f"{self._done():>{len(total)}}/{total}"
