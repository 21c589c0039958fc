"""Generators that yield records of progress and return a value. No torch."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

Record = TypeVar("Record")
Other = TypeVar("Other")
Value = TypeVar("Value")


def relay(
    generator: Generator[Record, None, Value], transform: Callable[[Record], Other | None]
) -> Generator[Other, None, Value]:
    """Yield `transform(record)` for each record, leaving out None, and return the generator's value.

    Closing the relay closes the generator.
    """
    try:
        while True:
            try:
                record = next(generator)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]  # what a generator returns is untyped here
            changed = transform(record)
            if changed is not None:
                yield changed
    finally:
        generator.close()


def finish(generator: Generator[object, None, Value]) -> Value:
    """Run a generator to its end, dropping its records, and return its value."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
