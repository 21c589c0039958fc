"""The set-up column: which model and images, what to forget and to retain, how, and the button that starts it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import gradio as gr

from clipforget.data.catalogue import NotOnDisk
from clipforget.errors import BadData, ClipforgetError
from clipforget.runs.config import OURS, RunConfig
from clipforget.unlearning.task import GOALS, NEVER_SEEN, SUPPRESSED
from clipforget.web.components import heading, number, script_component
from clipforget.web.downloads import DownloadButtons
from clipforget.web.targets import (
    ANY,
    NONE,
    DataSummary,
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
from clipforget.workspace.setup_documents import DataDescription, PresetDescription, RunEstimate, SetupDescription
from clipforget.workspace.workspace import Workspace

FOLDERS = "A name, or the path of a folder, .zip or .tar of pictures, however they are laid out"
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Every subgroup click asks again; only the newest answer matters.
LATEST: dict[str, Any] = {**QUIET, "trigger_mode": "always_last", "concurrency_id": "setup"}
# Choices that were filled in later are forgotten when the server restarts; what comes then must not be refused by
# Gradio. Whatever is chosen or typed is checked with the configuration.
FREE_TEXT: dict[str, Any] = {"allow_custom_value": True}


AS_IT_IS: dict[str, Any] = {"others": "", "levels": ""}  # how a data set is read
OTHERS = "sketchbook"  # what supplies others where nobody said
NOT_CHOSEN: dict[str, Any] = {"use": [], "data": ""}  # selections in use, and a data set that was just sent
SHARED = f"Everybody here can see this run. It is yours to stop and delete; after {DAYS} days it is deleted."


class Form:
    """The components of the set-up column and what they do. Build it inside a Blocks context."""

    def __init__(self, workspace: Workspace, setup: SetupDescription) -> None:
        self.workspace = workspace
        self.methods = {method["name"]: method for method in setup["methods"]}
        heading(1, "Model")
        public = workspace.public
        self.model = script_component(
            "form/models.js", value=RunConfig.model, device="auto", public=public, elem_id="cf-model"
        )
        heading(2, "Images")
        self.data = gr.Dropdown(
            data_choices(setup), value=RunConfig.data, label="Data set", allow_custom_value=not workspace.public,
            elem_id="cf-data", info=None if workspace.public else FOLDERS,
        )  # fmt: skip
        sets = [] if public else [dataset["name"] for dataset in setup["data"]]
        self.folder = script_component("form/folder.js", value=AS_IT_IS, about={}, sets=sets, elem_id="cf-data-note")
        self.readings: dict[str, Reading] = {}  # by session
        self.unread: set[str] = set()  # names of data sets that are being read, or whose reading was stopped
        self.download = None if workspace.public else DownloadButtons()
        heading(3, "Forget")
        self.superclass = gr.Dropdown([], label="Superclass", elem_id="cf-superclass", **FREE_TEXT)
        self.picker = script_component("form/picker.js", value=[], items=[], alone=False, elem_id="cf-picker")
        self.style = gr.Dropdown([ANY], value=ANY, label="Style", visible=False, elem_id="cf-style", **FREE_TEXT)
        self.extra = script_component("form/targets.js", value=[], items=[], elem_id="cf-extra")
        self.chosen = script_component(
            "select/field.js", value=NOT_CHOSEN, model=RunConfig.model, data=RunConfig.data, device="auto",
            elem_id="cf-chosen", visible=not workspace.public,
        )  # fmt: skip
        heading(4, "Retain")
        self.retain = gr.Dropdown(
            [], value=[], multiselect=True, label="Retain set", elem_id="cf-retain", **FREE_TEXT,
            info="Preselected, or if left empty: the siblings. Images of others are always used as well",
        )  # fmt: skip
        self.goal = gr.Radio(
            [("Suppressed", SUPPRESSED), ("As if never seen", NEVER_SEEN)], value=SUPPRESSED, label="Goal",
            elem_id="cf-goal", info=f"Suppressed: {GOALS[SUPPRESSED]} As if never seen: {GOALS[NEVER_SEEN]}",
        )  # fmt: skip
        heading(5, "Method")
        self._method(setup)
        with gr.Column(elem_id="cf-go"):
            self.estimate = script_component("form/note.js", value={}, elem_id="cf-estimate")
            self.run = gr.Button("Run", variant="primary", size="lg", elem_id="cf-run")
            if workspace.public:
                gr.HTML(html_template=f'<p class="cf-shared">{SHARED}</p>', apply_default_css=False, js_on_load=None)
        self.started = gr.Textbox(visible=False)

    def _method(self, setup: SetupDescription) -> None:
        methods, presets = setup["methods"], self.presets(RunConfig.model)
        first = {"method": methods[0]["name"], "settings": {}}
        self.method = script_component(
            "form/method.js", value=first, methods=methods, presets=presets, elem_id="cf-method"
        )
        with gr.Row(elem_id="cf-last"):
            self.seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=2**31 - 1, min_width=80)
            devices = ["auto", *(name for name in setup["devices"] if name != "auto")]
            self.device = gr.Dropdown(devices, value="auto", label="Device", min_width=100)
        with gr.Accordion("Evaluation", open=False, elem_id="cf-evaluation"):
            self.tolerance = number(setup["options"], "tolerance")
            self.gallery = number(setup["options"], "gallery", precision=0)
            folders = not self.workspace.public
            self.eval = gr.Textbox(
                "", lines=2, max_lines=8, label="Evaluation sets", elem_id="cf-eval", placeholder="food101=food-101/",
                visible=folders,
                info="Unseen images with class names of their own: NAME=PATH, one a line",
            )  # fmt: skip
            self.eval_target = gr.Radio(
                ["kept", "forgotten"], value=RunConfig.eval_target, label="The target there is to be",
                elem_id="cf-eval-target", visible=folders,
                info="Classes named like the target, or those of NAME=PATH:CLASS,CLASS",
            )  # fmt: skip
            self.eval_images = number(setup["options"], "eval_images", precision=0, visible=folders)

    def presets(self, model: str) -> dict[str, list[PresetDescription]]:
        """Return the presets of every method for a model."""
        runs = self.workspace.store.root
        return {method: setup.describe_presets(method, model, runs) for method in self.methods}

    def inputs(self) -> list[Any]:
        """Return everything that makes a RunConfig, in the order that `config` takes it."""
        images = [self.data, self.folder, self.chosen]
        first = [self.model, *images, self.superclass, self.picker, self.style, self.extra, self.retain]
        last = [self.goal, self.tolerance, self.gallery, self.eval, self.eval_target, self.eval_images]
        return [*first, self.method, self.seed, self.device, *last]

    def config(self, *values: Any) -> RunConfig:
        """Return the configuration that the form shows, without preselected siblings. Raises what is wrong with it."""
        model, data, folder, chosen, superclass, picked, style, extra, retain, method, seed, device, *last = values
        goal, tolerance, gallery, evaluation, eval_target, eval_images = last
        preselected = siblings(self.described(data, folder, chosen), superclass, picked, style, extra)
        return RunConfig.read(
            {
                "model": model,
                "data": data,
                **reading_of(folder),
                "selections": chosen["use"],
                "forget": [*targets(superclass, picked, style), *extra],
                "retain": [] if set(retain) == set(preselected) else retain,
                "goal": goal or RunConfig.goal,
                "method": method["method"],
                "settings": method["settings"],
                "seed": int(seed or 0),
                "device": device,
                "tolerance": RunConfig.tolerance if tolerance is None else tolerance,
                "gallery": int(gallery or RunConfig.gallery),
                "eval": [line.strip() for line in (evaluation or "").splitlines() if line.strip()],
                "eval_target": eval_target or RunConfig.eval_target,
                "eval_images": int(eval_images or RunConfig.eval_images),
            }
        )

    def listen(self, page: gr.Blocks, explorer: Any) -> None:
        """Wire the form. `explorer` sends "use" with a finished run's config, to fill the form again."""
        of_data = [self.superclass, self.picker, self.style, self.extra, self.retain, self.folder]
        estimate = {"fn": self.show_estimate, "inputs": self.inputs(), "outputs": self.estimate, **LATEST}
        page.load(self.show_data, self.data, of_data, **QUIET).then(**estimate)
        self.data.input(self.stop_reading, None, None, concurrency_limit=None, **QUIET)
        self.data.input(self.show_data, self.data, of_data, **LATEST).then(**estimate)
        self.data.input(lambda: gr.update(value=NOT_CHOSEN), None, self.chosen, **QUIET)
        self.folder.input(self.stop_reading, self.folder, None, concurrency_limit=None, **QUIET)
        self.folder.input(self.show_data, [self.data, self.folder], of_data, **LATEST).then(**estimate)
        chosen = [self.data, self.folder, self.chosen]
        self.chosen.input(self.show_chosen, chosen, [self.data, *of_data], **LATEST).then(**estimate)
        shown: list[Any] = [self.model, self.data, self.device]
        gr.on([part.change for part in shown], show_choices, shown, self.chosen, **LATEST)
        if self.download is not None:
            self.download.listen(page, self.data, self.folder, [self.data, *of_data], self.show_downloaded)
        self.model.input(self.show_presets, self.model, self.method, **LATEST)
        self.device.change(lambda device: gr.update(device=device), self.device, self.model, **QUIET)
        self.goal.input(self.show_method, [self.goal, self.method], self.method, **LATEST)
        # Drawn by our own JavaScript: they tell of themselves by "input".
        drawn = [self.model, self.picker, self.extra, self.method]
        superclass = [*chosen, self.superclass, self.extra]
        self.superclass.input(self.show_superclass, superclass, [self.picker, self.retain], **LATEST)
        picks = [self.picker.input, self.style.input, self.extra.input]
        target = [*chosen, self.superclass, self.picker, self.style, self.extra]
        gr.on(picks, self.show_siblings, target, self.retain, **LATEST)
        other = (self.data, self.folder, self.chosen, self.eval)  # the first three ask once they are read
        changes = [part.input if part in drawn else part.change for part in self.inputs() if part not in other]
        changes.append(self.eval.blur)  # half a path is no mistake yet
        gr.on(changes, **estimate)
        start = self.run.click(self.start, self.inputs(), [self.started, self.estimate], **QUIET)
        start.success(None, self.started, None, js="(id) => { if (id) window.clipforget?.follow(id); }", **QUIET)
        explorer.use(self.fill, None, self.inputs(), **QUIET).then(**estimate)

    def show_data(
        self, name: str, folder: dict[str, Any] = AS_IT_IS, request: gr.Request | None = None
    ) -> Iterator[list[Any]]:
        """Offer what can be forgotten in a data set, or say why it cannot be read; until then, how far it is."""
        if folder.get("stop"):
            return
        session = str(request.session_hash) if request else ""
        reading = self.readings[session] = Reading(lambda: self.workspace.data(name, **reading_of(folder)))
        self.unread.add(name)
        try:
            for progress in reading.progress():
                yield [gr.skip()] * 5 + [gr.update(about={"reading": progress})]
            alone = self.workspace.data(name, levels=folder["levels"])
            if len(alone["superclasses"]) == 1 and not folder["others"]:
                folder = {**folder, "others": OTHERS}
            data = self.described(name, folder, NOT_CHOSEN)
        except NotOnDisk as error:
            text = error.entry.offer if error.entry.download else str(error)
            yield [*nothing(), gr.update(value=AS_IT_IS, about={"text": text})]
            return
        except ClipforgetError as error:
            yield [*nothing(), gr.update(value=reading_of(folder), about=self.problem(error))]
            return
        self.unread.discard(name)
        superclass = first_superclass(alone)
        shown = gr.update(value=reading_of(folder), about={"data": self.summary(name, folder, NOT_CHOSEN)})
        yield [*target_updates(data, superclass, first_pick(data, superclass), ANY, []), shown]

    def stop_reading(self, folder: dict[str, Any] | None = None, request: gr.Request | None = None) -> None:
        """Stop what a visitor reads: another data set was named, or its Stop was pressed."""
        session = str(request.session_hash) if request else ""
        if (folder is None or folder.get("stop")) and session in self.readings:
            self.readings[session].stop()

    def summary(self, name: str, folder: dict[str, Any], chosen: dict[str, Any]) -> DataSummary:
        """Return what is shown of a data set as it is read: its own images, without those of others."""
        alone = self.described(name, {**folder, "others": ""}, chosen)
        notes = self.described(name, folder, chosen)["layout"]["sentences"]
        own = data_summary(alone, setup.is_path(name))
        return {**own, "sentences": list(dict.fromkeys((*own["sentences"], *notes)))}

    def show_chosen(self, data: str, folder: dict[str, Any], chosen: dict[str, Any]) -> Iterator[list[Any]]:
        """Offer the data set with the selections in use, the last of them picked; or one that was just sent."""
        data, folder = (chosen["data"], AS_IT_IS) if chosen["data"] else (data, folder)
        if not chosen["use"]:
            for shown in self.show_data(data, folder):
                yield [data, *shown]
            return
        try:
            described = self.described(data, folder, chosen)
            caption, name = self.workspace.choosing.target(chosen["use"][-1])
        except ClipforgetError as error:
            yield [gr.skip()] * 6 + [gr.update(about=self.problem(error))]
            return
        about = {"data": self.summary(data, folder, chosen)}
        yield [gr.skip(), *target_updates(described, caption, [name], ANY, []), gr.update(about=about)]

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

    def show_method(self, goal: str, method: dict[str, Any]) -> Any:
        """Take our method of another goal in place of ours of the first; any other method stays."""
        ours = method["method"] in OURS.values()
        return gr.update(value={"method": OURS[goal], "settings": {}}) if ours else gr.skip()

    def show_superclass(
        self, data: str, folder: dict[str, Any], chosen: dict[str, Any], superclass: str, extra: list[str]
    ) -> list[Any]:
        """Offer the subgroups of another superclass, the first one picked, the others retained."""
        try:
            described = self.described(data, folder, chosen)
        except ClipforgetError:
            return [gr.skip()] * 2  # the note under the data set has said why
        picked = first_pick(described, superclass)
        retain = siblings(described, superclass, picked, ANY, extra)
        return [tile_update(described, superclass, picked), gr.update(value=retain)]

    def show_siblings(
        self,
        data: str,
        folder: dict[str, Any],
        chosen: dict[str, Any],
        superclass: str,
        picked: list[str],
        style: str,
        extra: list[str],
    ) -> Any:
        """Retain the siblings of another pick."""
        try:
            return gr.update(value=siblings(self.described(data, folder, chosen), superclass, picked, style, extra))
        except ClipforgetError:
            return gr.skip()

    def show_estimate(self, *values: Any) -> dict[str, RunEstimate | str]:
        """Return how long the run would take and on how many images, or what is wrong with the form."""
        if values[1] in self.unread:
            return {}  # what is wrong with the images stands under them
        try:
            return {"estimate": self.workspace.estimate(self.config(*values))}
        except ClipforgetError as error:
            return self.problem(error)

    def start(self, request: gr.Request, *values: Any) -> tuple[str, dict[str, str]]:
        """Start the worker process of a run, or put it in line; return the run's id, or what is wrong."""
        VISITOR.set(request.headers.get(VISITOR_HEADER, ""))
        try:
            return self.workspace.start(self.config(*values)), gr.skip()
        except ClipforgetError as error:
            return "", self.problem(error)

    def problem(self, error: ClipforgetError) -> dict[str, Any]:
        """Return what a note says is wrong."""
        return {"error": self.workspace.shown(str(error))}

    def fill(self, event: gr.EventData) -> list[Any]:
        """Fill the form from the configuration of a past run ("Use these settings")."""
        config = event._data["config"]
        method = config["method"] if config["method"] in self.methods else next(iter(self.methods))
        superclass, picked, style, extra = read_targets(config["forget"])
        chosen = {"use": list(config.get("selections", ())), "data": ""}
        folder = reading_of(config)
        try:
            data = self.described(config["data"], folder, chosen)
            updates = target_updates(data, superclass, picked, style, extra)
            about: dict[str, Any] = {"data": self.summary(config["data"], folder, chosen)}
            self.unread.discard(config["data"])
        except ClipforgetError as error:
            self.unread.add(config["data"])
            updates, about = nothing(), self.problem(error)
        if config.get("retain") and "error" not in about:
            updates[4]["value"] = list(config["retain"])
        names = {option["name"] for option in self.methods[method]["options"]}
        settings = {name: value for name, value in config["settings"].items() if name in names}
        updates.append(gr.update(value={"method": method, "settings": settings}, presets=self.presets(config["model"])))
        first = ("seed", "device", "goal", "tolerance", "gallery")
        last = [config.get(name, getattr(RunConfig, name)) for name in first]
        last += ["\n".join(config.get("eval", ()))]
        last += [config.get(name, getattr(RunConfig, name)) for name in ("eval_target", "eval_images")]
        read = gr.update(value=folder, about=about)
        return [config["model"], config["data"], read, gr.update(value=chosen), *updates, *last]


