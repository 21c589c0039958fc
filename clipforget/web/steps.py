"""The steps of the form: what each says in one line while it is folded, and the options behind Advanced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clipforget.runs.config import RunConfig
from clipforget.settings import options
from clipforget.workspace.setup import describe_option
from clipforget.workspace.setup_documents import OptionDescription

DEFAULTS = RunConfig().as_dict()
OPTIONS = {  # of a run, and what the form calls them
    "seed": "Seed",
    "device": "Device",
    "tolerance": "Tolerance",
    "gallery": "Gallery",
    "nodes": "Nodes",
    "eval": "Evaluation sets",
    "eval_target": "The target in these sets",
    "eval_images": "Images of each set",
}


class NamedOption(OptionDescription):
    """An option of a run with its name in the form."""

    label: str


def advanced_options(devices: list[str], public: bool) -> list[NamedOption]:
    """Describe the options behind Advanced; a public server has no evaluation sets, which are folders."""
    of_run = {option.name: describe_option(option) for option in options(RunConfig)}
    of_run["device"]["choices"] = list(dict.fromkeys(["auto", *devices]))
    names = (name for name in OPTIONS if not (public and name.startswith("eval")))
    return [{**of_run[name], "label": OPTIONS[name]} for name in names]


def changed(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs from a run's defaults."""
    return {name: value for name, value in config.items() if value != DEFAULTS[name]}


def summaries(config: Mapping[str, Any], method: str, data: str) -> list[str]:
    """Return one line for each step; `method` and `data` are titles."""
    settings = len(config["settings"])
    own = [f"{settings} {'setting' if settings == 1 else 'settings'} changed"] if settings else []
    retained = f"retains {', '.join(config['retain'])}" if config["retain"] else "retains siblings"
    advanced = (f"{OPTIONS[name].lower()} {value}" for name, value in changed(config).items() if name in OPTIONS)
    return [
        config["model"],
        " and ".join(filter(None, (data, config["others"]))),
        ", ".join(config["forget"]) or "nothing yet",
        ", ".join((method, *own)),
        ", ".join((retained, *advanced)),
    ]
