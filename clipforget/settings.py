"""Settings are frozen dataclasses; command line, page and run.json derive from their fields.

@dataclass(frozen=True)
class FooSettings:
    rank: int = option(8, "Rank of the LoRA update", low=1, high=64)
"""

from __future__ import annotations

import dataclasses
import math
import typing
from dataclasses import dataclass
from typing import Any

from clipforget.errors import BadSetting, UnknownName


@dataclass(frozen=True)
class Option:
    """One field of a settings dataclass, as an edge needs it to build a form or a command-line option."""

    name: str
    kind: type  # bool, int, float or str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = False
    search: tuple[Any, ...] = ()  # the values that `tune` tries; empty: it leaves the setting alone
    former: tuple[str, ...] = ()  # names it had before, which saved runs and presets may still use


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    advanced: bool = False,
    search: tuple[Any, ...] = (),
    former: tuple[str, ...] = (),
) -> Any:
    """A dataclass field with its help text, bounds (inclusive) and the values worth a trial in the metadata."""
    metadata = {
        "help": help, "low": low, "high": high, "choices": choices, "advanced": advanced, "search": search,
        "former": former,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


def options(settings: type) -> list[Option]:
    """The options of a settings dataclass, in the order they are written."""
    hints = typing.get_type_hints(settings)
    return [
        Option(field.name, hints[field.name], field.default, **field.metadata) for field in dataclasses.fields(settings)
    ]


def parse(settings: type, values: dict[str, Any]) -> Any:
    """Build a settings object from names and values (text or typed); unnamed fields keep their defaults.

    Raises UnknownName for a name that is no field, BadSetting for a value of the wrong type or out of bounds.
    """
    known = {opt.name: opt for opt in options(settings)}
    current = {former: name for name, opt in known.items() for former in opt.former}
    read = {}
    for name, value in values.items():
        name = name if name in known else current.get(name, name)
        if name not in known:
            raise UnknownName("setting", name, known)
        read[name] = _read(known[name], value)
    return settings(**read)


def as_dict(settings: Any) -> dict[str, Any]:
    """Names and values of a settings object, ready for JSON."""
    return dataclasses.asdict(settings)


def _read(opt: Option, value: Any) -> Any:
    if opt.kind is bool:
        value = _read_bool(opt, value)
    elif opt.kind in (int, float):
        value = _read_number(opt, value)
    else:
        value = str(value)
    if opt.choices and value not in opt.choices:
        raise BadSetting(f"{opt.name} must be one of {', '.join(opt.choices)}; it is '{value}'.")
    return value


def _read_bool(opt: Option, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if str(value).lower() not in words:
        raise BadSetting(f"{opt.name} must be true or false; it is '{value}'.")
    return words[str(value).lower()]


def _read_number(opt: Option, value: Any) -> float:
    bounds = f"{opt.low if opt.low is not None else '-inf'} to {opt.high if opt.high is not None else 'inf'}"
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise BadSetting(f"{opt.name} must be a number from {bounds}; it is '{value}'.") from None
    if opt.kind is int and number != number // 1:
        raise BadSetting(f"{opt.name} must be a whole number from {bounds}; it is '{value}'.")
    low = -math.inf if opt.low is None else opt.low
    high = math.inf if opt.high is None else opt.high
    if not (math.isfinite(number) and low <= number <= high):
        raise BadSetting(f"{opt.name} must lie in {bounds}; it is '{value}'.")
    return opt.kind(number)
