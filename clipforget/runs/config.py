"""What determines a run, and the command line that repeats it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from clipforget.data.target import Target
from clipforget.errors import BadSetting
from clipforget.methods import METHODS
from clipforget.models.listing import check_model_name
from clipforget.settings import STRICT, SettingValue, as_dict, option, options, parse, read_json, with_current_names
from clipforget.unlearning.task import GOALS, NEVER_SEEN, SUPPRESSED

if TYPE_CHECKING:
    from clipforget.data.dataset import Dataset
    from clipforget.data.splits import Splits

OURS = {SUPPRESSED: "anchored", NEVER_SEEN: "unseen"}  # the method that is taken where none is named
SOUP = "merged"  # the method that adds up the changes of several forgettings
PROGRAM = ("python", "-m", "clipforget")
Value = TypeVar("Value")
FOLDERS = re.compile(r"(^|[=:/])/[^:]*/(?=[^/:])")  # those before a name; also after an option, a data set, a tower
DEVICE = re.compile(r"auto|(cpu|cuda|mps|xpu)(:[0-9]{1,2})?")
HIDDEN_DEFAULTS = (
    "tolerance",
    "device",
    "gallery",
    "nodes",
    "eval_target",
    "eval_images",
    "goal",
    "others",
    "levels",
)  # a command tells these only where they differ


@dataclass(frozen=True)
class RunConfig:
    """All that determines a run. The same configuration on the same device gives the same weights."""

    model: str = option(
        "clipforget-tiny",
        "The CLIP: an embedded name, a local folder, a model/pretrained, or a run's result, run:ID@ALPHA",
    )
    data: str = option("sketchbook", "The images: an embedded name, or a folder or .tar")
    forget: tuple[str, ...] = option((), "What to forget: superclass, superclass/subgroup or superclass/*/style")
    selections: tuple[str, ...] = option((), "A saved selection of images, by name or file: a subgroup to name")
    retain: tuple[str, ...] = option((), "What to keep in view; by default the siblings of what is forgotten")
    goal: str = option(
        SUPPRESSED, "What forgotten is to mean. " + " ".join(f"{name}: {about}" for name, about in GOALS.items()),
        choices=tuple(GOALS),
    )  # fmt: skip
    method: str = option(OURS[SUPPRESSED], "The method of forgetting")
    seed: int = option(0, "Seed of every random choice", low=0, high=2**31 - 1)
    tolerance: float = option(
        0.05, "Forget accuracy on calibrate images that counts as forgotten where chance is lower", low=0.0, high=1.0
    )
    device: str = option("auto", "auto, cpu, cuda, cuda:1, mps")
    gallery: int = option(2000, "At most so many test images; target and siblings come first", low=4, high=1_000_000)
    nodes: int = option(17, "At most so many alphas are embedded exactly, the rest interpolated", low=3, high=101)
    eval: tuple[str, ...] = option((), "An evaluation set with names of its own, NAME=PATH or NAME=PATH:CLASS,CLASS")
    eval_target: str = option(
        "kept", "What the target's images in such sets are to be: kept or forgotten", choices=("kept", "forgotten")
    )
    eval_images: int = option(
        500, "At most so many images of each evaluation set, chosen by a hash", low=10, high=1_000_000
    )
    soup: tuple[str, ...] = option((), "Finished runs that a soup of several is made of, RUN=ALPHA; see runs.soups")
    others: str = option("", "A second data set, by name or path: others to tell the superclasses apart from")
    levels: str = option("", "What the folders of the images mean, from the outside in, e.g. superclass,style")
    settings: dict[str, SettingValue] = field(default_factory=dict)  # those that differ from the method's defaults

    __pydantic_config__ = STRICT | {"str_min_length": 1}

    @classmethod
    def read(cls, values: Any) -> RunConfig:
        """Build a configuration from JSON that somebody else wrote; settings get the names they have today.

        Raises BadSetting for a value of the wrong type or out of bounds, UnknownName for a name that is no field.
        """
        config = read_json(cls, values, "run")
        settings = current_settings(config.method, config.settings)
        return replace(config, forget=unique(config.forget), retain=unique(config.retain), settings=settings)

    def checked(self) -> RunConfig:
        """Return the same with settings read against the method's dataclass, without those that are its defaults.

        Paths become absolute, so that they lead to the same place from everywhere.
        Raises UnknownName for the method or a setting, BadModel for the name of no model, BadSetting for a value out of
        bounds, for what is no evaluation set, or where nothing is to be forgotten.
        """
        config = with_absolute_paths(self)
        check_model_name(config.model)
        if self.goal == NEVER_SEEN and any(Target.read(text).style != "*" for text in self.forget):
            raise BadSetting("As if never seen is told by subgroups; forget a subgroup, not a style of it.")
        if not self.forget:
            raise BadSetting("Nothing to forget is named; choose at least one target, e.g. airplane/biplane.")
        if not DEVICE.fullmatch(self.device):
            raise BadSetting(f"device must be auto, cpu, cuda, cuda:1 or mps; it is '{self.device}'.")
        if self.soup and (self.method != SOUP or self.parts == ()):
            raise BadSetting(f"A soup of runs has the method {SOUP}; make one with `clipforget soup`.")
        kind = METHODS.load()[self.method].settings
        values, defaults = as_dict(parse(kind, self.settings)), as_dict(kind())
        differing = {name: value for name, value in values.items() if value != defaults[name]}
        return replace(config, settings=differing)

    def splits(self, dataset: Dataset) -> Splits:
        """Choose the images of the run; see clipforget.data.splits. Raises as `select`."""
        from clipforget.data.splits import select

        return select(dataset, self.forget, self.retain, self.gallery, self.eval_images)

    def as_dict(self) -> dict[str, Any]:
        """Return the configuration, ready for JSON; `read` takes it back."""
        return as_dict(self)

    def command(self) -> str:
        """Return the command line that repeats the run, quoted for a POSIX shell."""
        if self.soup:
            alphas = (word for _, alpha in self.parts for word in ("--alpha", f"{alpha:g}"))
            return shlex.join([*PROGRAM, "soup", *(id for id, _ in self.parts), *alphas])
        settings, selections = dict(sorted(self.settings.items())), {"selected": self.selections}
        return command_line("run", self, HIDDEN_DEFAULTS, settings=settings, selections=selections)

    @property
    def title(self) -> str:
        """A short name for people, e.g. "airplane/biplane · anchored"."""
        kind = f"soup of {len(self.soup)}" if self.soup else self.method
        return f"{', '.join(self.forget) or 'nothing'} · {kind}"

    @property
    def parts(self) -> tuple[tuple[str, float], ...]:
        """The runs of a soup, each with its alpha. Raises BadSetting for what is no RUN=ALPHA."""
        return tuple(_part(text) for text in self.soup)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of the work, in order: a soup of runs needs only the last one of its method."""
        own = METHODS.load()[self.method].stages
        return ("load", *(own[-1:] if self.soup else own), "restore", "score")


