"""The set-up column: which model and images, what to forget and to keep, how, and the button that starts it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from clipforget import choices
from clipforget.config import RunConfig
from clipforget.errors import BadData, ClipforgetError
from clipforget.web.fields import group, live, step

ANY = "Any style"
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Every subgroup click asks again; only the newest answer matters.
LATEST: dict[str, Any] = {**QUIET, "trigger_mode": "always_last", "concurrency_id": "setup"}


class Form:
    """The components of the set-up column and what they do. Build it inside a Blocks context."""

    def __init__(self, workspace: Any, setup: dict[str, Any]) -> None:
        self.workspace = workspace
        self.methods = {method["name"]: method for method in setup["methods"]}
        step(1, "Model")
        models: list[Any] = [(model["title"], model["name"]) for model in setup["models"]] or [RunConfig.model]
        self.model = gr.Dropdown(
            models, value=RunConfig.model, label="CLIP model", allow_custom_value=True, elem_id="cf-model",
            info="A name, open_clip model/pretrained, or a local folder",
        )  # fmt: skip
        step(2, "Images")
        data = [(entry["title"], entry["name"]) for entry in setup["data"]]
        data += [(name, name) for name in setup["recent"]["data"]]
        self.data = gr.Dropdown(
            data, value=RunConfig.data, label="Data set", allow_custom_value=True, elem_id="cf-data",
            info="A name, or the path of a folder or .tar: train|test/superclass/subgroup/*.jpg",
        )  # fmt: skip
        self.data_note = live("note.js", value={}, elem_id="cf-data-note")
        step(3, "Forget")
        self.superclass = gr.Dropdown([], label="Superclass", elem_id="cf-superclass")
        self.picker = live("picker.js", value=[], items=[], elem_id="cf-picker")
        self.style = gr.Dropdown([ANY], value=ANY, label="Style", visible=False, elem_id="cf-style")
        step(4, "Retain")
        self.retain = gr.Dropdown(
            [], value=[], multiselect=True, label="Keep these sharp", elem_id="cf-retain",
            info="Preselected: the siblings. The rest of the data set is guarded anyway",
        )  # fmt: skip
        step(5, "Method")
        self._method(setup)
        with gr.Column(elem_id="cf-go"):
            self.estimate = live("note.js", value={}, elem_id="cf-estimate")
            self.run = gr.Button("Run", variant="primary", size="lg", elem_id="cf-run")
        self.started = gr.Textbox(visible=False)

    def _method(self, setup: dict[str, Any]) -> None:
        names = [(method["title"], method["name"]) for method in setup["methods"]]
        self.method = gr.Dropdown(names, value=names[0][1], label="Method", elem_id="cf-method")
        self.settings: dict[tuple[str, str], Any] = {}
        self.groups: dict[str, gr.Column] = {}
        for name, method in self.methods.items():
            self.groups[name], fields = group(method, visible=name == names[0][1])
            self.settings |= {(name, option): component for option, component in fields.items()}
        with gr.Row(elem_id="cf-last"):
            self.seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=2**31 - 1, min_width=80)
            devices = ["auto", *(name for name in setup["devices"] if name != "auto")]
            self.device = gr.Dropdown(devices, value="auto", label="Device", min_width=100)

    def inputs(self) -> list[Any]:
        """Everything that makes a RunConfig, in the order that `config` takes it."""
        first = [self.model, self.data, self.superclass, self.picker, self.style, self.retain]
        return [*first, self.method, self.seed, self.device, *self.settings.values()]

    def config(self, *values: Any) -> RunConfig:
        """The configuration that the form shows. Settings at their defaults and preselected siblings are left out."""
        model, data, superclass, picked, style, retain, method, seed, device, *settings = values
        forget = targets(superclass, picked, style)
        changed = {}
        for (owner, name), value in zip(self.settings, settings, strict=True):
            option = next(o for o in self.methods[owner]["options"] if o["name"] == name)
            if owner == method and value is not None and value != option["default"]:
                changed[name] = value
        entry = self.workspace.data(data)
        kept = () if set(retain) == set(siblings(entry, superclass, picked, style)) else tuple(retain)
        return RunConfig(
            model=model, data=data, forget=forget, retain=kept, method=method, settings=changed,
            seed=int(seed or 0), device=device,
        )  # fmt: skip

    def listen(self, page: gr.Blocks, explorer: Any) -> None:
        """Wire the form. `explorer` sends "use" with a finished run's config, to fill the form again."""
        about = [self.superclass, self.picker, self.style, self.retain, self.data_note]
        page.load(self.show_data, self.data, about, **QUIET)
        self.data.input(self.show_data, self.data, about, **LATEST)
        chosen = [self.data, self.superclass, self.picker, self.style]
        self.superclass.input(self.show_superclass, chosen[:2], [self.picker, self.retain], **LATEST)
        gr.on([self.picker.input, self.style.input], self.show_siblings, chosen, self.retain, **LATEST)
        self.method.change(self.show_method, self.method, list(self.groups.values()), **LATEST)
        changes = [component.change for component in self.inputs() if component is not self.picker]
        gr.on([*changes, self.picker.input], self.show_estimate, self.inputs(), self.estimate, **LATEST)
        start = self.run.click(self.start, self.inputs(), [self.started, self.estimate], **QUIET)
        start.success(None, self.started, None, js="(id) => { if (id) window.clipforget?.follow(id); }", **QUIET)
        explorer.use(self.fill, None, [*self.inputs(), self.data_note, *self.groups.values()], **QUIET)

    def show_data(self, name: str) -> list[Any]:
        """A data set was chosen: offer its superclasses, subgroups and styles, or say why it cannot be read."""
        try:
            entry = self.workspace.data(name)
        except ClipforgetError as error:
            return [gr.skip()] * 4 + [{"error": str(error)}]
        superclass = first_superclass(entry)
        return [*self._about(entry, superclass, first_pick(entry, superclass), ANY), described(entry)]

    def _about(self, entry: dict[str, Any], superclass: str, picked: list[str], style: str) -> list[Any]:
        styles = entry.get("styles") or []
        kept = siblings(entry, superclass, picked, style)
        return [
            gr.update(choices=list(entry["superclasses"]), value=superclass),
            gr.update(value=picked, items=tiles(entry, superclass)),
            gr.update(choices=[ANY, *styles], value=style, visible=bool(styles)),
            gr.update(choices=every_target(entry), value=kept),
        ]

    def show_superclass(self, data: str, superclass: str) -> list[Any]:
        """Another superclass: its subgroups, the first one picked, the others retained."""
        entry = self.workspace.data(data)
        picked = first_pick(entry, superclass)
        kept = siblings(entry, superclass, picked, ANY)
        return [gr.update(value=picked, items=tiles(entry, superclass)), gr.update(value=kept)]

    def show_siblings(self, data: str, superclass: str, picked: list[str], style: str) -> Any:
        """Another pick: its siblings become the retained ones."""
        return gr.update(value=siblings(self.workspace.data(data), superclass, picked, style))

    def show_method(self, name: str) -> Any:
        """Another method: its own settings."""
        updates = [gr.update(visible=owner == name) for owner in self.groups]
        return updates if len(updates) > 1 else updates[0]

    def show_estimate(self, *values: Any) -> dict[str, Any]:
        """How long the run would take and on how many images, or what is wrong with the form."""
        try:
            return {"estimate": self.workspace.estimate(self.config(*values))}
        except ClipforgetError as error:
            return {"error": str(error)}

    def start(self, *values: Any) -> tuple[str, dict[str, Any]]:
        """Start the worker process of a run; gives the run's id, or says what is wrong."""
        try:
            return self.workspace.start(self.config(*values)), gr.skip()
        except ClipforgetError as error:
            return "", {"error": str(error)}

    def fill(self, event: gr.EventData) -> list[Any]:
        """Fill the form from the configuration of a past run ("Use these settings")."""
        config = event._data["config"]
        method = config["method"] if config["method"] in self.methods else next(iter(self.methods))
        superclass, picked, style = read_targets(config["forget"])
        try:
            entry = self.workspace.data(config["data"])
            about, note = self._about(entry, superclass, picked, style), described(entry)
        except ClipforgetError as error:
            about, note = [gr.skip()] * 4, {"error": str(error)}
        if config.get("retain") and "error" not in note:
            about[3]["value"] = list(config["retain"])
        settings = [
            config["settings"].get(name, default_of(self.methods[owner], name)) if owner == method else gr.skip()
            for owner, name in self.settings
        ]
        start = [config["model"], config["data"], *about, method, config.get("seed", 0), config.get("device", "auto")]
        return [*start, *settings, note, *(gr.update(visible=owner == method) for owner in self.groups)]


