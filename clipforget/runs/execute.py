"""One run from start to end: load, method, soup path, choice of alpha on calibrate images, scores on test, files.

    with stoppable():
        for event in execute(run):
            ...

Nothing heavy is imported before the device is free.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clipforget.errors import ClipforgetError
from clipforget.evaluation.cost import Cost
from clipforget.evaluation.documents import near_duplicates_note
from clipforget.files import atomic, check_room, write_json
from clipforget.generators import relay, repeating
from clipforget.models.downloads import Fetching
from clipforget.models.listing import describe_model
from clipforget.runs.config import RunConfig, images_of
from clipforget.runs.devices import likely_device
from clipforget.runs.documents import EndEvent, Event, StepEvent
from clipforget.runs.eta import Clock, plan
from clipforget.runs.originals import lineage
from clipforget.runs.resources import Resources
from clipforget.runs.store import Run
from clipforget.settings import parse

if TYPE_CHECKING:
    from clipforget.evaluation.evalset import ClassNames
    from clipforget.runs.loading import Evaluation
    from clipforget.soup.model import SoupModel
    from clipforget.soup.path import Floats, SoupPath
    from clipforget.soup.walk import PathStep
    from clipforget.unlearning.task import Task

POLL = 0.25  # seconds between two tries for a busy device
WALK_INTERVAL = 0.2  # seconds between two events of the soup path
LIFE_INTERVAL = 1.0  # seconds without an event after which the last one is repeated
Events = Generator[Event, None, None]


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM and SIGINT end the block with KeyboardInterrupt, which `execute` turns into state "stopped".

    Only the first signal counts: a second one would interrupt the writing of how the run ended.
    """
    stopped = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            raise KeyboardInterrupt

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def execute(run: Run, resources: Resources | None = None) -> Events:
    """Work on a run, yielding each event as it is written to events.jsonl, the one of kind "end" last.

    `resources` holds what earlier runs of this process have read, and takes what this one leaves for the next.

    Closing the generator or a KeyboardInterrupt ends it in state stopped, a ClipforgetError in state failed with its
    sentence; both end normally. Any other exception is a bug: state failed, the traceback on stderr, and raised again.
    """
    with run.worker_lock():
        journal = Journal(run)
        try:
            run.reserve()
            run.update(pid=os.getpid(), error=None)
            with journal.alive():
                yield from _stages(run, journal, resources or Resources(run.store.root))
            yield journal.end("done", "Done.")
        except GeneratorExit:
            journal.end("stopped", "Stopped; what was done so far is kept.")
            raise
        except KeyboardInterrupt:
            yield journal.end("stopped", "Stopped; what was done so far is kept.")
        except ClipforgetError as error:
            yield journal.end("failed", str(error))
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            yield journal.end("failed", f"A bug: {type(error).__name__}: {_line_of(error)} (see the log of the run).")
            raise


class Journal:
    """Writes the events of a run, with seconds since its start and the time left."""

    def __init__(self, run: Run) -> None:
        self.run, self.start = run, time.monotonic()
        self.clock = Clock({})
        self.work_start = self.start  # when the waiting for the device was over
        self._last: tuple[str, int, int, str] | None = None
        self._written = self.start  # when the last event was
        self._lock = threading.RLock()

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Repeat the last step, with a new time left, where the work inside the block says nothing for a second.

        Some of it cannot: torch is imported, weights are read, one batch of a large model takes seconds. What waits for
        its device has nothing new to say: that its worker is alive shows in the lock of the run.
        """

        def repeat() -> None:
            with self._lock:
                silent = time.monotonic() - self._written >= LIFE_INTERVAL
                if self._last and self._last[0] != "wait" and silent:
                    with suppress(ClipforgetError, OSError):  # the work itself meets it, and says so
                        self.step(*self._last)

        with repeating(repeat, LIFE_INTERVAL / 4):
            yield

    def step(
        self,
        stage: str,
        step: int,
        total: int,
        note: str = "",
        *,
        losses: Mapping[str, float] | None = None,
        steer: Mapping[str, float] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> StepEvent:
        """Append a step event and return it."""
        with self._lock:
            now = time.monotonic()
            eta = None if stage == "wait" else round(self.clock.eta(stage, step, total, now - self.work_start), 2)
            event: StepEvent = {
                "t": round(now - self.start, 3),
                "kind": "step",
                "stage": stage,
                "step": step,
                "total": total,
                "eta": eta,
                "losses": losses or {},
                "steer": steer or {},
                "data": data or {},
                "note": note,
            }
            self._last, self._written = (stage, step, total, note), now
            return self.run.append(event)

    def end(self, state: str, note: str) -> EndEvent:
        """Append the last event and set the run's state, error and seconds."""
        self.run.free_reserve()
        seconds = round(time.monotonic() - self.start, 3)
        spent = round(time.monotonic() - self.work_start, 3)
        try:
            return self.run.append(EndEvent(t=seconds, kind="end", state=state, note=note))
        finally:  # even where no event can be written any more
            self.run.update(state=state, seconds=spent, error=note if state == "failed" else None)


