"""`select`: choose images that nobody labelled, as a subgroup to forget."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipforget.cli.commands import command
from clipforget.cli.options import STOPPED, Parser, add_fields, add_json, add_runs, workspace_of
from clipforget.cli.terminal import PROG, Bar, emit
from clipforget.errors import BadQuery, UnknownName
from clipforget.runs.config import RunConfig
from clipforget.tabular import table

if TYPE_CHECKING:
    from clipforget.data.selection import Selection
    from clipforget.workspace.selections import SelectionService
    from clipforget.workspace.workspace import Workspace

SHOWN = 12  # images named in an answer
LEVELS = (20, 40, 80, 160)  # at so many images the cosine is told where no threshold is named


def add_options(parser: Parser) -> None:
    """Add what is to be done with selections, and how images are chosen."""
    parser.usage = (
        f"{PROG} select [list] | build NAME --data PATH (--text TEXT | --picture FILE) (--threshold X | --most N) "
        "[--caption WORD] | show NAME | rename NAME NEW | delete NAME | export NAME [-o FILE] | load FILE [NAME]"
    )
    add = parser.add_argument
    add("words", nargs="*", metavar="WORD", help="list, build, show, rename, delete, export or load, and its names")
    add("--text", metavar="TEXT", help="choose the images that a text finds")
    add("--picture", metavar="FILE", help="choose the images that are like a picture")
    add("--threshold", type=float, metavar="X", help="choose those of at least this cosine")
    add("--most", type=int, metavar="N", help="choose at most so many, the best first")
    add("--take", metavar="FILE", action="append", default=[], help="choose this image too (may be repeated)")
    add("--leave", metavar="FILE", action="append", default=[], help="do not choose this image (may be repeated)")
    add("--caption", metavar="WORD", help="the class that they belong to (default: the word nearest to them)")
    add("--siblings", type=int, metavar="N", help="at most so many images of that class to keep (default: as proposed)")
    add("--replace", action="store_true", help="replace a selection of that name")
    add("-o", "--output", metavar="FILE", help="the file to export to (default: NAME.json)")
    add_fields(parser, "model", "data", "device")
    add_runs(parser)
    add("--worker", metavar="ID", help=argparse.SUPPRESS)
    add_json(parser)


@command("select", add_options, order=6.5)
def select(args: argparse.Namespace) -> int | None:
    """Choose images without labels as a subgroup to forget.

    With --worker it embeds the images that the page asks for instead, and prints nothing.
    """
    if args.worker:
        return _work(args)
    action, *names = args.words or ["list"]
    if action not in ACTIONS:
        raise UnknownName("action of select", action, ACTIONS)
    call, least, most = ACTIONS[action]
    if not least <= len(names) <= most:
        raise BadQuery(f"`select {action}` takes {least or 'no'} to {most} names; see {PROG} select --help.")
    return call(workspace_of(args), args, *names)


def _list(workspace: Workspace, args: argparse.Namespace) -> None:
    saved = workspace.choosing.saved()
    rows = [
        [
            entry["name"],
            entry["error"] or entry["target"],
            f"{entry['images']:,}",
            f"{entry['siblings']:,}",
            entry["data"],
        ]
        for entry in saved
    ]
    text = table(("name", "target", "images", "siblings", "data"), rows, numbers=(2, 3)) if rows else NONE
    emit(args.json, {"selections": saved}, text)


NONE = f"There is no selection yet; make one with: {PROG} select build NAME --data PATH --text TEXT --most 60"


def _build(workspace: Workspace, args: argparse.Namespace, name: str) -> int | None:
    from clipforget.data.selection import check_name

    check_name(name)
    config = RunConfig(model=args.model, data=args.data, device=args.device)
    if (args.text is None) == (args.picture is None) and not args.take:
        raise BadQuery("Say what to look for: --text TEXT or --picture FILE; or name images with --take.")
    dataset = workspace.dataset(args.data)
    places = {item.key: i for i, item in enumerate(dataset.native)}
    taken, left = ([_place(places, text, args.data) for text in texts] for texts in (args.take, args.leave))
    service = workspace.choosing
    if service.work(config)["state"] != "done" and not _embed(service, config):
        return STOPPED
    chosen, how = _found(workspace, args, config)
    images = sorted({*chosen, *taken} - set(left))
    proposal = service.propose(config, images, args.caption or "")
    siblings = [entry["image"] for entry in proposal["siblings"]][: args.siblings]
    how |= {key: len(value) for key, value in (("added", taken), ("removed", left)) if value}
    saved = service.save(config, name, args.caption or proposal["caption"], images, siblings, how, args.replace)
    _print(saved, args)
    return None


def _found(workspace: Workspace, args: argparse.Namespace, config: RunConfig) -> tuple[list[int], dict[str, Any]]:
    """The images that the query finds, best first, and how they were found. Raises BadQuery without a bound."""
    import numpy as np

    if args.text is None and args.picture is None:
        return [], {}
    upload = None
    if args.picture is not None:
        try:
            upload = workspace.uploads.add(Path(args.picture).expanduser().read_bytes(), args.picture)["token"]
        except OSError as error:
            raise BadQuery(f"Cannot read the picture {args.picture}: {error.strerror}; name another.") from error
    cosines = workspace.choosing.cosines(config, args.text, None, upload)
    order = np.argsort(-cosines, kind="stable")
    if args.threshold is None and args.most is None:
        levels = ", ".join(f"{count} have {cosines[order[count - 1]]:.3f}" for count in LEVELS if count <= len(order))
        raise BadQuery(f"Say how many with --most N, or from which cosine on with --threshold X; {levels} or more.")
    if args.most is not None and args.most < 1:
        raise BadQuery("--most is how many images, at least 1.")
    chosen = [int(i) for i in order[: args.most] if args.threshold is None or cosines[i] >= args.threshold]
    if not chosen:
        raise BadQuery(f"No image has a cosine of {args.threshold}; the best has {cosines[order[0]]:.3f}.")
    query = {"text": args.text} if args.text is not None else {"picture": Path(args.picture).name}
    return chosen, {**query, "threshold": round(float(cosines[chosen[-1]]), 4)}


def _place(places: dict[str, int], text: str, data: str) -> int:
    """The image of a file's name inside the data set, or of its path."""
    for key in (text, _inside(text, data)):
        if key in places:
            return places[key]
    raise UnknownName("image", text, list(places)[:1000])


