"""How long a run will take: planned from earlier runs, corrected by the measured speed of this one. No torch."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from clipforget.errors import RunProblem
from clipforget.methods import METHODS
from clipforget.models.listing import BATCH
from clipforget.runs.config import RunConfig
from clipforget.runs.documents import Event
from clipforget.runs.measure import Measurement, read_measurement
from clipforget.runs.store import Store
from clipforget.settings import as_dict, parse
from clipforget.unlearning.task import BOTH, IMAGE, KINDS

SMOOTHING = 0.35  # weight of the newest estimate against the one shown before
ALIKE = ("model", "data", "method", "device", "gallery")  # what runs have in common that take equally long
FEWEST_NODES = 3  # the ends of a soup path and its middle
# settings of methods that change more than the last projection
TRAINING = {"steps", "forget_epochs", "samples", "separate_steps"}
DOUBT = 4.0  # seconds of planned work before the measured speed counts as much as the plan


class Clock:
    """Remaining seconds of a run of several stages, from planned seconds for each and the time measured so far."""

    def __init__(self, planned: Mapping[str, float]) -> None:
        self.planned = dict(planned)
        self._starts: dict[str, float] = {}
        self._shown: tuple[float, float] | None = None  # when, and seconds left

    def plan(self, planned: Mapping[str, float]) -> None:
        """Replace the planned seconds, e.g. once the number of images is known."""
        self.planned = dict(planned)

    @property
    def total(self) -> float:
        """Return the planned seconds of all stages."""
        return sum(self.planned.values())

    def eta(self, stage: str, step: int, total: int, now: float) -> float:
        """Return the seconds left at `now` (seconds), with `step` of `total` done in `stage`. It moves steadily."""
        order = list(self.planned)
        index = order.index(stage) if stage in order else 0
        start = self._starts.setdefault(stage, now if step == 0 or self._shown is None else self._shown[0])
        share = min(max(step / total, 0.0), 1.0) if total > 0 else 0.0
        spent = now - start
        done = sum(self.planned[name] for name in order[:index]) + share * self.planned.get(stage, 0.0)
        speed = (now - min(self._starts.values()) + DOUBT) / (done + DOUBT)
        left = (1 - share) * self.planned.get(stage, 0.0) * speed
        if share > 0:
            left = (1 - share) * left + share * spent * (1 - share) / share
        left += speed * sum(self.planned[name] for name in order[index + 1 :])
        if self._shown is not None:
            before = max(self._shown[1] - (now - self._shown[0]), 0.0)
            left = before + SMOOTHING * (left - before)
        self._shown = (now, left)
        return left


def stage_seconds(events: Sequence[Event]) -> dict[str, float]:
    """Return the seconds that each stage of a finished run took, waiting for the device left out."""
    seconds: dict[str, float] = defaultdict(float)
    before = 0.0
    for event in events:
        if event["kind"] == "step" and event["stage"] != "wait":
            seconds[event["stage"]] += max(event["t"] - before, 0.0)
        before = event["t"]
    return dict(seconds)


def plan(store: Store, config: RunConfig, stages: Sequence[str], images: int, forget: int = 0) -> dict[str, float]:
    """Return the planned seconds for each stage, as `expected`.

    Where nothing is known a guess, which the clock of the run corrects at once.
    """
    return expected(store, config, stages, images, forget) or {stage: _guess(stage, images) for stage in stages}


def expected(
    store: Store, config: RunConfig, stages: Sequence[str], images: int, forget: int
) -> dict[str, float] | None:
    """Return the seconds to expect of each stage; None where nothing was measured of the model.

    images are those trained on and evaluated, `forget` of them those to be forgotten in training.

    The median of up to five finished runs alike (model, data, method, device, gallery); a stage that none of them has,
    and a model without such runs, by the measured speed of the model.
    """
    measurement = read_measurement(store.root, config.model, config.device)
    by_speed = {stage: _seconds(stage, config, images, forget, measurement) for stage in stages} if measurement else {}
    alike = _alike(store, config)
    seconds = dict(by_speed)
    for stage in stages:
        if times := [run[stage] for run in alike if stage in run]:
            seconds[stage] = statistics.median(times)
    return seconds if seconds.keys() >= set(stages) else None


def run_memory(store: Store, config: RunConfig, images: int) -> int | None:
    """Return the bytes that a run on `images` images takes at its peak, about; None where the model is not measured.

    The measured peak of a batch of training (the weights, their gradients, what a batch keeps, the process itself), the
    weights once more for the copy that changes, and the pixels.
    """
    measured = read_measurement(store.root, config.model, config.device)
    return measured.peak + measured.weights + images * measured.pixels if measured else None


def _alike(store: Store, config: RunConfig) -> list[dict[str, float]]:
    """Seconds by stage of the newest five finished runs that take equally long."""
    measured: list[dict[str, float]] = []
    for run, info in store.infos():
        alike = all(info["config"].get(name) == getattr(config, name) for name in ALIKE)
        if info["state"] == "done" and alike:
            with suppress(RunProblem):  # its events are damaged, which says nothing of time
                measured.append(stage_seconds(run.events()))
        if len(measured) == 5:
            break
    return measured


def _seconds(stage: str, config: RunConfig, images: int, forget: int, speed: Measurement) -> float:
    """Seconds of a stage from the model's speed and the method's settings.

    Steps of training pass a batch of each kind, forward and backward; Fisher information is read from single images; a
    method without either passes each image once in all its stages. Restoring passes them once for each node, half-way
    between the fewest and the most of them, but once in all where only a last projection or texts change.
    """
    method = METHODS.load()[config.method]
    settings: dict[str, Any] = as_dict(parse(method.settings, config.settings))
    trains = TRAINING & settings.keys() and method.changes in (IMAGE, BOTH)
    steps = settings.get("steps" if stage == "forget" else f"{stage}_steps", 0)
    seconds = images * speed.forward / speed.workers
    if stage == "score":
        return _guess(stage, images)
    if stage == "load":
        seconds = speed.load + images * speed.preprocess / speed.workers
    elif stage == "restore" and trains:
        seconds *= (FEWEST_NODES + config.nodes) / 2
    elif stage == "select" and "samples" in settings:
        seconds = 2 * settings["samples"] * speed.single
    elif stage == "forget" and (settings.get("epochs") or "forget_epochs" in settings):
        passed = settings["forget_epochs"] * forget if "forget_epochs" in settings else settings["epochs"] * images
        seconds = passed * speed.training
    elif steps:
        seconds = len(KINDS) * steps * settings.get("batch_size", BATCH) * speed.training
    elif stage in method.stages:
        seconds /= len(method.stages)
    return seconds


def _guess(stage: str, images: int) -> float:
    """Seconds on two processor cores and a small model; only ever used inside a run, never shown before it."""
    per_image = {"load": 0.001, "restore": 0.001, "score": 0.0001}.get(stage, 0.0006)
    fixed = {"load": 4.0, "score": 0.3}.get(stage, 1.0)
    return fixed + per_image * images
