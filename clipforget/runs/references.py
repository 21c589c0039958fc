"""Figures of models that were trained again without a target: what "gone" looks like. They ship; the weights do not.

A file of assets/references is one target of one data set. Each of its models says in which form it never saw it
("pictures": without them; "pictures and word": no caption names it either), its seed, and its measurements by audit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from clipforget.errors import BadSetting, RunProblem
from clipforget.evaluation.documents import FigureDocument, MeasurementDocument
from clipforget.files import ASSETS
from clipforget.settings import read_document

FOLDER = ASSETS / "references"
FORMS = ("pictures", "pictures and word")  # the first is the yardstick
References = dict[str, dict[str, MeasurementDocument]]  # measurements by form and audit


class ReferenceModel(TypedDict):
    """One model trained without the target."""

    form: str
    seed: int
    audits: dict[str, MeasurementDocument]


class ReferencesDocument(TypedDict):
    """What a file of assets/references says; model and data are fingerprints, of the original and of the images."""

    model: str
    data: str
    forget: list[str]
    models: list[ReferenceModel]


def references_of(fingerprints: Mapping[str, str], forget: Sequence[str], folder: Path = FOLDER) -> References:
    """Return the references of a run: of its original, its images and its targets; the mean over seeds of each form.

    Empty where there are none. Raises RunProblem for a damaged file.
    """
    wanted = (fingerprints.get("original"), fingerprints.get("data"), sorted(forget))
    for document in read_references(folder):
        if (document["model"], document["data"], sorted(document["forget"])) == wanted:
            by_form = {form: [m["audits"] for m in document["models"] if m["form"] == form] for form in FORMS}
            return {form: _over_seeds(models) for form, models in by_form.items() if models}
    return {}


@cache
def read_references(folder: Path = FOLDER) -> tuple[ReferencesDocument, ...]:
    """Read all files of a folder. Raises RunProblem for a damaged one."""
    documents = []
    for path in sorted(folder.glob("*.json")):
        try:
            documents.append(read_document(ReferencesDocument, path))
        except BadSetting as error:
            raise RunProblem(f"The reference {path} is damaged ({error}); install ClipForget again.") from error
    return tuple(documents)


def _over_seeds(models: Sequence[Mapping[str, MeasurementDocument]]) -> dict[str, MeasurementDocument]:
    """Each audit's figures as the mean over models, with the hull of their intervals; details are the first one's."""
    every = {name: [model[name] for model in models if name in model] for name in models[0]}
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
