"""The command `compare`: options to a plan, its cells with progress on stderr, the table on stdout."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from clipforget.benchmark import formats
from clipforget.benchmark.plan import JOIN, SHARED, ComparisonPlan, target_of
from clipforget.benchmark.rows import check_preset, rows_of
from clipforget.cli.terminal import CELLS, clock, emit
from clipforget.errors import BadQuery, BadSetting, ClipforgetError
from clipforget.tabular import table

if TYPE_CHECKING:
    from clipforget.benchmark.execute import CellProgress
    from clipforget.benchmark.store import ComparisonFolder
    from clipforget.workspace.workspace import Workspace

STOPPED = 130
SEEDS = 3


def compare(chosen: argparse.Namespace) -> int:
    """List or show comparisons, or work on one in this process: a new one, one to resume, or the page's."""
    from clipforget.benchmark.store import ComparisonStore
    from clipforget.workspace.workspace import Workspace

    workspace, store = Workspace(Path(chosen.runs)), ComparisonStore(Path(chosen.runs))
    if chosen.worker:
        return _serve(store.get(chosen.worker))
    if chosen.list:
        _listed(workspace, chosen.json)
        return 0
    if chosen.show:
        _print(workspace.comparisons.document(_id(store.ids(), chosen.show)), chosen)
        return 0
    if chosen.resume:
        compared = store.get(_id(store.ids(), chosen.resume))
    else:
        plan = planned(chosen)
        formats.check([JOIN.join(target) for target in plan.targets], chosen.target, chosen.sort)
        compared = workspace.comparisons.create(plan)
    status = finish(compared, chosen.runs)
    if not status:
        _print(workspace.comparisons.document(compared.id), chosen)
    return status


def planned(chosen: argparse.Namespace) -> ComparisonPlan:
    """The plan that a command line asks for, checked. Raises UnknownName or BadSetting."""
    words = [*chosen.method, *chosen.methods]
    if chosen.seed and (chosen.seeds is not None or chosen.seed_start is not None):
        raise BadSetting("Name either single seeds with --seed, or how many with --seeds and --seed-start.")
    count = SEEDS if chosen.seeds is None else chosen.seeds
    if not 1 <= count <= 1000:
        raise BadSetting(f"--seeds is how many, a whole number from 1 to 1000; it is {count}.")
    first = chosen.seed_start or 0
    values = {name: getattr(chosen, name) for name in SHARED}
    values |= {"seeds": chosen.seed or list(range(first, first + count)), "title": chosen.title}
    values |= {"targets": [target_of(text) for text in chosen.forget], "rows": []}
    plan = ComparisonPlan.read(values)
    check_preset(chosen.preset, plan.model, Path(chosen.runs))
    rows = rows_of(words, chosen.preset, plan.model, Path(chosen.runs))
    return ComparisonPlan(**{**vars(plan), "rows": rows}).checked()


def _serve(compared: ComparisonFolder) -> int:
    from clipforget.benchmark.execute import run_cells
    from clipforget.runs.execute import stoppable

    with stoppable():
        for _ in run_cells(compared):
            pass
    return 0


def finish(compared: ComparisonFolder, runs: str) -> int:
    """Work on the cells that are not done, with progress on stderr; 0, or 130 where it was stopped.

    Raises ClipforgetError where every cell failed.
    """
    from clipforget.benchmark.execute import run_cells
    from clipforget.runs.execute import stoppable

    board, records = Board(compared), run_cells(compared)
    with stoppable():
        try:
            for record in records:
                board.show(record)
        finally:
            records.close()
            board.close()
    info = compared.info()
    done = sum(cell["state"] == "done" for cell in info["cells"])
    if info["state"] == "stopped":
        words = ["python", "-m", "clipforget", "compare", "--resume", compared.id]
        words += ["--runs", runs] if runs != "runs" else []
        print(f"Stopped; {done} of {len(info['cells'])} runs are done and kept. To go on: {shlex.join(words)}",
              file=sys.stderr)  # fmt: skip
        return STOPPED
    if info["state"] == "failed":
        raise ClipforgetError(info["error"])
    if info["error"]:
        print(info["error"], file=sys.stderr)
    return 0