def about(config: Mapping[str, Any]) -> str:
    """Say in two sentences what a run forgets from what, by its stored configuration, of whatever version."""
    targets = [Target.read(text) for text in config["forget"]]
    named = [f"{one.short} ({one.label})" if len(one.levels) > 1 else one.short for one in targets]
    model, data = map(without_folders, (config["model"], config["data"]))
    method = METHODS.load().get(config["method"])
    how = f"Method: {method.title if method else config['method']}; images: {data}."
    return f"{model} is to forget {' and '.join(named) or 'nothing'} and to keep everything else. {how}"


def _part(text: str) -> tuple[str, float]:
    id, _, number = text.partition("=")
    try:
        alpha = float(number)
    except ValueError:
        alpha = -1.0
    if not id or not 0 <= alpha <= 1:
        raise BadSetting(f"A soup names a run and its alpha from 0 to 1, as RUN=0.3; it holds '{text}'.")
    return id, alpha


Config = TypeVar("Config", bound=Any)


def images_of(config: Any, evaluation: bool = True) -> dict[str, Any]:
    """Return what names the images of a run, a comparison or a tuning, as the arguments of `Resources.dataset`.

    What has its default is left out; so are evaluation sets where `evaluation` is False.
    """
    sets = {"evaluation": config.eval, "most": config.eval_images} if evaluation and config.eval else {}
    own = {"others": config.others, "levels": config.levels, "selections": config.selections}
    return {"name": config.data, **{name: value for name, value in own.items() if value}, **sets}