def reading_of(folder: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a data set is read: what supplies others, and what its folders mean."""
    return {name: folder.get(name, "") for name in AS_IT_IS}


def nothing() -> list[Any]:
    """Return the updates that offer nothing, where a data set cannot be read."""
    return [
        gr.update(choices=[], value=None),
        gr.update(value=[], items=[], alone=False),
        gr.update(visible=False),
        gr.update(value=[], items=[]),
        gr.update(choices=[], value=[]),
    ]


def show_choices(model: str, data: str, device: str) -> Any:
    """Let images be chosen of what the form shows, by its model."""
    return gr.update(model=model, data=data, device=device)


def data_choices(setup: SetupDescription) -> list[Any]:
    """Return the data sets that can be chosen, with their titles, and those of earlier runs."""
    data: list[Any] = [(dataset["title"], dataset["name"]) for dataset in setup["data"]]
    return data + [(name, name) for name in setup["recent"]["data"]]


def form_choices(workspace: Workspace) -> SetupDescription:
    """Return what can be chosen, without reading a data set, so that the page shows at once."""

    def unread(name: str) -> NoReturn:
        raise BadData("not read yet")

    return workspace.setup(unread)


def target_updates(
    data: DataDescription, superclass: str, picked: list[str], style: str, extra: list[str]
) -> list[Any]:
    """Return the updates of superclass, tiles, style, further targets and retain set for another data set."""
    styles, every = data["styles"], every_target(data)
    return [
        gr.update(choices=[*data["superclasses"], NONE], value=superclass),
        tile_update(data, superclass, picked),
        gr.update(choices=[ANY, *styles], value=style, visible=bool(styles)),
        gr.update(value=extra, items=[*every, *whole_styles(data)]),
        gr.update(choices=every, value=siblings(data, superclass, picked, style, extra)),
    ]


def tile_update(data: DataDescription, superclass: str, picked: list[str]) -> Any:
    """Return the update of the tiles: those of a superclass, some of them picked."""
    return gr.update(value=picked, items=tiles(data, superclass), alone=superclass == NONE)
