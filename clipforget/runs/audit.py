"""Audits of a finished run: its models and images, the work with progress, stop and resume, and audits.json.

    for event in audit_run(run, ["image_query"], Resources()):
        ...

What a stopped work has measured is kept, and the next one goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from clipforget import __version__
from clipforget.audits import AUDITS, Audit, AuditImages, AuditStep, AuditTask, Measurement, Subject, measure
from clipforget.data.dataset import Item
from clipforget.data.splits import ROLES, role_of
from clipforget.data.target import Target
from clipforget.errors import BadModel, RunProblem, StaleIndex
from clipforget.evaluation.evalset import EvalSet, names_of
from clipforget.evaluation.scores import read_scores
from clipforget.files import FileLock, write_json
from clipforget.generators import finish, relay
from clipforget.methods import METHODS
from clipforget.models.clip import Clip
from clipforget.models.loading import load_clip
from clipforget.models.pixels import AnyPixels, joined, view
from clipforget.models.sources import EMBEDDED
from clipforget.models.stages import SCALARS, TOWER, first_changed, stages
from clipforget.models.weights import load as load_weights
from clipforget.runs.audit_work import AuditWork
from clipforget.runs.audited import AUDITS_FILE, REFERENCE, SUBJECTS, AuditsDocument, StoredAudit, read_audits
from clipforget.runs.config import RunConfig, images_of
from clipforget.runs.devices import likely_device
from clipforget.runs.documents import StepEvent
from clipforget.runs.eta import Clock
from clipforget.runs.loading import Evaluation, load
from clipforget.runs.resources import Resources
from clipforget.runs.store import Run
from clipforget.soup.arithmetic import soup
from clipforget.soup.path import check_alpha
from clipforget.soup.storage import load_path
from clipforget.unlearning.task import ImageSet, Task

CHANGED = ("chosen", "zero")  # the subjects whose weights a method has changed
ALONG = tuple(round(i / 20, 2) for i in range(21))  # alphas at which cheap audits are followed
POLL, INTERVAL = 0.25, 0.3  # seconds: between tries for a busy device; between two writings of the progress
Loading = Generator[tuple[int, int], None, AuditTask]


def load_task(config: RunConfig, resources: Resources) -> Loading:
    """Load what the audits of a configuration measure on, yielding (images done, images in all); no evaluation sets.

    Raises BadModel, BadData, BadQuery or UnknownName with what to put right.
    """
    config = replace(config, eval=())
    dataset = resources.dataset(**images_of(config))
    task, evaluation = yield from load(config, dataset, config.splits(dataset), resources)
    members = config.model in EMBEDDED and config.data == "sketchbook"
    return replace(_audit_task(task, evaluation), members=members)


def _audit_task(task: Task, evaluation: Evaluation) -> AuditTask:
    dataset, splits, targets = evaluation.dataset, evaluation.splits, evaluation.splits.forget
    subgroup_names = tuple(names_of(dataset, "subgroup"))
    kinds = {str(target): number for number, target in enumerate(targets)}
    number = {name: index for index, name in enumerate(subgroup_names)}

    def images(key: str, indices: Sequence[int], pixels: AnyPixels, labels: Tensor) -> AuditImages:
        items = [dataset.items[i] for i in indices]
        own = [kinds.setdefault(_kind(item, targets), len(kinds)) for item in items]
        subgroups = [number.get(item.subgroup, -1) for item in items]
        return AuditImages(
            pixels, labels, key, *(torch.tensor(v, dtype=torch.int64) for v in (own, subgroups, indices))
        )

    trained: dict[int, ImageSet] = {}  # each image once: what is to be retained may stand among others too
    for indices_of, groups in (
        (splits.train, {"forget": task.forget, "retain": task.retain, "others": task.others}),
        (splits.steer, task.steer),
    ):
        for name, group in groups.items():
            trained |= {i: group.take([row]) for row, i in enumerate(indices_of[name])}
    fit, test = {}, {}
    for role in ROLES:
        own = [i for i in trained if role_of(dataset.items[i], targets) == role]
        labels = torch.tensor([int(trained[i].labels) for i in own], dtype=torch.int64)
        pixels = joined([view(evaluation.pixels, slice(0)), *(trained[i].pixels for i in own)])
        fit[role] = images(f"fit/{role}", own, pixels, labels)
        rows = splits.positions("test", role)
        indices = [splits.evaluated[row] for row in rows]
        test[role] = images(
            f"test/{role}", indices, view(evaluation.pixels, rows), torch.from_numpy(evaluation.labels[rows])
        )
    return AuditTask(
        original=task.original,
        fit=fit,
        test=test,
        names=task.names,
        subgroup_names=() if len(subgroup_names) < 2 or any(t.style != "*" for t in targets) else subgroup_names,
        kind_names=tuple(kinds),
        template=task.template,
        targets=targets,
        seed=task.seed,
    )


def _kind(item: Item, targets: Sequence[Target]) -> str:
    """What a target as fine as the one nearby would call the image, e.g. airplane/jet beside airplane/biplane."""
    target = next((t for t in targets if t.matches(item)), None)
    if target is not None:
        return str(target)
    near = next((t for t in targets if t.covers(item.superclass)), targets[0])
    superclass = "*" if near.superclass == "*" else item.superclass
    subgroup, style = (
        ("*" if near.subgroup == "*" else item.subgroup or "*"),
        ("*" if near.style == "*" else item.style),
    )
    return str(Target(superclass, subgroup, style or "*"))


def audit_run(
    run: Run,
    names: Iterable[str],
    resources: Resources,
    alpha: float | None = None,
    *,
    reference: str | None = None,
    keep: bool = True,
    again: bool = False,
) -> Generator[StepEvent, None, AuditsDocument]:
    """Audit a finished run at an alpha (None: the suggested one), yielding progress, and return all that is known.

    `reference` is a model that never saw the target, a name or folder, measured beside the run's own.
    What the run has already is not measured again, unless `again`. `keep` writes audits.json after each audit, of the
    suggested alpha alone; else nothing is written into the run's folder. Raises RunProblem for a run that is not
    finished or is worked on, StaleIndex where its model or images are not the run's any more.
    """
    info = run.info()
    if info["state"] != "done":
        raise RunProblem(f"The run {run.id} is {info['state']}; only finished runs can be audited.")
    wanted = [AUDITS.load()[name] for name in dict.fromkeys(names)]
    scores = read_scores(run.path("scores.json"))
    alpha = check_alpha(scores["best"] if alpha is None else alpha)
    keep = keep and alpha == scores["best"]
    document = _known_audits(run) if keep else None
    if document is None or document["alpha"] != alpha:
        document = {
            "version": __version__,
            "alpha": alpha,
            "alphas": list(ALONG),
            "fingerprints": info["fingerprints"],
            "audits": {},
        }
    known = {n for n, found in document["audits"].items() if not reference or REFERENCE in found["subjects"]}
    missing = [entry for entry in wanted if again or entry.name not in known]
    if not missing:
        return document
    progress = _Progress(run, missing, keep)
    with (
        run.worker_lock() if keep else nullcontext(),
        progress,
        (yield from _free_device(run, progress)) if keep else nullcontext(),
    ):
        yield progress.event("load", 0, 1, "Reading model and images.")
        config = run.config
        if resources.dataset(**images_of(config, evaluation=False)).fingerprint != info["fingerprints"]["data"]:
            raise StaleIndex(f"The images at '{config.data}' have changed since this run; run it again.")
        loading = load_task(config, resources)
        task = yield from relay(loading, lambda counts: progress.event("load", *counts))
        subjects = _subjects(run, task, alpha, scores.get("refused", ()))
        if reference:
            subjects.named[REFERENCE] = Subject(REFERENCE, _comparable(reference, task))
        for entry in missing:
            document["audits"][entry.name] = yield from _audit(entry, run, task, subjects, progress)
            if keep:
                write_json(run.path(AUDITS_FILE), document)
    return document


def _free_device(run: Run, progress: _Progress) -> Generator[StepEvent, None, FileLock]:
    """Wait for the device of a run; returns its lock, acquired."""
    lock = run.store.device_lock(likely_device(run.config.device))
    while not lock.acquire(wait=False):
        yield progress.event("wait", 0, 1, "A run is using the device; the audits start when it is done.")
        time.sleep(POLL)
    return lock


def _known_audits(run: Run) -> AuditsDocument | None:
    """Read what the run's audits have found so far; a damaged audits.json counts as none and is replaced."""
    try:
        return read_audits(run)
    except RunProblem:
        return None


