"""What can be chosen before a run, and what a run will cost: plain JSON, no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from clipforget.audits import AUDITS
from clipforget.benchmark.paper import EXPERIMENTS, Experiment
from clipforget.benchmark.rows import FIRST_METHODS
from clipforget.data.catalogue import DATASETS, absence, find
from clipforget.data.dataset import Dataset
from clipforget.data.layout import describe_layout
from clipforget.data.names import coded_note
from clipforget.data.target import Target
from clipforget.errors import BadData, BadModel
from clipforget.evaluation.metrics import few_images_note
from clipforget.methods import METHODS, Method
from clipforget.models.listing import RUN, check_model_name, embedded_models
from clipforget.runs.config import RunConfig
from clipforget.runs.devices import devices, likely_device
from clipforget.runs.eta import expected, run_memory
from clipforget.runs.presets import damaged_presets, presets
from clipforget.runs.store import Store
from clipforget.settings import Option, options
from clipforget.unlearning.task import GOALS
from clipforget.workspace.setup_documents import (
    DataDescription,
    ExperimentDescription,
    MethodDescription,
    Named,
    NumberOption,
    OptionDescription,
    PresetDescription,
    RunEstimate,
    SetupDescription,
    UnreadData,
)

SAMPLES = 4  # images shown for each subgroup
RECENT = 8  # names of earlier runs that are offered again
START = 1.5  # seconds until a worker's first event


def describe(
    configs: Sequence[Mapping[str, Any]], dataset_of: Callable[[str], Dataset], runs: Path = Path("runs")
) -> SetupDescription:
    """Describe models, data sets, methods, devices, the paper's experiments, and the options that runs share.

    `recent` holds the other models and data of earlier runs' configs, models that are gone left out. The methods'
    presets are those for the default model; runs is the folder of the runs.
    """
    embedded = embedded_models()
    data: list[DataDescription | UnreadData] = []
    entries = DATASETS.load().values()
    for entry in sorted(entries, key=lambda entry: (bool(entry.published), not entry.on_disk, entry.title)):
        name = entry.name
        if entry.published and entry.published.only_evaluation:
            continue
        try:
            if entry.published:  # large ones among them: read when they are chosen
                raise BadData("" if entry.on_disk else absence(entry))
            data.append(describe_data(dataset_of(name), name))
        except BadData as error:
            data.append({"name": name, "title": entry.label, "error": str(error)})
    models = recent_models(configs)
    methods = sorted(METHODS.load().values(), key=lambda method: method.name != RunConfig.method)  # ours first
    return {
        "models": [Named(name=name, title=_title(name)) for name in [*embedded, *models]],
        "data": data,
        "methods": [describe_method(method, runs=runs) for method in methods],
        "devices": devices(),
        "recent": {"models": models, "data": _recent((config["data"] for config in configs), DATASETS)},
        "options": describe_options(),
        "first_methods": list(FIRST_METHODS),
        "experiments": [describe_experiment(experiment) for experiment in EXPERIMENTS.load().values()],
        "goals": GOALS,
        "audits": [
            {"name": name, "title": entry.title, "question": entry.question, "seconds": entry.seconds}
            for name, entry in AUDITS.load().items()
        ],
    }


def describe_options() -> dict[str, NumberOption]:
    """Describe the options that runs and comparisons share, by name: default, help text and bounds."""
    described: dict[str, NumberOption] = {
        option.name: {"default": option.default, "help": option.help, "low": option.low, "high": option.high}
        for option in options(RunConfig)
        if option.kind in (int, float)
    }
    return described | {"seeds": {"default": 1}}  # enough for a first look; the command line takes more


def describe_experiment(experiment: Experiment) -> ExperimentDescription:
    """Describe an experiment of the paper, with targets and note of its sketchbook case."""
    case = experiment.sketchbook
    return {
        "name": experiment.name,
        "title": experiment.title,
        "rows": list(experiment.rows),
        "targets": [list(target) for target in case.targets],
        "note": case.note,
    }


def describe_data(dataset: Dataset, name: str, samples: bool = False) -> DataDescription:
    """Describe a data set: counts, names, and with `samples` the indices of a few test images of each subgroup."""
    groups: dict[str, list[str]] = {superclass: [] for superclass in dataset.superclasses}
    for superclass, subgroup in sorted({(item.superclass, item.subgroup) for item in dataset.items if item.subgroup}):
        groups[superclass].append(subgroup)
    described: DataDescription = {
        "name": name,
        "title": _title(name),
        "count": len(dataset.items),
        "splits": dict(Counter(item.split for item in dataset.items)),
        "superclasses": groups,
        "styles": list(dataset.styles()),
        "evaluation_sets": list(dataset.evaluation_sets),
        "skipped": len(dataset.skipped),
        "note": coded_note(dataset),
        "layout": {"sentences": list(describe_layout(dataset)), "options": list(dataset.layout.options)},
        "sizes": dict(Counter(item.superclass for item in dataset.native)),
        "fingerprint": dataset.fingerprint,
    }
    if samples:
        described["samples"] = _samples(dataset)
        described["skipped_files"] = [list(pair) for pair in dataset.skipped[:20]]
    return described


def describe_method(method: Method, model: str = RunConfig.model, runs: Path = Path("runs")) -> MethodDescription:
    """Describe a method: the options of its settings and its presets for a model; runs is the folder of the runs."""
    return {
        "name": method.name,
        "title": method.title,
        "summary": method.summary,
        "source": method.source,
        "reference_url": method.reference_url,
        "tier": method.tier,
        "uses": method.uses,
        "notes": list(method.notes),
        "changes": method.changes,
        "stages": ["load", *method.stages, "restore", "score"],
        "options": [describe_option(option) for option in options(method.settings)],
        "presets": describe_presets(method.name, model, runs),
    }


def describe_option(option: Option) -> OptionDescription:
    """Describe one setting of a method, or one option of a run."""
    return {
        "name": option.name,
        "kind": option.kind.__name__,
        "default": option.default,
        "help": option.help,
        "low": option.low,
        "high": option.high,
        "choices": list(option.choices),
        "advanced": option.advanced,
        "search": list(option.search),
        "former": list(option.former),
    }


def describe_presets(method: str, model: str, runs: Path) -> list[PresetDescription]:
    """Describe the presets of a method for a model, then those whose file is damaged. Raises UnknownName."""
    described: list[PresetDescription] = [
        {"name": preset.name, "settings": preset.settings, "note": preset.note}
        for preset in presets(method, model, runs)
    ]
    for name, problem in damaged_presets(method, model, runs).items():
        described.append({"name": name, "settings": {}, "note": "", "error": problem})
    return described


def estimate(config: RunConfig, dataset: Dataset, store: Store) -> RunEstimate:
    """Estimate a run from its image counts and earlier runs alike, or the measured speed of its model.

    Seconds and bytes of memory are None where the model was not measured on the device.

    Raises UnknownName, BadQuery or BadData where the configuration makes no sense.
    """
    splits = config.splits(dataset)
    images = len(splits.images)
    seconds = expected(store, config, config.stages, images, len(splits.train["forget"]))
    return {
        "seconds": None if seconds is None else round(START + sum(seconds.values()), 1),
        "memory": run_memory(store, config, images),
        "device": likely_device(config.device),
        "images": images,
        "forget": len(splits.train["forget"]),
        "retain": len(splits.train["retain"]),
        "gallery": len(splits.positions("test")),
        "few": few_images_note(len(splits.positions("test", "forget"))),
    }


def _samples(dataset: Dataset) -> dict[str, list[int]]:
    """Dataset indices of up to SAMPLES test images, spread over the group, keyed superclass or superclass/subgroup."""
    groups: dict[str, list[int]] = {}
    for i, item in enumerate(dataset.items):
        if item.split == "test":
            groups.setdefault(str(Target(item.superclass, item.subgroup or "*")), []).append(i)
    return {name: indices[:: max(len(indices) // SAMPLES, 1)][:SAMPLES] for name, indices in groups.items()}


def recent_models(configs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the models of earlier runs' configs that are there; not those of the app, and no results of runs."""
    names = (config["model"] for config in configs)
    return _recent((name for name in names if not name.startswith(RUN) and _is_model(name)), embedded_models())


def _recent(names: Iterable[str], listed: Iterable[str]) -> list[str]:
    """The names of earlier runs that are not listed anyway."""
    return [name for name in dict.fromkeys(names) if name not in set(listed)][:RECENT]


def _is_model(name: str) -> bool:
    try:
        return bool(check_model_name(name))
    except BadModel:
        return False


def is_path(name: str) -> bool:
    """Return True for a data set that is no registered one."""
    return find(name)[0] is None


def _title(name: str) -> str:
    if entry := find(name)[0]:
        return entry.title
    return Path(name).stem if "/" in name and Path(name).exists() else name