def with_absolute_paths(config: Config) -> Config:
    """Return a configuration with model, data and eval named by absolute paths where they are files or folders."""
    from clipforget.data.evaluation import read_paths

    data, others = _absolute_data(config.data), _absolute_data(config.others)
    model = config.model if config.model == RunConfig.model else _absolute(config.model.removeprefix("local-dir:"))
    architecture, slash, weights = model.partition("/")
    if architecture and not model.startswith("hf-hub:"):
        file, colon, tag = weights.rpartition(":")  # a tag that says how images are prepared
        model = (
            architecture + slash + (_absolute(file) + colon + tag if _absolute(file) != file else _absolute(weights))
        )
    sets = []
    for text, entry in zip(config.eval, read_paths(config.eval), strict=True):
        name, equals, rest = text.partition("=")
        full = _absolute(entry.path)
        sets.append(name + equals + rest.replace(entry.path, _absolute_data(full), 1))
    return replace(config, data=data, others=others, model=model, eval=tuple(sets))


def _absolute_data(name: str) -> str:
    from clipforget.data.catalogue import find

    registered, where = find(name)
    if registered is None:
        return _absolute(name)
    return f"{registered.name}:{_absolute(where)}" if where else name


def _absolute(path: str) -> str:
    """The absolute path of what is there, without links being followed; other names as they are."""
    try:
        full = os.path.abspath(os.path.expanduser(path))
        return full if path and os.path.exists(full) else path
    except (OSError, ValueError):
        return path


def current_method(method: str, version: str | None) -> str:
    """Return today's name of a method that a stored file names; version is the one that wrote it, None before 0.2.0.

    What was targeted then is anchored now; targeted has become the paper's method.
    """
    return "anchored" if method == "targeted" and version in (None, "0.1.0") else method


def current_settings(method: str, settings: Mapping[str, SettingValue]) -> dict[str, SettingValue]:
    """Return settings of a method under the names they have today; those of an unknown method as they are."""
    if not settings or method not in METHODS.load():
        return dict(settings)
    return with_current_names(METHODS[method].settings, settings)


def command_line(command: str, config: object, hidden_defaults: Iterable[str] = (), **replaced: Any) -> str:
    """Return the command line with an option for each field of a configuration, quoted for a POSIX shell.

    A list is repeated, a dict names the options in place of the field. hidden_defaults are the fields that are left out
    where they have their default; replaced gives other values of fields.
    """
    words = [*PROGRAM, command]
    kind: type = type(config)
    for entry in options(kind):
        value = replaced.get(entry.name, getattr(config, entry.name))
        if entry.name in hidden_defaults and value == entry.default:
            continue
        for name, values in (value if isinstance(value, dict) else {entry.name: value}).items():
            for item in values if isinstance(values, list | tuple) else [values]:
                words += as_option(name, item)
    return shlex.join(words)


def without_folders(text: str) -> str:
    """Return the name of a model or of images without the folders it lies in, to be shown to others."""
    return FOLDERS.sub(r"\1", text)


def shown_command(command: str) -> str:
    """Return a command line without the folders that its files lie in, to be shown to others."""
    return shlex.join(map(without_folders, shlex.split(command)))


def as_option(name: str, value: SettingValue) -> list[str]:
    """Return a name and its value as words of a command line."""
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}={value}"] if str(value).startswith("-") else [f"--{flag}", str(value)]


def unique(values: Iterable[Value]) -> tuple[Value, ...]:
    """Return the values in their order, each once."""
    return tuple(dict.fromkeys(values))
