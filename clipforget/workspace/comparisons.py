"""What one running app may ask of comparisons; see clipforget.workspace.workspace."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from clipforget.benchmark import formats
from clipforget.benchmark.documents import ComparisonSummary
from clipforget.benchmark.formats import MEDIA
from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import with_preset_settings
from clipforget.benchmark.run_summary import RunSummary, run_summary
from clipforget.benchmark.store import ComparisonFolder, ComparisonStore
from clipforget.benchmark.summary import summarize
from clipforget.data.dataset import Dataset
from clipforget.errors import ClipforgetError, RunProblem, UnknownName
from clipforget.runs.audited import AUDITS_FILE
from clipforget.runs.cache import Cache
from clipforget.runs.config import RunConfig, images_of
from clipforget.runs.originals import lineage
from clipforget.runs.resources import Resources
from clipforget.runs.selections import SelectionStore
from clipforget.runs.store import Run
from clipforget.workspace.documents import ListedComparison
from clipforget.workspace.report import comparison_report
from clipforget.workspace.workers import Workers

WRITERS: dict[str, Callable[[ComparisonSummary], str]] = {  # of the files of MEDIA
    "table.json": lambda summary: json.dumps(summary, indent=1, ensure_ascii=False) + "\n",
    "table.csv": formats.as_csv,
    "table.tex": formats.latex,
    "table.md": formats.markdown,
    "report.html": comparison_report,
}


class ComparisonService:
    """The comparisons of a runs folder. dataset_of gives a data set as `resources` does, within bounds."""

    def __init__(self, runs: Path, dataset_of: Callable[..., Dataset], workers: Workers, resources: Resources) -> None:
        self.store, self._dataset_of, self._workers = ComparisonStore(runs), dataset_of, workers
        self._resources = resources
        self._run_summaries: Cache[RunSummary] = Cache(4000)

    def list(self) -> list[ListedComparison]:
        """Return all comparisons, newest first, with how many of their runs are done; damaged ones with the reason."""
        positions = self._workers.queue.positions()
        return [
            {
                "id": folder.id,
                "title": folder.id,
                "created": "",
                "state": "damaged",
                "done": 0,
                "total": 0,
                "error": str(info),
            }
            if isinstance(info, RunProblem)
            else {
                "id": info["id"],
                "title": info["title"],
                "created": info["created"],
                "state": info["state"],
                "done": sum(cell["state"] == "done" for cell in info["cells"]),
                "total": len(info["cells"]),
                "position": positions.get(info["id"]),
            }
            for folder, info in self.store.listed()
        ]

    def summary(self, id: str) -> ComparisonSummary:
        """Return all that is known of a comparison. Raises UnknownName."""
        summary = summarize(self.store.get(id), self._run_summary)
        summary["position"] = self._workers.queue.positions().get(id)
        return summary

    def create(self, plan: ComparisonPlan) -> ComparisonFolder:
        """Return a comparison of this plan: the one there is, to be continued, or a new one.

        Raises what can be told without the model: an unknown method, setting, target or data set, too few images.
        """
        from clipforget.data.splits import select

        rows = tuple(with_preset_settings(row, plan.model, self.store.runs) for row in plan.rows)
        selections = SelectionStore(self.store.runs).pin(plan.selections)
        plan = replace(plan, rows=rows, selections=selections).checked()
        lineage(plan.model, self.store.runs)
        dataset = self._dataset_of(**images_of(plan))
        for target in plan.targets:
            select(dataset, target, plan.retain, plan.gallery, plan.eval_images)
        return self.store.same(plan) or self.store.create(plan)

    def with_picked_targets(self, plan: ComparisonPlan) -> ComparisonPlan:
        """Return a plan with the targets that its rule picks: the model has to find them. Raises as `pick`."""
        from clipforget.benchmark.targets import PICKED_BY, pick

        config = RunConfig.read({name: getattr(plan, name) for name in PICKED_BY})
        config = replace(config, selections=SelectionStore(self.store.runs).pin(config.selections))
        return replace(plan, targets=tuple((target,) for target in pick(plan.choice, config, self._resources)))

    def start(self, plan: ComparisonPlan) -> str:
        """Create a comparison, or continue the same one, in a worker of its own; returns the id.

        Raises as create, and QueueFull, after which nothing is left behind.
        """
        known = self.store.ids()
        comparison = self.create(plan)
        try:
            if not comparison.alive():
                self._workers.start(comparison)
        except ClipforgetError:  # no place in line, or no room for it
            if comparison.id not in known:
                self.store.delete(comparison.id)
            raise
        return comparison.id

    def resume(self, id: str) -> None:
        """Continue a comparison in a worker of its own. Raises UnknownName, and what `create` can raise."""
        self.start(self.store.get(id).plan)

    def stop(self, id: str) -> None:
        """Ask the worker to stop; it keeps what it has. Returns at once. Raises RunProblem where nothing is at work."""
        self._workers.stop(self.store.get(id))

    def delete(self, id: str) -> None:
        """Remove a comparison; its runs stay. Raises UnknownName, or RunProblem while it is at work."""
        state = "damaged"
        with suppress(RunProblem):
            state = self.store.get(id).info()["state"]
        if state in ("queued", "running"):  # its worker may not yet hold it
            raise RunProblem(f"The comparison {id} is still at work; stop it first.")
        self.store.delete(id)

    def export(self, id: str, name: str) -> tuple[bytes, str, str]:
        """Return a file of MEDIA: (bytes, media type, name to save it under). Raises UnknownName."""
        if name not in MEDIA:
            raise UnknownName("export", name[:80], MEDIA)
        return WRITERS[name](self.summary(id)).encode(), MEDIA[name], f"{id}-{name}"

    def _run_summary(self, run: Run) -> RunSummary:
        audits = run.path(AUDITS_FILE)
        key = (run.id, audits.stat().st_mtime_ns if audits.exists() else 0)
        return self._run_summaries.get(key, lambda: run_summary(run))
