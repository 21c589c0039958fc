"""Settings are frozen dataclasses; command line, page and run.json derive from their fields.

@dataclass(frozen=True)
class FooSettings:
    rank: int = option(8, "Rank of the LoRA update", low=1, high=64)

Pydantic checks what is read into them; it waits for the first reading, so that --help is quick.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from clipforget.errors import BadSetting, ClipforgetError, UnknownName
from clipforget.files import read_regular

Config = TypeVar("Config")
Document = TypeVar("Document")
SettingValue = bool | int | float | str
STRICT = {"extra": "forbid", "allow_inf_nan": False}  # the __pydantic_config__ of what `read_json` is given
NOUNS = {  # what a field of a type takes, in our sentences
    bool: "true or false", int: "a whole number", float: "a number", str: "a text",
    tuple[int, ...]: "a list of whole numbers", tuple[str, ...]: "a list of texts",
    tuple[tuple[str, ...], ...]: "a list of lists of texts",
    dict[str, SettingValue]: "a JSON object of numbers, texts, true and false",
}  # fmt: skip


@dataclass(frozen=True)
class Option:
    """One field of a settings dataclass, as an edge needs it to build a form or a command-line option."""

    name: str
    kind: type  # bool, int, float or str
    default: Any
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = False
    search: tuple[Any, ...] = ()  # the values that `tune` tries; empty: it leaves the setting alone
    former: tuple[str, ...] = ()  # names it had before, which saved runs and presets may still use

    @property
    def expected(self) -> str:
        """What the option takes, e.g. "a whole number from 1 to 64"."""
        noun = f"one of {', '.join(self.choices)}" if self.choices else NOUNS.get(self.kind, "a list of JSON objects")
        bounds = [f" {word} {bound}" for word, bound in (("from", self.low), ("to", self.high)) if bound is not None]
        return noun + "".join(bounds)


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
    """Declare a dataclass field with its help text, bounds (inclusive) and the values worth a trial.

    A text holds no NUL, and it is empty only where the default is.
    """
    checks: dict[str, Any] = {"ge": low, "le": high}  # in pydantic's words
    if isinstance(default, float):
        checks["allow_inf_nan"] = False
    if isinstance(default, str):
        one_of = "|".join(map(re.escape, choices))
        checks["pattern"] = f"^({one_of})$" if choices else "^[^\0]+$" if default else "^[^\0]*$"
        checks |= {} if default else {"min_length": 0}  # whatever the class asks of texts
    metadata = {
        "help": help, "low": low, "high": high, "choices": choices, "advanced": advanced, "search": search,
        "former": former,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata | checks)


def option_like(settings: type, name: str, default: Any = dataclasses.MISSING) -> Any:
    """Declare a dataclass field with the help and bounds of another dataclass's field, and its default unless given."""
    (field,) = (field for field in dataclasses.fields(settings) if field.name == name)
    return dataclasses.field(
        default=field.default if default is dataclasses.MISSING else default, metadata=field.metadata
    )


@cache  # a list of runs asks again for each of them
def options(settings: type) -> tuple[Option, ...]:
    """Return the options of a settings dataclass, in the order they are written."""
    hints, names = typing.get_type_hints(settings), Option.__dataclass_fields__
    return tuple(
        Option(field.name, hints[field.name], field.default, **{k: v for k, v in field.metadata.items() if k in names})
        for field in dataclasses.fields(settings)
    )


def parse(settings: type, values: Mapping[str, Any]) -> Any:
    """Build a settings object from names and values (text or typed); unnamed fields keep their defaults.

    Former names are read as the current ones. Raises UnknownName for a name that is no field, BadSetting for a value of
    the wrong type or out of bounds.
    """
    known, typed = {option.name: option for option in options(settings)}, with_current_names(settings, values)
    for name, value in typed.items():
        if name not in known:
            raise UnknownName("setting", name, known)
        if known[name].kind is str:
            typed[name] = str(value)
        elif known[name].kind is int and isinstance(value, str) and "e" in value.lower():
            with suppress(ValueError):
                typed[name] = float(value)  # 1e3 is a whole number too, which pydantic denies
    return _validated(settings, typed, "setting", strict=False)


