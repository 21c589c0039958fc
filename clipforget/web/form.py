"""The set-up column: which model and images, what to forget, how, and the button that starts it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any, NoReturn

import gradio as gr

from clipforget.data.catalogue import NotOnDisk
from clipforget.errors import BadData, ClipforgetError
from clipforget.runs.config import OURS, RunConfig
from clipforget.unlearning.task import GOALS, NEVER_SEEN, SUPPRESSED
from clipforget.web.components import script_component, step
from clipforget.web.downloads import DownloadButtons
from clipforget.web.steps import OPTIONS, advanced_options, changed, summaries
from clipforget.web.targets import (
    ANY,
    NONE,
    DataSummary,
    Pick,
    data_summary,
    every_target,
    first_pick,
    first_superclass,
    read_targets,
    siblings,
    targets,
    tiles,
    whole_styles,
)
from clipforget.web.visitors import VISITOR_HEADER
from clipforget.workspace import setup
from clipforget.workspace.public import DAYS, VISITOR
from clipforget.workspace.reading import Reading
from clipforget.workspace.setup_documents import DataDescription, PresetDescription, SetupDescription
from clipforget.workspace.workspace import Workspace

FOLDERS = "A name, or a path: folder, .zip or .tar"
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Every subgroup click asks again; only the newest answer matters.
LATEST: dict[str, Any] = {**QUIET, "trigger_mode": "always_last", "concurrency_id": "setup"}

AS_IT_IS: dict[str, Any] = {"others": "", "levels": ""}  # how a data set is read
OTHERS = "sketchbook"  # what supplies others where nobody said
NOT_CHOSEN: dict[str, Any] = {"use": [], "data": ""}  # selections in use, and a data set that was just sent
NOTHING: Pick = {"superclass": NONE, "picked": [], "style": ANY}
SHARED = f"Everybody here can see this run. It is yours to stop and delete; after {DAYS} days it is deleted."
GOAL_TITLES = {SUPPRESSED: "Suppressed", NEVER_SEEN: "As if never seen"}


class Form:
    """The components of the set-up column and what they do. Build it inside a Blocks context."""

    def __init__(self, workspace: Workspace, setup: SetupDescription) -> None:
        self.workspace = workspace
        self.methods = {method["name"]: method for method in setup["methods"]}
        self.titles = {dataset["name"]: dataset["title"] for dataset in setup["data"]}
        self.readings: dict[str, Reading] = {}  # by session
        self.unread: set[str] = set()  # names of data sets that are being read, or whose reading was stopped
        public = workspace.public
        with step("Model", 1) as model_step:
            self.model = script_component(
                "form/models.js", value=RunConfig.model, device="auto", public=public, elem_id="cf-model"
            )
        with step("Images", 2) as images_step:
            self.data = gr.Dropdown(
                data_choices(setup), value=RunConfig.data, label="Data set", allow_custom_value=not public,
                elem_id="cf-data", info=None if public else FOLDERS,
            )  # fmt: skip
            sets = [] if public else [*self.titles]
            self.folder = script_component(
                "form/folder.js", value=AS_IT_IS, about={}, sets=sets, elem_id="cf-data-note"
            )
            self.download = None if public else DownloadButtons()
        with step("Forget", 3, is_open=True) as forget_step:
            self.picker = script_component("form/picker.js", value=NOTHING, items=None, of=NONE, elem_id="cf-picker")
            self.extra = script_component(
                "form/targets.js", value=[], items=[], label="Another target to forget", of="what to forget",
                elem_id="cf-extra", elem_classes="cf-seldom",
            )  # fmt: skip
            self.chosen = script_component(
                "select/field.js", value=NOT_CHOSEN, model=RunConfig.model, data=RunConfig.data, device="auto",
                elem_id="cf-chosen", elem_classes="cf-seldom", visible=not public,
            )  # fmt: skip
        with step("Method", 4) as method_step:
            self.method = script_component(
                "form/method.js", value={"goal": SUPPRESSED, "method": RunConfig.method, "settings": {}}, ours=OURS,
                goals=[{"name": name, "title": GOAL_TITLES[name], "help": text} for name, text in GOALS.items()],
                methods=setup["methods"], presets=self.presets(RunConfig.model), elem_id="cf-method",
            )  # fmt: skip
        with step("Advanced") as advanced_step:
            self.retain = script_component(
                "form/targets.js", value=[], items=[], label="Retain set", of="the retain set", elem_id="cf-retain",
                help="Images to keep in view while forgetting. As it is, or if left empty, the siblings of what is "
                "forgotten; images of others are always used as well.",
            )  # fmt: skip
            advanced = advanced_options(setup["devices"], public)
            self.advanced = script_component("form/advanced.js", value={}, options=advanced, elem_id="cf-options")
        self.steps = [model_step, images_step, forget_step, method_step, advanced_step]
        with gr.Column(elem_id="cf-go"):
            self.estimate = script_component("form/note.js", value={}, elem_id="cf-estimate")
            self.run = gr.Button("Run", variant="primary", size="lg", elem_id="cf-run")
            # Two, so that what the page asks for is never overwritten by the answer to what it asked before.
            self.wanted = script_component("form/wanted.js", value={}, elem_id="cf-wanted")
            self.draft = script_component("form/draft.js", value={}, elem_id="cf-draft")
            if public:
                gr.HTML(html_template=f'<p class="cf-shared">{SHARED}</p>', apply_default_css=False, js_on_load=None)
        self.started = gr.Textbox(visible=False)

    def presets(self, model: str) -> dict[str, list[PresetDescription]]:
        """Return the presets of every method for a model."""
        runs = self.workspace.store.root
        return {method: setup.describe_presets(method, model, runs) for method in self.methods}

    def inputs(self) -> list[Any]:
        """Return everything that makes a RunConfig, in the order that `document` takes it."""
        images = [self.data, self.folder, self.chosen]
        return [self.model, *images, self.picker, self.extra, self.retain, self.method, self.advanced]

    def document(self, *values: Any) -> dict[str, Any]:
        """Return what the form shows as a run's config of JSON, unchecked; without preselected siblings."""
        model, data, folder, chosen, pick, extra, retain, method, advanced = values
        if retain and data not in self.unread:
            preselected = siblings(self.described(data, folder, chosen), pick, extra)
            retain = [] if set(retain) == set(preselected) else retain
        first = {"model": model, "data": data, **reading_of(folder), "selections": chosen["use"]}
        return {**first, "forget": [*targets(pick), *extra], "retain": retain, **method, **advanced}

    def config(self, *values: Any) -> RunConfig:
        """Return the configuration that the form shows. Raises what is wrong with it."""
        return RunConfig.read(self.document(*values))

    def listen(self, page: gr.Blocks) -> None:
        """Wire the form. form/draft.js asks for a run's config, or for what the address says, to be filled in."""
        of_data = [self.picker, self.extra, self.retain, self.folder]
        show = {"fn": self.show, "inputs": [self.draft, *self.inputs()], **LATEST}
        show["outputs"] = [self.draft, *self.steps, self.estimate]
        self.data.input(self.stop_reading, None, None, concurrency_limit=None, **QUIET)
        self.data.input(self.show_data, self.data, of_data, **LATEST).then(**show)
        self.data.input(lambda: gr.update(value=NOT_CHOSEN), None, self.chosen, **QUIET)
        self.folder.input(self.stop_reading, self.folder, None, concurrency_limit=None, **QUIET)
        self.folder.input(self.show_data, [self.data, self.folder], of_data, **LATEST).then(**show)
        chosen = [self.data, self.folder, self.chosen]
        self.chosen.input(self.show_chosen, chosen, [self.data, *of_data], **LATEST).then(**show)
        shown: list[Any] = [self.model, self.data, self.advanced]
        gr.on([part.change for part in shown], show_choices, shown, [self.chosen, self.model], **LATEST)
        if self.download is not None:
            self.download.listen(page, self.data, self.folder, [self.data, *of_data], self.show_downloaded)
        self.model.input(self.show_presets, self.model, self.method, **LATEST)
        pick = [*chosen, self.picker, self.extra]
        gr.on([self.picker.input, self.extra.input], self.show_pick, pick, [self.picker, self.retain], **LATEST).then(
            **show
        )
        gr.on([part.input for part in (self.model, self.retain, self.method, self.advanced)], **show)
        start = self.run.click(
            self.start, [self.draft, *self.inputs()], [self.started, self.draft, self.estimate], **QUIET
        )
        start.success(None, self.started, None, js="(id) => { if (id) window.clipforget?.follow(id); }", **QUIET)
        filled = [self.draft, self.model, self.data, self.chosen, self.method, self.advanced, *of_data]
        self.wanted.input(self.stop_reading, None, None, concurrency_limit=None, **QUIET)
        self.wanted.input(self.fill, self.wanted, filled, **LATEST).then(**show)

    def show_data(
        self, name: str, folder: dict[str, Any] = AS_IT_IS, request: gr.Request | None = None
    ) -> Iterator[list[Any]]:
        """Offer what can be forgotten in a data set, or say why it cannot be read; until then, how far it is."""
        if folder.get("stop"):
            return
        problem = yield from self._read(name, folder, [], request, before=3)
        yield self._offered(problem, name, folder, [])

    def _read(
        self, name: str, folder: dict[str, Any], use: list[str], request: gr.Request | None, before: int
    ) -> Generator[list[Any], None, ClipforgetError | None]:
        """Read a data set and yield how far that is, behind updates that skip; return what went wrong."""
        reading = Reading(lambda: self.workspace.data(name, use, **reading_of(folder)))
        self.readings[session_of(request)] = reading
        self.unread.add(name)
        try:
            for progress in reading.progress():
                yield [*[gr.skip()] * before, gr.update(about={"reading": progress})]
        except ClipforgetError as error:
            return error
        return None

    def _offered(
        self,
        problem: ClipforgetError | None,
        name: str,
        folder: dict[str, Any],
        use: list[str],
        config: RunConfig | None = None,
    ) -> list[Any]:
        """Return the updates of picker, further targets, retain set and note, for a data set that was read or failed.

        Picked is what `config` forgets, else the last of the selections in use, else what comes first.
        """
        try:
            if problem:
                raise problem
            alone = self.workspace.data(name, use, levels=folder["levels"])
            if len(alone["superclasses"]) == 1 and not folder["others"] and config is None:
                folder = {**folder, "others": OTHERS}
            data = self.described(name, folder, {"use": use})
            pick, extra = read_targets(config.forget if config else [])
            if not (config and config.forget):
                pick = first_pick(data, first_superclass(alone))
                if use:
                    caption, selection = self.workspace.choosing.target(use[-1])
                    pick = {"superclass": caption, "picked": [selection], "style": ANY}
            about: dict[str, Any] = {"data": self.summary(name, folder, {"use": use})}
        except NotOnDisk as error:
            text = error.entry.offer if error.entry.download else str(error)
            return [*nothing(), gr.update(value=AS_IT_IS, about={"text": text})]
        except ClipforgetError as error:
            return [*nothing(), gr.update(value=reading_of(folder), about=self.problem(error))]
        self.unread.discard(name)
        every = every_target(data)
        retain = list(config.retain) if config and config.retain else siblings(data, pick, extra)
        return [
            gr.update(
                value=pick, items=tiles(data, pick["superclass"]), of=pick["superclass"],
                superclasses=[*data["superclasses"], NONE], styles=[ANY, *data["styles"]],
            ),
            gr.update(value=extra, items=[*every, *whole_styles(data)]),
            gr.update(value=retain, items=every),
            gr.update(value=reading_of(folder), about=about),
        ]  # fmt: skip

    def stop_reading(self, folder: dict[str, Any] | None = None, request: gr.Request | None = None) -> None:
        """Stop what a visitor reads: another data set was named, or its Stop was pressed."""
        session = session_of(request)
        if (folder is None or folder.get("stop")) and session in self.readings:
            self.readings[session].stop()

    def summary(self, name: str, folder: dict[str, Any], chosen: dict[str, Any]) -> DataSummary:
        """Return what is shown of a data set as it is read: its own images, without those of others."""
        alone = self.described(name, {**folder, "others": ""}, chosen)
        notes = self.described(name, folder, chosen)["layout"]["sentences"]
        own = data_summary(alone, setup.is_path(name))
        return {**own, "sentences": list(dict.fromkeys((*own["sentences"], *notes)))}

    def show_chosen(
        self, data: str, folder: dict[str, Any], chosen: dict[str, Any], request: gr.Request | None = None
    ) -> Iterator[list[Any]]:
        """Offer the data set with the selections in use, the last of them picked; or one that was just sent."""
        data, folder = (chosen["data"], AS_IT_IS) if chosen["data"] else (data, folder)
        problem = yield from self._read(data, folder, chosen["use"], request, before=4)
        yield [data, *self._offered(problem, data, folder, chosen["use"])]

    def described(self, data: str, folder: dict[str, Any], chosen: dict[str, Any]) -> DataDescription:
        """Return the data set as it is read, with the selections in use. Raises what is wrong with them."""
        return self.workspace.data(data, chosen["use"], **reading_of(folder))

    def show_downloaded(self, name: str) -> list[Any]:
        """Offer a data set that is on the disk now."""
        *_, shown = self.show_data(name)
        return [gr.update(choices=data_choices(form_choices(self.workspace))), *shown]

    def show_presets(self, model: str) -> Any:
        """Offer the presets of another model."""
        return gr.update(presets=self.presets(model))

    def show_pick(
        self, data: str, folder: dict[str, Any], chosen: dict[str, Any], pick: Pick, extra: list[str]
    ) -> list[Any]:
        """Retain the siblings of another pick; of another superclass, offer the subgroups, the first one picked."""
        try:
            described = self.described(data, folder, chosen)
        except ClipforgetError:
            return [gr.skip()] * 2  # the note under the data set has said why
        if not pick.get("fresh"):
            return [gr.skip(), gr.update(value=siblings(described, pick, extra))]
        superclass = pick["superclass"]
        first = first_pick(described, superclass)
        shown = gr.update(value=first, items=tiles(described, superclass), of=superclass)
        return [shown, gr.update(value=siblings(described, first, extra))]

    def show(self, draft: dict[str, Any], *values: Any) -> Iterator[list[Any]]:
        """Sum up each step in one line and keep the draft; then say what a run would take, or what is wrong."""
        try:
            config = self.document(*values)
        except ClipforgetError as error:
            yield [gr.skip()] * (1 + len(self.steps)) + [self.problem(error)]
            return
        own = changed(config)
        kept = draft if "base" in draft else {**draft, "base": own}
        title = self.methods[config["method"]]["title"]
        lines = summaries(config, title, self.titles.get(config["data"], config["data"]))
        yield [{**kept, "config": own}, *(gr.update(summary=line) for line in lines), gr.skip()]
        yield [gr.skip()] * (1 + len(self.steps)) + [self.show_estimate(*values)]

    def show_estimate(self, *values: Any) -> dict[str, Any]:
        """Return how long the run would take and on how many images, or what is wrong with the form."""
        if values[1] in self.unread:
            return {}  # what is wrong with the images stands under them
        try:
            return {"estimate": self.workspace.estimate(self.config(*values))}
        except ClipforgetError as error:
            return self.problem(error)

    def start(self, request: gr.Request, draft: dict[str, Any], *values: Any) -> tuple[str, Any, Any]:
        """Start the worker process of a run, or put it in line; return the run's id, or what is wrong.

        The form then holds what the new run was given, as if it had been filled from it.
        """
        VISITOR.set(request.headers.get(VISITOR_HEADER, ""))
        try:
            id = self.workspace.start(self.config(*values))
        except ClipforgetError as error:
            return "", gr.skip(), self.problem(error)
        own = changed(self.document(*values))
        return id, {**draft, "config": own, "base": own, "of": id}, gr.skip()

    def problem(self, error: ClipforgetError) -> dict[str, Any]:
        """Return what a note says is wrong."""
        return {"error": self.workspace.shown(str(error))}

    def fill(self, wanted: dict[str, Any], request: gr.Request | None = None) -> Iterator[list[Any]]:
        """Fill the form from the config of a run or of the address; what cannot be read leaves it as it is at first."""
        given, config = wanted["config"], RunConfig()
        try:
            known = {} if given.get("method") in self.methods else {"method": config.method, "settings": {}}
            config = RunConfig.read({**given, **known})
        except (ClipforgetError, TypeError, AttributeError):
            given = {}
        names = {option["name"] for option in self.methods[config.method]["options"]}
        settings = {name: value for name, value in config.settings.items() if name in names}
        folder, use = reading_of(config.as_dict()), list(config.selections)
        problem = yield from self._read(config.data, folder, use, request, before=9)
        method = {"goal": config.goal, "method": config.method, "settings": settings}
        yield [
            {"of": wanted["of"], "number": wanted["number"]},
            config.model,
            config.data,
            gr.update(value={"use": use, "data": ""}),
            gr.update(value=method, presets=self.presets(config.model)),
            {name: value for name, value in changed(config.as_dict()).items() if name in OPTIONS},
            *self._offered(problem, config.data, folder, use, config if given else None),
        ]


