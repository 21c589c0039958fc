"""What each command does: ask the core, print. Each takes parsed options; see clipforget.cli.main."""

from __future__ import annotations

import argparse
import math
import sys
import time
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipforget.cli import report
from clipforget.cli.compare import compare
from clipforget.cli.listings import data, methods, models
from clipforget.cli.reproduce import ablate, reproduce
from clipforget.cli.terminal import Bar, clock, emit
from clipforget.errors import BadQuery, ClipforgetError
from clipforget.evaluation.refusal import sentence
from clipforget.tabular import table

if TYPE_CHECKING:
    from clipforget.workspace.workspace import Workspace

__all__ = [
    "ablate", "bench", "compare", "data", "methods", "models", "pretrain", "reproduce", "run", "runs", "search", "show",
    "tune",
]  # fmt: skip

STOPPED = 130
PAGE = "http://127.0.0.1:7860"


def run(chosen: argparse.Namespace) -> int:
    """Forget something in this process, with a bar on stderr; or, as the page's worker, an existing run."""
    from clipforget.cli.options import settings_of
    from clipforget.runs.config import RunConfig
    from clipforget.runs.execute import execute, stoppable
    from clipforget.runs.resources import Resources
    from clipforget.runs.store import Store

    store = Store(Path(chosen.runs))
    if chosen.worker:
        with stoppable():
            for _ in execute(store.get(chosen.worker)):
                pass
        return 0
    names = ("model", "data", "forget", "retain", "method", "seed", "tolerance", "device", "gallery", "nodes")
    settings = {"settings": {**_preset(chosen), **settings_of(chosen)}}
    config = RunConfig.read({name: getattr(chosen, name) for name in names} | settings).checked()
    loaded = Resources()
    config.splits(loaded.dataset(config.data))  # a misspelt target is told at once, however busy the device
    started = store.create(config)
    bar, events = Bar(), execute(started, loaded)
    with stoppable():
        try:
            for event in events:
                if event.get("state") != "failed":  # what went wrong is said once, in the end
                    bar.show(event)
        finally:
            events.close()
            bar.close()
    info = started.info()
    if info["state"] == "failed":
        if all(event.get("stage", "load") in ("wait", "load") for event in started.events()):
            store.delete(started.id)  # nothing was done: bad input leaves no trace
        raise ClipforgetError(info["error"])
    if info["state"] != "done":
        return STOPPED
    view = _workspace(chosen).view(started.id)
    end = f"Run {started.id}, {clock(info['seconds'])} minutes. To see it: python app.py, then {PAGE}/?run={started.id}"
    emit(chosen.json, report.summary(view), f"{report.text(view)}\n\n{end}")
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
    emit(chosen.json, {"runs": found}, table(header, rows, numbers=(5, 9)) if rows else nothing)


def show(chosen: argparse.Namespace) -> None:
    """Show the figures of a run at an alpha; of several runs in one Markdown table."""
    workspace = _workspace(chosen)
    views = [workspace.view(_id(workspace, id)) for id in chosen.ids]
    view = views[0]
    if len(views) > 1:
        unfinished = next((one for one in views if one["state"] != "done"), None)
        if unfinished is not None or not chosen.markdown:
            raise BadQuery(
                f"The run {unfinished['id']} is {unfinished['state']}; only finished runs can be compared."
                if unfinished
                else "Several runs are shown with --markdown only."
            )
        print(report.comparison(views, chosen.alpha))
        return
    if view["state"] != "done":
        error = view.get("error") or "it has no figures"
        emit(chosen.json, view, f"The run {view['id']} is {view['state']}: {error}\nTo repeat it: {view['command']}")
        return
    if chosen.markdown:
        print(report.as_markdown(view, chosen.alpha))
        return
    shown = f"{report.text(view, chosen.alpha)}\n\nTo repeat it: {view['command']}"
    emit(chosen.json, report.summary(view, chosen.alpha), shown)


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
    refused = None if after["ids"][at] else pack.get("refused")
    rows = [
        [str(rank), *(cell for hit in pair for cell in ((f"{hit['cosine']:.3f}", _named(hit)) if hit else ("", "")))]
        for rank, pair in enumerate(zip_longest(hits["before"], hits["after"]), start=1)
    ]
    alpha = view["alphas"][at]
    header = ("rank", "cosine", "before (original)", "cosine", f"after (alpha {alpha:.2f})")
    targets = {side: sum(hit["role"] == "forget" for hit in found) for side, found in hits.items()}
    foot = f"* to be forgotten: {targets['before']} before, {targets['after']} after; on both sides: {kept}"
    if refused:
        foot = f"{sentence(refused)} {foot}"
    if note := pack.get("note"):
        foot = f"{foot}\n{note}"
    result = {"id": id, "query": chosen.text, "note": note, "alpha": alpha, "refused": refused, **hits}
    emit(chosen.json, result, f"{table(header, rows, numbers=(0, 1, 3))}\n\n{foot}")


