"""A workspace for strangers: listed models and images only, bounds, and everybody's own runs alone to stop or delete.

Who asks is in VISITOR while a request is answered; "" is nobody in particular, who owns nothing.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, cast

from clipforget.benchmark.documents import ComparisonSummary
from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.store import ComparisonFolder
from clipforget.data.catalogue import DATASETS
from clipforget.data.dataset import Dataset
from clipforget.errors import BadSetting, ClipforgetError, QueueFull, RunProblem, UnknownName
from clipforget.models.listing import RUN, embedded_models, read_run_name
from clipforget.runs.audit_work import AuditWork, AuditWorks
from clipforget.runs.config import RunConfig
from clipforget.runs.documents import RunInfo
from clipforget.runs.originals import lineage
from clipforget.runs.store import Run
from clipforget.workspace.comparisons import ComparisonService
from clipforget.workspace.documents import FinishedView, ListedComparison, RunEntry, RunEvents, UnfinishedView
from clipforget.workspace.export import archive
from clipforget.workspace.setup_documents import RunEstimate, SetupDescription
from clipforget.workspace.workspace import Workspace

VISITOR: ContextVar[str] = ContextVar("visitor", default="")
MAX_WAITING = 10  # runs and comparisons in line
PER_VISITOR = 2  # of them at work or in line
CELLS = 30  # runs of one comparison
LONGEST = 30 * 60  # seconds that a run or a comparison may take
KEPT, DAYS = 100, 7  # so many runs of visitors are kept, for so many days
INTERVAL = 15.0  # seconds between two looks at what is too old or takes too long
AT_WORK = ("queued", "running")
# An absolute path in a sentence: what lies where is nobody's business.
PATH = re.compile(r"(?<![\w/:.<-])/(?:[\w.@+~-]+/)+[\w.@+~-]*")

Folder = Run | AuditWork | ComparisonFolder
log = logging.getLogger(__name__)


class PublicWorkspace(Workspace):
    """A Workspace whose visitors do not know each other, and need not be trusted."""

    public = True
    comparisons: PublicComparisons

    def __init__(self, runs: Path = Path("runs"), sample: bool = True) -> None:
        super().__init__(runs, sample, MAX_WAITING)
        self.comparisons = PublicComparisons(self)
        self._starting = threading.Lock()
        self._seen: dict[tuple[str, str], float] = {}  # kind and id -> monotonic time when first seen at work

    def shown(self, message: str) -> str:
        """Return a message without the paths of this machine."""
        return PATH.sub("a file of this server", message)

    # what is offered

    def run(self, id: str) -> Run:
        """Return the run of that id, if its model and images are listed. Raises UnknownName for any other alike."""
        try:
            run = super().run(id)
            if is_offered(run.config, self.store.root):
                return run
        except (UnknownName, RunProblem):
            pass
        raise UnknownName("run", str(id)[:80], ())

    def runs(self) -> list[RunEntry]:
        """Return the runs whose model and images are listed, and which of them are the visitor's own."""
        entries = [entry for entry in super().runs() if entry["state"] != "damaged" and self._listed(entry["config"])]
        for entry in entries:
            entry["own"] = not entry["sample"] and owns(Run(self.store.root / entry["id"]))
            entry["error"] = entry["error"] and self.shown(entry["error"])
            if not entry["own"]:
                entry["tags"] = entry["notes"] = None
        return entries

    def dataset(self, name: str, **composed: Any) -> Dataset:
        """Return a listed data set. Raises BadSetting for any other name, and for selections and evaluation sets."""
        sets, selections = composed.get("evaluation", ()), composed.get("selections", ())
        named = {"eval": tuple(sets), "selections": tuple(selections), "others": composed.get("others", "")}
        check(RunConfig(data=name, **named), self.store.root)
        return super().dataset(name, **composed)

    def estimate(self, config: RunConfig) -> RunEstimate:
        """Return what a run would take. Raises BadSetting for what is not listed."""
        check(config, self.store.root)
        return super().estimate(config)

    def view(self, id: str) -> FinishedView | UnfinishedView:
        """Return the view JSON of a run, without its worker's log."""
        view = super().view(id)
        if "log" not in view:
            return view
        error = cast(UnfinishedView, view)["error"]
        return cast(UnfinishedView, {**view, "log": "", "error": error and self.shown(error)})

    def events(self, id: str, after: int = 0) -> RunEvents:
        """Return the new events of a run."""
        events = super().events(id, after)
        events["error"] = events["error"] and self.shown(events["error"])
        return events

    def export(self, id: str, name: str) -> tuple[Path | bytes, str, str]:
        """Return a file of a finished run; its archive is without the worker's log."""
        if name == "run.zip":
            finished = self.finished_run(id)
            return archive(finished.run, finished.scores, log=False), "application/zip", f"{id}.zip"
        return super().export(id, name)

    def setup(self, dataset_of: Callable[[str], Dataset] | None = None) -> SetupDescription:
        """Return what can be chosen: of the data sets those that are here."""
        described = super().setup(dataset_of)
        data = [entry for entry in described["data"] if DATASETS[entry["name"]].on_disk]
        return {**described, "data": data, "public": True}

    # what a visitor may do

    def start(self, config: RunConfig) -> str:
        """Start a run that is the visitor's own. Raises BadSetting or QueueFull beyond the bounds above."""
        check(config, self.store.root)
        with self.starting():
            id = super().start(config)
            Run(self.store.root / id).owner = VISITOR.get()
        return id

    def stop(self, id: str) -> None:
        """Stop an own run. Raises RunProblem for another's."""
        check_own(self.run(id), "stopped")
        super().stop(id)

    def annotate(self, id: str, changes: Mapping[str, Any]) -> None:
        """Change name, tags, notes or star of an own run. Raises RunProblem for another's."""
        check_own(self._own_run(id, "changed"), "changed")
        super().annotate(id, changes)

    def delete(self, id: str) -> None:
        """Remove an own run. Raises RunProblem for another's."""
        check_own(self._own_run(id, "deleted"), "deleted")
        super().delete(id)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Let one visitor at a time start something. Raises QueueFull where this one has enough at work."""
        if not VISITOR.get():
            raise BadSetting("Open the page in a browser that keeps cookies first, so that the run is yours.")
        with self._starting:
            if sum(owns(folder) and info["state"] in AT_WORK for folder, info in self._work()) >= PER_VISITOR:
                raise QueueFull(f"{PER_VISITOR} runs of yours are at work or in line; wait for one, or cancel it.")
            yield

    def start_audits(self, id: str, names: Sequence[str], again: bool = False) -> None:
        """Audit an own run. Raises RunProblem for another's, or QueueFull."""
        with self.starting():
            super().start_audits(id, names, again)

    def stop_audits(self, id: str) -> None:
        """Stop the audits of an own run. Raises RunProblem for another's."""
        check_own(self.run(id), "touched")
        super().stop_audits(id)

    def _not_auditable(self, run: Run) -> str:
        if owns(run) or self.is_sample(run):
            return super()._not_auditable(run)
        return "Only who started this run can audit it; start a run of your own."

    # what nobody has to do

    def watch(self) -> int:
        """Start what waits, and from now on end what takes too long and delete what is too old."""
        threading.Thread(target=self._keep_house, daemon=True).start()
        return super().watch()

    def keep_house(self) -> None:
        """End what takes longer than LONGEST; delete visitors' runs beyond the newest KEPT or older than DAYS."""
        work = [(folder, info) for folder, info in self._work(cells=True) if folder.owner is not None]
        now, at_work = time.monotonic(), [folder for folder, info in work if info["state"] == "running"]
        self._seen = {(folder.KIND, folder.id): self._seen.get((folder.KIND, folder.id), now) for folder in at_work}
        for folder in at_work:
            if now - self._seen[folder.KIND, folder.id] > LONGEST:
                self._workers.stop(folder)
        busy = {folder.id for folder, info in work if info["state"] in AT_WORK}
        ended = sorted(
            (
                (info["created"], folder)
                for folder, info in work
                if folder.id not in busy and not isinstance(folder, AuditWork)
            ),
            key=lambda pair: pair[0],
            reverse=True,
        )
        oldest = datetime.now(UTC) - timedelta(days=DAYS)
        for i, (created, folder) in enumerate(ended):
            if i >= KEPT or datetime.fromisoformat(created) < oldest:
                (super().delete if isinstance(folder, Run) else self.comparisons.remove)(folder.id)

    def _keep_house(self) -> None:
        while True:
            try:
                self.keep_house()
            except (ClipforgetError, OSError):  # somebody else was faster
                log.exception("What is too old cannot be deleted")
            time.sleep(INTERVAL)

    def _work(self, cells: bool = False) -> Iterator[tuple[Folder, Any]]:
        """All runs, audits and comparisons that can be read; the runs of comparisons with `cells` only."""
        yield from ((run, info) for run, info in self.store.infos() if cells or not info.get("comparison"))
        yield from AuditWorks(self.store.root, AuditWork).infos()
        yield from self.comparisons.store.infos()

    def _infos(self) -> Iterator[tuple[Run, RunInfo]]:
        return ((run, info) for run, info in super()._infos() if self._listed(info["config"]))

    def _listed(self, config: dict[str, Any]) -> bool:
        names = {name: config.get(name, ()) for name in ("model", "data", "others", "eval", "selections")}
        return is_offered(RunConfig(**names), self.store.root)


