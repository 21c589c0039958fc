"""The rows of a comparison: methods with their settings, written [LABEL=]METHOD[:PRESET][,SETTING=VALUE...]. No torch.

targeted    anchored:tuned    targeted,layers=3    no EMA=targeted,ema_decay=0    no souping=targeted,alpha=0
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from clipforget import __version__
from clipforget.errors import BadSetting, ClipforgetError, UnknownName
from clipforget.methods import METHODS
from clipforget.runs.config import RunConfig, current_method, current_settings
from clipforget.runs.presets import damaged_presets, find_preset, presets
from clipforget.settings import STRICT, SettingValue, option, parse

ALL = "all"
DEFAULT = "default"  # the name under which the settings as they stand in the code are asked for
DO_NOTHING = "do_nothing"  # every table has this row anyway
# A first comparison: ours, the paper's, and the two best others of the main tables on both kinds of images.
FIRST_METHODS = (RunConfig.method, "targeted", "selective_nullspace", "leace")
RUNS_FOLDER = Path("runs")


@dataclass(frozen=True)
class Row:
    """A method as a comparison runs it: `settings` are those that differ from its defaults, `preset` where from.

    alpha is where its runs are read, and nowhere else; None (as always but in ablations): where each run suggests.
    """

    method: str
    label: str = ""
    preset: str = ""
    settings: dict[str, SettingValue] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=(), compare=False)
    alpha: float | None = option(None, "The alpha that the row is read at", low=0.0, high=1.0)

    __pydantic_config__ = STRICT

    @property
    def text(self) -> str:
        """The row as text, as `read_row` takes it."""
        words = [f"{self.method}:{self.preset}" if self.preset else self.method]
        if not self.preset:
            words += [f"{name}={value}" for name, value in sorted(self.settings.items())]
        if self.alpha is not None:
            words.append(f"alpha={self.alpha:g}")
        if self.label != default_label(self.method, self.preset, self.settings):
            words[0] = f"{self.label.replace(',', ' ').replace('=', ' ')}={words[0]}"
        return ",".join(words)


def read_rows(
    texts: Iterable[str], preset: str = DEFAULT, model: str = RunConfig.model, runs: Path = RUNS_FOLDER
) -> tuple[Row, ...]:
    """Return rows from their texts; "all" stands for every method. `preset` serves those that name none and no setting.

    A method that has no such preset keeps its defaults, and a note of its row says so.
    Raises UnknownName or BadSetting, also for a preset whose file is damaged.
    """
    methods = [name for name in METHODS.load() if name != DO_NOTHING]
    every_row = [row.strip() for text in texts for row in (methods if text.strip() == ALL else [text])]
    return tuple(read_row(text, preset, model, runs) for text in dict.fromkeys(every_row))


def read_row(text: str, preset: str = DEFAULT, model: str = RunConfig.model, runs: Path = RUNS_FOLDER) -> Row:
    """Return the row of `[LABEL=]METHOD[:PRESET][,SETTING=VALUE...]`; see `read_rows`."""
    head, *assignments = [part.strip() for part in text.split(",")]
    label, _, head = head.rpartition("=")
    method, colon, named_preset = head.partition(":")
    METHODS.load()[method]  # raises UnknownName
    settings: dict[str, SettingValue] = {}
    for part in assignments:
        name, equals, value = part.partition("=")
        if not equals:
            raise BadSetting(f"'{part}' is no setting; write METHOD,SETTING=VALUE, e.g. targeted,layers=3.")
        settings[name.strip().replace("-", "_")] = value.strip()
    alpha = settings.pop("alpha", None)
    preset = named_preset if colon else DEFAULT if settings else preset
    by_name = {entry.name: entry.settings for entry in presets(method, model, runs)}
    if preset in damaged_presets(method, model, runs):
        find_preset(method, preset, model, runs)  # raises BadSetting
    notes: tuple[str, ...] = ()
    if preset not in (DEFAULT, *by_name):
        if colon:
            raise UnknownName(f"preset of {method}", preset, [DEFAULT, *by_name])
        notes = (f"It has no preset '{preset}' for this model, so its defaults were used.",)
    settings = {**by_name.get(preset, {}), **current_settings(method, settings)}
    settings = RunConfig(forget=("*",), method=method, settings=settings).checked().settings
    origin = preset if preset in by_name and len(assignments) == (alpha is not None) else ""
    row = Row(method, label or default_label(method, origin, settings), origin, settings, notes)
    return row if alpha is None else _read_at(row, str(alpha))


def _read_at(row: Row, alpha: str) -> Row:
    """Return the row read at an alpha, with a note that says so. Raises BadSetting for none from 0 to 1."""
    try:
        value = float(alpha)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise BadSetting(f"alpha must be a number from 0 to 1; it is '{alpha}'.")
    return replace(row, alpha=value, notes=(*row.notes, f"It is read at alpha {value:g}, not where each run suggests."))


def check_preset(preset: str, model: str, runs: Path) -> None:
    """Raise UnknownName where no method at all has a preset of this name for the model."""
    names = {DEFAULT, *(entry.name for method in METHODS.load() for entry in presets(method, model, runs))}
    if preset not in names:
        raise UnknownName(f"preset for {model}", preset, names)


def default_label(method: str, preset: str, settings: Mapping[str, SettingValue]) -> str:
    """Return what a row is called where nobody says otherwise: by its preset, or else by its settings."""
    details = [preset] if preset else [f"{name} {value}" for name, value in sorted(settings.items())]
    entry = METHODS.load()[method]
    title = entry.title
    with suppress(ClipforgetError):  # settings of an older version, which the method no longer has
        title = entry.title_of(parse(entry.settings, settings))
    return f"{title} ({'; '.join(details)})" if details else title


def with_preset_settings(row: Row, model: str, runs: Path) -> Row:
    """Return the row with its preset's settings where it names a preset alone. Raises UnknownName for the preset."""
    if not row.preset or row.settings:
        return row
    complete = read_row(f"{row.method}:{row.preset}", model=model, runs=runs)
    return replace(complete, label=row.label or complete.label)


def with_current_names(row: Row, version: str | None = __version__) -> Row:
    """Return a row that `version` wrote with method and settings as they are called today, also in a label of these."""
    method = current_method(row.method, version)
    settings = current_settings(method, row.settings)
    if (method, settings) == (row.method, row.settings):
        return row
    own_label = row.label != default_label(row.method, row.preset, row.settings)
    label = row.label if own_label else default_label(method, row.preset, settings)
    return replace(row, method=method, settings=settings, label=label)


def distinct(rows: Sequence[Row]) -> list[Row]:
    """Return the rows, each once, under labels that differ."""
    labelled: list[Row] = []
    for row in rows:
        if row in labelled:
            continue
        taken = [other.label for other in labelled]
        label, number = row.label, 2
        while label in taken:
            label, number = f"{row.label} {number}", number + 1
        labelled.append(replace(row, label=label))
    return labelled