def offered(workspace: Any) -> dict[str, Any]:
    """What can be chosen, told without reading a data set, so that the page shows at once."""

    def unread(name: str) -> Any:
        raise BadData("not read yet")

    return choices.describe([run["config"] for run in workspace.runs()], unread)


def targets(superclass: str, picked: list[str], style: str) -> tuple[str, ...]:
    """The targets a pick names: one per subgroup, or the whole superclass (in one style) where none is picked."""
    tail = "" if style == ANY else f"/{style}"
    if not picked:
        return (f"{superclass}/*{tail}" if tail else superclass,)
    return tuple(f"{superclass}/{name}{tail}" for name in picked)


def read_targets(forget: list[str]) -> tuple[str, list[str], str]:
    """Superclass, subgroups and style of a run's targets; the form shows one superclass and one style at a time."""
    parts = [(*target.split("/"), "*", "*")[:3] for target in forget]
    superclass, _, style = parts[0]
    picked = [subgroup for owner, subgroup, _ in parts if owner == superclass and subgroup != "*"]
    return superclass, picked, ANY if style == "*" else style


def siblings(entry: dict[str, Any], superclass: str, picked: list[str], style: str) -> list[str]:
    """What shares the superclass and is not forgotten: the other subgroups, or the other styles of the target."""
    names = entry["superclasses"].get(superclass, [])
    others = [f"{superclass}/{name}" for name in names if picked and name not in picked]
    if style == ANY:
        return others
    styles = [name for name in entry.get("styles") or [] if name != style]
    return others + [f"{superclass}/{name}/{kept}" for name in picked or ["*"] for kept in styles]


