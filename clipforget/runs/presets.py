"""Presets: settings of a method under a name. From the literature, shipped for a model, or the user's own.

A preset file is `<folder of the model>/<name>/<method>.json` with the fields of Preset and the `version` that wrote it;
one that `tune` wrote says in `provenance` how it came about. Needs no torch.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from clipforget import __version__
from clipforget.errors import BadSetting, ClipforgetError, UnknownName
from clipforget.files import ASSETS, made_folder, read_regular, write_json
from clipforget.methods import METHODS
from clipforget.runs.config import current_method, current_settings
from clipforget.settings import SettingValue, read_json, shortened

SHIPPED = ASSETS / "presets"
OWN_FOLDER = "presets"  # of the user's own presets, below the folder of the runs
FORMER = {"anchored": "targeted"}  # names of files that current_method may read as another method
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")


@dataclass(frozen=True)
class Preset:
    """Settings of `method` that differ from its defaults; `note` is a sentence on where they come from."""

    name: str
    method: str
    settings: dict[str, SettingValue]
    note: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The settings in one line for people."""
        return ", ".join(f"{name} {value}" for name, value in self.settings.items()) or "the defaults"


def presets(method: str, model: str, runs: Path) -> list[Preset]:
    """Return the presets of a method for a model: literature, shipped, the user's own; a later one replaces its name.

    runs is the folder of the runs. Those whose file is damaged are left out, see `damaged_presets`. Raises UnknownName
    for the method.
    """
    return [preset for preset in _by_name(method, model, runs).values() if isinstance(preset, Preset)]


def damaged_presets(method: str, model: str, runs: Path) -> dict[str, str]:
    """Return what is wrong with each preset that `presets` leaves out, by its name: a sentence that names the file."""
    every = _by_name(method, model, runs)
    return {name: str(problem) for name, problem in every.items() if isinstance(problem, BadSetting)}


def find_preset(method: str, name: str, model: str, runs: Path) -> Preset:
    """Return the preset of that name. Raises UnknownName with those there are, BadSetting where its file is damaged."""
    by_name = _by_name(method, model, runs)
    if name not in by_name:
        raise UnknownName(f"preset of {method}", name, by_name)
    preset = by_name[name]
    if isinstance(preset, BadSetting):
        raise preset
    return preset


def save_preset(preset: Preset, model: str, root: Path) -> Path:
    """Write `<root>/<model>/<name>/<method>.json`, replacing what was there, and return its path.

    Raises BadSetting for a name of other characters than a-z, 0-9 and -, FileProblem where it cannot be written.
    """
    check_name(preset.name)
    path = root / model_folder(model) / preset.name / f"{preset.method}.json"
    with made_folder(path.parent):
        write_json(path, asdict(preset) | {"version": __version__})
    return path


def check_name(name: str) -> None:
    """Raise BadSetting for a name that is no name of a preset."""
    if not NAME.fullmatch(name):
        raise BadSetting(f"'{name[:80]}' is no name for a preset; use lower-case letters, digits and hyphens.")


def model_folder(model: str) -> str:
    """Return the folder name of a model: its own name, a local folder's last part, or architecture-tag."""
    path = Path(os.path.expanduser(model))
    name = path.resolve().name if os.path.isdir(path) or path.is_absolute() else model
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"


def _by_name(method: str, model: str, runs: Path) -> dict[str, Preset | BadSetting]:
    """Every preset by its name, or what is wrong with its file."""
    entry = METHODS.load()[method]
    note = f"From the literature: {entry.source}."
    by_name: dict[str, Preset | BadSetting] = {
        name: Preset(name, method, dict(values), entry.preset_notes.get(name, note))
        for name, values in entry.presets.items()
    }
    for folder in (*_shipped(model), runs / OWN_FOLDER / model_folder(model)):
        paths = [path for stem in (FORMER.get(method), method) for path in sorted(folder.glob(f"*/{stem}.json"))]
        for path in paths:
            try:
                preset = _read(path)
            except BadSetting as error:
                if path.stem == method:
                    by_name[path.parent.name] = error
                continue
            if preset.method == method:
                by_name[preset.name] = preset
    return by_name


def _shipped(model: str) -> Iterator[Path]:
    """The shipped folders that fit: of the model's own name, or of the family that its architecture's name begins with
    (RN50 serves RN50-quickgelu/openai)."""
    architecture, tag = model.partition("/")[::2]
    for folder in sorted(SHIPPED.iterdir()) if SHIPPED.is_dir() else ():
        if folder.name == model_folder(model) or (tag and architecture.startswith(folder.name)):
            yield folder


def _read(path: Path) -> Preset:
    try:
        stored = json.loads(read_regular(path).decode())
        if isinstance(stored, dict):  # whatever the file says of name and method, its place counts
            method = current_method(path.stem, stored.pop("version", None))
            stored |= {"name": path.parent.name, "method": method}
        preset = read_json(Preset, stored, "preset")
    except (OSError, ValueError, RecursionError, ClipforgetError) as error:
        reason = shortened(str(error).rstrip("."))
        raise BadSetting(f"The preset {path} cannot be read ({reason}); repair or delete it.") from error
    return replace(preset, settings=current_settings(preset.method, preset.settings))
