"""Read a data set in a thread of its own, so that a page shows how far it is and can stop it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from typing_extensions import TypedDict

from clipforget.data.watching import watching
from clipforget.errors import BadData, ClipforgetError

INTERVAL = 0.4  # seconds between two signs of life
SOON = 0.3  # seconds that a reading may take without one


class ReadingProgress(TypedDict):
    """How far a reading is: done of total in its stage, and the seconds left where they can be told."""

    stage: str
    done: int
    total: int
    eta: float | None


class Reading:
    """One reading; `stop` may be called from any thread."""

    def __init__(self, read: Callable[[], object]) -> None:
        self._read, self._stop, self._start = read, threading.Event(), time.monotonic()
        self._now: tuple[str, int, int] = ("Looking through", 0, 0)
        self._error: BaseException | None = None

    def stop(self) -> None:
        """End the reading at its next image."""
        self._stop.set()

    def progress(self) -> Iterator[ReadingProgress]:
        """Yield how far it is until it has ended. Raises what the reading raised, BadData where it was stopped."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            thread.join(SOON)
            while thread.is_alive():
                stage, done, total = self._now
                spent = time.monotonic() - self._start
                eta = round(spent * (total - done) / done, 1) if done and spent > 1 else None
                yield {"stage": stage, "done": done, "total": total, "eta": eta}
                thread.join(INTERVAL)
        finally:
            self.stop()  # nobody waits for it any more
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            with watching(self._watch):
                self._read()
        except ClipforgetError as error:
            self._error = error
        except Exception as error:
            self._error = BadData(f"A bug: {type(error).__name__} while reading the data set.")
            raise

    def _watch(self, stage: str, done: int, total: int) -> None:
        if self._stop.is_set():
            raise BadData("Reading the data set was stopped; choose it again, or another one.")
        self._now = stage, done, total