def _audit(
    entry: Audit, run: Run, task: AuditTask, subjects: _Subjects, progress: _Progress
) -> Generator[StepEvent, None, StoredAudit]:
    """One audit of every subject, and along alpha where that needs no pass through the model."""
    begin = time.monotonic()
    found: StoredAudit = {"reason": "", "note": "", "seconds": 0.0, "subjects": {}, "along": {}}
    found["note"] = entry.unaffected(METHODS.load()[run.config.method].changes)
    every = {name: subject for name, subject in subjects.named.items() if not (found["note"] and name in CHANGED)}
    for number, (name, subject) in enumerate(every.items()):

        def event(record: tuple[str, AuditStep], number: int = number, name: str = name) -> StepEvent:
            step, total = number * record[1].total + record[1].step, len(every) * record[1].total
            return progress.event(entry.name, step, total, f"{SUBJECTS.get(name, name)} {record[1].note}".strip())

        measured = (yield from relay(measure([entry.name], subject, task), event))[entry.name]
        if isinstance(measured, str):
            found["reason"] = measured
            break
        found["subjects"][name] = measured.as_dict()
    if entry.follows and not (found["reason"] or found["note"]):
        rows = [finish(measure([entry.name], subject, task))[entry.name] for subject in subjects.along]
        found["along"] = _along([row for row in rows if isinstance(row, Measurement)])
    found["seconds"] = round(time.monotonic() - begin, 2)
    return found


