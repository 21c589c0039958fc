"""The commands that say what there is: data sets, models, methods."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipforget.cli.terminal import emit
from clipforget.data.dataset import SPLITS
from clipforget.errors import BadQuery
from clipforget.tabular import table

if TYPE_CHECKING:
    from clipforget.data.dataset import Dataset


def data(chosen: argparse.Namespace) -> None:
    """List data sets, describe one, or build the embedded one."""
    from clipforget.data.catalogue import EMBEDDED, load_dataset

    if chosen.words[:1] == ["build"]:
        _build(chosen.words[1:])
    elif len(chosen.words) > 1:
        raise BadQuery("Name one data set; quote a path with spaces.")
    elif not chosen.words:
        known = {name: str(path) for name, path in EMBEDDED.items()}
        more = "Any folder or .tar of train|test/<superclass>/<subgroup>/*.jpg is named by its path."
        listed = table(("name", "where"), [list(row) for row in known.items()])
        emit(chosen.json, {"data": known}, f"{listed}\n\n{more}")
    else:
        dataset = load_dataset(chosen.words[0])
        emit(chosen.json, _described(dataset), _counted(dataset))


def models(chosen: argparse.Namespace) -> None:
    """List models, or load one and describe it."""
    if chosen.name:
        from clipforget.models.loading import load_clip

        clip = load_clip(chosen.name)
        about: dict[str, Any] = {
            "name": clip.name,
            "parameters": sum(weight.numel() for weight in clip.model.parameters()),
            "embedding": clip.encode_text(["a photo"]).shape[-1],
            "image_size": getattr(clip.model.visual, "image_size", None),
            "logit_scale": round(clip.logit_scale, 3),
            "fingerprint": clip.fingerprint(),
        }
        emit(chosen.json, about, table(("what", "value"), [[name, str(value)] for name, value in about.items()]))
        return
    from clipforget.workspace.setup import embedded_models

    listed: dict[str, Any] = {"embedded": {name: str(path) for name, path in embedded_models().items()}}
    text = table(("name", "where"), [list(row) for row in listed["embedded"].items()])
    if chosen.all:
        import open_clip

        listed["open_clip"] = [f"{name}/{tag}" for name, tag in open_clip.list_pretrained()]
        text += "\n" + "\n".join(listed["open_clip"])
    more = "Also a local folder in open_clip's layout, or open_clip's model/pretrained (--all lists them)."
    emit(chosen.json, listed, f"{text}\n\n{more}")


def methods(chosen: argparse.Namespace) -> None:
    """List methods, or describe one and its settings."""
    from clipforget.cli.options import describe
    from clipforget.methods import METHODS
    from clipforget.runs.presets import presets
    from clipforget.settings import options

    known = METHODS.load()
    about = [known[chosen.name]] if chosen.name else list(known.values())
    named = {entry.name: presets(entry.name, chosen.model, Path(chosen.runs)) for entry in about}
    listed = [
        {
            **{name: getattr(entry, name) for name in ("name", "title", "summary", "source", "stages", "notes")},
            "options": [{**vars(opt), "kind": opt.kind.__name__} for opt in options(entry.settings)],
            "presets": [vars(preset) for preset in named[entry.name]],
        }
        for entry in about
    ]
    if chosen.name:
        entry = about[0]
        rows = [[f"--{opt.name.replace('_', '-')}", describe(opt)] for opt in options(entry.settings)]
        head = f"{entry.title}: {entry.summary}\nSource: {entry.source}\nStages: {', '.join(entry.stages)}"
        head = "\n".join([head, *entry.notes])
        text = f"{head}\n\n{table(('option of run', 'what it is'), rows)}"
        rows = [[preset.name, preset.shown, preset.note] for preset in named[entry.name]]
        text += f"\n\n{table(('--preset', 'settings', 'where from'), rows)}" if rows else ""
        emit(chosen.json, listed[0], text)
        return
    text = table(("method", "what it does", "source"), [[m.name, m.summary, m.source] for m in about])
    emit(chosen.json, {"methods": listed}, text)


def _build(words: list[str]) -> None:
    if len(words) != 2 or words[0] != "sketchbook":
        raise BadQuery("Only the embedded set can be built: python -m clipforget data build sketchbook OUT.")
    from clipforget.data.sketchbook import build

    def tell(done: int, total: int) -> None:
        print(f"\r{done:,} of {total:,} images", end="", file=sys.stderr)

    try:
        count = build(words[1], progress=tell)
    except OSError as error:
        raise BadQuery(f"Cannot write {words[1]}: {error.strerror}.") from error
    print(f"\nWrote {count:,} images to {words[1]}.", file=sys.stderr)


def _described(dataset: Dataset) -> dict[str, Any]:
    counts = Counter((i.split, i.superclass, i.subgroup) for i in dataset.items)
    return {
        "name": dataset.name,
        "images": len(dataset.items),
        "fingerprint": dataset.fingerprint,
        "template": dataset.template,
        "superclasses": {name: list(dataset.subgroups(name)) for name in dataset.superclasses},
        "styles": list(dataset.styles()),
        "shifted_sets": list(dataset.shifted_sets),
        "counts": [{"split": a, "superclass": b, "subgroup": c, "n": n} for (a, b, c), n in counts.items()],
        "skipped": [{"file": key, "reason": reason} for key, reason in dataset.skipped],
    }


def _counted(dataset: Dataset) -> str:
    splits = [*SPLITS, *dataset.shifted_sets]
    counts = Counter((item.superclass, item.subgroup, item.split) for item in dataset.items)
    groups = sorted({key[:2] for key in counts})
    rows = [["/".join(filter(None, group)), *(f"{counts[(*group, split)]:,}" for split in splits)] for group in groups]
    rows.append(["all", *(f"{len(dataset.of(split)):,}" for split in splits)])
    lines = [table(("superclass/subgroup", *splits), rows, numbers=range(1, len(splits) + 1))]
    if dataset.styles():
        lines.append(f"styles: {', '.join(dataset.styles())}")
    if dataset.skipped:
        lines.append(f"{len(dataset.skipped):,} files skipped:")
        lines += [f"  {key} {reason}" for key, reason in dataset.skipped[:20]]
        lines += [f"  and {len(dataset.skipped) - 20:,} more (--json lists all)"] if len(dataset.skipped) > 20 else []
    return "\n".join(lines)
