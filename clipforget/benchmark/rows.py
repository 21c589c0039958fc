"""The rows of a comparison: methods with their settings, written [LABEL=]METHOD[:PRESET][,SETTING=VALUE...]. No torch.

targeted    targeted:paper    targeted,layers=3    no EMA=targeted,ema_decay=0
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from clipforget.errors import BadSetting, UnknownName
from clipforget.methods import METHODS
from clipforget.runs.config import RunConfig
from clipforget.runs.presets import presets

ALL = "all"
DEFAULT = "default"  # the name under which the settings as they stand in the code are asked for
UNTOUCHED = "do_nothing"  # every table has this row anyway
RUNS = Path("runs")


@dataclass(frozen=True)
class Row:
    """A method as a comparison runs it: `settings` are those that differ from its defaults, `preset` where from."""

    label: str
    method: str
    preset: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def text(self) -> str:
        """The row as `read_row` takes it."""
        words = [f"{self.method}:{self.preset}" if self.preset else self.method]
        if not self.preset:
            words += [f"{name}={value}" for name, value in sorted(self.settings.items())]
        if self.label != label_of(self.method, self.preset, self.settings):
            words[0] = f"{self.label.replace(',', ' ').replace('=', ' ')}={words[0]}"
        return ",".join(words)


def rows_of(
    words: Iterable[str], preset: str = DEFAULT, model: str = RunConfig.model, runs: Path = RUNS
) -> tuple[Row, ...]:
    """Rows from their texts; "all" stands for every method. `preset` serves those that name none and no setting.

    A method that has no such preset keeps its defaults, and a note of its row says so.
    Raises UnknownName or BadSetting.
    """
    names = [word.strip() for text in words for word in (_every() if text.strip() == ALL else [text])]
    return tuple(read_row(name, preset, model, runs) for name in dict.fromkeys(names))


def read_row(text: str, preset: str = DEFAULT, model: str = RunConfig.model, runs: Path = RUNS) -> Row:
    """A row from `[LABEL=]METHOD[:PRESET][,SETTING=VALUE...]`; see `rows_of`."""
    first, *given = [part.strip() for part in text.split(",")]
    label, _, first = first.rpartition("=")
    name, colon, own = first.partition(":")
    method = METHODS.load()[name]
    settings: dict[str, Any] = {}
    for part in given:
        key, equals, value = part.partition("=")
        if not equals:
            raise BadSetting(f"'{part}' is no setting; write METHOD,SETTING=VALUE, e.g. targeted,layers=3.")
        settings[key.strip().replace("-", "_")] = value.strip()
    wanted = own if colon else DEFAULT if settings else preset
    known = {preset.name: preset.settings for preset in presets(name, model, runs)}
    notes: tuple[str, ...] = ()
    if wanted not in (DEFAULT, *known):
        if colon:
            raise UnknownName(f"preset of {name}", own, [DEFAULT, *known])
        notes = (f"It has no preset '{wanted}' for this model, so its defaults were used.",)
    settings = {**known.get(wanted, {}), **settings}
    settings = RunConfig(forget=("*",), method=name, settings=settings).checked().settings
    chosen = wanted if wanted in known and not given else ""
    return Row(label or label_of(name, chosen, settings), method.name, chosen, settings, notes)


def check_preset(preset: str, model: str, runs: Path) -> None:
    """Raises UnknownName where no method at all has a preset of this name for the model."""
    known = {DEFAULT, *(found.name for method in METHODS.load() for found in presets(method, model, runs))}
    if preset not in known:
        raise UnknownName(f"preset for {model}", preset, known)


def label_of(method: str, preset: str, settings: Mapping[str, Any]) -> str:
    """What a row is called where nobody says otherwise: by its preset, or else by its settings."""
    more = [preset] if preset else [f"{name} {value}" for name, value in sorted(settings.items())]
    title = METHODS.load()[method].title
    return f"{title} ({'; '.join(more)})" if more else title


def filled(row: Row, model: str, runs: Path) -> Row:
    """The row with its preset's settings where it names a preset alone. Raises UnknownName where there is none such."""
    if not row.preset or row.settings:
        return row
    found = read_row(f"{row.method}:{row.preset}", model=model, runs=runs)
    return replace(found, label=row.label or found.label)


def row_from_json(values: Any) -> Row:
    """A row as `Comparison.as_dict` gives it; the method alone will do. Raises BadSetting or UnknownName."""
    if not isinstance(values, dict) or not isinstance(values.get("method"), str):
        raise BadSetting("A row of a comparison must name its method.")
    known = [entry.name for entry in fields(Row)]
    for name in values:
        if name not in known:
            raise UnknownName("field of a row", str(name), known)
    settings = RunConfig.read({"settings": values.get("settings", {})}).settings
    label, preset = values.get("label", ""), values.get("preset", "")
    notes = values.get("notes", [])
    if not isinstance(notes, list | tuple) or not all(isinstance(text, str) for text in (label, preset, *notes)):
        raise BadSetting("Label, preset and notes of a row must be texts.")
    return Row(label, values["method"], preset, settings, tuple(notes))


def distinct(rows: Sequence[Row]) -> list[Row]:
    """The rows, each once, under labels that differ."""
    found: list[Row] = []
    for row in rows:
        if row in found:
            continue
        taken = [one.label for one in found]
        label, number = row.label, 2
        while label in taken:
            label, number = f"{row.label} {number}", number + 1
        found.append(replace(row, label=label))
    return found


def _every() -> list[str]:
    return [name for name in METHODS.load() if name != UNTOUCHED]
