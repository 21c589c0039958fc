"""What one running app may ask for: runs, views, queries, images.

It is light to construct; torch waits until something has to be embedded. Everything that is slow to make is made once,
kept within bounds, and carries the fingerprint of what made it.
"""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from clipforget.data.dataset import Dataset
from clipforget.data.thumbnails import SIZES, thumbnail
from clipforget.errors import BadQuery, ClipforgetError, RunProblem, StaleIndex, UnknownName
from clipforget.files import ASSETS
from clipforget.runs.cache import Cache
from clipforget.runs.config import RunConfig, about, images_of
from clipforget.runs.documents import RunInfo
from clipforget.runs.originals import can_be_original, lineage
from clipforget.runs.resources import Resources
from clipforget.runs.store import Run, Store
from clipforget.workspace import setup
from clipforget.workspace.annotations import read_annotations
from clipforget.workspace.audits import AuditService, why_not
from clipforget.workspace.comparisons import ComparisonService
from clipforget.workspace.documents import (
    AuditsPage,
    ExactResults,
    ExportSize,
    FinishedView,
    QueryPack,
    RunEntry,
    RunEvents,
    RunView,
    UnfinishedView,
)
from clipforget.workspace.entries import damaged_entry, log_tail
from clipforget.workspace.export import export
from clipforget.workspace.mixtures import Mixtures
from clipforget.workspace.models import ModelService
from clipforget.workspace.pages import FIRST_PAGE, Page
from clipforget.workspace.selections import SelectionService
from clipforget.workspace.setup_documents import DataDescription, RunEstimate, SetupDescription
from clipforget.workspace.upload_folders import UploadFolders
from clipforget.workspace.uploads import Uploads, read_query
from clipforget.workspace.workers import MAX_WAITING, Workers

if TYPE_CHECKING:
    from PIL.Image import Image

    from clipforget.models.clip import Clip
    from clipforget.models.export.bundle import Files
    from clipforget.workspace.explorer import FinishedRun
    from clipforget.workspace.results import Results

MIB = 2**20