def _stages(run: Run, journal: Journal, resources: Resources) -> Events:
    from clipforget.methods import METHODS

    config = run.config.checked()
    method = METHODS.load()[config.method]
    names = lineage(config.model, run.store.root)
    if names[1:]:
        run.update(lineage=names)
    yield from _fetch(names[-1], journal)
    lock = run.store.device_lock(likely_device(config.device))
    if not lock.acquire(wait=False):
        yield journal.step("wait", 0, 1, "Another run is using the device; this one starts when it is done.")
        while not lock.acquire(wait=False):
            time.sleep(POLL)
    with lock:
        journal.work_start = time.monotonic()
        run.update(state="running")
        stages = config.stages
        journal.clock.plan(plan(run.store, config, stages, images=3000))
        yield journal.step("load", 0, 1, "Reading the data set.")
        dataset = resources.dataset(**images_of(config))
        splits = config.splits(dataset)
        images = len(splits.images)
        journal.clock.plan(plan(run.store, config, stages, images, len(splits.train["forget"])))
        yield journal.step("load", 0, images, f"{dataset.name}: {images:,} of {len(dataset.items):,} images.")
        from clipforget.runs.loading import load
        from clipforget.runs.watch import Watch

        loading = load(config, dataset, splits, resources)
        task, evaluation = yield from relay(loading, lambda counts: journal.step("load", *counts))
        if evaluation.near_duplicates:
            yield journal.step("load", images, images, near_duplicates_note(evaluation.near_duplicates))
        check_room(run.folder, _written(config, task, evaluation), "this run")
        run.update(device=str(task.clip.device), fingerprints=evaluation.dataset.fingerprints)
        if config.soup:
            from clipforget.runs.soups import changes, part_runs

            runs, alphas = part_runs(config, run.store), [alpha for _, alpha in config.parts]
            task = replace(task, changes=changes(runs, alphas, task.original))
        settings = parse(method.settings, config.settings)
        watch = None
        if not run.info().get("comparison"):  # nobody follows one of many runs
            yield journal.step("load", images, images, "Searching with the original model.")
            watch = Watch(task, evaluation, method.changes, journal.clock.total)
            yield journal.step("load", images, images, data={"watched": watch.first})
        cost, refused, step = Cost(task.clip.device), list[str](), (stages[1], 0, 1)
        for record in cost.watch(method.run(task, settings)):
            refused = record.data.get("refused", refused)
            step = (record.stage, record.step, record.total)
            yield journal.step(*step, losses=record.losses, steer=record.steer, data=record.data)
            if watch and watch.due:
                yield journal.step(*step, data={"watched": watch.look(refused)})
        if watch:
            yield journal.step(*step, data={"watched": watch.look(refused)})
        yield from _finish(run, config, task, evaluation, refused, journal, cost, resources)


def _fetch(model: str, journal: Journal) -> Generator[StepEvent, None, None]:
    """Bring the model into the local cache before the device is taken; what that takes is no time of the run's."""
    if describe_model(model).on_disk:
        return
    from clipforget.models.sources import fetch_model

    def event(record: Fetching) -> StepEvent:
        seconds = (time.monotonic() - journal.work_start) * record.total / max(record.done, 1)
        journal.clock.plan({"fetch": seconds})
        return journal.step("fetch", record.done, record.total, record.note)

    yield from relay(fetch_model(model), event)
    journal.clock = Clock({})


def _written(config: RunConfig, task: Task, evaluation: Evaluation) -> int:
    """How many bytes a run writes at most: the weights, if all of them change, and features in float16 at each node."""
    weights = sum(value.nbytes for value in task.original.model.state_dict().values())
    numbers = (len(evaluation.pixels) + len(task.names)) * task.class_embeddings.shape[-1]
    return int(weights + 2 * config.nodes * numbers)


