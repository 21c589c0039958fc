"""Generators that yield records of progress and return a value, and a call repeated beside other work. No torch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
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


@contextmanager
def repeating(call: Callable[[], None], seconds: float) -> Iterator[None]:
    """Call something every so many seconds, in a thread, while the block is at work; none is under way afterwards."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(seconds):
            call()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
