"""`methods`: how forgetting can be done."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_json, add_runs, describe
from clipforget.cli.terminal import emit
from clipforget.runs.config import RunConfig
from clipforget.settings import options
from clipforget.tabular import table

if TYPE_CHECKING:
    from clipforget.methods import Method
    from clipforget.runs.presets import Preset


LISTED = ("name", "title", "tier", "summary", "source", "reference_url", "stages", "notes")


def add_options(parser: Parser) -> None:
    """Add the name of a method, and the model of its presets."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="describe this method, its settings and presets")
    parser.add_argument("--model", default=RunConfig.model, help=f"of the presets (default: {RunConfig.model})")
    add_runs(parser)
    add_json(parser)


@command("methods", add_options, order=8)
def methods(args: argparse.Namespace) -> None:
    """List methods, or describe one and its settings."""
    from clipforget.methods import METHODS
    from clipforget.runs.presets import damaged_presets, presets

    METHODS.load()
    about = [METHODS[args.name]] if args.name else list(METHODS.values())
    presets_of = {method.name: presets(method.name, args.model, Path(args.runs)) for method in about}
    listed = [
        {
            **{name: getattr(method, name) for name in LISTED},
            "options": [{**vars(opt), "kind": opt.kind.__name__} for opt in options(method.settings)],
            "presets": [vars(preset) for preset in presets_of[method.name]],
        }
        for method in about
    ]
    if args.name:
        damaged = damaged_presets(args.name, args.model, Path(args.runs))
        emit(args.json, listed[0], _text(about[0], presets_of[args.name], damaged))
    else:
        rows = [[method.name, str(method.tier), method.summary, method.source] for method in about]
        emit(args.json, {"methods": listed}, table(("method", "tier", "what it does", "source"), rows))


def _text(method: Method, presets: list[Preset], damaged: Mapping[str, str]) -> str:
    """Return a method's head, its settings and its presets, the damaged ones with what is wrong."""
    stages = ", ".join(method.stages)
    source = f"Source: {method.source}" + (f", {method.reference_url}" if method.reference_url else "")
    head = [f"{method.title}: {method.summary}", source, method.uses, f"Stages: {stages}", *method.notes]
    rows = [[f"--{opt.name.replace('_', '-')}", describe(opt)] for opt in options(method.settings)]
    parts = ["\n".join(head), table(("option of run", "what it is"), rows)]
    rows = [[preset.name, preset.text, preset.note] for preset in presets]
    rows += [[name, "damaged", problem] for name, problem in damaged.items()]
    return "\n\n".join([*parts, table(("--preset", "settings", "where from"), rows)] if rows else parts)