def _along(rows: Sequence[Measurement]) -> dict[str, list[float | None]]:
    """The values of each figure that is there at every alpha."""
    values = [{figure.key: figure.value for figure in row.figures} for row in rows]
    return {
        key: [row[key] for row in values] for key in (values[0] if values else ()) if all(key in row for row in values)
    }


def _comparable(name: str, task: AuditTask) -> Clip:
    """Another model that takes the same images. Raises BadModel for one that does not."""
    clip = load_clip(name, str(task.original.device))
    if clip.image_size != task.original.image_size:
        raise BadModel(f"The model '{name}' takes images of another size than the run's; name one trained like it.")
    return clip


@dataclass(frozen=True)
class _Subjects:
    """The models of a run under audit by name, and those along alpha, which are known by their features."""

    named: dict[str, Subject]
    along: list[Subject]


def _subjects(run: Run, task: AuditTask, alpha: float, refused: Sequence[str]) -> _Subjects:
    """Open original, chosen and zero, and the soup path. Raises StaleIndex where the model is not the run's."""
    fingerprints, original = run.info()["fingerprints"], task.original
    if original.fingerprint() != fingerprints["original"]:
        raise StaleIndex(
            f"The model '{run.config.model}' is not the one of this run any more; run the forgetting again."
        )
    delta = load_weights(run.path("delta.safetensors"))
    path = load_path(run.path("path.npz"), original=fingerprints["original"], unlearned=fingerprints["unlearned"])
    first = first_changed(stages(original.model), delta)
    base = task.original_subject
    base.keep_at = first
    texts = base if all(name.startswith(TOWER) or name in SCALARS for name in delta) else None

    def subject(name: str, alpha: float) -> Subject:
        def clip() -> Clip:
            mixed = original.clone()
            mixed.model.load_state_dict(
                {**original.model.state_dict(), **soup(original.model.state_dict(), delta, alpha)}
            )
            return mixed

        below = refused if alpha < 1 else ()
        return Subject(name, clip, refused=below, base=base, same_texts=texts)

    named = {"original": base, "chosen": subject("chosen", alpha), "zero": subject("zero", 0.0)}
    evalset = EvalSet.read(read_scores(run.path("scores.json"))["evaluated"])
    places = {item: row for row, item in enumerate(evalset.items) if row in range(*evalset.block("test"))}
    if any(int(item) not in places for images in task.test.values() for item in images.items):
        return _Subjects(named, [])  # another version chose other test images
    along = []
    for share in ALONG:
        along.append(subject(f"alpha {share}", share))
        features = torch.from_numpy(path.features(share))
        for images in task.test.values():
            along[-1].remember(images, features[[places[int(item)] for item in images.items]])
    return _Subjects(named, along)


class _Progress:
    """The events of audits at work, with the time left; the last one stands in AuditWork, and then how they ended."""

    def __init__(self, run: Run, audits: Sequence[Audit], keep: bool) -> None:
        self._work, self._names = AuditWork(run.folder) if keep else None, [entry.name for entry in audits]
        self._start, self._written = time.monotonic(), 0.0
        self._clock = Clock({"load": 4.0} | {entry.name: entry.seconds * len(SUBJECTS) for entry in audits})

    def event(self, stage: str, step: int, total: int, note: str = "") -> StepEvent:
        """Return an event, and leave it for others to read, not more than a few times a second."""
        now = time.monotonic() - self._start
        eta = None if stage == "wait" else round(self._clock.eta(stage, step, total, now), 2)
        event: StepEvent = {
            "t": round(now, 3), "kind": "step", "stage": stage, "step": step, "total": total, "eta": eta,
            "losses": {}, "steer": {}, "data": {}, "note": note,
        }  # fmt: skip
        if self._work and now - self._written >= INTERVAL:
            self._work.update(event=event)
            self._written = now
        return event

    def __enter__(self) -> _Progress:
        if self._work:
            self._work.write("running", self._names)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if self._work:
            self._work.end(error)