class PublicComparisons(ComparisonService):
    """The comparisons of a public workspace."""

    def __init__(self, workspace: PublicWorkspace) -> None:
        super().__init__(workspace.store.root, workspace.dataset, workspace._workers, workspace._resources)
        self._workspace = workspace

    def list(self) -> list[ListedComparison]:
        """Return the comparisons whose model and images are listed, and which of them are the visitor's own."""
        entries = [entry for entry in super().list() if self._find(entry["id"])]
        for entry in entries:
            entry["own"] = owns(self.store.get(entry["id"]))
        return entries

    def summary(self, id: str) -> ComparisonSummary:
        """Return all that is known of a comparison. Raises UnknownName."""
        folder = self._get(id)
        summary = super().summary(id)
        summary["own"] = owns(folder)
        summary["error"] = summary["error"] and self._workspace.shown(summary["error"])
        for cell in summary["cells"]:
            cell["error"] = cell["error"] and self._workspace.shown(cell["error"])
        return summary

    def create(self, plan: ComparisonPlan) -> ComparisonFolder:
        """Return a comparison of this plan, the visitor's own where it is new. Raises BadSetting beyond the bounds."""
        check(plan, self.store.runs)
        if len(list(islice(plan.cells(), CELLS + 1))) > CELLS:
            raise BadSetting(f"A comparison on this server has at most {CELLS} runs; choose fewer methods or targets.")
        known = set(self.store.ids())
        folder = super().create(plan)
        if folder.id not in known:
            folder.owner = VISITOR.get()
        return folder

    def start(self, plan: ComparisonPlan) -> str:
        """Start a comparison. Raises as create, and QueueFull."""
        with self._workspace.starting():
            return super().start(plan)

    def with_picked_targets(self, plan: ComparisonPlan) -> ComparisonPlan:
        """Raise BadSetting: the model would have to look at every image while the visitor waits."""
        raise BadSetting("This server picks no targets by a rule; name those to forget.")

    def resume(self, id: str) -> None:
        """Continue an own comparison. Raises RunProblem for another's."""
        check_own(self._get(id), "resumed")
        super().resume(id)

    def stop(self, id: str) -> None:
        """Stop an own comparison. Raises RunProblem for another's."""
        check_own(self._get(id), "stopped")
        super().stop(id)

    def delete(self, id: str) -> None:
        """Remove an own comparison. Raises RunProblem for another's."""
        check_own(self._get(id), "deleted")
        self.remove(id)

    def remove(self, id: str) -> None:
        """Remove a comparison, whoever asks."""
        super().delete(id)

    def _get(self, id: str) -> ComparisonFolder:
        if (folder := self._find(id)) is None:
            raise UnknownName("comparison", str(id)[:80], ())
        return folder

    def _find(self, id: str) -> ComparisonFolder | None:
        try:
            folder = self.store.get(id)
            return folder if is_offered(folder.plan, self.store.runs) else None
        except (UnknownName, RunProblem):
            return None