def every_target(entry: dict[str, Any]) -> list[str]:
    """All that could be retained: superclasses, their subgroups, and each of these in one style."""
    names = list(entry["superclasses"])
    pairs = [f"{name}/{subgroup}" for name in names for subgroup in entry["superclasses"][name]]
    styled = [f"{pair}/{style}" for pair in [*pairs, *(f"{n}/*" for n in names)] for style in entry.get("styles") or []]
    return [*names, *pairs, *styled]


def tiles(entry: dict[str, Any], superclass: str) -> list[dict[str, Any]]:
    """A tile for each subgroup: its name and the addresses of a few sample thumbnails."""
    samples, print_ = entry.get("samples", {}), entry.get("fingerprint", "")
    return [
        {
            "name": name,
            "images": [f"clipforget/images/{print_}/{i}?size=96" for i in samples.get(f"{superclass}/{name}", [])[:4]],
        }
        for name in entry["superclasses"].get(superclass, [])
    ]


def first_superclass(entry: dict[str, Any]) -> str:
    """The superclass with which the form opens: the first one with several subgroups."""
    names = list(entry["superclasses"])
    return next((name for name in names if len(entry["superclasses"][name]) > 1), names[0])


def first_pick(entry: dict[str, Any], superclass: str) -> list[str]:
    """The subgroup picked at first: biplane where there is one, else the first."""
    names = entry["superclasses"].get(superclass, [])
    if len(names) < 2:
        return []
    return ["biplane"] if "biplane" in names else names[:1]


def described(entry: dict[str, Any]) -> dict[str, Any]:
    """What the note under the data set says."""
    return {
        "data": {key: entry.get(key) for key in ("count", "skipped", "suites")}
        | {"superclasses": len(entry["superclasses"])}
    }


def default_of(method: dict[str, Any], name: str) -> Any:
    """A setting's default."""
    return next(option["default"] for option in method["options"] if option["name"] == name)
