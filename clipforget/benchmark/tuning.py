"""Fair tuning: for every method the same number of trials, compared on calibrate images alone; the best is a preset.

Trials are a plain seeded random search over the values that the settings name as worth a trial (`search`). No optimiser
library: with eight trials of a few settings on short grids, model-based search has nothing to learn from, random search
is the known strong choice (Bergstra and Bengio, JMLR 2012), and it gives every method the same chances whatever the
shape of its settings. Trial 0 is always the defaults, so that a preset is never worse than they on calibrate images.

Finished trials are kept in `<runs>/tuning/` and not run again; delete the folder to begin anew. Torch waits until a
trial is to be run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget import __version__
from clipforget.benchmark.plan import JOIN
from clipforget.benchmark.trials import Trial, TrialStore, draw, trials_folder
from clipforget.errors import BadSetting, ClipforgetError
from clipforget.generators import relay
from clipforget.methods import METHODS, Method
from clipforget.models.listing import check_model_name
from clipforget.runs.config import RunConfig, command_line, images_of
from clipforget.runs.devices import likely_device
from clipforget.runs.presets import OWN_FOLDER, Preset, check_name, save_preset
from clipforget.runs.resources import Resources
from clipforget.runs.store import Store, versions
from clipforget.settings import STRICT, as_dict, option, option_like, options, parse, read_json
from clipforget.unlearning.task import NOTHING, SUPPRESSED

if TYPE_CHECKING:
    from clipforget.benchmark.validation import Validation

POLL = 0.25  # seconds between two attempts at a busy device


@dataclass(frozen=True)
class TuneConfig:
    """What is tuned: each target is what one run forgets together; every method gets `trials` trials on each."""

    methods: tuple[str, ...]
    targets: tuple[tuple[str, ...], ...]
    model: str = option_like(RunConfig, "model")
    data: str = option_like(RunConfig, "data")
    selections: tuple[str, ...] = option_like(RunConfig, "selections")
    others: str = option_like(RunConfig, "others")
    levels: str = option_like(RunConfig, "levels")
    goal: str = option_like(RunConfig, "goal")
    trials: int = option(8, "Trials of each method on each target", low=1, high=1000)
    seed: int = option_like(RunConfig, "seed")
    tolerance: float = option_like(RunConfig, "tolerance")
    device: str = option_like(RunConfig, "device")
    name: str = option("tuned", "Name of the presets")

    __pydantic_config__ = STRICT | {"str_min_length": 1}

    def checked(self) -> TuneConfig:
        """Return the same, checked. Raises UnknownName, BadModel for the name of no model, or BadSetting."""
        for method in self.methods:
            METHODS.load()[method]
        check_name(self.name)
        check_model_name(self.model)
        if not self.methods or not self.targets:
            raise BadSetting("Name at least one method and one target, e.g. --methods targeted --forget airplane.")
        return read_json(TuneConfig, as_dict(self), "tuning")

    def run_config(self, target: tuple[str, ...]) -> RunConfig:
        """Return the run whose train, steer and calibrate images a target's trials use."""
        names = ("model", "data", "selections", "others", "levels", "goal", "seed", "tolerance", "device")
        shared = {name: getattr(self, name) for name in names}
        return RunConfig(forget=target, **shared)

    def without_paths(self) -> TuneConfig:
        """Return the same with the bare names of local models and data, to be shown to others."""
        texts = (self.model, self.data, self.others)
        model, data, others = (Path(text).name if text and Path(text).exists() else text for text in texts)
        return replace(self, model=model, data=data, others=others)

    def command(self) -> str:
        """Return the command line that repeats the tuning."""
        targets = {"forget": [JOIN.join(target) for target in self.targets]}
        changed = {"methods": ",".join(self.methods), "targets": targets, "selections": {"selected": self.selections}}
        return command_line("tune", self, ("others", "levels", "goal"), **changed)


@dataclass(frozen=True)
class TuneStep:
    """Progress: `done` of `total` trials, seconds left where known; with a finished trial or a saved preset."""

    done: int
    total: int
    eta: float | None
    note: str
    trial: Trial | None = None
    preset: Preset | None = None


def tune(config: TuneConfig, runs: Path, out: Path | None = None) -> Iterator[TuneStep]:
    """Run the trials that are not finished yet and save each method's best as a preset.

    runs is the folder of the runs; presets go below it, or to `out`. Model, data and pixels are loaded once a target.
    Closing the generator loses only the trial at work. Raises as `TuneConfig.checked`, `select` and `load_clip`.
    """
    config = config.checked()
    methods, skipped = _searchable(config.methods)
    for note in skipped:
        yield TuneStep(0, 0, None, note)
    if not methods:
        return
    resources = Resources(runs)
    for target in config.targets:
        config.run_config(target).splits(resources.dataset(**images_of(config, evaluation=False)))
    session = TuningSession(config, methods, resources, runs)
    for target in config.targets:
        yield from session.run_trials(target)
    for method in methods:
        preset = session.winner(method, config if out is None else config.without_paths())
        if preset is None:
            yield session.step(f"{method.name}: no trial forgot anything, so there is no preset.")
            continue
        path = save_preset(preset, config.model, runs / OWN_FOLDER if out is None else out)
        yield replace(session.step(f"{method.name}: {preset.note} Saved as {path}."), preset=preset)


def _searchable(names: tuple[str, ...]) -> tuple[list[Method], list[str]]:
    """The methods that can be tuned, and a sentence about each other one."""
    methods, skipped = [], []
    for name in dict.fromkeys(names):
        method = METHODS[name]
        if method.changes == NOTHING:
            skipped.append(f"{name} changes no weights, so there is nothing to tune.")
        elif not any(option.search for option in options(method.settings)):
            skipped.append(f"{name} has no settings that are worth a search, so it keeps its defaults.")
        else:
            methods.append(method)
    return methods, skipped