def read_json(kind: type[Config], values: Any, what: str) -> Config:
    """Build a frozen dataclass from JSON that somebody else wrote; unnamed fields keep their defaults.

    Nothing is converted: true and "1" are no numbers, 1.5 is no whole number, nan is none; lists become tuples. what
    says what is built, e.g. "run". Raises UnknownName for a name that is no field, BadSetting for any other mistake.
    """
    config: Config = _validated(kind, values, what, strict=True)
    return config


def read_document(kind: type[Document], path: Path, upgrade: Callable[[Any], Any] = dict) -> Document:
    """Read a JSON file that fits a TypedDict; keys that it does not name are kept, nothing is converted.

    upgrade puts the object that an older version wrote into today's words. Raises BadSetting with the first thing that
    does not fit, in a few words without a full stop.
    """
    try:
        content = json.loads(read_regular(path).decode())
        if not isinstance(content, dict):
            raise BadSetting("it must be a JSON object")
        return check_document(kind, upgrade(content))
    except OSError as error:
        raise BadSetting(str(error.strerror)) from error
    except RecursionError as error:
        raise BadSetting("it holds lists in lists in lists") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:  # also of an upgrade
        raise BadSetting(shortened(str(error))) from error


def check_document(kind: type[Document], content: Any) -> Document:
    """Return JSON as it is where it fits a TypedDict; see `read_document`. Inside lists and objects null may be nan."""
    from pydantic import ValidationError

    try:
        _adapter(cast(type, kind)).validate_python(content, strict=True)
    except ValidationError as error:
        for first in error.errors(include_url=False):
            if first["type"] == "float_type" and first["input"] is None and len(first["loc"]) > 1:
                continue  # a figure among others that was nan, for which JSON has but null
            path, reason = ".".join(map(str, first["loc"])), first["msg"][:1].lower() + first["msg"][1:]
            raise BadSetting(shortened(f"{path}: {reason}" if path else reason)) from error
    document: Document = content
    return document


def shortened(text: str, length: int = 120) -> str:
    """Return at most so many characters of a text, which may end in dots."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def with_current_names(settings: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same values under the names that the settings have today."""
    current = {former: option.name for option in options(settings) for former in option.former}
    current |= {option.name: option.name for option in options(settings)}  # a name in use is nobody's former one
    return {current.get(name, name): value for name, value in values.items()}


def as_dict(settings: Any) -> dict[str, Any]:
    """Return names and values of a settings object as JSON gives them back: lists for tuples."""
    content: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(settings)))
    return content


def _validated(kind: type, values: Any, what: str, strict: bool) -> Any:
    from pydantic import ValidationError

    adapter = _adapter(kind)
    try:
        return adapter.validate_json(json.dumps(values), strict=True) if strict else adapter.validate_python(values)
    except RecursionError:
        raise BadSetting(f"A {what} must be a JSON object, not lists in lists in lists.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _refusal(kind, what, first, first["loc"]) from None


@cache
def _adapter(kind: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _refusal(kind: type, what: str, error: Mapping[str, Any], path: Sequence[Any]) -> ClipforgetError:
    """One of pydantic's errors in a sentence of ours; path leads to the value that is wrong."""
    if not path:
        reason = f" ({error['msg']})" if error["type"] == "json_invalid" else ""
        return BadSetting(f"A {what} must be a JSON object{reason}.")
    name, *inner = path
    known = {option.name: option for option in options(kind)}
    if name not in known:
        return UnknownName(f"field of a {what}", str(name), known)
    if error["type"] == "missing" and not inner:
        return BadSetting(f"A {what} needs its {name}.")
    items = next(iter(typing.get_args(known[name].kind)), None)
    if inner and isinstance(items, type) and dataclasses.is_dataclass(items):
        return _refusal(items, name.removesuffix("s"), error, inner[1:])
    shown = repr(error["input"])
    shown = shown if len(shown) <= 80 else f"{shown[:80]}..."
    return BadSetting(f"{name} must be {known[name].expected}; it {'holds' if inner else 'is'} {shown}.")