def session_of(request: gr.Request | None) -> str:
    """Return which page asks; empty for a call from Python."""
    return str(request.session_hash) if request else ""


def reading_of(folder: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a data set is read: what supplies others, and what its folders mean."""
    return {name: folder.get(name, "") for name in AS_IT_IS}


def nothing() -> list[Any]:
    """Return the updates that offer nothing, where a data set cannot be read."""
    return [
        gr.update(value=NOTHING, items=None, superclasses=[], styles=[]),
        gr.update(value=[], items=[]),
        gr.update(value=[], items=[]),
    ]


def show_choices(model: str, data: str, advanced: dict[str, Any]) -> list[Any]:
    """Let images be chosen, and the model be measured, as the form shows them."""
    device = advanced.get("device", RunConfig.device)
    return [gr.update(model=model, data=data, device=device), gr.update(device=device)]


def data_choices(setup: SetupDescription) -> list[Any]:
    """Return the data sets that can be chosen, with their titles, and those of earlier runs."""
    data: list[Any] = [(dataset["title"], dataset["name"]) for dataset in setup["data"]]
    return data + [(name, name) for name in setup["recent"]["data"]]


def form_choices(workspace: Workspace) -> SetupDescription:
    """Return what can be chosen, without reading a data set, so that the page shows at once."""

    def unread(name: str) -> NoReturn:
        raise BadData("not read yet")

    return workspace.setup(unread)
