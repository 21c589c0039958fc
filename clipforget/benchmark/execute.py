"""Work through the cells of a comparison, one run after the other, in this process.

    with stoppable():
        for record in run_cells(comparison):
            ...

Finished cells are not run again, a failed one does not end the rest, and stopping keeps what there is: calling
`run_cells` again goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.store import CellInfo, ComparisonFolder, FinishedRuns
from clipforget.errors import ClipforgetError
from clipforget.generators import relay
from clipforget.runs.config import RunConfig, images_of
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


def run_cells(comparison: ComparisonFolder) -> Records:
    """Run every cell that has no finished run yet, and set the comparison's state, which ends normally.

    Closing the generator or a KeyboardInterrupt ends it in state stopped. It is done as soon as one cell is, with the
    first sentence of those that failed as its error; failed where all did. A bug in a cell leaves its traceback on
    stderr and the cell failed; one anywhere else is raised. Raises RunProblem where another worker is at work on it.
    """
    with comparison.worker_lock():
        try:
            comparison.reserve()
            comparison.update(state="running", pid=os.getpid(), error=None)
            yield from _cells(comparison, comparison.plan, Resources(comparison.runs))
            comparison.update(**_outcome(comparison.info()["cells"]))
        except (GeneratorExit, KeyboardInterrupt) as stopped:
            comparison.free_reserve()
            comparison.update(state="stopped")
            if isinstance(stopped, GeneratorExit):
                raise
        except ClipforgetError as error:
            comparison.free_reserve()
            comparison.update(state="failed", error=str(error))
        except Exception as error:
            comparison.update(state="failed", error=f"A bug: {type(error).__name__} (see the log of the comparison).")
            raise


def _cells(comparison: ComparisonFolder, plan: ComparisonPlan, resources: Resources) -> Records:
    finished = FinishedRuns(comparison.store)
    resources.clip(plan.model, plan.device)  # what is wrong with the model is said once, not by every cell
    for index, cell in enumerate(plan.cells()):
        config = plan.config(cell).checked()
        run = _finished_run(finished, config, resources)
        if run is not None:
            info = run.info()
            comparison.set_cell(index, state="done", run=run.id, seconds=info["seconds"], error=None)
            yield from _audit(comparison, index, run, plan.audits, resources)
            yield CellProgress(index, "done", reused=True)
            continue
        run = comparison.store.create(config)
        run.update(comparison=comparison.id)
        run.owner = comparison.owner
        comparison.set_cell(index, state="running", run=run.id, seconds=None, error=None)
        try:
            yield from _run_cell(comparison, index, run, resources)
        except Exception:  # a bug of one method must not cost the night: its run has the sentence, stderr the rest
            if run.info()["state"] != "failed":
                raise
        state = run.info()["state"]
        if state == "stopped":
            raise KeyboardInterrupt
        if state == "done":
            finished.add(run)
            yield from _audit(comparison, index, run, plan.audits, resources)
        yield CellProgress(index, state)


def _finished_run(finished: FinishedRuns, config: RunConfig, resources: Resources) -> Run | None:
    """The finished run that serves as a cell; the data set is read only where there may be one."""
    if not finished.candidates(config):
        return None
    dataset = resources.dataset(**images_of(config))
    original = resources.clip(config.model, config.device).fingerprint()
    return finished.find(config, {"original": original, **dataset.fingerprints})


def _run_cell(comparison: ComparisonFolder, index: int, run: Run, resources: Resources) -> Records:
    events = execute(run, resources)
    try:
        for event in events:
            yield CellProgress(index, "running", event=event)
    finally:
        events.close()
        info = run.info()
        state = info["state"] if info["state"] in ("done", "failed") else "stopped"
        comparison.set_cell(index, state=state, seconds=info["seconds"], error=info["error"])


def _audit(comparison: ComparisonFolder, index: int, run: Run, names: Sequence[str], resources: Resources) -> Records:
    """Audit the run of a cell as far as it is not; what is wrong becomes the cell's error, the run stays done."""
    if not names:
        return
    from clipforget.runs.audit import audit_run

    try:
        yield from relay(audit_run(run, names, resources), lambda event: CellProgress(index, "running", event=event))
    except ClipforgetError as error:
        comparison.set_cell(index, error=str(error))


def _outcome(cells: list[CellInfo]) -> dict[str, str | None]:
    """State and error of a comparison whose cells have all been tried."""
    failed = [cell for cell in cells if cell["state"] == "failed"]
    if not failed:
        return {"state": "done", "error": None}
    message = f"{len(failed)} of {len(cells)} runs failed; the first: {failed[0]['error']}"
    return {"state": "failed" if len(failed) == len(cells) else "done", "error": message}
