"""`run`: forget something in this process, with a bar on stderr."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clipforget.cli.commands import command
from clipforget.cli.options import (
    EVALUATION,
    STOPPED,
    Parser,
    add_evaluation,
    add_fields,
    add_json,
    add_runs,
    add_selections,
    add_setting,
    selections_of,
    settings_of,
)
from clipforget.cli.terminal import reading_bar
from clipforget.cli.working import show_result, work_on
from clipforget.data.names import coded_note
from clipforget.data.selection import missing_note
from clipforget.runs.config import OURS, RunConfig, images_of
from clipforget.settings import options

FIELDS = ("model", "data", "others", "levels", "goal", "method", "seed", "tolerance", "device", "gallery", "nodes")


def add_options(parser: Parser) -> None:
    """Add the fields of a run, and the settings of the method that the command line names."""
    from clipforget.methods import METHODS

    for entry in options(RunConfig):
        if entry.name in ("forget", "retain"):
            about = f"{entry.help} (may be repeated)"
            parser.add_argument(f"--{entry.name}", metavar="TARGET", action="append", default=[], help=about)
    add_fields(parser, *FIELDS)
    add_selections(parser)
    add_evaluation(parser)
    parser.add_argument("--preset", metavar="NAME", help="start from these settings; those named beside it win")
    add_runs(parser)
    add_json(parser)
    parser.add_argument("--worker", metavar="ID", help=argparse.SUPPRESS)
    named = method_named(parser.words)
    parser.set_defaults(method=named)
    method = METHODS.load().get(named)  # an unknown one is refused by `checked`
    if method is not None:
        group = parser.add_argument_group(f"settings of the method {method.name}", method.summary)
        for entry in options(method.settings):
            add_setting(group, entry)


def method_named(words: Sequence[str]) -> str:
    """Return the method a command line asks for, ours for its goal where it names none.

    The settings of a method are options too, so it must be known before the rest.
    """
    return _value_of("--method", words) or OURS.get(_value_of("--goal", words), RunConfig.method)


def _value_of(flag: str, words: Sequence[str]) -> str:
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word == flag and following:
            return following
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return ""


@command("run", add_options, order=1)
def run(args: argparse.Namespace) -> int:
    """Forget something and score the result.

    With --worker it works on an existing run instead, as the page asks for it, and prints nothing.
    """
    from clipforget.evaluation.metrics import few_images_note
    from clipforget.runs.execute import execute, stoppable
    from clipforget.runs.originals import lineage
    from clipforget.runs.resources import Resources
    from clipforget.runs.store import Store

    store = Store(Path(args.runs))
    if args.worker:
        with stoppable():
            for _ in execute(store.get(args.worker)):
                pass
        return 0
    settings = {"settings": {**_preset(args), **settings_of(args)}}
    config = RunConfig.read(
        {name: getattr(args, name) for name in (*FIELDS, *EVALUATION, "forget", "retain")}
        | {"selections": selections_of(args), **settings}
    ).checked()
    lineage(config.model, store.root)  # a run whose result is gone is told at once
    resources = Resources(store.root)
    with reading_bar():
        dataset = resources.dataset(**images_of(config))
    for note in filter(None, (coded_note(dataset), missing_note(dataset))):
        print(note, file=sys.stderr)
    splits = config.splits(dataset)  # a misspelt target is told at once, however busy the device
    if note := few_images_note(len(splits.positions("test", "forget"))):
        print(note, file=sys.stderr)
    started = store.create(config)
    if not work_on(started, resources):
        return STOPPED
    show_result(args, started)
    return 0


def _preset(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the preset to start from."""
    from clipforget.runs.presets import find_preset

    if args.preset is None:
        return {}
    return find_preset(args.method, args.preset, args.model, Path(args.runs)).settings