def pretrain(chosen: argparse.Namespace) -> None:
    """Train the embedded model from scratch."""
    from clipforget.cli.options import settings_of
    from clipforget.models.pretrain.settings import PretrainSettings
    from clipforget.models.pretrain.training import pretrain
    from clipforget.settings import parse

    bar, start = Bar(), time.monotonic()
    begun = {"": start}
    for record in pretrain(parse(PretrainSettings, settings_of(chosen)), Path(chosen.out)):
        now = time.monotonic()
        spent = now - begun.setdefault(record.stage, now)
        event = {"kind": "step", "t": now - start, "stage": record.stage, "step": record.step, "total": record.total}
        event["eta"] = spent / (record.step - 1) * (record.total - record.step) if record.step > 1 else None
        event["losses"] = {"loss": record.loss} if math.isfinite(record.loss) else {}
        bar.show(event | {"note": ", ".join(f"{name} {share:.1%}" for name, share in record.accuracies.items())})
    bar.show({"kind": "end", "t": time.monotonic() - start, "note": f"Wrote {chosen.out}."})


def bench(chosen: argparse.Namespace) -> None:
    """Measure speed and agreement on this machine."""
    from clipforget.workspace.bench import measure

    workspace = _workspace(chosen)
    figures = []
    for figure in measure(workspace, _id(workspace, chosen.run)):
        print(f"{figure.name} ...", file=sys.stderr, flush=True)
        figures.append(figure)
    rows = [[figure.name, figure.value, figure.note] for figure in figures]
    emit(chosen.json, {"figures": [vars(figure) for figure in figures]}, table(("what", "measured", "how"), rows))


def tune(chosen: argparse.Namespace) -> None:
    """Search each method's settings on validation images and save the best as a preset."""
    from clipforget.benchmark.plan import target_of
    from clipforget.benchmark.tuning import TuneConfig
    from clipforget.benchmark.tuning import tune as work
    from clipforget.methods import METHODS

    methods = sorted(METHODS.load()) if chosen.methods == ["all"] else chosen.methods
    names = ("model", "data", "trials", "seed", "tolerance", "device", "name")
    targets = tuple(target_of(text) for text in chosen.forget)
    config = TuneConfig(tuple(methods), targets, **{name: getattr(chosen, name) for name in names})
    bar, start, trials, found = Bar(), time.monotonic(), [], []
    try:
        for step in work(config, Path(chosen.runs), chosen.out and Path(chosen.out)):
            if step.trial or step.preset or not step.total:
                bar.close()
                print(step.note, file=sys.stderr, flush=True)
            else:
                place = {"stage": "trials", "step": step.done, "total": step.total, "eta": step.eta}
                bar.show({"kind": "step", "t": time.monotonic() - start, "note": step.note, **place})
            trials += [vars(step.trial)] if step.trial else []
            found += [step.preset] if step.preset else []
    finally:
        bar.close()
    rows = [[preset.method, preset.name, preset.shown, preset.note] for preset in found]
    text = table(("method", "preset", "settings", "how found"), rows) if rows else "No preset was found."
    emit(chosen.json, {"presets": [vars(preset) for preset in found], "trials": trials}, text)


def _preset(chosen: argparse.Namespace) -> dict[str, Any]:
    """The settings of the preset that `run` is to start from."""
    from clipforget.runs.presets import find_preset

    if chosen.preset is None:
        return {}
    return find_preset(chosen.method, chosen.preset, chosen.model, Path(chosen.runs)).settings


def _workspace(chosen: argparse.Namespace) -> Workspace:
    from clipforget.workspace.workspace import Workspace

    return Workspace(Path(chosen.runs))


def _id(workspace: Workspace, id: str) -> str:
    if id != "last":
        return id
    finished = [info["id"] for info in workspace.runs() if info["state"] == "done"]
    if not finished:
        raise BadQuery("There is no finished run yet; start one with: python -m clipforget run --forget TARGET")
    return finished[0]


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