def is_offered(config: RunConfig | ComparisonPlan, runs: Path) -> bool:
    """Return True where model and images are among those that come with the app or lie in its folder of data sets.

    So is the result of a run of such a model.
    """
    images = {config.data, config.others or config.data}
    try:
        listed = lineage(config.model, runs)[-1] in embedded_models() and images <= set(offered_data())
    except ClipforgetError:
        return False
    return listed and not (config.eval or config.selections)


def offered_data() -> list[str]:
    """Return the names of the data sets that are on this server's disk."""
    return [name for name, entry in DATASETS.load().items() if entry.on_disk]


def check(config: RunConfig | ComparisonPlan, runs: Path) -> None:
    """Raise BadSetting for what is not offered: the same sentence for any name, whatever it leads to.

    Of results of runs the visitor's own are.
    """
    others = config.model.startswith(RUN) and not owns(Run(runs / read_run_name(config.model)[0]))
    if others or not is_offered(config, runs):
        models, data = ", ".join(embedded_models()), ", ".join(offered_data())
        raise BadSetting(
            f"This server offers the models {models} and results of your own runs, the images {data}, and no "
            "evaluation sets."
        )


def owns(folder: Folder) -> bool:
    """Return True where the visitor started it."""
    return bool(VISITOR.get()) and folder.owner == VISITOR.get()


def check_own(folder: Folder, change: str) -> None:
    """Raise RunProblem where the visitor did not start it."""
    if not owns(folder):
        raise RunProblem(f"This {folder.KIND} is another visitor's and cannot be {change}; start one of your own.")
