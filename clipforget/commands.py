"""What each command of the command line does: ask the core, print. Each takes parsed options; see clipforget.cli."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipforget import report
from clipforget.errors import BadQuery, ClipforgetError
from clipforget.terminal import Bar, clock, table

if TYPE_CHECKING:
    from clipforget.data import Dataset
    from clipforget.workspace import Workspace

STOPPED = 130
PAGE = "http://127.0.0.1:7860"


def run(chosen: argparse.Namespace) -> int:
    """Forget something in this process, with a bar on stderr; or, as the page's worker, an existing run."""
    from clipforget.config import RunConfig
    from clipforget.experiment import execute, stoppable
    from clipforget.store import Store

    store = Store(Path(chosen.runs))
    if chosen.worker:
        with stoppable():
            for _ in execute(store.get(chosen.worker)):
                pass
        return 0
    names = ("model", "data", "forget", "retain", "method", "seed", "device", "gallery")
    settings = {name.removeprefix("set:"): value for name, value in vars(chosen).items() if name.startswith("set:")}
    config = RunConfig.read({**{name: getattr(chosen, name) for name in names}, "settings": settings}).checked()
    started = store.create(config)
    bar, events = Bar(), execute(started)
    with stoppable():
        try:
            for event in events:
                bar.show(event)
        finally:
            events.close()
    info = started.info()
    if info["state"] == "failed":
        if all(event.get("stage", "load") in ("wait", "load") for event in started.events()):
            store.delete(started.id)  # nothing was done: bad input leaves no trace
        raise ClipforgetError(info["error"])
    if info["state"] != "done":
        return STOPPED
    view = _workspace(chosen).view(started.id)
    end = f"Run {started.id}, {clock(info['seconds'])} minutes. To see it: python app.py, then {PAGE}/?run={started.id}"
    _print(chosen, report.summary(view), f"{report.text(view)}\n\n{end}")
    return 0


def runs(chosen: argparse.Namespace) -> None:
    """List the runs, newest first."""
    found = _workspace(chosen).runs()
    rows = [
        [
            info["id"],
            info["state"],
            ", ".join(info["config"]["forget"]),
            info["config"]["method"],
            Path(info["config"]["data"]).name,
            "" if info["best"] is None else f"{info['best']:.2f}",
            *(_change(info, key) for key in ("forget", "siblings", "others")),
            clock(info["seconds"]),
        ]
        for info in found
    ]
    header = ("run", "state", "forget", "method", "data", "alpha", "forget", "siblings", "others", "time")
    nothing = "No runs yet. Start one: python -m clipforget run --forget airplane/biplane"
    _print(chosen, {"runs": found}, table(header, rows, numbers=(5, 9)) if rows else nothing)


def show(chosen: argparse.Namespace) -> None:
    """Show the figures of a run at an alpha."""
    workspace = _workspace(chosen)
    view = workspace.view(_id(workspace, chosen.id))
    if view["state"] != "done":
        error = view.get("error") or "it has no figures"
        _print(chosen, view, f"The run {view['id']} is {view['state']}: {error}\nTo repeat it: {view['command']}")
        return
    if chosen.markdown:
        print(report.as_markdown(view, chosen.alpha))
        return
    shown = f"{report.text(view, chosen.alpha)}\n\nTo repeat it: {view['command']}"
    _print(chosen, report.summary(view, chosen.alpha), shown)


def search(chosen: argparse.Namespace) -> None:
    """Search the images of a run before and after."""
    if not 1 <= chosen.k <= 24:
        raise BadQuery(f"-k must be a whole number from 1 to 24; it is {chosen.k}.")
    workspace = _workspace(chosen)
    id = _id(workspace, chosen.id)
    view = workspace.view(id)
    at = report.place(view, chosen.alpha)
    pack = workspace.query(id, text=chosen.text)
    before, after = pack["before"], pack["after"]
    hits = {
        "before": _hits(view["gallery"], before["ids"], before["cosines"], chosen.k),
        "after": _hits(view["gallery"], after["ids"][at], after["cosines"][at], chosen.k),
    }
    kept = len({hit["id"] for hit in hits["before"]} & {hit["id"] for hit in hits["after"]})
    rows = [
        [str(rank), f"{before['cosine']:.3f}", _named(before), f"{after['cosine']:.3f}", _named(after)]
        for rank, (before, after) in enumerate(zip(hits["before"], hits["after"], strict=True), start=1)
    ]
    alpha = view["alphas"][at]
    header = ("rank", "cosine", "before (original)", "cosine", f"after (alpha {alpha:.2f})")
    targets = {side: sum(hit["role"] == "forget" for hit in found) for side, found in hits.items()}
    foot = f"* to be forgotten: {targets['before']} before, {targets['after']} after; {kept} images on both sides"
    result = {"id": id, "query": chosen.text, "alpha": alpha, **hits}
    _print(chosen, result, f"{table(header, rows, numbers=(0, 1, 3))}\n\n{foot}")


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
        _print(chosen, {"data": known}, f"{table(('name', 'where'), [list(row) for row in known.items()])}\n\n{more}")
    else:
        dataset = load_dataset(chosen.words[0])
        _print(chosen, _described(dataset), _counted(dataset))


