"""The model of a finished run at an alpha, as files in one of the formats, before any is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from clipforget import __version__
from clipforget.data.catalogue import find
from clipforget.errors import BadModel, RunProblem, UnknownName
from clipforget.runs.config import shown_command, without_folders
from clipforget.soup.path import check_alpha, index_of
from clipforget.workspace.card import write_card
from clipforget.workspace.documents import FORMATS, ExportSize, RunView

if TYPE_CHECKING:
    from clipforget.models.export.bundle import Files
    from clipforget.workspace.explorer import FinishedRun


def export_name(finished: FinishedRun, alpha: float, format: str) -> str:
    """Return what an exported folder is called where nobody names it."""
    return f"{finished.run.id}-alpha{index_of(check_alpha(alpha)):03d}-{format.replace('_', '')}"


def model_files(finished: FinishedRun, alpha: float, format: str, folder: str = "") -> Files:
    """Return the files of the model at the slider's stop nearest to alpha, its card among them.

    folder is what the card calls them; by default `export_name`. Raises UnknownName for a format, BadQuery for an alpha
    outside 0 to 1, BadModel for an architecture that the format does not know, RunProblem for a run that changed no
    weights, StaleIndex where the original is not the run's any more.
    """
    from clipforget.models.weights import fingerprint

    view = finished.view()
    index = index_of(check_alpha(alpha))
    files = _made(finished, view, index, format)
    soup_model = finished.soup_model()
    fingerprints = {
        "original": soup_model.original,
        "unlearned (alpha 0)": soup_model.unlearned,
        "this model": fingerprint(soup_model.weights(view["alphas"][index])),
        "images": finished.info["fingerprints"]["data"],
    }
    entry, _ = find(view["config"]["data"])
    name = folder or export_name(finished, alpha, format)
    terms, lineage = entry.terms if entry else "", finished.info.get("lineage", ())
    card = write_card(view, index, format, name, fingerprints, terms, finished.audits(), lineage)
    return {"README.md": card.encode(), **files}


def _made(finished: FinishedRun, view: RunView, index: int, format: str) -> Files:
    """The files but the card."""
    from clipforget.models.export.openclip import open_clip_files
    from clipforget.models.export.patch import patch_files
    from clipforget.models.export.transformers import transformers_files

    if format not in FORMATS:
        raise UnknownName("format", format, FORMATS)
    soup_model, alpha = finished.soup_model(), view["alphas"][index]
    if not soup_model.delta:
        raise RunProblem(f"The run {finished.run.id} changed no weights: its model is the original, and stays with it.")
    if format == "patch":
        config = view["config"]
        about = {
            "original": soup_model.original, "unlearned": soup_model.unlearned,
            "model": without_folders(config["model"]), "alpha": str(alpha), "run": finished.run.id,
            "forget": json.dumps(config["forget"]),
            "method": config["method"], "settings": json.dumps(view["settings"]),
            "command": shown_command(view["command"]),
            "version": __version__,
        }  # fmt: skip
        return patch_files(soup_model.weights(1.0), soup_model.delta, about)
    make = open_clip_files if format == "open_clip" else transformers_files
    return make(soup_model.clip, soup_model.weights(alpha))


def export_sizes(finished: FinishedRun) -> dict[str, ExportSize]:
    """Return for each format how many bytes it takes at any alpha, about, or why there is none."""
    from clipforget.models.export.bundle import size_of

    view, sizes = finished.view(), dict[str, ExportSize]()
    for format in FORMATS:
        try:
            sizes[format] = {"bytes": size_of(_made(finished, view, 0, format)), "refused": None}
        except BadModel as error:
            sizes[format] = {"bytes": None, "refused": str(error)}
    return sizes