class Workspace:
    """Runs under one root, and beside them the sample run that ships with the app (read only).

    On each device one worker runs at a time; at most `max_waiting` runs and comparisons wait in line.
    """

    public = False  # whether visitors are strangers: see public.PublicWorkspace

    def __init__(self, runs: Path = Path("runs"), sample: bool = True, max_waiting: int = MAX_WAITING) -> None:
        self.store = Store(Path(runs))
        self.samples = Store(ASSETS / "sample-run") if sample else None
        self._resources = Resources(self.store.root, datasets=4, models=2, follow=True)
        self._finished: Cache[FinishedRun] = Cache(1024 * MIB, lambda finished: finished.size)
        self._engines: Cache[Any] = Cache(3)  # models on the soup path and pixels of the last exact queries
        self._packs: Cache[QueryPack] = Cache(200)
        self._exact: Cache[ExactResults] = Cache(200)
        self._images: Cache[tuple[bytes, str]] = Cache(96 * MIB, lambda entry: len(entry[0]))
        self._images_of: dict[str, dict[str, Any]] = {}  # fingerprint -> what `dataset` was given
        self._workers = Workers(self.store.root, max_waiting)
        self.uploads, self.folders = Uploads(), UploadFolders(self.store.root)
        self.choosing = SelectionService(self.store.root, self.dataset, self.clip_of, self._workers, self.uploads)
        self.models = ModelService(self.store.root, self._configs, self.result_runs, self.public)
        self.comparisons = ComparisonService(self.store.root, self.dataset, self._workers, self._resources)
        self.mixtures = Mixtures(self)
        self._audits = AuditService(lambda run: self.finished_run(run.id).scores, self._not_auditable, self._workers)

    def shown(self, message: str) -> str:
        """Return a message as a visitor may read it."""
        return message

    # runs

    def run(self, id: str) -> Run:
        """Return the run of that id, a sample among them. Raises UnknownName."""
        if self.samples is not None and id in self.samples.ids():
            return self.samples.get(id)
        return self.store.get(id)

    def is_sample(self, run: Run) -> bool:
        """Return True where the run ships with the app."""
        return self.samples is not None and run.folder.parent == self.samples.root

    def runs(self) -> list[RunEntry]:
        """Return all runs, newest first, samples last: what the list of past runs shows, damaged ones too."""
        names, positions = RunEntry.__annotations__, self._workers.queue.positions()
        listed = [
            damaged_entry(run, info) if isinstance(info, RunProblem)
            else {name: info.get(name) for name in names}
            | {"sample": self.is_sample(run), "position": positions.get(run.id)}
            for run, info in chain(self.store.listed(), self.samples.infos() if self.samples else ())
        ]  # fmt: skip
        return cast(list[RunEntry], listed)

    def result_runs(self) -> list[RunEntry]:
        """Return the finished runs whose results may be the originals of others, newest first, samples left out."""
        entries = (entry for entry in self.runs() if entry["state"] == "done" and not entry["sample"])
        return [entry for entry in entries if entry.get("own") is not False and can_be_original(entry["config"])]

    def start(self, config: RunConfig) -> str:
        """Create a run and start its worker in a session of its own, or put it in line; returns the id.

        The worker outlives this process; what waits goes on when there is one again that watches. Raises what can be
        told from the configuration alone, and QueueFull; what needs the model shows as a failed run.
        """
        config = self._pinned(config).checked()
        lineage(config.model, self.store.root)
        self.mixtures.check(config)
        config.splits(self.dataset(**images_of(config)))
        run = self.store.create(config)
        self.models.stop()  # a measurement at work would hold the device, and be wrong beside a run
        try:
            self._workers.start(run)
        except ClipforgetError:  # no place in line, or no room for it
            self.store.delete(run.id)
            raise
        return run.id

    def watch(self) -> int:
        """Start from now on, in a thread, what waits in line; returns how much does. Half-written files are removed."""
        with suppress(ClipforgetError):
            self.store.sweep()
        self._workers.watch()
        return len(self._workers.queue.waiting())

    def stop(self, id: str) -> None:
        """Ask the worker to stop, or cancel what waits; it keeps what it has. Returns at once.

        Raises RunProblem where nothing is at work.
        """
        self._workers.stop(self.run(id))

    def annotate(self, id: str, changes: Mapping[str, Any]) -> None:
        """Change name, tags, notes or star of a run. Raises BadSetting, UnknownName, or RunProblem for a sample."""
        run = self._own_run(id, "changed")
        run.update(**read_annotations(changes, run.config.title))

    def delete(self, id: str) -> None:
        """Remove a run for good. Raises RunProblem for a sample or a run at work."""
        self._own_run(id, "deleted")
        self._workers.queue.leave(id)
        self.store.delete(id)
        self._finished.drop(lambda key: key == id)
        self.mixtures.drop(id)
        self._packs.drop(lambda key: isinstance(key, tuple) and key[0] == id)
        self._exact.drop(lambda key: isinstance(key, tuple) and key[0] == id)
        self._engines.drop(lambda key: isinstance(key, tuple) and key[1] == self.store.root / id)

    def events(self, id: str, after: int = 0) -> RunEvents:
        """Return state, events from number `after` on, and the seconds since the run was created."""
        run = self.run(id)
        events, info = run.events(after), run.info()
        age = max(round(time.time() - datetime.fromisoformat(info["created"]).timestamp(), 2), 0.0)  # a clock set back
        position = self._workers.queue.positions().get(id)
        known = {"state": info["state"], "error": info["error"], "position": position}
        return cast(RunEvents, {"about": about(info["config"]), **known, "events": events, "now": age})

    # what a finished run shows

    def view(self, id: str) -> FinishedView | UnfinishedView:
        """Return the view JSON of a run; of one that is not finished only what is known. Raises UnknownName."""
        run = self.run(id)
        info = run.info()
        if info["state"] == "done":
            view = self.finished_run(id).view()
            audits = self._audits.summary(run)
            return {**view, "starred": info["starred"], "sample": self.is_sample(run), "audits": audits}
        names = UnfinishedView.__annotations__
        fields = {name: info.get(name) for name in names} | {"sample": self.is_sample(run), "log": log_tail(run)}
        return cast(UnfinishedView, {**fields, "position": self._workers.queue.positions().get(id)})

    def finished_run(self, id: str) -> FinishedRun:
        """Return a finished run, opened for queries. Raises UnknownName or RunProblem."""
        from clipforget.workspace.explorer import FinishedRun

        run = self.run(id)
        if run.info()["state"] != "done":
            raise RunProblem(f"The run {id} is not finished (it is {run.info()['state']}), so it cannot be searched.")
        return self._finished.get(id, lambda: FinishedRun(run, self.dataset, self.clip_of, self._engines))

    def clip_of(self, name: str, device: str) -> Clip:
        """Return an original model for views, which only change copies of it."""
        return self._resources.clip(name, device, verify=False)

    def audits(self, id: str) -> AuditsPage:
        """Return the audits of a finished run and how their work stands. Raises UnknownName or RunProblem."""
        return self._audits.page(self.finished_run(id).run)

    def start_audits(self, id: str, names: Sequence[str], again: bool = False) -> None:
        """Audit a finished run in a worker of its own, `again` what it has already too; returns at once.

        Raises UnknownName, QueueFull, or RunProblem with why it cannot be audited now.
        """
        self._audits.start(self.finished_run(id).run, names, again)

    def stop_audits(self, id: str) -> None:
        """Ask the worker of a run's audits to stop; what is done is kept. Raises RunProblem where none is at work."""
        self._audits.stop(self.run(id))

    def _not_auditable(self, run: Run) -> str:
        """Why a finished run cannot be audited now; "" where it can."""
        if self.is_sample(run):
            return "This sample run ships with ClipForget, audits and all; start a run of your own to audit one."
        return why_not(self.finished_run(run.id).dataset)

    def query(self, id: str, *, page: Page = FIRST_PAGE, **asked: Any) -> QueryPack:
        """Return a page of what a `text`, a gallery `image` or an `upload` finds: one of them. Raises BadQuery."""
        query, run = read_query(self.uploads, **asked), self.finished_run(id)
        return self._packs.get((id, *query, page), lambda: run.pack(*query, self._upload_of(query), page))

    def search(self, id: str, alpha: float | None = None, page: Page = FIRST_PAGE, **query: Any) -> Results:
        """Return a page of what a query finds, before, and after at an alpha; None takes the suggested one.

        The query is given as to `query`. Raises BadQuery for what is no query or alpha.
        """
        from clipforget.workspace.figures import alpha_index
        from clipforget.workspace.results import results

        view = self.finished_run(id).view()
        return results(view, self.query(id, page=page, **query), alpha_index(view, alpha), page.count)

    def warm_up(self, id: str) -> None:
        """Load the model of a finished run, so that its first new search need not wait for it. Raises StaleIndex."""
        self.finished_run(id).soup_model()

    def exact(self, id: str, alpha: float, *, page: Page = FIRST_PAGE, **asked: Any) -> ExactResults:
        """Return scores and a page of results at one alpha, images embedded anew; the query is given as to `query`.

        Raises BadQuery for an alpha outside 0 to 1.
        """
        if not (isinstance(alpha, int | float) and math.isfinite(alpha) and 0 <= alpha <= 1):
            raise BadQuery("alpha must be a number from 0 (unlearned) to 1 (original).")
        query = read_query(self.uploads, **asked)
        alpha, finished = round(float(alpha), 4), self.finished_run(id)
        ask = partial(finished.exact, alpha, *query, self._upload_of(query), page)
        return self._exact.get((id, alpha, *query, page), ask)

    def export(self, id: str, name: str) -> tuple[Path | bytes, str, str]:
        """Return a file of a finished run: (path or bytes, media type, name to save it under). Raises UnknownName."""
        finished = self.finished_run(id)
        return export(finished.run, name, finished.scores)

    def model_files(self, id: str, alpha: float | None, format: str, folder: str = "") -> tuple[str, Files]:
        """Return the model of a finished run as files, and their folder's name. Raises as `model_export.model_files`.

        alpha None takes the suggested one; the slider's stop nearest to it counts.
        """
        from clipforget.workspace.model_export import export_name, model_files

        finished = self.finished_run(id)
        alpha = finished.scores["best"] if alpha is None else alpha
        return export_name(finished, alpha, format), model_files(finished, alpha, format, folder)

    def model_zip(self, id: str, alpha: float, format: str) -> tuple[str, Iterator[bytes]]:
        """Return the same as the name and the pieces of a .zip, which is never whole in memory."""
        from clipforget.models.export.bundle import zip_chunks

        name, files = self.model_files(id, alpha, format)
        return name, zip_chunks(files, name)

    def results(self, id: str, name: str, alpha: float, **query: Any) -> tuple[bytes, str, str]:
        """Return results of a query at an alpha, or a report with it: (bytes, media type, name to save it under).

        The query is given as to `query`. Raises UnknownName for anything but the files of results.MEDIA.
        """
        from clipforget.soup.path import index_of
        from clipforget.workspace.results import MEDIA, as_csv

        if name not in MEDIA:
            raise UnknownName("export", name[:80], MEDIA)
        if name == "report.html":
            return self.report(id, alpha, **query).encode(), MEDIA[name], f"{id}-{name}"
        found = self.search(id, alpha, **query)
        if name == "results.png":
            data = self.results_png(found, self.finished_run(id).view())
        else:
            text = as_csv(found) if name == "results.csv" else json.dumps(found, indent=1, ensure_ascii=False)
            data = text.encode()
        return data, MEDIA[name], f"{id}-alpha{index_of(found['alpha']):03d}-{name}"

    def results_png(self, found: Results, view: RunView) -> bytes:
        """Draw results of a run into a PNG. Raises StaleIndex where its images have changed."""
        from clipforget.workspace.results import as_png, draw

        def open_image(id: int) -> Image:
            from PIL import Image

            return Image.open(io.BytesIO(self._picture(view, id)[0])).convert("RGB")

        return as_png(draw(found, f"{view['title']}, run {view['id']}", open_image))

    def report(self, id: str, alpha: float | None = None, **query: Any) -> str:
        """Return a finished run as one HTML file, at the suggested alpha and with its first query where none is given.

        The query is given as to `query`. Raises BadQuery for an alpha outside 0 to 1.
        """
        from clipforget.soup.path import index_of
        from clipforget.workspace.report import run_report

        finished = self.finished_run(id)
        view = finished.view()
        found = self.search(id, alpha, **(query or {"text": next(iter(view["suggestions"]), view["template"])}))
        index = index_of(found["alpha"])
        return run_report(view, found, index, lambda image: self._picture(view, image), finished.audits())

    def _picture(self, view: RunView, id: int) -> tuple[bytes, str]:
        """A small picture of a gallery image, and its media type."""
        return self.image(view["gallery"]["data"], view["gallery"]["items"][id][0], SIZES[0])

    def export_sizes(self, id: str) -> dict[str, ExportSize]:
        """Return what the model of a finished run takes in each format, or why it cannot be had in it."""
        from clipforget.workspace.model_export import export_sizes

        return export_sizes(self.finished_run(id))

    # images

    def image(self, fingerprint: str, index: int, size: int) -> tuple[bytes, str]:
        """Return an image, at most `size` pixels a side: (bytes, media type). Raises UnknownName, BadQuery."""
        if size not in SIZES:
            raise BadQuery(f"size must be one of {', '.join(map(str, SIZES))}.")
        dataset = self._by_fingerprint(fingerprint)
        if not 0 <= index < len(dataset.items):
            raise UnknownName("image", str(index), [f"0 to {len(dataset.items) - 1}"])
        item = dataset.items[index]
        return self._images.get((fingerprint, index, size), lambda: thumbnail(dataset.read(item), size))

    # what can be chosen

    def dataset(self, name: str, **composed: Any) -> Dataset:
        """Return a data set by name or path, read once; `composed` as for `Resources.dataset`.

        Raises BadData or UnknownName.
        """
        composed["selections"] = [str(self.choosing.store.locate(text)) for text in composed.get("selections", ())]
        dataset = self._resources.dataset(name, **composed)
        self._images_of[dataset.fingerprint] = {"name": name, **composed}
        return dataset

    def _pinned(self, config: RunConfig) -> RunConfig:
        """The same with selections that stay as they are."""
        return replace(config, selections=self.choosing.store.pin(config.selections))

    def setup(self, dataset_of: Callable[[str], Dataset] | None = None) -> SetupDescription:
        """Return models, data sets, methods and devices to choose from; names of earlier runs too, but failed ones.

        dataset_of gives a data set by name, by default `dataset`.
        """
        return setup.describe(self._configs(), dataset_of or self.dataset, self.store.root)

    def data(self, name: str, selections: Sequence[str] = (), **composed: Any) -> DataDescription:
        """Return one data set with sample images for each subgroup. Raises BadData or UnknownName."""
        return setup.describe_data(self.dataset(name, selections=selections, **composed), name, samples=True)

    def estimate(self, config: RunConfig) -> RunEstimate:
        """Return seconds, device and image counts of a run to come. Raises what is wrong with the configuration."""
        config = config.checked()
        lineage(config.model, self.store.root)
        return setup.estimate(config, self.dataset(**images_of(config)), self.store)

    # plumbing

    def _infos(self) -> Iterator[tuple[Run, RunInfo]]:
        """Every run that can be read with its run.json, newest first, samples last."""
        return chain(self.store.infos(), self.samples.infos() if self.samples else ())

    def _configs(self) -> list[dict[str, Any]]:
        return [info["config"] for _, info in self._infos() if info["state"] != "failed"]

    def _own_run(self, id: str, change: str) -> Run:
        run = self.run(id)
        if self.is_sample(run):
            raise RunProblem(f"This sample run ships with ClipForget and cannot be {change}; start a run of your own.")
        return run

    def _upload_of(self, query: tuple[str, Any]) -> tuple[bytes, str] | None:
        return self.uploads.peek(query[1]) if query[0] == "upload" else None

    def _by_fingerprint(self, fingerprint: str) -> Dataset:
        images = self._images_of.get(fingerprint)
        if images is None:
            runs = (run for run, info in self._infos() if (info.get("fingerprints") or {}).get("data") == fingerprint)
            if (run := next(runs, None)) is None:
                raise UnknownName("data set", fingerprint[:40], self._images_of)
            images = images_of(run.config, evaluation=False)
        dataset = self.dataset(**images)
        if dataset.fingerprint != fingerprint:
            raise StaleIndex(f"The images at '{images['name']}' have changed since this run; run it again.")
        return dataset