def models(chosen: argparse.Namespace) -> None:
    """List models, or load one and describe it."""
    from clipforget.clip import EMBEDDED, load_clip

    if chosen.name:
        clip = load_clip(chosen.name)
        about: dict[str, Any] = {
            "name": clip.name,
            "parameters": sum(weight.numel() for weight in clip.model.parameters()),
            "embedding": clip.encode_text(["a photo"]).shape[-1],
            "image_size": getattr(clip.model.visual, "image_size", None),
            "logit_scale": round(clip.logit_scale, 3),
            "fingerprint": clip.fingerprint(),
        }
        _print(chosen, about, table(("what", "value"), [[name, str(value)] for name, value in about.items()]))
        return
    listed: dict[str, Any] = {"embedded": {name: str(path) for name, path in EMBEDDED.items()}}
    text = table(("name", "where"), [list(row) for row in listed["embedded"].items()])
    if chosen.all:
        import open_clip

        listed["open_clip"] = [f"{name}/{tag}" for name, tag in open_clip.list_pretrained()]
        text += "\n" + "\n".join(listed["open_clip"])
    more = "Also a local folder in open_clip's layout, or open_clip's model/pretrained (--all lists them)."
    _print(chosen, listed, f"{text}\n\n{more}")


def methods(chosen: argparse.Namespace) -> None:
    """List methods, or describe one and its settings."""
    from clipforget.cli import describe
    from clipforget.methods import METHODS
    from clipforget.settings import options

    known = METHODS.load()
    about = [known[chosen.name]] if chosen.name else list(known.values())
    listed = [
        {
            **{name: getattr(entry, name) for name in ("name", "title", "summary", "source", "stages")},
            "options": [{**vars(opt), "kind": opt.kind.__name__} for opt in options(entry.settings)],
        }
        for entry in about
    ]
    if chosen.name:
        entry = about[0]
        rows = [[f"--{opt.name.replace('_', '-')}", describe(opt)] for opt in options(entry.settings)]
        head = f"{entry.title}: {entry.summary}\nSource: {entry.source}\nStages: {', '.join(entry.stages)}"
        _print(chosen, listed[0], f"{head}\n\n{table(('option of run', 'what it is'), rows)}")
        return
    text = table(("method", "what it does", "source"), [[m.name, m.summary, m.source] for m in about])
    _print(chosen, {"methods": listed}, text)


def pretrain(chosen: argparse.Namespace) -> None:
    """Train the embedded model from scratch."""
    from clipforget.pretrain import pretrain

    pretrain(chosen.out)


def bench(chosen: argparse.Namespace) -> None:
    """Measure speed and agreement on this machine."""
    from clipforget.bench import measure

    workspace = _workspace(chosen)
    figures = []
    for figure in measure(workspace, _id(workspace, chosen.run)):
        print(f"{figure.name} ...", file=sys.stderr, flush=True)
        figures.append(figure)
    rows = [[figure.name, figure.value, figure.note] for figure in figures]
    _print(chosen, {"figures": [vars(figure) for figure in figures]}, table(("what", "measured", "how"), rows))


def _workspace(chosen: argparse.Namespace) -> Workspace:
    from clipforget.workspace import Workspace

    return Workspace(Path(chosen.runs))


def _id(workspace: Workspace, id: str) -> str:
    if id != "last":
        return id
    finished = [info["id"] for info in workspace.runs() if info["state"] == "done"]
    if not finished:
        raise BadQuery("There is no finished run yet; start one with: python -m clipforget run --forget TARGET")
    return finished[0]


def _print(chosen: argparse.Namespace, content: dict[str, Any], text: str) -> None:
    print(json.dumps(content, indent=1, ensure_ascii=False, default=list) if chosen.json else text)


def _change(info: dict[str, Any], key: str) -> str:
    """Accuracy before and after of one row of a run's headline."""
    figures = (info.get("headline") or {}).get(key)
    return f"{figures['before']:.1%} > {figures['after']:.1%}" if isinstance(figures, dict) else ""


def _hits(gallery: dict[str, Any], ids: list[int], cosines: list[float], k: int) -> list[dict[str, Any]]:
    return [_hit(gallery, id, cosine) for id, cosine in zip(ids[:k], cosines[:k], strict=True)]


def _hit(gallery: dict[str, Any], id: int, cosine: float) -> dict[str, Any]:
    _, superclass, subgroup, style, role = gallery["items"][id]
    levels = (("superclasses", superclass), ("subgroups", subgroup), ("styles", style))
    label = "/".join(gallery[level][number] for level, number in levels if number >= 0)
    role = gallery["roles"][role] if isinstance(role, int) else role
    return {"id": id, "label": label, "role": role, "cosine": cosine}


def _named(hit: dict[str, Any]) -> str:
    return f"{'*' if hit['role'] == 'forget' else ' '} {hit['label']}"


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
        "suites": list(dataset.suites),
        "counts": [{"split": a, "superclass": b, "subgroup": c, "n": n} for (a, b, c), n in counts.items()],
        "skipped": [{"file": key, "reason": reason} for key, reason in dataset.skipped],
    }


def _counted(dataset: Dataset) -> str:
    splits = list(dict.fromkeys(item.split for item in dataset.items))
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
