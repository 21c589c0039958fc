"""Works through the cells of a comparison, one run after the other, in this process.

    with stoppable():
        for record in work(compared):
            ...

Finished cells are not run again, a failed one does not end the rest, and stopping keeps what there is: calling `work`
again goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass

from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.store import CellInfo, ComparisonFolder, Finished
from clipforget.errors import ClipforgetError
from clipforget.runs.config import RunConfig
from clipforget.runs.documents import Event
from clipforget.runs.execute import execute
from clipforget.runs.resources import Resources
from clipforget.runs.store import Run


@dataclass(frozen=True)
class CellProgress:
    """One record of progress: the cell it is about (an index), its state, and the event of its run if there is one."""

    cell: int
    state: str
    reused: bool = False
    event: Event | None = None


Records = Generator[CellProgress, None, None]


def run_cells(compared: ComparisonFolder) -> Records:
    """Run every cell that has no finished run yet, and set the comparison's state, which ends normally.

    Closing the generator or a KeyboardInterrupt ends it in state stopped. It is done as soon as one cell is, with the
    first sentence of those that failed as its error; failed where all did. A bug in a cell leaves its traceback on
    stderr and the cell failed; one anywhere else is raised. Raises RunProblem where another worker is at it.
    """
    with compared.worker_lock():
        compared.update(state="running", pid=os.getpid(), error=None)
        try:
            yield from _cells(compared, compared.plan, Resources())
            compared.update(**_outcome(compared.info()["cells"]))
        except (GeneratorExit, KeyboardInterrupt) as stopped:
            compared.update(state="stopped")
            if isinstance(stopped, GeneratorExit):
                raise
        except ClipforgetError as error:
            compared.update(state="failed", error=str(error))
        except Exception as error:
            compared.update(state="failed", error=f"A bug: {type(error).__name__} (see the log of the comparison).")
            raise


def _cells(compared: ComparisonFolder, plan: ComparisonPlan, loaded: Resources) -> Records:
    finished = Finished(compared.store)
    loaded.clip(plan.model, plan.device)  # what is wrong with the model is said once, not by every cell
    for index, cell in enumerate(plan.cells()):
        config = plan.config(cell).checked()
        run = _known(finished, config, loaded)
        if run is not None:
            info = run.info()
            compared.set_cell(index, state="done", run=run.id, seconds=info["seconds"], error=None)
            yield CellProgress(index, "done", reused=True)
            continue
        run = compared.store.create(config)
        run.update(comparison=compared.id)
        compared.set_cell(index, state="running", run=run.id, seconds=None, error=None)
        try:
            yield from _one(compared, index, run, loaded)
        except Exception:  # a bug of one method must not cost the night: its run has the sentence, stderr the rest
            if run.info()["state"] != "failed":
                raise
        state = run.info()["state"]
        if state == "stopped":
            raise KeyboardInterrupt
        if state == "done":
            finished.add(run)
        yield CellProgress(index, state)


def _known(finished: Finished, config: RunConfig, loaded: Resources) -> Run | None:
    """The finished run that serves as a cell; the data set is read only where there may be one."""
    if not finished.candidates(config):
        return None
    marks = loaded.clip(config.model, config.device).fingerprint(), loaded.dataset(config.data).fingerprint
    return finished.find(config, *marks)


def _one(compared: ComparisonFolder, index: int, run: Run, loaded: Resources) -> Records:
    events = execute(run, loaded)
    try:
        for event in events:
            yield CellProgress(index, "running", event=event)
    finally:
        events.close()
        info = run.info()
        state = info["state"] if info["state"] in ("done", "failed") else "stopped"
        compared.set_cell(index, state=state, seconds=info["seconds"], error=info["error"])


def _outcome(cells: list[CellInfo]) -> dict[str, str | None]:
    """State and error of a comparison whose cells have all been tried."""
    failed = [cell for cell in cells if cell["state"] == "failed"]
    if not failed:
        return {"state": "done", "error": None}
    said = f"{len(failed)} of {len(cells)} runs failed; the first: {failed[0]['error']}"
    return {"state": "failed" if len(failed) == len(cells) else "done", "error": said}