def _inside(text: str, data: str) -> str:
    try:
        return Path(text).resolve().relative_to(Path(data).expanduser().resolve()).as_posix()
    except (OSError, RuntimeError, ValueError):
        return text


def _embed(service: SelectionService, config: RunConfig) -> bool:
    """Look at the images, with progress; False where it was stopped."""
    from clipforget.runs.execute import stoppable
    from clipforget.runs.features import embed_dataset
    from clipforget.runs.resources import Resources

    work = service.work_of(config)
    bar, events = Bar(), embed_dataset(work, config, Resources(work.runs))
    with stoppable():
        try:
            for event in events:
                bar.show(event)
        except KeyboardInterrupt:
            return False
        finally:
            events.close()
            bar.close()
    return True


def _work(args: argparse.Namespace) -> int:
    """Embed what lies ready in a folder; how it ends is written there."""
    from clipforget.errors import ClipforgetError
    from clipforget.runs.execute import stoppable
    from clipforget.runs.feature_work import FeatureWorks

    work = FeatureWorks(Path(args.runs)).get(args.worker)
    with stoppable():
        with work.worker_lock():
            work.update(pid=os.getpid())
            from clipforget.runs.features import embed_dataset  # takes seconds
            from clipforget.runs.resources import Resources

            work.update(state="queued")  # and with it the time of its file, from which the worker has a grace
        try:
            for _ in embed_dataset(work, work.config, Resources(work.runs)):
                pass
        except (ClipforgetError, KeyboardInterrupt):
            return 0  # the folder says so
    return 0


def _show(workspace: Workspace, args: argparse.Namespace, name: str) -> None:
    _print(workspace.choosing.store.get(name), args)


def _rename(workspace: Workspace, args: argparse.Namespace, name: str, new: str) -> None:
    _print(workspace.choosing.store.rename(name, new), args)


def _delete(workspace: Workspace, args: argparse.Namespace, name: str) -> None:
    workspace.choosing.store.delete(name)
    emit(args.json, {"deleted": name}, f"Deleted the selection '{name}'; runs that used it keep their copies.")


def _export(workspace: Workspace, args: argparse.Namespace, name: str) -> None:
    from clipforget.files import atomic
    from clipforget.workspace.selections import as_json

    path = Path(args.output or f"{name}.json")
    content = as_json(workspace.choosing.store.get(name))
    with atomic(path) as draft:
        draft.write_bytes(content)
    emit(args.json, {"file": str(path)}, f"Wrote {path}; it holds hashes of the images, not the images.")


def _load(workspace: Workspace, args: argparse.Namespace, file: str, name: str = "") -> None:
    try:
        data = Path(file).expanduser().read_bytes()
    except OSError as error:
        raise BadQuery(f"Cannot read {file}: {error.strerror}; name the file of an exported selection.") from error
    _print(workspace.choosing.load(data, name), args)


ACTIONS: dict[str, tuple[Callable[..., int | None], int, int]] = {
    "list": (_list, 0, 0),
    "build": (_build, 1, 1),
    "show": (_show, 1, 1),
    "rename": (_rename, 2, 2),
    "delete": (_delete, 1, 1),
    "export": (_export, 1, 1),
    "load": (_load, 1, 2),
}


def _print(selection: Selection, args: argparse.Namespace) -> None:
    """Print a selection: what it is called, how it was made, and how a run takes it."""
    keys = [image["key"] for image in selection.images]
    more = f" and {len(keys) - SHOWN:,} more" if len(keys) > SHOWN else ""
    made = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in selection.how.items())
    rows = [
        ["target", selection.target],
        ["images", f"{len(keys):,}: {', '.join(keys[:SHOWN])}{more}"],
        ["siblings", f"{len(selection.siblings):,}"],
        ["data", selection.data],
        ["made by", made or "clicks"],
    ]
    run = f"{PROG} run --data {selection.data!r} --selected {selection.name!r} --forget {selection.target!r}"
    emit(
        args.json,
        {"selection": selection.as_dict()},
        f"{table(('selection', selection.name), rows)}\n\nTo forget it: {run}",
    )
