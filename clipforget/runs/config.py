"""What determines a run, and the command line that repeats it."""

from __future__ import annotations

import math
import shlex
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from clipforget.errors import BadSetting, UnknownName
from clipforget.settings import option

if TYPE_CHECKING:
    from clipforget.data.dataset import Dataset
    from clipforget.data.splits import Splits


@dataclass(frozen=True)
class RunConfig:
    """All that determines a run. The same configuration on the same device gives the same weights."""

    model: str = option("clipforget-tiny", "The CLIP: an embedded name, a local folder, or a model/pretrained")
    data: str = option("sketchbook", "The images: an embedded name, or a folder or .tar")
    forget: tuple[str, ...] = option((), "What to forget: superclass, superclass/subgroup or superclass/*/style")
    retain: tuple[str, ...] = option((), "What to keep in view; by default the siblings of what is forgotten")
    method: str = option("targeted", "The method of forgetting")
    settings: dict[str, Any] = field(default_factory=dict, metadata={"help": "Settings that differ from the method's"})
    seed: int = option(0, "Seed of every random choice", low=0, high=2**31 - 1)
    tolerance: float = option(
        0.05, "Forget accuracy on validation that counts as forgotten where chance is lower", low=0.0, high=1.0
    )
    device: str = option("auto", "auto, cpu, cuda, cuda:1, mps")
    gallery: int = option(2000, "At most so many test images; target and siblings come first", low=4, high=1_000_000)
    nodes: int = option(17, "At most so many alphas are embedded exactly, the rest interpolated", low=3, high=101)

    @classmethod
    def read(cls, values: Any) -> RunConfig:
        """Build a configuration from JSON that somebody else wrote.

        Raises BadSetting for a value of the wrong type or out of bounds, UnknownName for a name that is no field.
        """
        if not isinstance(values, dict):
            raise BadSetting("A run's configuration must be a JSON object.")
        known = {entry.name: entry for entry in fields(cls)}
        return cls(**{name: _read(name, value, known) for name, value in values.items()})

    def checked(self) -> RunConfig:
        """The same with settings read against the method's dataclass, only those kept that differ from its defaults.

        Raises UnknownName for the method or a setting, BadSetting for a value out of bounds or where nothing is to be
        forgotten.
        """
        from clipforget.methods import METHODS
        from clipforget.settings import as_dict, parse

        if not self.forget:
            raise BadSetting("Nothing to forget is named; choose at least one target, e.g. airplane/biplane.")
        chosen = METHODS.load()[self.method].settings
        values, defaults = as_dict(parse(chosen, self.settings)), as_dict(chosen())
        differing = {name: value for name, value in values.items() if value != defaults[name]}
        return replace(self, settings=differing)

    def splits(self, dataset: Dataset) -> Splits:
        """Choose the images of the run; see clipforget.data.splits. Raises as `select`."""
        from clipforget.data.splits import select

        return select(dataset, self.forget, self.retain, self.gallery)

    def as_dict(self) -> dict[str, Any]:
        """The configuration, ready for JSON; `read` takes it back."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def command(self) -> str:
        """The command line that repeats the run, quoted for a POSIX shell."""
        words = ["python", "-m", "clipforget", "run", *as_option("model", self.model), *as_option("data", self.data)]
        words += [word for target in self.forget for word in as_option("forget", target)]
        words += [word for target in self.retain for word in as_option("retain", target)]
        words += [*as_option("method", self.method), *as_option("seed", self.seed)]
        words += as_option("tolerance", self.tolerance) if self.tolerance != RunConfig.tolerance else []
        words += as_option("device", self.device) if self.device != "auto" else []
        words += as_option("gallery", self.gallery) if self.gallery != RunConfig.gallery else []
        words += as_option("nodes", self.nodes) if self.nodes != RunConfig.nodes else []
        words += [word for name in sorted(self.settings) for word in as_option(name, self.settings[name])]
        return shlex.join(words)

    @property
    def title(self) -> str:
        """A short name for people, e.g. "airplane/biplane · targeted"."""
        return f"{', '.join(self.forget) or 'nothing'} · {self.method}"


def as_option(name: str, value: Any) -> list[str]:
    """A name and its value as words of a command line."""
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}={value}"] if str(value).startswith("-") else [f"--{flag}", str(value)]


def _read(name: str, value: Any, known: dict[str, Any]) -> Any:
    if name not in known:
        raise UnknownName("field of a run", name, known)
    bounds = known[name].metadata
    if name in ("forget", "retain"):
        if not isinstance(value, list | tuple) or not all(isinstance(target, str) and target for target in value):
            raise BadSetting(f"{name} must be a list of targets such as airplane/biplane.")
        return tuple(dict.fromkeys(value))
    if name == "settings":
        if not isinstance(value, dict) or not all(map(_plain, value.values())):
            raise BadSetting("settings must map names to numbers, texts or true and false.")
        return dict(value)
    if name in ("seed", "gallery", "nodes"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        low, high = bounds["low"], bounds["high"]
        if not whole or not low <= value <= high:
            raise BadSetting(f"{name} must be a whole number from {low} to {high}; it is {value!r}.")
        return value
    if name == "tolerance":
        low, high = bounds["low"], bounds["high"]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise BadSetting(f"tolerance must be a number from {low:g} to {high:g}; it is {value!r}.")
        return float(value)
    if not isinstance(value, str) or not value or "\0" in value:
        raise BadSetting(f"{name} must be a text.")
    return value


def _plain(value: Any) -> bool:
    return isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
