"""What programs may ask of the page: typed functions of Gradio's API, and tools of an MCP server with --mcp.

They ask the workspace as the page's own requests do. Gradio reads names, types and docstrings from the functions, so
annotations are real here, and docstrings have its sections.
"""

import time
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Literal, cast
from urllib.parse import urlencode

import gradio as gr
from anyio import sleep
from typing_extensions import TypedDict

from clipforget.benchmark import formats
from clipforget.benchmark.plan import read_target
from clipforget.benchmark.rows import DEFAULT
from clipforget.errors import QueueFull, UnknownName
from clipforget.methods import METHODS
from clipforget.runs.config import OURS, RunConfig
from clipforget.runs.presets import find_preset
from clipforget.settings import SettingValue
from clipforget.soup.path import check_alpha
from clipforget.web import comparison_routes
from clipforget.web.exposing import expose
from clipforget.web.responses import Threads
from clipforget.web.targets import every_target, whole_styles
from clipforget.workspace import export, results, setup
from clipforget.workspace.documents import FORMATS, AuditsWork, FinishedView, ListedComparison, RunEntry
from clipforget.workspace.figures import RunFigures, run_figures
from clipforget.workspace.models import ModelList
from clipforget.workspace.pages import Page
from clipforget.workspace.public import AT_WORK
from clipforget.workspace.results import Results
from clipforget.workspace.setup_documents import MethodDescription
from clipforget.workspace.workspace import Workspace

FOLLOWERS = 32  # who may follow at a time
INTERVAL, SIGN = 0.5, 10.0  # seconds between two looks at what is followed, and at most between two answers
QUICK = ("list_runs", "list_comparisons", "progress", "stop")  # that wait for no model
File = Literal[
    "run.json", "scores.json", "scores.csv", "audits.json", "events.jsonl", "delta.safetensors", "run.zip",
    "open_clip", "transformers", "patch", "results.json", "results.csv", "results.png", "report.html",
    "table.md", "table.csv", "table.tex", "table.json",
]  # fmt: skip
Role = Literal["", "forget", "siblings", "others"]
EXAMPLES: dict[str, Any] = {  # what the documentation puts where there is no default
    "id": "20261126-120000-anchored-biplane-1a2b", "method": "anchored", "methods": ["anchored", "nullspace"],
    "forget": ["airplane/biplane"], "targets": ["airplane/biplane"], "text": "a photo of an airplane",
    "audits": ["image_query"], "alpha": 0.5, "file": "scores.csv",
}  # fmt: skip


class ListedMethod(TypedDict):
    """A method in short; tier: what it may use, from 0, names alone, to 3, labelled images of other classes too."""

    name: str
    title: str
    tier: int
    summary: str


class ListedData(TypedDict):
    """A data set by name; note: why it cannot be used yet, empty where it can."""

    name: str
    title: str
    note: str


class Targets(TypedDict):
    """What can be forgotten in a data set: subgroups by superclass, styles, and every target as text."""

    name: str
    superclasses: dict[str, list[str]]
    styles: list[str]
    targets: list[str]


class Progress(TypedDict):
    """How work stands: state (queued, running, done, stopped, failed, lost), and the last step of its stage.

    eta: seconds left. position: place in line while it is queued, 1 for the next. error: a sentence, where it failed.
    Of a comparison, steps are its runs.
    """

    id: str
    state: str
    stage: str | None
    step: int | None
    total: int | None
    eta: float | None
    position: int | None
    error: str | None


