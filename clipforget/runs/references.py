"""Figures of models that were trained again without a target: what "gone" looks like. They ship; the weights do not.

`pretrain --without TARGET` makes such a model again, and the command `reference` measures it.

A file of assets/references is one target of one data set. Each of its models says in which form it never saw it
("pictures": without them; "pictures and word": no caption names it either), its seed, and its measurements by audit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from clipforget.audits import AUDITS
from clipforget.errors import BadSetting, RunProblem
from clipforget.evaluation.documents import FigureDocument, MeasurementDocument
from clipforget.files import ASSETS
from clipforget.runs.config import RunConfig
from clipforget.runs.store import Run
from clipforget.settings import read_document

FOLDER = ASSETS / "references"
FORMS = ("pictures", "pictures and word")  # the first is the yardstick
References = dict[str, dict[str, MeasurementDocument]]  # measurements by form and audit


class ReferenceModel(TypedDict):
    """One model trained without the target: by which command, with which weights (a fingerprint)."""

    form: str
    seed: int
    command: str
    fingerprint: str
    audits: dict[str, MeasurementDocument]


class ReferencesDocument(TypedDict):
    """What a file of assets/references says; model and data are fingerprints, of the original and of the images.

    images: how many of the test split were searched. The models stand in the order of FORMS, then of their seeds.
    """

    model: str
    data: str
    images: int
    forget: list[str]
    models: list[ReferenceModel]


def references_of(run: Run, folder: Path = FOLDER) -> References:
    """Return the references of a run: of its original, its images and its targets; the mean over seeds of each form.

    Empty where there are none, or where the run searches a smaller gallery. Raises RunProblem for a damaged file.
    """
    config, fingerprints = run.config, run.info()["fingerprints"]
    wanted = (fingerprints.get("original"), fingerprints.get("data"), sorted(config.forget))
    for document in read_references(folder):
        same = (document["model"], document["data"], sorted(document["forget"])) == wanted
        if same and config.gallery >= document["images"]:
            by_form = {form: [m["audits"] for m in document["models"] if m["form"] == form] for form in FORMS}
            return {form: _over_seeds(models) for form, models in by_form.items() if models}
    return {}


def no_reference(run: Run) -> str:
    """Say in a sentence why there is no model that never saw a run's targets; empty where there is one."""
    if references_of(run):
        return ""
    config = run.config
    if config.model != RunConfig.model or config.data != RunConfig.data:
        return (
            "No model that was trained without the target exists for this model, so what needs one is undefined; name "
            "your own with `audit --reference`."
        )
    return (
        f"No figures are shipped of a model that never saw {' or '.join(config.forget)}, measured on this gallery; "
        "make one with `pretrain --without` and name it with `audit --reference`."
    )


def with_model(document: ReferencesDocument | None, added: ReferencesDocument) -> ReferencesDocument:
    """Return a document with the models of another: those of the same form and seed are replaced.

    Raises BadSetting where the two are of different targets, originals or images.
    """
    if document is None:
        return added
    if any(document[key] != added[key] for key in ("model", "data", "images", "forget")):
        raise BadSetting("The file holds references of another target, model or gallery; name another file.")
    new = {(model["form"], model["seed"]) for model in added["models"]}
    models = [model for model in document["models"] if (model["form"], model["seed"]) not in new] + added["models"]
    models.sort(key=lambda model: (FORMS.index(model["form"]), model["seed"]))
    return {**document, "models": models}


@cache
def read_references(folder: Path = FOLDER) -> tuple[ReferencesDocument, ...]:
    """Read all files of a folder. Raises RunProblem for a damaged one."""
    return tuple(map(read_reference, sorted(folder.glob("*.json"))))


def read_reference(path: Path) -> ReferencesDocument:
    """Read one file. Raises RunProblem where it is damaged."""
    try:
        return read_document(ReferencesDocument, path)
    except BadSetting as error:
        raise RunProblem(f"The reference {path} is damaged ({error}); install ClipForget again.") from error


def _over_seeds(models: Sequence[Mapping[str, MeasurementDocument]]) -> dict[str, MeasurementDocument]:
    """Each audit's figures as the mean over models, with the hull of their intervals; details are the first one's.

    Audits that mix a model with the original take the first alone, which is of the original's seed.
    """
    every = {
        name: [model[name] for model in models[: 1 if AUDITS.load()[name].mixes else None] if name in model]
        for name in models[0]
    }
    return {
        name: {"figures": [_mean(column) for column in _columns(found)], "details": found[0]["details"]}
        for name, found in every.items()
    }


def _columns(found: Sequence[MeasurementDocument]) -> list[list[FigureDocument]]:
    """For each figure of the first measurement, those of the same key in all."""
    return [
        [other for each in found for other in each["figures"] if other["key"] == figure["key"]]
        for figure in found[0]["figures"]
    ]


def _mean(figures: Sequence[FigureDocument]) -> FigureDocument:
    known = [figure for figure in figures if figure["value"] is not None]
    if len(known) < 2:
        return known[0] if known else figures[0]
    values = [figure["value"] or 0.0 for figure in known]
    low = min(value if figure["low"] is None else figure["low"] for figure, value in zip(known, values, strict=True))
    high = max(value if figure["high"] is None else figure["high"] for figure, value in zip(known, values, strict=True))
    count = sum(figure["count"] for figure in known)
    return {**known[0], "value": sum(values) / len(values), "low": low, "high": high, "count": count, "note": ""}
