"""The page's requests about comparisons; same rules as those about runs (see routes)."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from clipforget.benchmark.paper import EXPERIMENTS
from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import DEFAULT, read_rows
from clipforget.errors import BadQuery, BadSetting, UnknownName
from clipforget.runs.config import RunConfig
from clipforget.web.charts import CHARTS, to_plain
from clipforget.web.responses import Handler, Threads, attachment, json_body, json_response
from clipforget.workspace.workspace import Workspace

MAX_METHODS = 100  # names in one request


def comparison_routes(workspace: Workspace, threads: Threads) -> list[tuple[str, str, Handler]]:
    """Return method, path and handler of every request about comparisons."""
    api = ComparisonApi(workspace, threads)
    return [
        ("GET", "comparisons", api.list),
        ("POST", "comparisons", api.start),
        ("GET", "comparisons/{id}", api.summary),
        ("GET", "comparisons/{id}/charts/{name}", api.chart),
        ("GET", "comparisons/{id}/export/{name}", api.export),
        ("POST", "comparisons/{id}/stop", api.stop),
        ("POST", "comparisons/{id}/resume", api.resume),
        ("POST", "comparisons/{id}/delete", api.delete),
    ]


class ComparisonApi:
    """The handlers; each reads its request, asks the workspace in a thread, and answers."""

    def __init__(self, workspace: Workspace, threads: Threads) -> None:
        self.workspace, self.threads = workspace, threads

    async def list(self, request: Request) -> Response:
        return json_response(request, {"comparisons": await self.threads.light(self.workspace.comparisons.list)})

    async def summary(self, request: Request) -> Response:
        return json_response(request, await self.threads.light(self.workspace.comparisons.summary, _id(request)))

    async def start(self, request: Request) -> Response:
        body = await json_body(request)
        id = await self.threads.heavy(partial(start, self.workspace, body))
        return json_response(request, {"id": id}, "no-store")

    async def stop(self, request: Request) -> Response:
        await self.threads.light(self.workspace.comparisons.stop, _id(request))
        return json_response(request, {"ok": True}, "no-store")

    async def resume(self, request: Request) -> Response:
        await self.threads.light(self.workspace.comparisons.resume, _id(request))
        return json_response(request, {"ok": True}, "no-store")

    async def delete(self, request: Request) -> Response:
        await self.threads.light(self.workspace.comparisons.delete, _id(request))
        return json_response(request, {"ok": True}, "no-store")

    async def chart(self, request: Request) -> Response:
        name, target = request.path_params["name"], request.query_params.get("target")
        draw = partial(draw_chart, self.workspace, _id(request), name, target)
        return json_response(request, await self.threads.heavy(draw))

    async def export(self, request: Request) -> Response:
        name = request.path_params["name"]
        return attachment(*await self.threads.light(self.workspace.comparisons.export, _id(request), name))


def start(workspace: Workspace, body: dict[str, Any]) -> str:
    """Start the comparison that a form describes, or that of an experiment of the paper; return its id.

    The body has the fields of a ComparisonPlan, but `methods` (names) and `preset` in place of rows: a method that has
    no such preset keeps its defaults; with a `choice` its rule picks the targets. With `experiment` (a name) see
    experiment_plan. Raises BadSetting or UnknownName.
    """
    if "experiment" in body:
        return workspace.comparisons.start(experiment_plan(body, workspace.store.root))
    fields = {name: value for name, value in body.items() if name not in ("methods", "preset")}
    methods, preset = body.get("methods"), body.get("preset", DEFAULT)
    if "rows" in fields or not isinstance(methods, list) or not all(isinstance(name, str) for name in methods):
        raise BadSetting("methods must be a list of names of methods.")
    if not methods or len(methods) > MAX_METHODS or not isinstance(preset, str):
        raise BadSetting("Choose at least one method, and one preset for all.")
    model = RunConfig.read({"model": fields.get("model", RunConfig.model)}).model
    rows = [asdict(row) for row in read_rows(methods, preset, model, workspace.store.root)]
    plan = ComparisonPlan.read({**fields, "rows": rows})
    return workspace.comparisons.start(workspace.comparisons.with_picked_targets(plan) if plan.choice else plan)


def experiment_plan(body: dict[str, Any], runs: Path) -> ComparisonPlan:
    """Return the comparison behind an experiment of the paper, on the embedded drawings.

    The body names the experiment and may have seeds, preset, tolerance and device. Raises BadSetting or UnknownName.
    """
    fields = {name: value for name, value in body.items() if name not in ("experiment", "seeds", "preset")}
    for name in fields:
        if name not in ("tolerance", "device"):
            raise UnknownName("field of an experiment", name, ("experiment", "seeds", "preset", "tolerance", "device"))
    name, preset, seeds = body["experiment"], body.get("preset", DEFAULT), body.get("seeds", list(ComparisonPlan.seeds))
    if not isinstance(name, str) or not isinstance(preset, str) or not isinstance(seeds, list):
        raise BadSetting("experiment and preset must be names, and seeds a list of whole numbers.")
    experiment = EXPERIMENTS.load()[name]
    numbers = [RunConfig.read({"seed": seed}).seed for seed in seeds]
    return experiment.plan(experiment.sketchbook, RunConfig.read(fields), numbers, preset, runs)


def draw_chart(workspace: Workspace, id: str, name: str, target: str | None) -> dict[str, Any]:
    """Return a comparison's chart as plotly figure JSON, of one target (its key) or of the mean over targets."""
    summary = workspace.comparisons.summary(id)
    keys = {str(entry["key"]): entry["key"] for entry in summary["targets"]}
    if target is not None and target not in keys:
        raise BadQuery(f"There is no target {target[:40]} in this comparison.")
    chart = CHARTS.load()[name]
    if chart.of != "comparison":
        names = [other.name for other in CHARTS.values() if other.of == "comparison"]
        raise UnknownName("chart of a comparison", name, names)
    if target is not None:
        summary["target"] = keys[target]
    return to_plain(chart.draw(summary))


def _id(request: Request) -> str:
    return str(request.path_params["id"])