def _finish(
    run: Run,
    config: RunConfig,
    task: Task,
    evaluation: Evaluation,
    refused: list[str],
    journal: Journal,
    cost: Cost,
    resources: Resources,
) -> Events:
    """From the changed weights and refused names to the files of the run: delta, soup path, texts, scores."""
    from clipforget.evaluation.evalset import EvalSet, suggestions
    from clipforget.evaluation.prompts import prompts, retrieval
    from clipforget.evaluation.refusal import Refusal
    from clipforget.evaluation.scores import headline, score
    from clipforget.models.weights import changed, save
    from clipforget.soup.model import SoupModel
    from clipforget.soup.storage import save_path
    from clipforget.soup.walk import walk_path

    state = task.original.model.state_dict()
    delta = changed(state, task.clip.model.state_dict())
    soup_model = SoupModel(task.original, delta)
    fingerprints = {"original": soup_model.original, "unlearned": soup_model.unlearned}
    fingerprints |= evaluation.dataset.fingerprints
    save(delta, run.path("delta.safetensors"), {**fingerprints, "model": config.model, "run": run.id})
    run.update(fingerprints=fingerprints, cost=cost.as_dict(state, delta))
    evalset = EvalSet.build(evaluation.dataset, evaluation.splits, config.eval_target == "kept", config.goal)
    suggested = suggestions(evaluation.dataset, evaluation.splits.forget)
    walk = walk_path(
        task.original,
        delta,
        evaluation.pixels,
        evaluation.labels,
        evalset.class_names["superclass"].prompts,
        suggested,
        max_nodes=config.nodes,
        gallery=evalset.mask("test"),
        sets={row.key: row.mask for row in evalset.rows() if row.level == "superclass"},
        folder=run.folder,
    )
    path = yield from _walk(walk, journal)
    save_path(path, run.path("path.npz"))
    yield journal.step("score", 0, 1)
    classifiers = {
        level: _classifier(names, soup_model, path.alphas, resources) for level, names in evalset.class_names.items()
    }
    targets = evaluation.splits.forget
    ranked = prompts(evalset, evaluation.dataset, targets)
    texts = [*suggested, *(prompt.text for prompt in ranked)]
    features = soup_model.texts(path.alphas, texts)
    write_texts(run, texts, features, classifiers.get("subgroup"))
    scores = score(path, evalset, classifiers, evaluation.dataset, targets, config.tolerance, refused)
    scores["retrieval"] = retrieval(path, evalset, ranked, features[:, len(suggested) :], Refusal(tuple(refused)))
    scores["near_duplicates"] = evaluation.near_duplicates
    write_json(run.path("scores.json"), scores, indent=None)
    run.update(best=scores["best"], headline=headline(scores))
    yield journal.step("score", 1, 1)


def _classifier(names: ClassNames, soup_model: SoupModel, alphas: Sequence[float], resources: Resources) -> Floats:
    """The classifier at each alpha, L x C x D; 1 x C x D where the texts stay, kept then for runs of the same original.

    A thousand names in eighty templates cost more than many a method.
    """
    import numpy as np

    if soup_model.text_changed:
        return np.stack([names.classifier(soup_model.text(alpha, names.prompts)) for alpha in alphas])
    key = (soup_model.original, names.names, names.templates)
    return resources.classifiers.get(key, lambda: names.classifier(soup_model.text(alphas[0], names.prompts))[None])


def _walk(walk: Generator[PathStep, None, SoupPath], journal: Journal) -> Generator[StepEvent, None, SoupPath]:
    """The steps of a walk along the soup path, not more than a few a second."""
    last, step = -WALK_INTERVAL, -1

    def event(record: PathStep) -> StepEvent | None:
        nonlocal last, step
        now = time.monotonic()
        if record.step == step or (now - last < WALK_INTERVAL and record.step != record.total):
            return None
        last, step = now, record.step
        data = {"nodes": record.nodes, "alpha": record.alpha}
        return journal.step("restore", record.step, record.total, data=data)

    return (yield from relay(walk, event))


def write_texts(run: Run, texts: list[str], features: Floats, subgroups: Floats | None) -> None:
    """Store text features (L x M x D, or 1 x M x D) with the run, so that its own queries need no model.

    subgroups is their classifier, L x C x D or 1 x C x D, where there is one.
    """
    import numpy as np

    more: dict[str, Any] = {} if subgroups is None else {"subgroups": subgroups.astype(np.float16)}
    with atomic(run.path("queries.npz")) as draft:
        np.savez(draft, texts=np.array(json.dumps(texts)), features=features, **more)


def _line_of(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:200]
