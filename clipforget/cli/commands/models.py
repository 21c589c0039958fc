"""`models`: what can be made to forget."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_fields, add_json, add_runs
from clipforget.cli.terminal import PROG, Bar, emit
from clipforget.errors import BadModel, RunProblem
from clipforget.files import made_folder
from clipforget.generators import finish, relay
from clipforget.models.listing import ListedModel, check_model_name, describe_model, list_models, nearest, search
from clipforget.runs.devices import likely_device
from clipforget.runs.measure import FOLDER, measure, read_measurement, save_measurement
from clipforget.runs.originals import describe_original, lineage, load_original
from clipforget.runs.queue import Queue
from clipforget.tabular import table

HEADER = ("name", "image tower", "norm", "px", "image M", "text M", "memory", "fetch", "licence")
NUMBERS = (3, 4, 5, 6, 7)
NOTE = """M: millions of parameters. memory: GB that a run takes at least, images left out. fetch: GB to download.
A licence is named where timm states one. No weights are published for a name that ends in /: a checkpoint's path is to
follow."""
EXAMPLE = "Also a folder, or any of open_clip's: models vit b 32 openai; --all lists them."


def add_options(parser: Parser) -> None:
    """Add the name of a model or words to search for."""
    parser.usage = f"{PROG} models [NAME | WORDS] [--all] [--measure] [--json]"
    parser.add_argument("words", nargs="*", metavar="NAME", help="describe this model, or list those that words fit")
    parser.add_argument("--all", action="store_true", help="list every architecture and tag that open_clip knows")
    parser.add_argument(
        "--measure", action="store_true", help="time one batch of the model named and keep that for estimates of runs"
    )
    add_fields(parser, "device")
    add_runs(parser)
    add_json(parser)


@command("models", add_options, order=7)
def models(args: argparse.Namespace) -> None:
    """List or search models, or describe one."""
    query, runs = " ".join(args.words), Path(args.runs)
    if args.measure or (len(args.words) == 1 and _is_name(query)):
        if args.measure:
            _measure(lineage(query, runs)[-1], args.device, runs)
        described = asdict(describe_original(query, runs)) if args.measure else _described(query, runs)
        described |= _measured(query, args.device, runs)
        rows = [[name, str(value)] for name, value in described.items() if value not in (None, "")]
        emit(args.json, described, table(("what", "value"), rows))
        return
    listed = search(list_models(), query)
    if not listed:
        raise BadModel(f"No model fits '{query}'.{nearest(query)} --all lists them all.")
    if not query and not args.all:
        listed = [model for model in listed if model.on_disk]
    hint = NOTE if query or args.all else EXAMPLE
    emit(args.json, {"models": [asdict(model) for model in listed]}, f"{_table(listed)}\n\n{hint}")


def _measure(name: str, device: str, runs: Path) -> None:
    """Measure a model that is on this disk, telling each step on stderr."""
    if not describe_model(name).on_disk:
        raise BadModel(f"{name} is not on this disk, so it cannot be measured; its first run fetches it.")
    with made_folder(runs / FOLDER):
        lock = Queue(runs).device_lock(likely_device(device))
        if not lock.acquire(wait=False):
            raise RunProblem(
                f"A run is using {likely_device(device)}, so times would be wrong; measure when it is done."
            )
        with lock:
            save_measurement(runs, finish(relay(measure(name, device), Bar().write)))


def _is_name(query: str) -> bool:
    try:
        return bool(check_model_name(query))
    except BadModel:
        return False


def _table(listed: Sequence[ListedModel]) -> str:
    return table(HEADER, [_row(model) for model in listed], NUMBERS)


def _row(model: ListedModel) -> list[str]:
    return [
        model.name,
        model.image_tower,
        model.norm,
        str(model.image_size or ""),
        _scaled(model.image_parameters, 1e6),
        _scaled(model.text_parameters, 1e6),
        _scaled(model.memory, 1e9),
        "on disk" if model.on_disk else _scaled(model.download, 1e9),
        model.licence,
    ]


def _scaled(number: int | None, unit: float) -> str:
    return "" if number is None else f"{number / unit:,.1f}"


def _described(name: str, runs: Path) -> dict[str, object]:
    """What is known of a model; of one on this disk what loading it tells as well."""
    listed = describe_original(name, runs)
    facts = asdict(listed)
    if not listed.on_disk:
        return facts
    clip = load_original(name, "cpu", runs)
    return facts | {
        "name": name if listed.kind == "run" else clip.name,
        "parameters": sum(weight.numel() for weight in clip.model.parameters()),
        "embedding": clip.encode_text(["a photo"]).shape[-1],
        "image_size": clip.image_size[0],
        "logit_scale": round(clip.logit_scale, 3),
        "fingerprint": clip.fingerprint(),
    }


def _measured(name: str, device: str, runs: Path) -> dict[str, object]:
    """What was measured of a model, if anything was: milliseconds an image, bytes at the peak."""
    if (found := read_measurement(runs, name, device)) is None:
        return {}
    times = {f"{kind}_ms": round(1000 * getattr(found, kind), 2) for kind in ("preprocess", "forward", "training")}
    return {"measured_on": found.device, "load_seconds": round(found.load, 1), **times, "peak_memory": found.peak}