class Functions:
    """The functions over one workspace: every public method is one."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self.threads = workspace, Threads()
        self._followers = 0

    def list_methods(self) -> list[ListedMethod]:
        """List the methods of forgetting: name, title, tier and summary of each."""
        return [
            {"name": method.name, "title": method.title, "tier": method.tier, "summary": method.summary}
            for method in METHODS.load().values()
        ]

    def describe_method(self, method: str, model: str = RunConfig.model) -> MethodDescription:
        """Describe a method: its settings with bounds and defaults, its presets for a model, its source.

        Parameters:
            method: its name, as list_methods tells it
            model: whose presets to list
        """
        return setup.describe_method(METHODS.load()[method], model, self._workspace.store.root)

    def list_models(self, words: str = "") -> ModelList:
        """List or search the models that can be named, at most 60 of them.

        Parameters:
            words: parts of a name, e.g. vit b 32 openai
        """
        return self._workspace.models.list(words)

    def list_data(self) -> list[ListedData]:
        """List the data sets that are known by name. A path of images will do too, where the server is your own."""
        return [
            {"name": entry["name"], "title": entry["title"], "note": str(entry.get("error", ""))}
            for entry in self._workspace.setup()["data"]
        ]

    def list_targets(self, data: str = RunConfig.data) -> Targets:
        """List what can be forgotten in a data set.

        Parameters:
            data: a name, as list_data tells it, or a path
        """
        told = self._workspace.data(data)
        return {
            "name": data,
            "superclasses": told["superclasses"],
            "styles": told["styles"],
            "targets": [*every_target(told), *whole_styles(told)],
        }

    def list_runs(self) -> list[RunEntry]:
        """List all runs, newest first, the sample that ships with ClipForget last."""
        return self._workspace.runs()

    def list_comparisons(self) -> list[ListedComparison]:
        """List all comparisons, newest first."""
        return self._workspace.comparisons.list()

    def start(
        self,
        forget: list[str],
        method: str | None = None,
        model: str = RunConfig.model,
        data: str = RunConfig.data,
        preset: str = DEFAULT,
        settings: dict[str, SettingValue] = {},  # noqa: B006  shown by Gradio, and never changed
        retain: list[str] = [],  # noqa: B006
        goal: str = RunConfig.goal,
        seed: int = RunConfig.seed,
        device: str = RunConfig.device,
        tolerance: float = RunConfig.tolerance,
        gallery: int = RunConfig.gallery,
    ) -> str:
        """Start a run that forgets, or put it in line; follow it by the id that is returned.

        Parameters:
            forget: targets, superclass/subgroup or superclass/*/style, as list_targets tells them
            method: a name, as list_methods tells it; ours for the goal if left out
            model: an embedded name, architecture/tag, hf-hub:owner/model, or a folder
            data: a name, as list_data tells it, or a path
            preset: saved settings of the method to start from; default: its own defaults
            settings: of the method, by name, as describe_method tells them; they win over the preset's
            retain: targets to train on as what stays; the siblings if left out
            goal: suppressed or never-seen
            seed: of every random choice
            device: auto, cpu, cuda, cuda:1 or mps
            tolerance: forget accuracy that counts as forgotten, 0 to 1
            gallery: at most so many test images
        Returns:
            the id of the run
        """
        method = method or OURS.get(goal, RunConfig.method)
        saved = {} if preset == DEFAULT else find_preset(method, preset, model, self._workspace.store.root).settings
        fields = {
            "forget": forget, "method": method, "model": model, "data": data, "settings": {**saved, **settings},
            "retain": retain, "goal": goal, "seed": seed, "device": device, "tolerance": tolerance, "gallery": gallery,
        }  # fmt: skip
        return self._workspace.start(RunConfig.read(fields))

    def compare(
        self,
        methods: list[str],
        targets: list[str],
        seeds: list[int] = [0],  # noqa: B006
        preset: str = DEFAULT,
        model: str = RunConfig.model,
        data: str = RunConfig.data,
        audits: list[str] = [],  # noqa: B006
        goal: str = RunConfig.goal,
        device: str = RunConfig.device,
        gallery: int = RunConfig.gallery,
    ) -> str:
        """Start a comparison of several methods, or continue the same one; follow it by the id that is returned.

        Parameters:
            methods: names, as list_methods tells them
            targets: what one run each forgets; "A + B" is forgotten together
            seeds: one run each
            preset: saved settings that every method starts from, where it has such
            model: as for start
            data: as for start
            audits: names of audits that every run goes through
            goal: suppressed or never-seen
            device: auto, cpu, cuda, cuda:1 or mps
            gallery: at most so many test images
        Returns:
            the id of the comparison
        """
        fields = {
            "methods": methods, "targets": [list(read_target(text)) for text in targets], "seeds": seeds,
            "preset": preset, "model": model, "data": data, "audits": audits, "goal": goal, "device": device,
            "gallery": gallery,
        }  # fmt: skip
        return comparison_routes.start(self._workspace, fields)

    def audit(self, id: str, audits: list[str], again: bool = False) -> str:
        """Audit a finished run: is its target gone, or only hidden? Follow it by the id that is returned.

        Parameters:
            id: of a finished run
            audits: their names, as show_audits tells them
            again: make those anew that it has already
        """
        self._workspace.start_audits(id, audits, again)
        return id

    def progress(self, id: str) -> Progress:
        """Look once at how far a run, its audits or a comparison is.

        Parameters:
            id: of a run or a comparison
        """
        if self._is_comparison(id):
            told = self._workspace.comparisons.summary(id)
            stage = told["now"]["stage"] if told["now"] else None
            return _progress(id, told, {**told, "stage": stage, "step": told["done"]})
        events = self._workspace.events(id)
        if events["state"] == "done" and (work := self._audits_at_work(id)):
            return _progress(id, work, work["event"] or {})
        steps = [event for event in events["events"] if event["kind"] == "step"]
        return _progress(id, events, steps[-1] if steps else {})

    async def follow(self, id: str) -> AsyncIterator[Progress]:
        """Follow a run, its audits or a comparison until it ends: its progress is sent as it changes, or every 10 s.

        To cancel this call only ends the following; the work goes on, and stop ends it.

        Parameters:
            id: of a run or a comparison
        """
        if self._followers >= FOLLOWERS:
            raise QueueFull(f"{FOLLOWERS} programs follow already; look with progress meanwhile.")
        known, told, self._followers = None, 0.0, self._followers + 1
        try:
            while known is None or known["state"] in AT_WORK:
                await sleep(INTERVAL if known else 0)
                progress = await self.threads.light(self.progress, id)
                if progress != known or time.monotonic() - told > SIGN:
                    told = time.monotonic()
                    yield progress  # where nobody listens any more, Gradio ends this here
                known = progress
        finally:
            self._followers -= 1

    def stop(self, id: str) -> Progress:
        """Stop a run, the audits of a finished run or a comparison, or take it out of the line; what is done is kept.

        Parameters:
            id: of a run or a comparison
        """
        if self._is_comparison(id):
            self._workspace.comparisons.stop(id)
        elif self._workspace.events(id)["state"] == "done" and self._audits_at_work(id):
            self._workspace.stop_audits(id)
        else:
            self._workspace.stop(id)
        return self.progress(id)

    def show(self, id: str, alpha: float | None = None) -> RunFigures:
        """Show the figures of a finished run at an alpha, the share of the original weights.

        Parameters:
            id: of a finished run
            alpha: 0 (unlearned) to 1 (original); the suggested alpha if left out
        Returns:
            accuracies of forget, siblings and others before and after, H, Score, and what still finds the target
        """
        self._workspace.finished_run(id)  # which says so where it is not finished
        return run_figures(cast(FinishedView, self._workspace.view(id)), alpha)

    def show_comparison(self, id: str) -> dict[str, Any]:
        """Show all that is known of a comparison: a row for each method with its figures, a cell for each run.

        Parameters:
            id: of a comparison
        Returns:
            what compare --show ID --json prints; see clipforget.benchmark.documents.ComparisonSummary
        """
        return {**self._workspace.comparisons.summary(id)}

    def show_audits(self, id: str) -> dict[str, Any]:
        """Show the audits of a finished run, those that can be made too, and what they come to in one sentence.

        Parameters:
            id: of a finished run
        Returns:
            audits, summary and work; see clipforget.workspace.documents.AuditsPage
        """
        return {**self._workspace.audits(id)}

    def search(
        self, id: str, text: str, alpha: float | None = None, count: int = 24, first: int = 0, role: Role = ""
    ) -> Results:
        """Search the test images of a finished run by words, before and after.

        Parameters:
            id: of a finished run
            text: what to look for, or a sum of texts: a dog - a sketch
            alpha: 0 (unlearned) to 1 (original); the suggested alpha if left out
            count: how many images, 1 to 48
            first: how many of the nearest to pass over
            role: only images of this role, if one is named
        Returns:
            hits of the original (before) and at the alpha (after), each with label, role and cosine
        """
        return self._workspace.search(id, alpha, Page(first, count, role), text=text)

    def export(self, id: str, file: File, alpha: float | None = None, text: str = "") -> str:
        """Tell where a file can be had: of a run, of what a text finds in it, its model, or of a comparison.

        Parameters:
            id: of a finished run, or of a comparison
            file: of a run, its model in a format, results or report.html of a text, or a table of a comparison
            alpha: of the model and of results, 0 (unlearned) to 1 (original); the suggested alpha if left out
            text: what results are of
        Returns:
            the address below that of the page, to be fetched by GET
        """
        if self._is_comparison(id):
            self._workspace.comparisons.summary(id)
            return f"clipforget/comparisons/{id}/export/{_known(file, formats.MEDIA)}"
        best = self._workspace.finished_run(id).view()["best"]
        asked = {"alpha": best if alpha is None else check_alpha(alpha)}
        if file in FORMATS:
            return f"clipforget/runs/{id}/model.zip?{urlencode({**asked, 'format': file})}"
        if file in results.MEDIA:
            return f"clipforget/runs/{id}/results/{file}?{urlencode({**asked, 'text': text})}"
        return f"clipforget/runs/{id}/export/{_known(file, (*export.PLAIN, *export.MADE))}"

    def _is_comparison(self, id: str) -> bool:
        return id in self._workspace.comparisons.store.ids()

    def _audits_at_work(self, id: str) -> AuditsWork | None:
        work = self._workspace.audits(id)["work"]
        return work if work and work["state"] in AT_WORK else None


def add_functions(page: gr.Blocks, workspace: Workspace) -> None:
    """Add the functions to a page that is being built."""
    functions = Functions(workspace)
    samples = workspace.samples.ids() if workspace.samples else []
    examples = EXAMPLES | ({"id": samples[0]} if samples else {})
    for name in vars(Functions):
        if not name.startswith("_"):
            ask, run = getattr(functions, name), functions.threads.light if name in QUICK else functions.threads.heavy
            expose(page, ask, run, workspace.shown, examples)


def _progress(id: str, told: Mapping[str, Any], step: Mapping[str, Any]) -> Progress:
    return {
        "id": id, "state": told["state"], "stage": step.get("stage"), "step": step.get("step"),
        "total": step.get("total"), "eta": step.get("eta") if told["state"] in AT_WORK else None,
        "position": told.get("position"), "error": told["error"],
    }  # fmt: skip


def _known(file: str, names: Collection[str]) -> str:
    if file not in names:
        raise UnknownName("export", file, names)
    return file
