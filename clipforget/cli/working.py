"""Runs that a command works on in this process, with a bar on stderr, and what is said when one is done."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from clipforget.cli import report
from clipforget.cli.options import workspace_of
from clipforget.cli.terminal import PROG, Bar, clock, emit
from clipforget.errors import ClipforgetError
from clipforget.runs.store import Run

if TYPE_CHECKING:
    from clipforget.runs.resources import Resources

PAGE = "http://127.0.0.1:7860"


def work_on(started: Run, resources: Resources) -> bool:
    """Work on a new run; False where it was stopped.

    Raises ClipforgetError with what went wrong, after which a run that did nothing yet is gone.
    """
    from clipforget.runs.execute import execute, stoppable

    bar, events = Bar(), execute(started, resources)
    with stoppable(), bar.ticking():
        try:
            for event in events:
                if event.get("state") != "failed":  # what went wrong is said once, in the end
                    bar.show(event)
        finally:
            events.close()
            bar.close()
    info = started.info()
    if info["state"] == "failed":
        if all(event.get("stage", "load") in ("wait", "fetch", "load") for event in started.events()):
            started.store.delete(started.id)  # nothing was done: bad input leaves no trace
        raise ClipforgetError(info["error"])
    return info["state"] == "done"


def show_result(args: argparse.Namespace, run: Run, alpha: float | None = None) -> None:
    """Print the figures of a finished run, at the suggested alpha where none is given, and how to see it."""
    from clipforget.workspace.figures import run_figures

    view = workspace_of(args).finished_run(run.id).view()
    see = f"{PROG} {shlex.join(['app', *(['--runs', args.runs] if args.runs != 'runs' else [])])}"
    end = f"Run {run.id}, {clock(view['seconds'])} minutes. To see it: {see}, then {PAGE}/?run={run.id}"
    emit(args.json, run_figures(view, alpha), f"{report.text(view, alpha)}\n\n{end}")
