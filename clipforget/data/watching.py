"""How far the reading of a data set is, for whoever watches it, and a way to stop it.

    with watching(lambda stage, done, total: bar.draw(stage, done, total)):
        load_dataset("pictures/")

What the watcher raises ends the reading, e.g. Stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Watcher = Callable[[str, int, int], None]
_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Have a function told the stage, what is done and the total of all that is read in the block, in this thread."""
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def watched(stage: str, done: int, total: int) -> None:
    """Tell the watcher, where there is one."""
    if (watcher := _WATCHER.get()) is not None:
        watcher(stage, done, total)
