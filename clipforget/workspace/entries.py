"""What the list of runs and a run's page show of runs that did not end well."""

from __future__ import annotations

from typing import Any

from clipforget.errors import RunProblem
from clipforget.files import read_regular
from clipforget.runs.store import Run
from clipforget.workspace.documents import RunEntry


def damaged_entry(run: Run, problem: RunProblem) -> dict[str, Any]:
    """Return the entry of a run whose run.json cannot be read: its id, and why."""
    config = {"model": "", "data": "", "forget": [], "retain": [], "method": "", "settings": {}}
    fields = {"id": run.id, "title": run.id, "created": "", "state": "damaged", "starred": False, "sample": False}
    return dict.fromkeys(RunEntry.__annotations__) | fields | {"device": "", "config": config, "error": str(problem)}


def log_tail(run: Run, lines: int = 12) -> str:
    """Return the last lines of the worker's log, for a run that failed or was lost."""
    try:
        return "\n".join(read_regular(run.path("worker.log")).decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