def _print(document: dict[str, Any], chosen: argparse.Namespace) -> None:
    target = None if chosen.target is None else formats.target_key(document, chosen.target)
    if chosen.csv:
        print(formats.as_csv(document, chosen.sort), end="")
    elif chosen.latex:
        print(formats.latex(document, target, chosen.sort), end="")
    elif chosen.markdown:
        print(formats.markdown(document, target, chosen.sort), end="")
    else:
        more = [] if target is not None or len(document["targets"]) == 1 else ["One target alone: --target TARGET."]
        state = "" if document["state"] == "done" else f"It is {document['state']}."
        ends = [*more, state, f"Comparison {document['id']}. To repeat it: {document['command']}"]
        emit(chosen.json, document, "\n".join([formats.text(document, target, chosen.sort), *filter(None, ends)]))


def _listed(workspace: Workspace, as_json: bool) -> None:
    found = workspace.comparisons.list()
    rows = [[one["id"], one["state"], f"{one['done']}/{one['total']}", one["title"]] for one in found]
    nothing = "No comparisons yet. Start one: python -m clipforget compare --method targeted --forget airplane/biplane"
    text = table(("comparison", "state", "done", "title"), rows, numbers=(2,)) if rows else nothing
    emit(as_json, {"comparisons": found}, text)


def _id(known: list[str], id: str) -> str:
    if id != "last":
        return id
    if not known:
        raise BadQuery("There is no comparison yet; see python -m clipforget compare --help.")
    return known[0]


class Board:
    """Progress on stderr: a line for each finished cell and, on a terminal, a bar with the time left below them."""

    def __init__(self, compared: ComparisonFolder, stream: TextIO | None = None) -> None:
        self.compared, self.stream = compared, sys.stderr if stream is None else stream
        self.live, self._drawn = self.stream.isatty(), 0
        self.info = compared.info()

    def show(self, record: CellProgress) -> None:
        """Draw one record."""
        if record.state == "running":
            if self.info["cells"][record.cell]["state"] != "running":
                self.info = self.compared.info()
            if self.live and record.event is not None and record.event["kind"] == "step":
                self._draw(self._bar(record))
            return
        self.info = self.compared.info()
        self.close()
        self.stream.write(self._line(record) + "\n")
        self.stream.flush()

    def close(self) -> None:
        """Take the bar away."""
        if self._drawn:
            self._draw("")
            self.stream.write("\r")
            self._drawn = 0

    def _line(self, record: CellProgress) -> str:
        cell = self.info["cells"][record.cell]
        total = len(self.info["cells"])
        if cell["error"]:
            told = f"failed: {cell['error']}"
        elif record.reused:
            told = "done before"
        else:
            told = f"{record.state} in {clock(cell['seconds'])}"
        return f"{self._done():>{len(str(total))}}/{total}  {self._name(cell)}  {told}{self._left()}"

    def _left(self, event: dict[str, Any] | None = None) -> str:
        from clipforget.benchmark.summary import seconds_left

        left = seconds_left(self.info["cells"], event)
        return f"  {clock(left)} left" if left else ""

    def _bar(self, record: CellProgress) -> str:
        cell, event = self.info["cells"][record.cell], record.event or {}
        total = len(self.info["cells"])
        full = round(self._done() / total * CELLS)
        step = f"{event['stage']} {event['step']}/{event['total']}"
        bar = "█" * full + "░" * (CELLS - full)
        return f"{bar} {self._done()}/{total}  {self._name(cell)}  {step:<18}{self._left(event)}"[:160]

    def _name(self, cell: dict[str, Any]) -> str:
        target = JOIN.join(self.info["targets"][cell["target"]])
        return f"{self.info['rows'][cell['row']]['label']}, {target}, seed {cell['seed']}"

    def _done(self) -> int:
        return sum(cell["state"] == "done" for cell in self.info["cells"])

    def _draw(self, text: str) -> None:
        self.stream.write(f"\r{text:<{self._drawn}}")
        self.stream.flush()
        self._drawn = len(text)
