"""How long a run will take: planned from earlier runs, corrected by the measured speed of this one. No torch."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress

from clipforget.errors import RunProblem
from clipforget.runs.config import RunConfig
from clipforget.runs.documents import Event
from clipforget.runs.store import Store

SMOOTHING = 0.35  # weight of the newest estimate against the one shown before
ALIKE = ("model", "data", "method", "device", "gallery")  # what runs have in common that take equally long
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


def plan(store: Store, config: RunConfig, stages: Sequence[str], images: int) -> dict[str, float]:
    """Return the planned seconds for each stage, for `images` images (trained on and evaluated).

    The median of up to five finished runs alike (model, data, method, device, gallery); else a guess from the count.
    """
    measured: list[dict[str, float]] = []
    for run, info in store.infos():
        alike = all(info["config"].get(name) == getattr(config, name) for name in ALIKE)
        if info["state"] == "done" and alike:
            with suppress(RunProblem):  # its events are damaged, which says nothing of time
                measured.append(stage_seconds(run.events()))
        if len(measured) == 5:
            break
    return {stage: _median(measured, stage, _guess(stage, images)) for stage in stages}


def _median(measured: Sequence[Mapping[str, float]], stage: str, guess: float) -> float:
    seconds = [stages[stage] for stages in measured if stage in stages]
    return statistics.median(seconds) if seconds else guess


def _guess(stage: str, images: int) -> float:
    """Seconds on two processor cores and a small model; only ever used before the first run of a kind."""
    per_image = {"load": 0.001, "restore": 0.001, "score": 0.0001}.get(stage, 0.0006)
    fixed = {"load": 4.0, "score": 0.3}.get(stage, 1.0)
    return fixed + per_image * images