class TuningSession:
    """The trials of one tuning: which there are and which are finished."""

    def __init__(self, config: TuneConfig, methods: list[Method], resources: Resources, runs: Path) -> None:
        self.config, self.resources, self.runs = config, resources, runs
        self.dataset = resources.dataset(**images_of(config, evaluation=False))
        folder = trials_folder(runs)  # before a model is fetched in vain
        self.clip = resources.clip(config.model, config.device)
        self.fingerprints = {"original": self.clip.fingerprint(), "data": self.dataset.fingerprint}
        conditions = [config.seed, config.tolerance, __version__, *([config.goal] if config.goal != SUPPRESSED else [])]
        self.store = TrialStore(folder, self.fingerprints, *conditions)
        self.plan = {method.name: draw(method.settings, config.trials, config.seed) for method in methods}
        self.total = len(config.targets) * sum(map(len, self.plan.values()))
        self.finished = {
            (method.name, JOIN.join(target), trial.number): trial
            for target in config.targets
            for method in methods
            for trial in self.store.finished(method, target, self.plan[method.name])
        }

    def step(self, note: str, spent: float = 0.0) -> TuneStep:
        """Return where the work stands; spent: seconds since the trial at work began."""
        return TuneStep(len(self.finished), self.total, self._eta(spent), note)

    def run_trials(self, target: tuple[str, ...]) -> Iterator[TuneStep]:
        """Run the trials of one target that are not finished."""
        from clipforget.benchmark.validation import load_validation

        name = JOIN.join(target)
        waiting = [
            (METHODS[method], number)
            for method, drawn in self.plan.items()
            for number in range(len(drawn))
            if (method, name, number) not in self.finished
        ]
        if not waiting:
            yield self.step(f"{name}: every trial is finished already.")
            return
        loading = load_validation(self.config.run_config(target), self.dataset, self.resources)
        validation = yield from relay(loading, lambda n: self.step(f"{name}: {n[0]:,} of {n[1]:,} images"))
        for method, number in waiting:
            trial = yield from self._trial(method, number, name, validation)
            self.finished[method.name, name, number] = trial
            self.store.add(method, target, trial)
            result = trial.error or f"calibrate H {trial.h:.1f} at alpha {trial.alpha:.1f}"
            yield replace(self.step(f"{name}, {method.name}, trial {number}: {result}"), trial=trial)

    def winner(self, method: Method, published: TuneConfig) -> Preset | None:
        """Return the settings of the best mean over the targets (of equals the first) with their provenance.

        published is the configuration as the provenance is to tell it.
        """
        names = [JOIN.join(target) for target in self.config.targets]
        rows = [[self.finished[method.name, name, n] for name in names] for n in range(len(self.plan[method.name]))]
        means = [statistics.mean(trial.h for trial in row) for row in rows]
        best = means.index(max(means))
        if means[best] <= 0:
            return None
        note = (
            f"Best of {len(rows)} trials by H on calibrate images: {means[best]:.1f}, the defaults {means[0]:.1f}; "
            f"on {', '.join(names)}."
        )
        provenance = {
            "command": replace(published, methods=(method.name,)).command(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(),
            "model": published.model,
            "data": published.data,
            "fingerprints": self.fingerprints,
            "targets": names,
            "goal": self.config.goal,
            "seed": self.config.seed,
            "tolerance": self.config.tolerance,
            "device": str(self.clip.device),
            "seconds": round(sum(trial.seconds for row in rows for trial in row), 1),
            "trials": [
                {"settings": row[0].settings, "h": mean, "targets": {trial.target: trial.figures for trial in row}}
                for row, mean in zip(rows, means, strict=True)
            ],
        }
        return Preset(self.config.name, method.name, dict(rows[best][0].settings), note, provenance)

    def _trial(
        self, method: Method, number: int, target: str, validation: Validation
    ) -> Generator[TuneStep, None, Trial]:
        config, settings = self.config, self.plan[method.name][number]
        lock = Store(self.runs).device_lock(likely_device(config.device))
        while not lock.acquire(wait=False):
            yield self.step("Another run is using the device; the next trial starts when it is done.")
            time.sleep(POLL)
        with lock:
            start = time.monotonic()
            task, parsed = validation.task(config.seed), parse(method.settings, settings)
            shared = (method.name, number, target, settings, as_dict(parsed))
            try:
                for record in method.run(task, parsed):
                    note = f"{target}, {method.name}, trial {number}: {record.stage} {record.step}/{record.total}"
                    yield self.step(note, time.monotonic() - start)
                figures = validation.evaluate(task.clip, config.tolerance)
            except ClipforgetError as error:
                return Trial(*shared, 0.0, 0.0, {}, {}, round(time.monotonic() - start, 1), str(error))
            seconds = round(time.monotonic() - start, 1)
            return Trial(*shared, figures.h, figures.alpha, figures.before, figures.after, seconds)

    def _eta(self, spent: float) -> float | None:
        """Each method's trials take as long as its finished ones did; of one not begun, as the others."""
        seconds: dict[str, list[float]] = {}
        for (method, _, _), trial in self.finished.items():
            seconds.setdefault(method, []).append(trial.seconds)
        if not seconds:
            return None
        overall = statistics.mean(value for values in seconds.values() for value in values)
        left = -spent
        for method, drawn in self.plan.items():
            count = len(drawn) * len(self.config.targets) - len(seconds.get(method, ()))
            left += count * statistics.mean(seconds.get(method, [overall]))
        return round(max(left, 0.0), 1)
